"""Phases of a price: an introductory price for so many intervals, perhaps several, then the regular one (A9).

Phases follow the calendar from the first day that is billed: a pause or a new anchor does not lengthen them. Each is a
stretch of days of its own, as in the case kind `invoice_total`: one that ends within a period, or within a stub,
divides that period's fee by days, each part at its own price and rounded once (V7, V8).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from cauce.kernel.calendar.months import add_days, add_months, clamped
from cauce.kernel.calendar.periods import Interval, Period
from cauce.pricing.models import Model
from cauce.pricing.percentage import Rateable


@dataclass(frozen=True, slots=True)
class PricePhase:
    """The price `model` for `periods` intervals, one or more."""

    model: Model
    periods: int
    interval: Interval


def phase_ends(phases: Sequence[PricePhase], begins_on: date, anchor_day: int | None = None) -> Iterator[date]:
    """The first day after each phase, counted from `begins_on`; months keep the day that they began on (C9).

    `anchor_day` is the remembered day of the billing cycle: phases that begin with one of its periods end with one.
    """
    origin, months, day = begins_on, 0, anchor_day
    for phase in phases:
        if day is not None and clamped(origin.year, origin.month, day) != origin:
            day = None
        months += phase.periods * phase.interval.months
        ends_on = add_months(origin, months, day=day)
        if phase.interval.days:
            ends_on = origin = add_days(ends_on, phase.periods * phase.interval.days)
            months = 0
        yield ends_on


def phase_pieces(
    phases: Sequence[PricePhase], regular: Rateable, begins_on: date, part: Period, anchor_day: int | None = None
) -> list[tuple[Period, Rateable]]:
    """`part` cut where phases end, each piece with the model that holds in it; in order of date, none empty."""
    pieces: list[tuple[Period, Rateable]] = []
    start = part.start
    for phase, ends_on in zip(phases, phase_ends(phases, begins_on, anchor_day), strict=True):
        if start < min(ends_on, part.end):
            pieces.append((Period(start, min(ends_on, part.end)), phase.model))
            start = pieces[-1][0].end
    if start < part.end:
        pieces.append((Period(start, part.end), regular))
    return pieces
