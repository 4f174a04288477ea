"""Which periods of a schedule are billable at a date, what they cost, and how far billing has come.

In advance a period is billable from its first day, in arrears from its last (C15). Each billable period, stub or
full, is one line: the amount times its fraction of the enclosing full period, rounded once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from fractions import Fraction

from cauce.kernel.calendar.periods import Interval, Period, Schedule, SchedulePeriod, boundary
from cauce.kernel.money import half_up
from cauce.pricing.proration import Basis, day_fraction, fixed_30_fraction, prorated, second_fraction

CYCLE_DECIMALS = 9
"""Fractions that are reported, not billed, are rounded half up to this many decimals."""


class Billing(StrEnum):
    """When a period is billed: on its first day, or when it is over (V24)."""

    IN_ADVANCE = "in_advance"
    IN_ARREARS = "in_arrears"


class Stub(StrEnum):
    """Which end of a schedule a short period stands at."""

    LEADING = "leading"
    TRAILING = "trailing"


def billable_periods(
    schedule: Schedule, billing: Billing, target: date, *, since: date | None = None
) -> list[SchedulePeriod]:
    """The periods that are billable at `target`, in order, cut by the end; with `since`, those that start from it on."""
    found = []
    first = 0 if since is None or since <= schedule.start else schedule.index_of(since)
    for each in schedule.periods(first):
        if since is not None and each.period.start < since:
            continue
        due = each.period.start if billing is Billing.IN_ADVANCE else each.period.end
        if due > target:
            break
        found.append(each)
    return found


@dataclass(frozen=True, slots=True)
class BilledThrough:
    """How far billing has come: the end of the last billable period, and the first boundary after it."""

    through: date | None
    first_full_start: date
    next_anchor: date


def billed_through(schedule: Schedule, billing: Billing, target: date) -> BilledThrough:
    """How far `schedule` is billed at `target`; `next_anchor` is not limited by the schedule's end."""
    billable = billable_periods(schedule, billing, target)
    through = billable[-1].period.end if billable else None
    return BilledThrough(through, schedule.first_full_start, schedule.next_boundary(through or schedule.start))


def billed_cycles(periods: Sequence[SchedulePeriod]) -> Fraction:
    """How many intervals the periods are: 1 for a full one, a stub its fraction to nine decimals."""
    return sum((Fraction(1) if p.is_full else reported(day_fraction(p.period, p.full)) for p in periods), Fraction(0))


def reported(fraction: Fraction) -> Fraction:
    """`fraction` rounded half up to the decimals of reports."""
    return Fraction(half_up(fraction * 10**CYCLE_DECIMALS), 10**CYCLE_DECIMALS)


def stub_full_period(stub: Period, side: Stub, interval: Interval, anchor_day: int | None = None) -> Period:
    """The full period that a stub of `interval` belongs to: it ends where a leading, starts where a trailing one does."""
    if side is Stub.LEADING:
        return Period(boundary(stub.end, -1, interval, anchor_day), stub.end)
    return Period(stub.start, boundary(stub.start, 1, interval, anchor_day))


def stub_fraction(
    stub: Period, side: Stub, interval: Interval, anchor_day: int | None = None, basis: Basis = Basis.DAY
) -> Fraction:
    """The exact fraction of a stub given as dates, by days or by months of thirty."""
    if basis is Basis.FIXED_30:
        return fixed_30_fraction(stub, interval)
    return day_fraction(stub, stub_full_period(stub, side, interval, anchor_day))


def stub_fraction_by_second(
    start: datetime, end: datetime, side: Stub, interval: Interval, anchor_day: int | None = None
) -> Fraction:
    """The exact fraction of a stub given as instants: its full period keeps the time of day of the shared boundary."""
    full = stub_full_period(Period(start.date(), end.date()), side, interval, anchor_day)
    if side is Stub.LEADING:
        return second_fraction(start, end, datetime.combine(full.start, end.timetz()), end)
    return second_fraction(start, end, start, datetime.combine(full.end, start.timetz()))


@dataclass(frozen=True, slots=True)
class PeriodLine:
    """What one stretch of service costs."""

    period: Period
    full: Period
    amount_minor: int


def recurring_lines(
    schedule: Schedule, billing: Billing, target: date, amount_minor: int, *, pause: Period | None = None
) -> list[PeriodLine]:
    """One line per billable period at `target`; a `pause` is cut out and each remaining piece prorated on its own."""
    lines = []
    for each in billable_periods(schedule, billing, target):
        for piece in each.period.without(pause) if pause else [each.period]:
            lines.append(PeriodLine(piece, each.full, prorated(amount_minor, day_fraction(piece, each.full))))
    return lines


@dataclass(frozen=True, slots=True)
class Phase:
    """A stretch of a subscription with its own price and anchor, until the next phase starts."""

    start: date
    amount_minor: int
    anchor_day: int | None = None


def phase_lines(phases: Sequence[Phase], interval: Interval, billing: Billing, target: date) -> list[PeriodLine]:
    """The lines of all phases in order of date: each phase is its own schedule, ended by the next one's start."""
    lines: list[PeriodLine] = []
    ends = [phase.start for phase in phases[1:]] + [None]
    for phase, end in zip(phases, ends, strict=True):
        schedule = Schedule(phase.start, interval, phase.anchor_day, end)
        lines += recurring_lines(schedule, billing, target, phase.amount_minor)
    return lines
