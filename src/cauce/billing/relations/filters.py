"""What a segment may ask for, and the bounds of tags, notes and tasks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from cauce.kernel.errors import InvalidRequest

TAG_CHARACTERS_MAX = 60
NOTE_CHARACTERS_MAX = 4_000
TITLE_CHARACTERS_MAX = 200
LIST_MAX = 50
_TAG = re.compile(r"[^\s,;][^,;\x00]*")


class BadFilter(InvalidRequest):
    """The segment asks for something that does not exist."""

    code = "bad_filter"


class BadTag(InvalidRequest):
    """A tag has 1 to 60 characters and no comma."""

    code = "bad_tag"


@dataclass(frozen=True, slots=True)
class Filter:
    """Which customers a segment means; every part that is given must hold. Lists hold when one of them does.

    `mrr_min_minor` and `mrr_max_minor` are of one `currency`; `did` and `did_not` are product events; instants bound when
    the customer was made. `used_min` and `used_max` bound what a `meter` counted in the running period of his subscriptions.
    """

    states: tuple[str, ...] = ()
    plans: tuple[str, ...] = ()
    currency: str = ""
    mrr_min_minor: int | None = None
    mrr_max_minor: int | None = None
    tags: tuple[str, ...] = ()
    without_tags: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    owner: str = ""
    did: tuple[str, ...] = ()
    did_not: tuple[str, ...] = ()
    has_method: bool | None = None
    owes: bool | None = None
    created_from: datetime | None = None
    created_before: datetime | None = None
    meter: str = ""
    used_min: int | None = None
    used_max: int | None = None

    def parts(self) -> tuple[object, ...]:
        """The values of the parts in the order of the query that finds its customers; None asks for nothing."""
        return tuple(
            (list(value) or None) if isinstance(value, tuple) else (None if value == "" else value)
            for value in (getattr(self, one.name) for one in fields(self))
        )

    def plain(self) -> dict[str, Any]:
        """The parts that are given, as JSON."""
        found = {one.name: getattr(self, one.name) for one in fields(self)}
        kept = {name: value for name, value in found.items() if value not in ((), "", None)}
        return {
            name: list(value)
            if isinstance(value, tuple)
            else value.isoformat()
            if isinstance(value, datetime)
            else value
            for name, value in kept.items()
        }


_LISTS = frozenset({"states", "plans", "tags", "without_tags", "countries", "did", "did_not"})
_FLAGS = frozenset({"has_method", "owes"})
_AMOUNTS = frozenset({"mrr_min_minor", "mrr_max_minor", "used_min", "used_max"})
_INSTANTS = frozenset({"created_from", "created_before"})


def filter_from(plain: Mapping[str, Any]) -> Filter:
    """The filter of a JSON object; `BadFilter` for parts that do not exist or have another type."""
    known = {one.name for one in fields(Filter)}
    found: dict[str, Any] = {}
    for name, value in plain.items():
        if name not in known:
            raise BadFilter(f"there is no part {name!r}; there are {', '.join(sorted(known))}", param=f"filter.{name}")
        if value not in (None, "", [], ()):
            found[name] = _part(name, value)
    if (found.get("mrr_min_minor") is not None or found.get("mrr_max_minor") is not None) and not found.get("currency"):
        raise BadFilter("an amount is of a currency", param="filter.currency")
    if (found.get("used_min") is not None or found.get("used_max") is not None) != bool(found.get("meter")):
        raise BadFilter("what was used is said with its meter", param="filter.meter")
    return Filter(**found)


def _part(name: str, value: Any) -> Any:
    if name in _LISTS:
        if (
            not isinstance(value, list | tuple)
            or len(value) > LIST_MAX
            or not all(isinstance(one, str) for one in value)
        ):
            raise BadFilter(f"{name} is a list of at most {LIST_MAX} texts", param=f"filter.{name}")
        return tuple(dict.fromkeys(value))
    if name in _FLAGS:
        if not isinstance(value, bool):
            raise BadFilter(f"{name} is true or false", param=f"filter.{name}")
        return value
    if name in _AMOUNTS:
        if type(value) is not int or not 0 <= value < 2**53:
            raise BadFilter(f"{name} is a whole number, amounts in minor units", param=f"filter.{name}")
        return value
    if not isinstance(value, str):
        raise BadFilter(f"{name} is a text", param=f"filter.{name}")
    if name in _INSTANTS:
        try:
            at = datetime.fromisoformat(value)
        except ValueError:
            raise BadFilter(f"{name} is an instant like 2026-11-29T00:00:00Z", param=f"filter.{name}") from None
        if at.tzinfo is None:
            raise BadFilter(f"{name} names no zone", param=f"filter.{name}")
        return at
    return value


def checked_tag(text: str) -> str:
    """A tag as it is kept: trimmed, lower case."""
    tag = text.strip().lower()
    if len(tag) > TAG_CHARACTERS_MAX or not _TAG.fullmatch(tag):
        raise BadTag(param="tag")
    return tag


def checked_text(text: str, name: str, characters_max: int) -> str:
    """Words that are there and not too many."""
    words = text.replace("\x00", "").strip()
    if not 1 <= len(words) <= characters_max:
        raise InvalidRequest(f"{name} has 1 to {characters_max} characters", param=name)
    return words
