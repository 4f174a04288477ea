"""Monthly recurring revenue of a price: a year is twelve months, a week 12/52 and a day 12/365 of one (V27)."""

from __future__ import annotations

from fractions import Fraction

from cauce.kernel.calendar.periods import Interval, Unit
from cauce.kernel.money import half_up

_PER_MONTH = {
    Unit.MONTH: Fraction(1),
    Unit.YEAR: Fraction(1, 12),
    Unit.WEEK: Fraction(52, 12),
    Unit.DAY: Fraction(365, 12),
}


def monthly_recurring(amount_minor: int, interval: Interval) -> int:
    """`amount_minor` per `interval` as an amount per month, half up: 120000 a year is 10000, 1000 a week 4333."""
    return half_up(amount_minor * _PER_MONTH[interval.unit] / interval.count)
