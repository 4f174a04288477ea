"""When a failed payment is tried again, and which state of being overdue a date falls in.

Retry intervals count from the previous attempt, so a policy of 1, 2, 2, 2 days means days 1, 3, 5 and 7 after the
first failure (H1). An overdue state is reached on the very day that its number of days is full.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import accumulate

from cauce.kernel.calendar.months import add_days
from cauce.kernel.errors import InvalidRequest

DEFAULT_RETRY_INTERVALS_DAYS = (1, 2, 2, 2)
"""Days 1, 3, 5, 7 after the first failure (H1)."""

CLEAR = "clear"
"""The state before any overdue state is reached."""


class BadRetryInterval(InvalidRequest):
    """A retry interval is zero or more days."""

    code = "bad_retry_interval"


@dataclass(frozen=True, slots=True)
class OverdueState:
    """Reached `after_days` days after the first unpaid day."""

    name: str
    after_days: int


def retry_dates(failed_on: date, intervals_days: Sequence[int] = DEFAULT_RETRY_INTERVALS_DAYS) -> list[date]:
    """The dates of all retries after a first failure on `failed_on`."""
    if any(interval < 0 for interval in intervals_days):
        raise BadRetryInterval(param="retry_intervals_days")
    return [add_days(failed_on, days) for days in accumulate(intervals_days)]


def overdue_state(first_unpaid_on: date, states: Sequence[OverdueState], on: date) -> str:
    """The last of `states` (ascending) that is reached on the date `on`, else `CLEAR`."""
    days = (on - first_unpaid_on).days
    reached = [state.name for state in states if state.after_days <= days]
    return reached[-1] if reached else CLEAR
