"""From a quantity and a price model to an exact amount: the one rating engine of invoices, previews and usage pages.

Free units come first, then the price model; percentages, least and most amounts are the business of `invoice_lines`.
Nothing is rounded before the line (V2).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from cauce.kernel.money import half_up
from cauce.pricing.models import (
    BlockTier,
    Flat,
    Graduated,
    GraduatedBlocks,
    GraduatedPercentage,
    Markup,
    Model,
    NegativeQuantity,
    Package,
    PerUnit,
    QuantityAboveLastTier,
    Tier,
    Volume,
    VolumeBlocks,
    covered,
    cumulative,
    packages,
    slices,
)

ZERO = Fraction(0)


class Overflow(StrEnum):
    """What happens to units above a bounded last tier."""

    REFUSE = "refuse"
    COVERED_ONLY = "covered_only"


@dataclass(frozen=True, slots=True)
class RatingRules:
    """Options of rating: the first tier's flat fee at quantity zero (V16), and overflow."""

    zero_usage_flat_fee: bool = False
    overflow: Overflow = Overflow.REFUSE


DEFAULT_RULES = RatingRules()


@dataclass(frozen=True, slots=True)
class TierAmount:
    """What one tier billed: its index, the units (or money) in it, and the exact amount."""

    index: int
    quantity: Fraction
    amount: Fraction


@dataclass(frozen=True, slots=True)
class Rated:
    """The exact amount in minor units and the tiers that it comes from, those entered only."""

    amount: Fraction
    tiers: tuple[TierAmount, ...] = ()

    @property
    def amount_minor(self) -> int:
        """The amount, half up: the rounding point of a line."""
        return half_up(self.amount)

    def plus(self, base_minor: int) -> Rated:
        """The same with a base amount added to the sum; it belongs to no tier."""
        return Rated(self.amount + base_minor, self.tiers) if base_minor else self


def rate(
    model: Model,
    quantity: Fraction,
    rules: RatingRules = DEFAULT_RULES,
    *,
    prorated_quantity: Fraction | None = None,
) -> Rated:
    """What `quantity` costs under `model`. `NegativeQuantity`, or `QuantityAboveLastTier` unless overflow is allowed.

    With `prorated_quantity` a volume price chooses its tier by `quantity` and bills the prorated one.
    """
    if quantity < 0:
        raise NegativeQuantity(param="quantity")
    top = covered(model)
    if top is not None and quantity > top:
        if rules.overflow is Overflow.REFUSE:
            raise QuantityAboveLastTier(param="quantity", covered=str(top))
        quantity = top
    match model:
        case Flat():
            return Rated(Fraction(model.amount_minor))
        case PerUnit():
            return Rated(quantity * model.unit_amount)
        case Markup():
            return Rated(quantity * model.multiplier)
        case Package():
            left = quantity - model.free_units
            return Rated(Fraction(packages(left, model.size, whole_only=model.whole_only) * model.package_minor))
        case Graduated():
            return _graduated(model.tiers, quantity, rules, Fraction(1))
        case GraduatedPercentage():
            return _graduated(model.tiers, quantity, rules, Fraction(1, 100))
        case Volume():
            return _volume(model.tiers, quantity, rules, quantity if prorated_quantity is None else prorated_quantity)
        case GraduatedBlocks():
            return _graduated_blocks(model.tiers, quantity)
        case VolumeBlocks():
            return _volume_blocks(model.tiers, quantity)


def _zero_usage(tiers: tuple[Tier, ...], rules: RatingRules) -> Rated:
    flat = Fraction(tiers[0].flat_minor) if rules.zero_usage_flat_fee else ZERO
    return Rated(flat, (TierAmount(0, ZERO, flat),) if flat else ())


def _graduated(tiers: tuple[Tier, ...], quantity: Fraction, rules: RatingRules, scale: Fraction) -> Rated:
    if not quantity:
        return _zero_usage(tiers, rules)
    amounts = tuple(
        TierAmount(i, units, units * tiers[i].unit_amount * scale + tiers[i].flat_minor)
        for i, units in slices(quantity, [tier.up_to for tier in tiers])
    )
    return Rated(sum((each.amount for each in amounts), ZERO), amounts)


def _volume(tiers: tuple[Tier, ...], quantity: Fraction, rules: RatingRules, billed: Fraction) -> Rated:
    if not quantity:
        return _zero_usage(tiers, rules)
    i = next(i for i, tier in enumerate(tiers) if tier.up_to is None or quantity <= tier.up_to)
    amount = billed * tiers[i].unit_amount + tiers[i].flat_minor
    return Rated(amount, (TierAmount(i, billed, amount),))


def _blocks_amount(tier: BlockTier, units: Fraction) -> Fraction:
    return Fraction(packages(units, tier.block_size) * tier.block_minor)


def _graduated_blocks(tiers: tuple[BlockTier, ...], quantity: Fraction) -> Rated:
    amounts = tuple(
        TierAmount(i, units, _blocks_amount(tiers[i], units)) for i, units in slices(quantity, cumulative(tiers))
    )
    return Rated(sum((each.amount for each in amounts), ZERO), amounts)


def _volume_blocks(tiers: tuple[BlockTier, ...], quantity: Fraction) -> Rated:
    if not quantity:
        return Rated(ZERO)
    i = next(i for i, top in enumerate(cumulative(tiers)) if top is None or quantity <= top)
    amount = _blocks_amount(tiers[i], quantity)
    return Rated(amount, (TierAmount(i, quantity, amount),))


@dataclass(frozen=True, slots=True)
class FreeUnits:
    """What free units leave to bill of a quantity."""

    billable: Fraction
    discounted: Fraction


def deduct_free_units(free_units: Fraction, previous: Fraction, quantity: Fraction) -> FreeUnits:
    """Free units that the `previous` quantity of the period has not used up are taken off first (V25)."""
    discounted = min(quantity, max(ZERO, free_units - previous))
    return FreeUnits(quantity - discounted, discounted)
