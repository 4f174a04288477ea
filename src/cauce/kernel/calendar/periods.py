"""Anchored intervals and the schedule of a subscription: leading stub, full periods, trailing stub.

A boundary is always computed from the anchor, never from the previous boundary, so nothing drifts (C10). A
`Schedule` holds what a subscription item remembers: its start, its interval, its anchor day and, if known, its
end. Every period of it knows the full period that encloses it, which is what proration divides by (C13, C14).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from cauce.kernel.calendar.months import add_days, add_months, clamped, months_between
from cauce.kernel.errors import InvalidRequest


class BadInterval(InvalidRequest):
    """An interval is one or more days, weeks, months, quarters or years."""

    code = "bad_interval"


class BadAnchorDay(InvalidRequest):
    """An anchor day is a day of the month, 1 to 31."""

    code = "bad_anchor_day"


class BeforeSchedule(InvalidRequest):
    """The date lies before the first period."""

    code = "before_schedule"


class Unit(StrEnum):
    """What an interval counts."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


class Alignment(StrEnum):
    """Where boundaries come from: the subscription's own anchor, or the calendar (C17)."""

    ANNIVERSARY = "anniversary"
    CALENDAR = "calendar"


@dataclass(frozen=True, slots=True)
class Interval:
    """`count` units; a quarter is three months, a half-year six (C8)."""

    unit: Unit
    count: int = 1

    def __post_init__(self) -> None:
        if type(self.count) is not int or self.count < 1:
            raise BadInterval(param="interval_count")

    @property
    def months(self) -> int:
        """Months of one interval; 0 for days and weeks."""
        return self.count * _MONTHS[self.unit]

    @property
    def days(self) -> int:
        """Days of one interval; 0 for months and years, whose length varies."""
        return self.count * _DAYS[self.unit]


_MONTHS = {Unit.DAY: 0, Unit.WEEK: 0, Unit.MONTH: 1, Unit.YEAR: 12}
_DAYS = {Unit.DAY: 1, Unit.WEEK: 7, Unit.MONTH: 0, Unit.YEAR: 0}


def interval_of(unit: str, count: int = 1) -> Interval:
    """The interval named `day`, `week`, `month`, `quarter` or `year`, times `count`; `BadInterval` otherwise."""
    if unit == "quarter":
        return Interval(Unit.MONTH, 3 * count)
    if unit not in Unit.__members__.values():
        raise BadInterval(f"{unit!r} is not an interval", param="interval")
    return Interval(Unit(unit), count)


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """The days from `start` up to, but without, `end`."""

    start: date
    end: date

    @property
    def days(self) -> int:
        """Its length in calendar days."""
        return (self.end - self.start).days

    def __contains__(self, day: date) -> bool:
        return self.start <= day < self.end

    def without(self, hole: Period) -> list[Period]:
        """What is left when `hole` is cut out: none, one or two pieces, in order of date."""
        if hole.end <= self.start or hole.start >= self.end:
            return [self]
        pieces = (Period(self.start, hole.start), Period(hole.end, self.end))
        return [piece for piece in pieces if piece.start < piece.end]


def boundary(anchor: date, k: int, interval: Interval, anchor_day: int | None = None) -> date:
    """The `k`-th boundary counted from `anchor` (k may be negative), on the remembered day of the month (C10)."""
    if interval.months:
        return add_months(anchor, k * interval.months, day=anchor_day)
    return add_days(anchor, k * interval.days)


def boundary_index(anchor: date, day: date, interval: Interval, anchor_day: int | None = None) -> int:
    """The largest k with `boundary(anchor, k) <= day`."""
    if not interval.months:
        return (day - anchor).days // interval.days
    k = months_between(anchor, day) // interval.months
    return k if boundary(anchor, k, interval, anchor_day) <= day else k - 1


def period_around(
    anchor: date, day: date, interval: Interval, anchor_day: int | None = None, *, shift: int = 0
) -> Period:
    """The period between two boundaries of `anchor` that contains `day`, or the one `shift` periods later."""
    k = boundary_index(anchor, day, interval, anchor_day) + shift
    return Period(boundary(anchor, k, interval, anchor_day), boundary(anchor, k + 1, interval, anchor_day))


