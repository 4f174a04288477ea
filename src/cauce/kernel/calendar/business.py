"""Working days: a weekend, public holidays, and the working weekends that some countries announce.

Payout schedules count T+N in calendar or business days by the calendar of their channel; the days themselves are
data of the channel, never constants of the product.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from cauce.kernel.calendar.months import add_days
from cauce.kernel.errors import InvalidRequest


class NoBusinessDay(InvalidRequest):
    """The calendar has no working day within a year."""

    code = "no_business_day"


_SEARCH_DAYS_MAX = 366


@dataclass(frozen=True, slots=True)
class BusinessCalendar:
    """`weekend` as weekdays (Monday 0); `holidays` are closed, `working_days` open whatever the weekday."""

    weekend: frozenset[int] = frozenset({5, 6})
    holidays: frozenset[date] = frozenset()
    working_days: frozenset[date] = frozenset()

    def is_open(self, day: date) -> bool:
        """True on a working day."""
        if day in self.working_days:
            return True
        return day.weekday() not in self.weekend and day not in self.holidays

    def on_or_after(self, day: date) -> date:
        """`day` itself, or the next working day."""
        return self._seek(day, 1)

    def on_or_before(self, day: date) -> date:
        """`day` itself, or the working day before it."""
        return self._seek(day, -1)

    def add(self, day: date, days: int) -> date:
        """`days` working days after `day` (before it when negative); 0 gives the working day on or after it."""
        if days == 0:
            return self.on_or_after(day)
        step = 1 if days > 0 else -1
        for _ in range(abs(days)):
            day = self._seek(add_days(day, step), step)
        return day

    def _seek(self, day: date, step: int) -> date:
        for _ in range(_SEARCH_DAYS_MAX):
            if self.is_open(day):
                return day
            day = add_days(day, step)
        raise NoBusinessDay
