"""What one item of a subscription costs for one period: a base fee or a used quantity, full or part of a period.

Rated exactly, adjusted by chosen options, prorated by days, rounded once (V2, V8).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from cauce.kernel.calendar.periods import Period, SchedulePeriod
from cauce.kernel.money import half_up
from cauce.pricing.invoice_lines import Charge
from cauce.pricing.models import Flat, Model, PerUnit
from cauce.pricing.proration import day_fraction
from cauce.pricing.rating import FreeUnits, Rated, deduct_free_units, rate, true_up
from cauce.pricing.tax import NO_TAX, Tax

ONE = Fraction(1)


@dataclass(frozen=True, slots=True)
class Sold:
    """An item with all that its price says: how it is rated, taxed and described."""

    item_id: str
    price_id: str
    product_id: str
    description: str
    model: Model
    quantity: Fraction
    is_usage: bool = False
    in_advance: bool = True
    minimum_minor: int | None = None
    included_units: Fraction = Fraction(0)
    adjust_minor: int = 0
    adjust_percent: Fraction = Fraction(0)
    tax: Tax = NO_TAX


def full_amount(sold: Sold) -> Fraction:
    """The exact amount of a whole period of a base fee, options included."""
    if isinstance(sold.model, Flat):
        amount: Fraction = sold.quantity * sold.model.amount_minor
    elif isinstance(sold.model, PerUnit):
        amount = sold.quantity * sold.model.unit_amount
    else:
        amount = rate(sold.model, sold.quantity).amount
    if not sold.adjust_minor and not sold.adjust_percent:
        return amount
    return max(Fraction(0), (amount + sold.adjust_minor) * (1 + sold.adjust_percent / 100))


def recurring_charge(sold: Sold, period: SchedulePeriod) -> Charge:
    """The base fee for a period of the schedule; a stub is prorated over its full period (V7)."""
    fraction = ONE if period.is_full else day_fraction(period.period, period.full)
    return part_charge(sold, period.period, fraction)


def part_charge(sold: Sold, part: Period, fraction: Fraction, *, kind: str = "recurring", sign: int = 1) -> Charge:
    """`fraction` of a period's base fee for the days of `part`; `sign` -1 makes it a credit."""
    return Charge(
        kind,
        sold.description,
        sign * half_up(full_amount(sold) * fraction),
        sold.tax,
        sold.item_id,
        sold.price_id,
        sold.product_id,
        sold.quantity,
        part,
        deferred=part.days > 0 and sold.in_advance,
    )


def usage_charges(sold: Sold, used: Fraction, period: SchedulePeriod) -> list[Charge]:
    """What a used quantity costs after free units, and what is missing to the minimum of the period (V17, V25)."""
    free: FreeUnits = deduct_free_units(sold.included_units, Fraction(0), used)
    rated: Rated = rate(sold.model, free.billable)
    amount = rated.amount_minor
    tiers = tuple(
        {"tier": tier.index, "quantity": str(tier.quantity), "amount": str(tier.amount)} for tier in rated.tiers
    )
    charges = [
        Charge(
            "usage",
            sold.description,
            amount,
            sold.tax,
            sold.item_id,
            sold.price_id,
            sold.product_id,
            used,
            period.period,
            tiers=tiers,
        )
    ]
    if sold.minimum_minor:
        missing = true_up(sold.minimum_minor, amount, day_fraction(period.period, period.full))
        if missing:
            charges.append(
                Charge(
                    "minimum",
                    sold.description,
                    missing,
                    sold.tax,
                    sold.item_id,
                    sold.price_id,
                    sold.product_id,
                    1,
                    period.period,
                )
            )
    return charges if amount or len(charges) > 1 or used else []
