"""Month arithmetic: the day of the month is remembered by the caller and clamped to each month's last day.

31 January plus one month is 28 or 29 February; plus two months it is 31 March again, because both are counted
from 31 January (C9, C10). Nothing here ever counts from a clamped date.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import MAXYEAR, MINYEAR, date, timedelta

from cauce.kernel.errors import InvalidRequest


class DateOutOfRange(InvalidRequest):
    """The date lies outside the years 1 to 9999."""

    code = "date_out_of_range"


def days_in_month(year: int, month: int) -> int:
    """The number of days of a month (1 to 12) of the Gregorian calendar."""
    return monthrange(year, month)[1]


def clamped(year: int, month: int, day: int) -> date:
    """Day `day` (1 to 31) of a month, or the month's last day when it is shorter."""
    if day < 29:
        return date(year, month, day)
    return date(year, month, min(day, days_in_month(year, month)))


def add_months(start: date, months: int, *, day: int | None = None) -> date:
    """`start` plus `months` (may be negative), on `day` of the month (default: that of `start`), clamped."""
    year, month0 = divmod(start.year * 12 + start.month - 1 + months, 12)
    if not MINYEAR <= year <= MAXYEAR:
        raise DateOutOfRange(param="date")
    return clamped(year, month0 + 1, day or start.day)


def add_days(start: date, days: int) -> date:
    """`start` plus `days` (may be negative); `DateOutOfRange` beyond the calendar."""
    try:
        return start + timedelta(days=days)
    except OverflowError as exc:
        raise DateOutOfRange(param="date") from exc


def months_between(first: date, second: date) -> int:
    """Difference of the two dates' months, days ignored: 31 January to 1 February is 1."""
    return (second.year - first.year) * 12 + second.month - first.month


def days_of_30(first: date, second: date) -> int:
    """Days from `first` to `second` when every month has thirty (Kill Bill's fixed-month proration)."""
    return 30 * months_between(first, second) + min(second.day, 30) - min(first.day, 30)