def calendar_anchor(day: date, interval: Interval) -> date:
    """Where calendar-aligned boundaries count from: 1 January of the year, or the Monday of the week (C17)."""
    if interval.months:
        return date(day.year, 1, 1)
    return add_days(day, -day.weekday()) if interval.unit is Unit.WEEK else day


def next_calendar_start(day: date, interval: Interval) -> date:
    """The first calendar-aligned boundary on or after `day` (C17); `day` itself for intervals of days."""
    found = period_around(calendar_anchor(day, interval), day, interval)
    return found.start if found.start == day else found.end


def next_weekday(day: date, weekday: int) -> date:
    """The first date on or after `day` that is a Monday (1) to Sunday (7)."""
    return add_days(day, (weekday - day.isoweekday()) % 7)


def aligned_period(alignment: Alignment, day: date, interval: Interval, anchor: date | None = None) -> Period:
    """The full period that contains `day`, from `anchor` (anniversary; default `day`) or from the calendar."""
    origin = calendar_anchor(day, interval) if alignment is Alignment.CALENDAR else anchor or day
    return period_around(origin, day, interval)


@dataclass(frozen=True, slots=True)
class SchedulePeriod:
    """Period number `index` of a schedule, and the full period that it is, or is a stub of."""

    index: int
    period: Period
    full: Period

    @property
    def is_full(self) -> bool:
        """False for a leading or trailing stub."""
        return self.period == self.full


@dataclass(frozen=True, slots=True)
class Schedule:
    """When an item is billed: from `start`, every `interval`, on `anchor_day` (1 to 31), until `end` if there is one.

    `aligned_on`: where the first full period starts, on or after `start`, when the calendar or a weekday says it.
    """

    start: date
    interval: Interval
    anchor_day: int | None = None
    end: date | None = None
    aligned_on: date | None = None

    def __post_init__(self) -> None:
        if self.anchor_day is not None and not 1 <= self.anchor_day <= 31:
            raise BadAnchorDay(param="anchor_day")

    @property
    def first_full_start(self) -> date:
        """Where the first full period starts (V5, C11): on the anchor day, in the start's month or one interval later."""
        if self.aligned_on is not None:
            return self.aligned_on
        if self.anchor_day is None or not self.interval.months:
            return self.start
        candidate = clamped(self.start.year, self.start.month, self.anchor_day)
        return candidate if candidate >= self.start else boundary(candidate, 1, self.interval, self.anchor_day)

    @property
    def has_leading_stub(self) -> bool:
        """True when period 0 is shorter than the interval."""
        return self.first_full_start > self.start

    def boundary(self, k: int) -> date:
        """The `k`-th boundary from the first full period's start."""
        return boundary(self.first_full_start, k, self.interval, self.anchor_day)

    def period(self, n: int) -> SchedulePeriod:
        """Period `n`, counted from 0, the leading stub included, cut by `end` (C12, C13). `n` may not be negative."""
        assert n >= 0, "periods are counted from 0"
        stub = self.has_leading_stub
        k = n - 1 if stub else n
        full = Period(self.boundary(k), self.boundary(k + 1))
        start = self.start if stub and n == 0 else full.start
        return SchedulePeriod(n, Period(start, min(full.end, self.end) if self.end else full.end), full)

    def periods(self, first_index: int = 0) -> Iterator[SchedulePeriod]:
        """Every period in order, from number `first_index`; none starts at or after `end`. Endless without one."""
        n = first_index
        while True:
            found = self.period(n)
            if self.end is not None and found.period.start >= self.end:
                return
            yield found
            n += 1

    def index_of(self, day: date) -> int:
        """The number of the period that contains `day`; `BeforeSchedule` when it lies before the start."""
        if day < self.start:
            raise BeforeSchedule(param="date")
        first = self.first_full_start
        if day < first:
            return 0
        return boundary_index(first, day, self.interval, self.anchor_day) + (1 if first > self.start else 0)

    def containing(self, day: date) -> SchedulePeriod:
        """The period that contains `day`."""
        return self.period(self.index_of(day))

    def next_boundary(self, after: date) -> date:
        """The first boundary from the first full period on that lies strictly after `after`, whatever the end."""
        first = self.first_full_start
        if after < first:
            return first
        return self.boundary(boundary_index(first, after, self.interval, self.anchor_day) + 1)
