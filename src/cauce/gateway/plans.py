"""A split as planned, in the words that a channel's limits are checked with (`gateway.limits`)."""

from __future__ import annotations

from dataclasses import dataclass

from cauce.gateway.capabilities import SplitMoment


@dataclass(frozen=True, slots=True)
class PlannedPart:
    """What one party is to get; `is_owner` for the order's own merchant, whose part needs no split."""

    party: str
    amount_minor: int
    is_owner: bool = False


@dataclass(frozen=True, slots=True)
class SplitPlan:
    """One order's division as planned, with what has been sent of it before.

    `refunded_minor` shrinks the base of the share cap; `shared_before_minor` and `requests_before` count against it
    and against the number of requests. `release_after_days` counts from payment.
    """

    currency: str
    total_minor: int
    parts: tuple[PlannedPart, ...]
    moment: SplitMoment = SplitMoment.LATER
    refunded_minor: int = 0
    shared_before_minor: int = 0
    requests_before: int = 0
    release_after_days: int | None = None
