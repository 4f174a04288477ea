"""What goes into an invoice and what comes out of it: charge items, invoice lines, the policy of a legal entity.

A `ChargeItem` is one thing to bill: a recurring price for a period, usage, a one-off charge, a credit for unused
time. Its `ref` is unique within the invoice and stable between a preview and the commit, so the two can be compared.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from cauce.kernel.calendar.periods import Period
from cauce.kernel.errors import InvalidRequest
from cauce.kernel.money import half_even, half_up
from cauce.pricing.discounts import CouponOrder, DiscountRounding
from cauce.pricing.models import Flat, Model
from cauce.pricing.percentage import PercentagePrice
from cauce.pricing.proration import Basis
from cauce.pricing.rating import DEFAULT_RULES, Rated, RatingRules
from cauce.pricing.tax import NO_TAX, Tax, TaxRounding


class DuplicateReference(InvalidRequest):
    """Two items of one invoice have the same reference."""

    code = "duplicate_line_reference"


class LineKind(StrEnum):
    """Why a line stands on an invoice."""

    RECURRING = "recurring"
    USAGE = "usage"
    ONE_OFF = "one_off"
    PRORATION_DEBIT = "proration_debit"
    PRORATION_CREDIT = "proration_credit"
    MINIMUM = "minimum"


class LineRounding(StrEnum):
    """How a line is rounded to the minor unit (V2)."""

    HALF_UP = "half_up"
    HALF_EVEN = "half_even"


ROUNDERS: dict[LineRounding, Callable[[Fraction], int]] = {
    LineRounding.HALF_UP: half_up,
    LineRounding.HALF_EVEN: half_even,
}

ONE = Fraction(1)
ZERO = Fraction(0)


@dataclass(frozen=True, slots=True)
class PricingPolicy:
    """The conventions of one legal entity; the defaults are those of `requirements-billing.md` section 2."""

    rounding: LineRounding = LineRounding.HALF_UP
    tax_rounding: TaxRounding = TaxRounding.PER_LINE
    discount_rounding: DiscountRounding = DiscountRounding.TOTAL
    coupon_order: CouponOrder = CouponOrder.PERCENT_FIRST
    rating: RatingRules = DEFAULT_RULES
    basis: Basis = Basis.DAY

    @property
    def round_value(self) -> Callable[[Fraction], int]:
        """How a line is rounded."""
        return ROUNDERS[self.rounding]


DEFAULT_POLICY = PricingPolicy()


@dataclass(frozen=True, slots=True)
class ChargeItem:
    """One thing to bill. Amounts are minor units of the invoice's currency.

    `fraction` is the part of the price's full period that is billed; `free_units` are deducted first, less what the
    `previous_quantity` of the period used of them; `already_billed_minor` is taken off a cumulative amount;
    `minimum_minor` and `maximum_minor` are for the full period. A `credit` item is negative and never larger than
    `credit_max_minor` (V23). `group` is what coupons may be limited to: the product.
    """

    ref: str
    price: Model | PercentagePrice
    quantity: Fraction = ONE
    fraction: Fraction = ONE
    kind: LineKind = LineKind.RECURRING
    description: str = ""
    period: Period | None = None
    tax: Tax = NO_TAX
    group: str = ""
    discountable: bool = True
    credit: bool = False
    credit_max_minor: int | None = None
    free_units: Fraction = ZERO
    previous_quantity: Fraction = ZERO
    events: tuple[int, ...] = ()
    already_billed_minor: int = 0
    minimum_minor: int | None = None
    maximum_minor: int | None = None

    @classmethod
    def fixed(
        cls,
        ref: str,
        amount_minor: int,
        *,
        tax: Tax = NO_TAX,
        group: str = "",
        kind: LineKind = LineKind.ONE_OFF,
        description: str = "",
        period: Period | None = None,
    ) -> ChargeItem:
        """An item of a known amount: a one-off charge, or a pending line."""
        return cls(ref, Flat(amount_minor), kind=kind, description=description, period=period, tax=tax, group=group)


@dataclass(frozen=True, slots=True)
class InvoiceLine:
    """One line of an invoice or preview. `amount_minor` is as priced, before discount, with tax if `tax.inclusive`."""

    ref: str
    kind: LineKind
    description: str
    period: Period | None
    quantity: Fraction
    fraction: Fraction
    rated: Rated
    amount_minor: int
    discount_minor: int
    tax: Tax
    tax_minor: int

    @property
    def net_minor(self) -> int:
        """After discount, before tax."""
        stated = self.amount_minor - self.discount_minor
        return stated - self.tax_minor if self.tax.inclusive else stated

    @property
    def total_minor(self) -> int:
        """After discount, with tax."""
        return self.net_minor + self.tax_minor


@dataclass(frozen=True, slots=True)
class PricedInvoice:
    """The lines and their sums, and what the customer's credit pays of them. Totals are sums of rounded lines."""

    currency: str
    lines: tuple[InvoiceLine, ...]
    amount_minor: int
    discount_minor: int
    net_minor: int
    tax_minor: int
    credit_applied_minor: int = 0

    @property
    def total_minor(self) -> int:
        """Net and tax; negative when the credits outweigh the charges."""
        return self.net_minor + self.tax_minor

    @property
    def amount_due_minor(self) -> int:
        """What is still to pay after the customer's credit."""
        return max(0, self.total_minor - self.credit_applied_minor)

    @property
    def credit_generated_minor(self) -> int:
        """What a negative total adds to the customer's credit."""
        return max(0, -self.total_minor)
