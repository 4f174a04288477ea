"""How the text of a setting becomes its value. A parser raises `ValueError` with words that finish 'this setting …'."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")

Parser = Callable[[str], Any]


def text(raw: str) -> str:
    """The text without blanks around it."""
    return raw.strip()


def path(raw: str) -> Path:
    """An absolute path; `~` is the home of the user."""
    if not raw.strip():
        raise ValueError("a path must not be empty")
    return Path(raw.strip()).expanduser().absolute()


def whole(least: int, most: int) -> Parser:
    """A whole number within bounds, both included."""

    def parse(raw: str) -> int:
        if not re.fullmatch(r"\d{1,9}", raw.strip()) or not least <= int(raw) <= most:
            raise ValueError(f"must be a whole number from {least} to {most}")
        return int(raw)

    return parse


def choice(*allowed: str) -> Parser:
    """One of the listed words, in any case."""

    def parse(raw: str) -> str:
        if raw.strip().lower() not in allowed:
            raise ValueError(f"must be one of {', '.join(allowed)}")
        return raw.strip().lower()

    return parse


def flag(raw: str) -> bool:
    """true or false, in the usual spellings."""
    if raw.strip().lower() not in _TRUE + _FALSE:
        raise ValueError("must be true or false")
    return raw.strip().lower() in _TRUE


def url(*schemes: str) -> Parser:
    """Empty, or a URL with one of the schemes."""

    def parse(raw: str) -> str:
        value = raw.strip()
        if value and (urlsplit(value).scheme not in schemes or "://" not in value):
            raise ValueError(f"must be a URL that starts with {schemes[0]}://")
        return value.rstrip("/") if value.startswith("http") else value

    return parse


def keys(raw: str) -> tuple[bytes, ...]:
    """Keys of 32 bytes as hexadecimal digits, separated by commas or line ends; none when empty."""
    words = raw.replace(",", " ").split()
    if not all(re.fullmatch(r"[0-9a-fA-F]{64}", word) for word in words):
        raise ValueError("must be 64 hexadecimal digits (32 bytes)")
    return tuple(bytes.fromhex(word) for word in words)
