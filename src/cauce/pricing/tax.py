"""Tax on a line: added on top, or contained in the price. Half up on the rounded line (V21, C18).

An inclusive price is never changed by its tax: net = price - tax, so what the customer was told is what he pays.
Exempt and reverse-charge lines carry a tax of zero and their reason.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from cauce.kernel.errors import InvalidRequest
from cauce.kernel.money import half_up
from cauce.pricing.rounding import over_common, round_parts


class BadTaxRate(InvalidRequest):
    """A tax rate is a percentage of zero or more."""

    code = "bad_tax_rate"


class TaxTreatment(StrEnum):
    """Why a line carries the tax it does."""

    STANDARD = "standard"
    EXEMPT = "exempt"
    REVERSE_CHARGE = "reverse_charge"


class TaxRounding(StrEnum):
    """Where tax is rounded: on every line (default), or once on the sum of the invoice's unrounded line taxes."""

    PER_LINE = "per_line"
    ONCE_PER_INVOICE = "once_per_invoice"


@dataclass(frozen=True, slots=True)
class Taxed:
    """An amount before tax and its tax, of the same sign."""

    net_minor: int
    tax_minor: int

    @property
    def total_minor(self) -> int:
        """Net and tax."""
        return self.net_minor + self.tax_minor


@dataclass(frozen=True, slots=True)
class Tax:
    """A rate in percent (exact), whether prices contain it, and the treatment."""

    percent: Fraction = Fraction(0)
    inclusive: bool = False
    treatment: TaxTreatment = TaxTreatment.STANDARD

    def __post_init__(self) -> None:
        if self.percent < 0:
            raise BadTaxRate(param="tax_percent")

    @property
    def rate(self) -> Fraction:
        """The part of a line's amount (as stated, with or without tax) that its tax is."""
        if self.treatment is not TaxTreatment.STANDARD:
            return Fraction(0)
        return self.percent / (100 + self.percent) if self.inclusive else self.percent / 100


NO_TAX = Tax()


def exact_tax(amount: Fraction | int, tax: Tax) -> Fraction:
    """The unrounded tax on an amount as stated."""
    return amount * tax.rate


def tax_minor(amount_minor: int, tax: Tax) -> int:
    """The tax on a rounded amount as stated, half up."""
    return half_up(amount_minor * tax.rate) if tax.rate else 0


def taxed(amount_minor: int, tax: Tax) -> Taxed:
    """A rounded amount as stated, divided into net and tax: tax comes on top, or out of it when `inclusive`."""
    part = tax_minor(amount_minor, tax)
    return Taxed(amount_minor - part if tax.inclusive else amount_minor, part)


def line_taxes(
    amounts: Sequence[Fraction | int],
    taxes: Sequence[Tax],
    rounding: TaxRounding,
    round_value: Callable[[Fraction], int] = half_up,
) -> list[int]:
    """The tax of each line in minor units.

    Per line, each is rounded alone (exact amounts give the same integers as rounded ones, or the caller rounds them
    first). Once per invoice, the sum is rounded and its units handed to the lines by largest remainder.
    """
    exact = [exact_tax(amount, tax) for amount, tax in zip(amounts, taxes, strict=True)]
    if rounding is TaxRounding.PER_LINE:
        return [round_value(value) if value else 0 for value in exact]
    return spread_signed(exact, round_value(sum(exact, Fraction(0))))


def spread_signed(exact: Sequence[Fraction], total: int) -> list[int]:
    """Whole parts near `exact` that sum to `total`, which is their sum rounded; parts may be negative.

    Floors, then one unit each by largest fraction among the parts that have one.
    """
    numerators, denominator = over_common(exact)
    floors = [n // denominator for n in numerators]
    fractions = [n % denominator for n in numerators]
    return [a + b for a, b in zip(floors, round_parts(fractions, denominator, total - sum(floors)).parts, strict=True)]
