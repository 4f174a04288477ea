"""The catalogues: one JSON file a language, the same keys in each; a test holds them equal."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from importlib import resources

LOCALES = ("en", "es", "zh")
NAMES = {"en": "English", "es": "Español", "zh": "简体中文"}
BABEL = {"en": "en", "es": "es", "zh": "zh_Hans"}

Translate = Callable[..., str]


@cache
def catalogue(locale: str) -> dict[str, str]:
    """Every text of one language by key."""
    file = resources.files(__package__).joinpath("texts", f"{locale}.json")
    loaded: dict[str, str] = json.loads(file.read_text(encoding="utf-8"))
    return loaded


def translator(locale: str) -> Translate:
    """A function from key and named values to text; an unknown key is a defect and shows as itself."""
    texts = catalogue(locale)

    def translate(key: str, **values: object) -> str:
        text = texts.get(key, key)
        return text.format(**values) if values else text

    return translate


def best_locale(wanted: str | None, accept_language: str) -> str:
    """The language to show: the one asked for, else the browser's first that we have, else English."""
    if wanted in LOCALES:
        return wanted
    for part in accept_language.split(","):
        code = part.split(";")[0].strip().lower()[:2]
        if code in LOCALES:
            return code
    return "en"
