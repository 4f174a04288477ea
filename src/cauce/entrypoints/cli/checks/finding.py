"""One finding of `cauce doctor`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warning", "problem"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, how it is, in words, and what to do about it (empty when it is well)."""

    name: str
    level: Level
    found: str
    advice: str = ""


def ok(name: str, found: str) -> Finding:
    """All is well."""
    return Finding(name, "ok", found)


def warning(name: str, found: str, advice: str) -> Finding:
    """Cauce works, but something will hurt."""
    return Finding(name, "warning", found, advice)


def problem(name: str, found: str, advice: str) -> Finding:
    """Cauce does not work like this."""
    return Finding(name, "problem", found, advice)
