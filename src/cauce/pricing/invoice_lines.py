"""From charges to priced lines and their sums: percentages, commitments, money off, then tax; each line rounded once.

The one order of every amount: units, free units, price, percent discounts, least and most amounts, money off, tax, and
last the customer's credit. Invoices, previews, upcoming invoices and usage pages all go through `price_lines`, so they
cannot disagree (F2, G5). Totals are sums of rounded lines.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction
from functools import lru_cache

from cauce.kernel.calendar.periods import Period
from cauce.kernel.money import AMOUNT_MAX_MINOR, AmountOutOfRange
from cauce.pricing.discounts import (
    CouponOrder,
    Discount,
    DiscountLine,
    before_commitments,
    discount_lines,
    kept_of,
)
from cauce.pricing.policy import DEFAULT_POLICY, LineRounding, PricingPolicy
from cauce.pricing.tax import NO_TAX, Tax, TaxRounding, TaxTreatment, line_taxes

MINIMUM = "minimum"
"""The kind of a line that says what is missing to the least amount."""


@dataclass(frozen=True, slots=True)
class Commitment:
    """The least and the most that a charge costs once percentages are off, in minor units, for the days that it bills."""

    minimum_minor: int = 0
    maximum_minor: int | None = None

    def capped(self, net_minor: int) -> int:
        """At most the maximum."""
        return net_minor if self.maximum_minor is None else min(net_minor, self.maximum_minor)

    def applied(self, net_minor: int) -> int:
        """What is paid in all for a net of `net_minor`."""
        return max(self.capped(net_minor), self.minimum_minor)

    def missing(self, net_minor: int) -> int:
        """What is missing to the minimum."""
        return max(0, self.minimum_minor - net_minor)

    def increment(self, net_minor: int, already_billed_minor: int) -> int:
        """What is still to bill of a cumulative net; negative when too much was billed."""
        return self.applied(net_minor) - already_billed_minor


NO_COMMITMENT = Commitment()


@dataclass(frozen=True, slots=True)
class PercentOff:
    """What percentages took of a charge with a commitment: `minor` of its amount; any amount keeps the part `kept`."""

    minor: int
    kept: Fraction


@dataclass(frozen=True, slots=True)
class Charge:
    """What a line is before discount and tax. `amount_minor` is as stated by the price, tax within or without.

    `deferred`: the net becomes revenue day by day over `period`. A negative amount is a credit. `starts_at`: the instant at
    which `period` begins, where it is counted by seconds and begins within its first day. `net_of_percent`: no
    percentage is taken off any more.
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
    commitment: Commitment | None = None
    net_of_percent: bool = False


@dataclass(frozen=True, slots=True)
class PricedLine:
    """A charge with its discount and tax: `net_minor` is without tax, `total_minor` what the customer pays.

    `percent_off`: of a charge with a commitment, what percentages took of it before the least and the most counted.
    """

    charge: Charge
    discount_minor: int
    tax_minor: int
    net_minor: int
    total_minor: int
    percent_off: PercentOff | None = None


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


@dataclass(slots=True)
class _Stated:
    """A charge with what is taken off it: as booked, and exactly, for a tax that is rounded once. `id`: of its origin."""

    id: str
    charge: Charge
    off: int
    exact_off: Fraction | int
    percent_off: PercentOff | None = None

    @property
    def net_minor(self) -> int:
        return self.charge.amount_minor - self.off

    def take(self, off: int, exact: Fraction) -> None:
        self.off += off
        self.exact_off += exact


