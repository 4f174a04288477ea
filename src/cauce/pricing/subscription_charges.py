"""What one item of a subscription costs for one period: a base fee or a used quantity, full or part of a period.

Rated exactly, adjusted by chosen options, prorated by days, rounded once (V2, V8).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction

from cauce.kernel.calendar.periods import Interval, Period, SchedulePeriod
from cauce.pricing.invoice_lines import Charge, Commitment
from cauce.pricing.models import Flat, PerUnit
from cauce.pricing.percentage import PercentagePrice, Rateable, rate_events
from cauce.pricing.phases import PricePhase, phase_pieces
from cauce.pricing.policy import DEFAULT_POLICY, PricingPolicy
from cauce.pricing.proration import Basis, Instants, bounded, day_fraction, fixed_30_fraction, prorated
from cauce.pricing.rating import (
    DEFAULT_RULES,
    FreeUnits,
    Rated,
    RatingRules,
    deduct_free_units,
    rate,
)
from cauce.pricing.tax import NO_TAX, Tax

ONE, ZERO = Fraction(1), Fraction(0)


@dataclass(frozen=True, slots=True)
class PriceRules:
    """Options of one price: how it is rated, and whether a part of a period prices a part of the quantity by volume tiers.

    `basis`: how a part of a period is counted; None: as the organization counts.
    """

    rating: RatingRules = DEFAULT_RULES
    prorated_quantity: bool = False
    basis: Basis | None = None


DEFAULT_PRICE_RULES = PriceRules()


@dataclass(frozen=True, slots=True)
class Sold:
    """An item with all that its price says: how it is rated, taxed and described.

    `phases` come before `model` and begin on `phases_from`; `anchor_day` is the billing cycle's. `instants` where parts are
    counted by seconds.
    """

    item_id: str
    price_id: str
    product_id: str
    description: str
    model: Rateable
    quantity: Fraction
    is_usage: bool = False
    in_advance: bool = True
    minimum_minor: int | None = None
    maximum_minor: int | None = None
    rules: PriceRules = DEFAULT_PRICE_RULES
    included_units: Fraction = Fraction(0)
    adjust_minor: int = 0
    adjust_percent: Fraction = Fraction(0)
    tax: Tax = NO_TAX
    phases: tuple[PricePhase, ...] = ()
    phases_from: date | None = None
    anchor_day: int | None = None
    interval: Interval | None = None
    policy: PricingPolicy = DEFAULT_POLICY
    instants: Instants | None = None


def full_amount(sold: Sold) -> Fraction:
    """The exact amount of a whole period of a base fee, options included."""
    return part_amount(sold, ONE)


def part_amount(sold: Sold, fraction: Fraction) -> Fraction:
    """The exact amount of a part of a period: that part of the whole amount.

    With `prorated_quantity` a volume price chooses its tier by the whole quantity, bills the part of it, and its flat fee
    in full; what options add is prorated as ever.
    """
    if not sold.rules.prorated_quantity or fraction == ONE:
        return _adjusted(sold, _rated(sold, None)) * fraction
    rated = _rated(sold, sold.quantity * fraction)
    return max(ZERO, (rated + sold.adjust_minor * fraction) * (1 + sold.adjust_percent / 100))


def _rated(sold: Sold, prorated_quantity: Fraction | None) -> Fraction:
    model = sold.model
    if isinstance(model, Flat):
        return sold.quantity * model.amount_minor
    if isinstance(model, PerUnit):
        return sold.quantity * model.unit_amount
    assert not isinstance(model, PercentagePrice), "only events have percentage prices"
    return rate(model, sold.quantity, sold.rules.rating, prorated_quantity=prorated_quantity).amount


def _adjusted(sold: Sold, amount: Fraction) -> Fraction:
    if not sold.adjust_minor and not sold.adjust_percent:
        return amount
    return max(ZERO, (amount + sold.adjust_minor) * (1 + sold.adjust_percent / 100))


def in_phase(sold: Sold, day: date) -> Sold:
    """The item at the price that holds on `day`; before its phases have begun, at the first of them."""
    if not sold.phases:
        return sold
    begins_on = sold.phases_from or day
    part = Period(max(day, begins_on), date.max)
    return replace(sold, model=phase_pieces(sold.phases, sold.model, begins_on, part, sold.anchor_day)[0][1], phases=())


def recurring_charges(sold: Sold, part: Period, full: Period, *, kind: str = "recurring") -> list[Charge]:
    """The base fee for the days of `part`, prorated over the full period that encloses them (V7).

    One charge, or one per phase when a phase ends among these days.
    """
    pieces = [(part, sold.model)]
    if sold.phases:
        begins_on = sold.phases_from or part.start
        pieces = phase_pieces(sold.phases, sold.model, begins_on, part, sold.anchor_day)
    charges = []
    for piece, model in pieces:
        is_first, is_last = piece.start == part.start, piece.end == part.end
        share = share_of(sold, piece, full, is_first=is_first, is_last=is_last)
        charge = _part_charge(replace(sold, model=model), piece, share, kind)
        by_seconds = sold.instants is not None and sold.policy.basis is Basis.SECOND
        since = sold.instants.since if sold.instants is not None and by_seconds and is_first else None
        if sold.instants is not None and since is not None:
            charge = replace(charge, starts_at=max(since, sold.instants.of(full.start)))
        charges.append(charge)
    return charges


def share_of(sold: Sold, part: Period, full: Period, *, is_first: bool = True, is_last: bool = True) -> Fraction:
    """What part of a full period's price `part` costs: by calendar days, or as the policy says by seconds or months of thirty."""
    if sold.instants is not None and sold.policy.basis is Basis.SECOND:
        return sold.instants.share(part, full, is_first=is_first, is_last=is_last)
    if part == full:
        return ONE
    if sold.policy.basis is Basis.FIXED_30 and sold.interval is not None and sold.interval.months:
        return bounded(fixed_30_fraction(part, sold.interval), cap=True)
    return day_fraction(part, full)


