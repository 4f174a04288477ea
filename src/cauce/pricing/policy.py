"""The conventions by which one legal entity prices: rounding of lines, discounts and tax, order of coupons, days."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from cauce.kernel.money import half_even, half_up
from cauce.pricing.discounts import CouponOrder, DiscountRounding
from cauce.pricing.proration import Basis
from cauce.pricing.tax import TaxRounding


class LineRounding(StrEnum):
    """How a line is rounded to the minor unit (V2)."""

    HALF_UP = "half_up"
    HALF_EVEN = "half_even"


ROUNDERS: dict[LineRounding, Callable[[Fraction], int]] = {
    LineRounding.HALF_UP: half_up,
    LineRounding.HALF_EVEN: half_even,
}


@dataclass(frozen=True, slots=True)
class PricingPolicy:
    """The conventions of one legal entity; the defaults are those on which billing systems agree."""

    rounding: LineRounding = LineRounding.HALF_UP
    tax_rounding: TaxRounding = TaxRounding.PER_LINE
    discount_rounding: DiscountRounding = DiscountRounding.TOTAL
    coupon_order: CouponOrder = CouponOrder.PERCENT_FIRST
    basis: Basis = Basis.DAY

    @property
    def round_value(self) -> Callable[[Fraction], int]:
        """How a line is rounded."""
        return ROUNDERS[self.rounding]


DEFAULT_POLICY = PricingPolicy()
