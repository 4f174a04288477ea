"""When a billed line becomes revenue: straight-line by day over its service period (G13).

Recognised before a date = half_up(net x days served before it / days of the period), so any cut into month closes
sums to the net and the last day takes what rounding left. A credit note takes what is not yet recognised first,
then revenue.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from cauce.kernel.calendar.months import add_months
from cauce.kernel.calendar.periods import Period
from cauce.kernel.money import half_up


def recognised_before(net_minor: int, period: Period, day: date) -> int:
    """How much of `net_minor` (signed) is revenue before `day`. A period of no length is revenue on its day."""
    if day >= period.end:
        return net_minor
    if day <= period.start:
        return 0
    return half_up(Fraction(net_minor * (day - period.start).days, period.days))


@dataclass(frozen=True, slots=True)
class MonthRevenue:
    """What becomes revenue in the month that starts on `month`."""

    month: date
    amount_minor: int


def monthly_schedule(net_minor: int, period: Period) -> Iterator[MonthRevenue]:
    """The revenue of each calendar month that the period touches, in order; they sum to the net."""
    month = period.start.replace(day=1)
    done = 0
    while month < period.end or month == period.start:
        following = add_months(month, 1)
        total = recognised_before(net_minor, period, following)
        yield MonthRevenue(month, total - done)
        month, done = following, total


@dataclass(frozen=True, slots=True)
class CreditSplit:
    """A credit on a partly recognised line: from deferred, and back from revenue."""

    from_deferred_minor: int
    from_revenue_minor: int


def split_credit(credit_minor: int, deferred_minor: int) -> CreditSplit:
    """Take a credit (>= 0) from what is still deferred (>= 0) first, the rest from revenue."""
    deferred = min(credit_minor, deferred_minor)
    return CreditSplit(deferred, credit_minor - deferred)