def _part_charge(sold: Sold, part: Period, fraction: Fraction, kind: str) -> Charge:
    return Charge(
        kind,
        sold.description,
        sold.policy.round_value(part_amount(sold, fraction)),
        sold.tax,
        sold.item_id,
        sold.price_id,
        sold.product_id,
        sold.quantity,
        part,
        deferred=part.days > 0 and sold.in_advance,
    )


def usage_charges(
    sold: Sold, used: Fraction, period: SchedulePeriod, events: Sequence[int | Fraction] = ()
) -> list[Charge]:
    """What a used quantity costs after free units, with the least and the most that it may cost; none for no use (V17, V25).

    A percentage price rates `events`, the values of the period in order of arrival, one by one. Minimum and maximum are
    those of a full period, prorated by days, as use is counted; they count once percent discounts are off.
    """
    if isinstance(sold.model, PercentagePrice):
        rated, used = Rated(rate_events(sold.model, events)), Fraction(len(events))
    else:
        free: FreeUnits = deduct_free_units(sold.included_units, ZERO, used)
        rated = rate(sold.model, free.billable, sold.rules.rating)
    amount = sold.policy.round_value(rated.amount)
    commitment = _commitment(sold, period)
    if not (amount or used or (commitment and commitment.minimum_minor)):
        return []
    tiers = tuple(
        {"tier": tier.index, "quantity": str(tier.quantity), "amount": str(tier.amount)} for tier in rated.tiers
    )
    return [
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
            commitment=commitment,
        )
    ]


def _commitment(sold: Sold, period: SchedulePeriod) -> Commitment | None:
    """The least and the most for the days of `period`."""
    if sold.minimum_minor is None and sold.maximum_minor is None:
        return None
    share = share_of(replace(sold, instants=None), period.period, period.full)
    top = None if sold.maximum_minor is None else prorated(sold.maximum_minor, share)
    return Commitment(prorated(sold.minimum_minor or 0, share), top)
