"""The words that ship: one file a language, one table a message."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources

from cauce.billing.outreach.presenting import LOCALES
from cauce.billing.outreach.templating import Text


@cache
def shipped() -> dict[tuple[str, str], Text]:
    """Every text of the product by (template, locale)."""
    found: dict[tuple[str, str], Text] = {}
    for locale in LOCALES:
        content = tomllib.loads(resources.files(__package__).joinpath(f"{locale}.toml").read_text(encoding="utf-8"))
        for key, text in content.items():
            found[key, locale] = Text(text["subject"], text["body"].strip("\n"))
    return found


def keys() -> list[str]:
    """The templates that ship."""
    return sorted({key for key, _ in shipped()})
