"""When a trial ends, and what the first charge after it is.

A trial is counted in local dates (V26): the first charge falls `trial_days` after the local start date, and nothing
is charged before. Then the anniversary is the anchor, or the rest of the calendar period is prorated.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from cauce.kernel.calendar.months import add_days
from cauce.kernel.calendar.periods import Alignment, Interval, aligned_period
from cauce.pricing.proration import prorated, remaining_fraction


class TrialOnChange(StrEnum):
    """From which day a new plan's trial days count when the plan is changed during the trial; `keep`: they do not."""

    KEEP = "keep"
    FROM_CHANGE = "from_change"
    FROM_FIRST_START = "from_first_start"


@dataclass(frozen=True, slots=True)
class FirstCharge:
    """The first charge after a trial, and the first full one after that."""

    charge_on: date
    anchor_day: int
    amount_minor: int
    next_full_on: date
    next_full_amount_minor: int


def trial_end(
    started_on: date,
    trial_days: int,
    *,
    changed_on: date | None = None,
    on_change: TrialOnChange = TrialOnChange.FROM_CHANGE,
) -> date:
    """The day of the first charge: `trial_days` local dates after the start, or after the change of plan."""
    counted_from = started_on if changed_on is None or on_change is TrialOnChange.FROM_FIRST_START else changed_on
    return add_days(counted_from, trial_days)


def first_charge(charge_on: date, amount_minor: int, interval: Interval, alignment: Alignment) -> FirstCharge:
    """The first charge on `charge_on`: a full period from that day, or the rest of the calendar period."""
    full = aligned_period(alignment, charge_on, interval)
    amount = prorated(amount_minor, remaining_fraction(full, charge_on))
    return FirstCharge(charge_on, charge_on.day, amount, full.end, amount_minor)
