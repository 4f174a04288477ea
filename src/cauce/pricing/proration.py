"""What part of a price a part of its period costs: exact fractions, rounded once at the amount.

The default counts calendar days of the part over calendar days of the enclosing full period (V8, C14); by seconds
(as Stripe) and by months of thirty days (as Kill Bill) are options. A credit for unused time is the same
computation over the unused part. The day of a change belongs to the new state (V9, C16).
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from enum import StrEnum
from fractions import Fraction

from cauce.kernel.calendar.months import add_days, days_of_30
from cauce.kernel.calendar.periods import Interval, Period
from cauce.kernel.errors import InvalidRequest
from cauce.kernel.money import half_up


class PartExceedsPeriod(InvalidRequest):
    """The part is longer than the period it is a part of."""

    code = "part_exceeds_period"


class NegativePart(InvalidRequest):
    """The part ends before it starts."""

    code = "negative_part"


class EmptyPeriod(InvalidRequest):
    """A period of no length has no parts."""

    code = "empty_period"


class Basis(StrEnum):
    """How a part is measured against its period; `NONE` charges the full amount for any part."""

    DAY = "day"
    SECOND = "second"
    FIXED_30 = "fixed_30"
    NONE = "none"


class CancellationDay(StrEnum):
    """Whether the day of cancellation is the first free day (default) or the last billed one."""

    FREE = "free"
    BILLED = "billed"


def day_fraction(part: Period, full: Period) -> Fraction:
    """Calendar days of `part` over calendar days of `full`."""
    return _fraction(part.days, full.days)


def second_fraction(start: datetime, end: datetime, full_start: datetime, full_end: datetime) -> Fraction:
    """Elapsed seconds of the part over those of the full period; instants are aware."""
    microsecond = timedelta(microseconds=1)
    return _fraction((end - start) // microsecond, (full_end - full_start) // microsecond)


def fixed_30_fraction(part: Period, interval: Interval) -> Fraction:
    """Days of `part` over 30 days a month of `interval`; for intervals of months or years."""
    return _fraction(days_of_30(part.start, part.end), 30 * interval.months)


def fraction_of(part: Period, full: Period, basis: Basis, interval: Interval) -> Fraction:
    """The fraction of a part given as dates. By `SECOND`, dates are midnights of a zone without clock changes."""
    if basis is Basis.NONE:
        return Fraction(1)
    return fixed_30_fraction(part, interval) if basis is Basis.FIXED_30 else day_fraction(part, full)


def unused_fraction(line: Period, since: date, basis: Basis = Basis.DAY) -> Fraction:
    """What part of what a line billed for its days is left from `since` on: by these days, or by months of thirty days.

    A line of no length has nothing left.
    """
    left = Period(max(since, line.start), line.end)
    if basis is Basis.FIXED_30:
        whole = days_of_30(line.start, line.end)
        return Fraction(max(0, days_of_30(left.start, left.end)), whole) if whole > 0 else Fraction(0)
    return _fraction(left.days, line.days) if line.days else Fraction(0)


def bounded(fraction: Fraction, *, cap: bool = False) -> Fraction:
    """`fraction` if it is at most the whole; else `PartExceedsPeriod`, or the whole when `cap` is set."""
    if fraction <= 1:
        return fraction
    if cap:
        return Fraction(1)
    raise PartExceedsPeriod


def prorated(amount_minor: int, fraction: Fraction) -> int:
    """`amount_minor` times `fraction`, half up: the one rounding point of a prorated line."""
    return half_up(amount_minor * fraction)


def remaining_fraction(full: Period, change: date) -> Fraction:
    """What part of `full` is left from the day of `change` on: 1 on its first day, 0 from its end on."""
    if change >= full.end:
        return Fraction(0)
    return day_fraction(Period(max(change, full.start), full.end), full)


def service_end(cancelled_on: date, rule: CancellationDay = CancellationDay.FREE) -> date:
    """The first day without service after a cancellation."""
    return add_days(cancelled_on, 1) if rule is CancellationDay.BILLED else cancelled_on


def _fraction(part: int, full: int) -> Fraction:
    if part < 0:
        raise NegativePart
    if full <= 0:
        raise EmptyPeriod
    return Fraction(part, full)
