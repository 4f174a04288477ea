"""Price models: what a quantity costs, exactly, with the amount of every tier. One frozen record per model.

Amounts are fractions of minor units until the line rounds them (C3-C5). A tier's `up_to` is inclusive and
cumulative, None unbounded (V13, V14). For `GraduatedPercentage` and `Markup` the quantity is money in minor units.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import ceil, floor

from cauce.kernel.errors import InvalidRequest


class QuantityAboveLastTier(InvalidRequest):
    """The quantity is larger than the last tier covers."""

    code = "quantity_above_last_tier"


class NegativeQuantity(InvalidRequest):
    """A quantity cannot be negative."""

    code = "negative_quantity"


class BadTiers(InvalidRequest):
    """Tiers rise, and only the last may be unbounded."""

    code = "bad_tiers"


class BadPackage(InvalidRequest):
    """A package or block holds more than zero units."""

    code = "bad_package_size"


@dataclass(frozen=True, slots=True)
class Tier:
    """Units up to and including `up_to` at `unit_amount` each, plus `flat_minor` once when the tier is entered."""

    up_to: Fraction | None
    unit_amount: Fraction
    flat_minor: int = 0


@dataclass(frozen=True, slots=True)
class BlockTier:
    """Blocks of `block_size` units at `block_minor` each; `max_blocks` of them, None without end."""

    block_size: Fraction
    max_blocks: int | None
    block_minor: int

    @property
    def capacity(self) -> Fraction | None:
        """How many units the tier holds."""
        return None if self.max_blocks is None else self.block_size * self.max_blocks


@dataclass(frozen=True, slots=True)
class Flat:
    """A fixed amount, whatever the quantity."""

    amount_minor: int


@dataclass(frozen=True, slots=True)
class PerUnit:
    """Every unit at `unit_amount`."""

    unit_amount: Fraction


@dataclass(frozen=True, slots=True)
class Graduated:
    """Each unit at the price of the tier that it falls in."""

    tiers: tuple[Tier, ...]

    def __post_init__(self) -> None:
        check_tiers(self.tiers)


@dataclass(frozen=True, slots=True)
class Volume:
    """All units at the price of the first tier that holds the whole quantity."""

    tiers: tuple[Tier, ...]

    def __post_init__(self) -> None:
        check_tiers(self.tiers)


@dataclass(frozen=True, slots=True)
class GraduatedPercentage:
    """As graduated, but the quantity is money and each tier takes a percentage of it (`unit_amount` as percent)."""

    tiers: tuple[Tier, ...]

    def __post_init__(self) -> None:
        check_tiers(self.tiers)


@dataclass(frozen=True, slots=True)
class Package:
    """Packages of `size` units after `free_units`: started ones, or with `whole_only` those that are full (V15)."""

    size: Fraction
    package_minor: int
    free_units: Fraction = Fraction(0)
    whole_only: bool = False

    def __post_init__(self) -> None:
        if self.size <= 0:
            raise BadPackage(param="package_size")


@dataclass(frozen=True, slots=True)
class GraduatedBlocks:
    """Tiers fill in order; in each, started blocks are paid."""

    tiers: tuple[BlockTier, ...]

    def __post_init__(self) -> None:
        check_blocks(self.tiers)


@dataclass(frozen=True, slots=True)
class VolumeBlocks:
    """The whole quantity in started blocks of the first tier whose cumulative capacity holds it."""

    tiers: tuple[BlockTier, ...]

    def __post_init__(self) -> None:
        check_blocks(self.tiers)


@dataclass(frozen=True, slots=True)
class Markup:
    """Passed-on cost: the quantity is money in minor units, times `multiplier`."""

    multiplier: Fraction


Model = Flat | PerUnit | Graduated | Volume | GraduatedPercentage | Package | GraduatedBlocks | VolumeBlocks | Markup


def packages(quantity: Fraction, size: Fraction, *, whole_only: bool = False) -> int:
    """How many packages of `size` hold `quantity`, or with `whole_only` how many it fills (V15)."""
    if size <= 0:
        raise BadPackage(param="package_size")
    exact = max(Fraction(0), quantity) / size
    return floor(exact) if whole_only else ceil(exact)


def check_tiers(tiers: Sequence[Tier]) -> None:
    """`BadTiers` unless there is one, they rise, and only the last is unbounded."""
    bounds = [tier.up_to for tier in tiers]
    if not bounds or None in bounds[:-1]:
        raise BadTiers(param="tiers")
    rising = [bound for bound in bounds if bound is not None]
    if any(b <= a for a, b in pairwise(rising)) or any(bound < 0 for bound in rising):
        raise BadTiers(param="tiers")


def check_blocks(tiers: Sequence[BlockTier]) -> None:
    """`BadTiers` unless there is one and only the last is unbounded; `BadPackage` for blocks of nothing."""
    if not tiers or any(tier.max_blocks is None for tier in tiers[:-1]):
        raise BadTiers(param="tiers")
    if any(tier.block_size <= 0 for tier in tiers):
        raise BadPackage(param="block_size")


def slices(quantity: Fraction, bounds: Sequence[Fraction | None]) -> Iterator[tuple[int, Fraction]]:
    """How much of `quantity` falls in each tier that it enters, by index; `QuantityAboveLastTier` beyond the last."""
    below = Fraction(0)
    for i, bound in enumerate(bounds):
        if quantity <= below:
            return
        top = quantity if bound is None else min(quantity, bound)
        yield i, top - below
        below = top
    if quantity > below:
        raise QuantityAboveLastTier(param="quantity", covered=str(below))


def cumulative(tiers: Sequence[BlockTier]) -> list[Fraction | None]:
    """The cumulative capacity of each block tier; None from an unbounded one."""
    bounds: list[Fraction | None] = []
    total = Fraction(0)
    for tier in tiers:
        capacity = tier.capacity
        total += capacity or 0
        bounds.append(None if capacity is None else total)
    return bounds


def covered(model: Model) -> Fraction | None:
    """The largest quantity that the model prices; None without a limit."""
    if isinstance(model, Graduated | Volume | GraduatedPercentage):
        return model.tiers[-1].up_to
    if isinstance(model, GraduatedBlocks | VolumeBlocks):
        return cumulative(model.tiers)[-1]
    return None
