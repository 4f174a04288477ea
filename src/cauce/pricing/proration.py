"""What part of a price a part of its period costs: exact fractions, rounded once at the amount.

The default counts calendar days of the part over calendar days of the enclosing full period (V8, C14); by seconds
(as Stripe) and by months of thirty days (as Kill Bill) are options. A credit for unused time is the same
computation over the unused part. The day of a change belongs to the new state (V9, C16).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Instants:
    """When the local days of a subscription begin for its bills: `of` a day, at the billing cycle's local time of day.

    A part that begins or ends in the middle of a day does so at `since` or `until`.
    """

    of: Callable[[date], datetime]
    since: datetime | None = None
    until: datetime | None = None

    def share(self, part: Period, full: Period, *, is_first: bool = True, is_last: bool = True) -> Fraction:
        """Elapsed seconds of `part` over those of `full`; `since` and `until` hold for its first and last piece.

        Real seconds: a day on which the clocks change has 23 or 25 hours.
        """
        low, high = self.of(full.start), self.of(full.end)
        start = self.since if is_first and self.since is not None else self.of(part.start)
        end = self.until if is_last and self.until is not None else self.of(part.end)
        start, end = min(max(start, low), high), min(max(end, low), high)
        return second_fraction(start, max(start, end), low, high)

    def unused(self, line: Period, begun_at: datetime | None, cut: datetime) -> Fraction:
        """What part of what a line billed is left from `cut` on; `begun_at`: where the line began within its first day."""
        start, end = begun_at or self.of(line.start), self.of(line.end)
        if end <= start:
            return Fraction(0)
        return second_fraction(min(max(cut, start), end), end, start, end)


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
