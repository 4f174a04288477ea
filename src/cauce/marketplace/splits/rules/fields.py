"""Fields of a rule's JSON, read one by one; each mistake is refused with its place."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from fractions import Fraction
from typing import Any, TypeVar

from cauce.kernel.errors import InvalidRequest

E = TypeVar("E", bound=StrEnum)


class BadSplitRule(InvalidRequest):
    """The split rule cannot be understood."""

    code = "bad_split_rule"


def bad(at: str, what: str) -> BadSplitRule:
    """The refusal of what stands at `at`."""
    return BadSplitRule(f"{at or 'rule'}: {what}", param=at or None)


def place(at: str, key: str) -> str:
    """The name of a field inside `at`."""
    return f"{at}.{key}" if at else key


def known(row: Mapping[str, Any], keys: set[str], at: str) -> None:
    """Refuse a field that is not one of `keys`."""
    for key in row:
        if key not in keys:
            raise bad(place(at, str(key)), f"is not a field here; known are {', '.join(sorted(keys))}")


def mapping(value: Any, at: str) -> Mapping[str, Any]:
    """`value` as an object."""
    if not isinstance(value, Mapping):
        raise bad(at, "is an object")
    return value


def rows(row: Mapping[str, Any], key: str, at: str) -> list[Any]:
    """The field as a list with one entry or more."""
    value = row.get(key)
    if not isinstance(value, list) or not value:
        raise bad(at, "is a list with one entry or more")
    return value


def text(row: Mapping[str, Any], key: str, at: str) -> str:
    """The field as a text that is not empty."""
    value = row.get(key)
    if not isinstance(value, str) or not value:
        raise bad(place(at, key), "is a text")
    return value


def flag(row: Mapping[str, Any], key: str, at: str, default: bool) -> bool:
    """The field as true or false."""
    value = row.get(key, default)
    if not isinstance(value, bool):
        raise bad(place(at, key), "is true or false")
    return value


def whole(row: Mapping[str, Any], key: str, at: str, default: int | None = None) -> int:
    """The field as a whole number of zero or more."""
    value = row.get(key, default)
    if type(value) is not int or value < 0:
        raise bad(place(at, key), "is a whole number of zero or more")
    return value


def maybe_whole(row: Mapping[str, Any], key: str, at: str) -> int | None:
    """The field as a whole number, None when it is absent."""
    return whole(row, key, at) if row.get(key) is not None else None


def ratio(row: Mapping[str, Any], key: str, at: str) -> Fraction:
    """The field as an exact number of zero or more, stated as text."""
    value = row.get(key)
    try:
        if not isinstance(value, str):
            raise TypeError
        ratio = Fraction(value)
    except (TypeError, ValueError, ZeroDivisionError) as exc:
        raise bad(place(at, key), 'is a text with an exact decimal or fraction, as "0.05" or "1/3"') from exc
    if ratio < 0:
        raise bad(place(at, key), "cannot be negative")
    return ratio


def choice(row: Mapping[str, Any], key: str, at: str, kinds: type[E], default: E | None) -> E:
    """The field as one of an enumeration's values."""
    value = row.get(key, default)
    if value is None or value not in list(kinds):
        raise bad(place(at, key), f"is one of {', '.join(kinds)}")
    return kinds(value)
