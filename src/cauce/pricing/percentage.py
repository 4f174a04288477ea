"""Percentage prices of single events (payments processed, orders taken): rate, fixed part, allowances, bounds.

Events count in their order of arrival. Free events end as soon as either allowance, by number or by value, is used
up; a wholly free event costs nothing, a partly free one pays the rate on the rest and the fixed part.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from cauce.pricing.models import Model, NegativeQuantity

ZERO = Fraction(0)


@dataclass(frozen=True, slots=True)
class PercentagePrice:
    """`rate_percent` of each event's value plus `fixed_minor`, after the allowances, each charge within its bounds."""

    rate_percent: Fraction
    fixed_minor: int = 0
    free_events: int | None = None
    free_value_minor: int | None = None
    min_minor: int | None = None
    max_minor: int | None = None


Rateable = Model | PercentagePrice
"""Whatever a price may be: of a quantity, or of single events."""


@dataclass(slots=True)
class Allowance:
    """How much of a price's free allowance is used: running state over the events of a period."""

    price: PercentagePrice
    events: int = 0
    value_minor: int | Fraction = 0

    def free_part(self, value_minor: int | Fraction) -> int | Fraction | None:
        """The free part of the next event, None when no allowance is left for it."""
        price, n = self.price, self.events
        self.events += 1
        if price.free_events is None and price.free_value_minor is None:
            return None
        if price.free_events is not None and n >= price.free_events:
            return None
        if price.free_value_minor is None:
            return value_minor
        left = price.free_value_minor - self.value_minor
        if left <= 0:
            return None
        free = min(value_minor, left)
        self.value_minor += free
        return free


def rate_events(price: PercentagePrice, events: Iterable[int | Fraction]) -> Fraction:
    """The exact sum of the charges of `events` (values in minor units, in order of arrival)."""
    allowance = Allowance(price)
    return sum((_charge(price, value, allowance.free_part(value)) for value in events), ZERO)


def _charge(price: PercentagePrice, value: int | Fraction, free: int | Fraction | None) -> Fraction:
    if value < 0:
        raise NegativeQuantity(param="events")
    if free == value:
        return ZERO
    charge = (value - (free or 0)) * price.rate_percent / 100 + price.fixed_minor
    if price.min_minor is not None:
        charge = max(charge, Fraction(price.min_minor))
    return charge if price.max_minor is None else min(charge, Fraction(price.max_minor))
