"""From charges to priced lines and their sums: discounts, then tax, each line rounded once, totals sums of lines.

Invoices, previews and upcoming invoices all go through `price_lines`, so they cannot disagree (F2, G5).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from functools import lru_cache

from cauce.kernel.calendar.periods import Period
from cauce.pricing.discounts import Discount, DiscountLine, discount_lines
from cauce.pricing.lines import DEFAULT_POLICY, LineRounding, PricingPolicy
from cauce.pricing.tax import NO_TAX, Tax, TaxRounding, TaxTreatment, line_taxes


@dataclass(frozen=True, slots=True)
class Charge:
    """What a line is before discount and tax. `amount_minor` is as stated by the price, tax within or without.

    `deferred`: the net becomes revenue day by day over `period`. A negative amount is a credit. `starts_at`: the instant at
    which `period` begins, where it is counted by seconds and begins within its first day.
    """

    kind: str
    description: str
    amount_minor: int
    tax: Tax = NO_TAX
    item_id: str | None = None
    price_id: str | None = None
    product_id: str | None = None
    quantity: Fraction | int = 1
    period: Period | None = None
    deferred: bool = False
    tiers: tuple[dict[str, object], ...] = ()
    starts_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class PricedLine:
    """A charge with its discount and tax: `net_minor` is without tax, `total_minor` what the customer pays."""

    charge: Charge
    discount_minor: int
    tax_minor: int
    net_minor: int
    total_minor: int


@dataclass(frozen=True, slots=True)
class Priced:
    """Lines and their sums. `subtotal_minor` is before discount, as stated by the prices."""

    lines: tuple[PricedLine, ...]
    subtotal_minor: int
    discount_minor: int
    tax_minor: int
    total_minor: int

    @property
    def net_minor(self) -> int:
        """What is the seller's own."""
        return self.total_minor - self.tax_minor


def price_lines(
    charges: Sequence[Charge],
    discounts: Sequence[Discount] = (),
    policy: PricingPolicy = DEFAULT_POLICY,
) -> Priced:
    """Discount and tax on every charge, by the seller's `policy`. Sums are sums of the rounded lines (V18-V21)."""
    if discounts:
        groups = [
            DiscountLine(charge.amount_minor, str(n), charge.product_id or "") for n, charge in enumerate(charges)
        ]
        off: Sequence[int] = discount_lines(
            groups, discounts, order=policy.coupon_order, rounding=policy.discount_rounding
        ).minor
    else:
        off = [0] * len(charges)
    stated = [charge.amount_minor - less for charge, less in zip(charges, off, strict=True)]
    if policy.tax_rounding is TaxRounding.PER_LINE and policy.rounding is LineRounding.HALF_UP:
        taxes = [line_tax(amount, charge.tax) for amount, charge in zip(stated, charges, strict=True)]
    else:
        taxes = line_taxes(stated, [charge.tax for charge in charges], policy.tax_rounding, policy.round_value)
    lines = tuple(
        _line(charge, less, amount, tax) for charge, less, amount, tax in zip(charges, off, stated, taxes, strict=True)
    )
    return Priced(
        lines,
        sum(charge.amount_minor for charge in charges),
        sum(off),
        sum(taxes),
        sum(line.total_minor for line in lines),
    )


def line_tax(amount_minor: int, tax: Tax) -> int:
    """`tax_minor` of a line by whole numbers alone: the rate of each kind of tax is worked out once."""
    if tax is NO_TAX:
        return 0
    numerator, denominator = _rate(tax.percent.numerator, tax.percent.denominator, tax.inclusive, tax.treatment)
    magnitude = (2 * abs(amount_minor) * numerator + denominator) // (2 * denominator)
    return magnitude if amount_minor >= 0 else -magnitude


@lru_cache(maxsize=4_096)
def _rate(numerator: int, denominator: int, inclusive: bool, treatment: TaxTreatment) -> tuple[int, int]:
    rate = Tax(Fraction(numerator, denominator), inclusive, treatment).rate
    return rate.numerator, rate.denominator


def _line(charge: Charge, discount: int, amount: int, tax: int) -> PricedLine:
    if charge.tax.inclusive:
        return PricedLine(charge, discount, tax, amount - tax, amount)
    return PricedLine(charge, discount, tax, amount, amount + tax)
