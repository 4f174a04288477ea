"""The words that ship: one file a language, one table a message; and phrases for values that stand inside them."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources
from typing import Any

from cauce.billing.outreach.presenting import LOCALES
from cauce.billing.outreach.templating import Text


@cache
def shipped() -> dict[tuple[str, str], Text]:
    """Every text of the product by (template, locale)."""
    found: dict[tuple[str, str], Text] = {}
    for locale in LOCALES:
        for key, text in _read(f"{locale}.toml").items():
            found[key, locale] = Text(text["subject"].strip(), text["body"].strip("\n"))
    return found


@cache
def keys() -> tuple[str, ...]:
    """The templates that ship."""
    return tuple(sorted({key for key, _ in shipped()}))


@cache
def phrases() -> dict[tuple[str, str, str], str]:
    """Every phrase by (locale, kind, value): reasons of a refusal, what the end of a trial means, events."""
    return {
        (locale, kind, value): words
        for locale, kinds in _read("phrases.toml").items()
        for kind, values in kinds.items()
        for value, words in values.items()
    }


def phrase(locale: str, kind: str, value: str, otherwise: str = "") -> str:
    """The words for a value in a language; those of `otherwise` for a value without words."""
    return phrases().get((locale, kind, value)) or phrases().get((locale, kind, otherwise), "")


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads(resources.files(__package__).joinpath(name).read_text(encoding="utf-8"))
