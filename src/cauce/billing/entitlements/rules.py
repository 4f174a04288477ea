"""The level of access that follows from the state of the bill, and the event that tells of a change (§5.4)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Level(StrEnum):
    """What a customer may do, from everything to nothing."""

    FULL = "full"
    GRACE = "grace"
    READ_ONLY = "read_only"
    NONE = "none"


_RANK = {Level.NONE: 0, Level.READ_ONLY: 1, Level.GRACE: 2, Level.FULL: 3}


@dataclass(frozen=True, slots=True)
class Access:
    """What one subscription gives its customer."""

    subscription_id: str
    customer_id: str
    product_id: str
    plan_id: str
    level: Level
    features: dict[str, Any]
    limits: dict[str, Any] = field(default_factory=dict)
    """Feature -> how its quota is counted: `meter`, `overage`, `warn_percent`."""


def level_of(
    status: str,
    *,
    pause_reason: str = "",
    restricted: bool = False,
    before_payment: bool = False,
    suspended: bool = False,
    kept: bool = False,
    in_pause: str = Level.READ_ONLY,
) -> Level:
    """The level of a subscription's state.

    `restricted`: after grace, or where a payment is contested; `before_payment`: the plan provisions early; `kept`: it
    is complete and keeps what it gave; `in_pause`: what a requested pause leaves.
    """
    if suspended:
        return Level.NONE
    if restricted and status in ("trialing", "active", "past_due"):
        return Level.READ_ONLY
    if kept or status in ("trialing", "active"):
        return Level.FULL
    if status == "past_due":
        return Level.GRACE
    if status == "paused" and pause_reason == "requested":
        return Level(in_pause)
    return Level.FULL if status == "incomplete" and before_payment else Level.NONE


def change_event(before: Level | None, after: Level) -> str | None:
    """The event of a change of level, or None when nothing changed."""
    old = before or Level.NONE
    if old is after:
        return None
    if after is Level.NONE:
        return "access.revoked"
    if after is Level.GRACE and old is Level.FULL:
        return "access.grace_started"
    if _RANK[after] < _RANK[old]:
        return "access.restricted"
    return "access.granted" if before is None else "access.restored"


def rank(level: Level) -> int:
    """How much a level allows, for comparing."""
    return _RANK[level]


def highest(levels: Iterable[Level]) -> Level:
    """The best of several levels; `NONE` of nothing."""
    return max(levels, key=_RANK.__getitem__, default=Level.NONE)


def overridden(level: Level, by_hand: Sequence[Level], *, suspended: bool) -> Level:
    """The level that holds: what was granted by hand last, else the state's; `NONE` while the customer is suspended."""
    if suspended:
        return Level.NONE
    return by_hand[-1] if by_hand else level