def price_lines(
    charges: Sequence[Charge],
    discounts: Sequence[Discount] = (),
    policy: PricingPolicy = DEFAULT_POLICY,
) -> Priced:
    """Discounts, commitments and tax on every charge, by the seller's `policy`. Sums are sums of the rounded lines (V17-V21).

    A charge below its least amount is followed by a line of what is missing. A discount's `lines` are the places of
    charges, from "0". `AmountOutOfRange` beyond what the ledger holds.
    """
    committed = any(charge.commitment is not None for charge in charges)
    if not committed and not discounts:
        stated = charges
        off: Sequence[int] = [0] * len(charges)
        exact: Sequence[Fraction | int] = [charge.amount_minor for charge in charges]
        percent: Sequence[PercentOff | None] = [None] * len(charges)
    else:
        rows = _committed(charges, discounts, policy) if committed else _discounted(charges, discounts, policy)
        stated, off = [row.charge for row in rows], [row.off for row in rows]
        exact = [row.charge.amount_minor - row.exact_off for row in rows]
        percent = [row.percent_off for row in rows]
    amounts = [charge.amount_minor - less for charge, less in zip(stated, off, strict=True)]
    if policy.tax_rounding is TaxRounding.PER_LINE and policy.rounding is LineRounding.HALF_UP:
        taxes = [line_tax(amount, charge.tax) for amount, charge in zip(amounts, stated, strict=True)]
    else:
        taxed = amounts if policy.tax_rounding is TaxRounding.PER_LINE else exact
        taxes = line_taxes(taxed, [charge.tax for charge in stated], policy.tax_rounding, policy.round_value)
    return _summed([_line(*each) for each in zip(stated, off, amounts, taxes, percent, strict=True)])


def _summed(lines: list[PricedLine]) -> Priced:
    subtotal = sum([line.charge.amount_minor for line in lines])
    total = sum([line.total_minor for line in lines])
    largest = max([abs(line.total_minor) for line in lines], default=0)
    if max(largest, abs(total), abs(subtotal)) > AMOUNT_MAX_MINOR:
        raise AmountOutOfRange(param="lines")
    discount, tax = sum([line.discount_minor for line in lines]), sum([line.tax_minor for line in lines])
    return Priced(tuple(lines), subtotal, discount, tax, total)


def _discounted(charges: Sequence[Charge], discounts: Sequence[Discount], policy: PricingPolicy) -> list[_Stated]:
    rows = [_Stated(str(n), charge, 0, 0) for n, charge in enumerate(charges)]
    found = discount_lines(
        [_seen(row) for row in rows],
        discounts,
        order=policy.coupon_order,
        rounding=policy.discount_rounding,
        round_value=policy.round_value,
    )
    for row, off, exact in zip(rows, found.minor, found.exact, strict=True):
        row.take(off, exact)
    return rows


def _committed(charges: Sequence[Charge], discounts: Sequence[Discount], policy: PricingPolicy) -> list[_Stated]:
    """Percentages first; each commitment on what they leave; money off last, also off what was missing to a minimum."""
    percents, fixed = before_commitments(discounts, policy.coupon_order)
    in_order = replace(policy, coupon_order=CouponOrder.LISTED)
    rows = [each for row in _discounted(charges, percents, in_order) for each in _settled(row, percents)]
    if fixed:
        found = discount_lines(
            [_seen(row) for row in rows], fixed, order=CouponOrder.LISTED, round_value=policy.round_value
        )
        for row, off, exact in zip(rows, found.minor, found.exact, strict=True):
            row.take(off, exact)
    return rows


def _settled(row: _Stated, percents: Sequence[Discount]) -> list[_Stated]:
    """The row at most at its maximum, and after it what is missing to its minimum. Others as they are."""
    commitment = row.charge.commitment
    if commitment is None:
        return [row]
    kept = kept_of(replace(_seen(row), amount_minor=row.charge.amount_minor), percents, row.off)
    amount, net = commitment.capped(row.charge.amount_minor), commitment.capped(row.net_minor)
    off = amount - net
    bounded = _Stated(row.id, replace(row.charge, amount_minor=amount), off, off, PercentOff(off, kept))
    missing = commitment.missing(net)
    if not missing:
        return [bounded]
    extra = replace(row.charge, kind=MINIMUM, amount_minor=missing, quantity=1, tiers=(), commitment=None)
    return [bounded, _Stated(row.id, extra, 0, 0)]


def _seen(row: _Stated) -> DiscountLine:
    return DiscountLine(row.net_minor, row.id, row.charge.product_id or "", row.charge.net_of_percent)


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


def _line(charge: Charge, discount: int, amount: int, tax: int, percent: PercentOff | None) -> PricedLine:
    if charge.tax.inclusive:
        return PricedLine(charge, discount, tax, amount - tax, amount, percent)
    return PricedLine(charge, discount, tax, amount, amount + tax, percent)
