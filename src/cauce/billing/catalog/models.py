"""Price models between their stored form and `pricing.models`: every rate a decimal string, every refusal named."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any

from cauce.kernel.calendar.periods import Interval, interval_of
from cauce.kernel.errors import InvalidRequest
from cauce.pricing.models import (
    BlockTier,
    Flat,
    Graduated,
    GraduatedBlocks,
    GraduatedPercentage,
    Markup,
    Model,
    Package,
    PerUnit,
    Tier,
    Volume,
    VolumeBlocks,
)
from cauce.pricing.phases import PricePhase

DECIMALS_MAX = 12
"""Rates have at most twelve decimals (V1)."""


class BadModel(InvalidRequest):
    """The price model cannot be understood."""

    code = "bad_price_model"


def model_from(plain: Mapping[str, Any]) -> Model:
    """The model from its stored form: `{"type": "graduated", "tiers": [{"up_to": "100", "unit_amount": "10"}, …]}`."""
    kind = plain.get("type")
    if kind == "flat":
        return Flat(whole(plain.get("amount_minor"), "amount_minor"))
    if kind == "per_unit":
        return PerUnit(rate_of(plain.get("unit_amount"), "unit_amount"))
    if kind == "package":
        free = rate_of(plain.get("free_units", "0"), "free_units")
        return Package(rate_of(plain.get("size"), "size"), whole(plain.get("package_minor"), "package_minor"), free)
    if kind == "markup":
        return Markup(rate_of(plain.get("multiplier"), "multiplier"))
    if kind in ("graduated", "volume", "graduated_percentage"):
        tiers = tuple(_tier(tier) for tier in plain.get("tiers", ()))
        if kind == "graduated":
            return Graduated(tiers)
        return Volume(tiers) if kind == "volume" else GraduatedPercentage(tiers)
    if kind in ("graduated_blocks", "volume_blocks"):
        blocks = tuple(_block(tier) for tier in plain.get("tiers", ()))
        return GraduatedBlocks(blocks) if kind == "graduated_blocks" else VolumeBlocks(blocks)
    raise BadModel(f"{kind!r} is not a price model", param="model")


def phases_from(plain: Iterable[Mapping[str, Any]], interval: Interval) -> tuple[PricePhase, ...]:
    """The phases of a price from their stored form: `{"periods": 3, "model": {…}}`, at first in the price's `interval`."""
    return tuple(
        PricePhase(
            model_from(phase["model"]),
            phase["periods"],
            interval_of(phase["interval"], phase["interval_count"]) if phase["interval"] else interval,
        )
        for phase in plain
    )


def rate_of(value: object, param: str) -> Fraction:
    """A non-negative decimal of at most twelve decimals from a string or an integer; floats are refused."""
    if type(value) is int:
        exact = Decimal(value)
    elif isinstance(value, str):
        try:
            exact = Decimal(value)
        except InvalidOperation as exc:
            raise BadModel(f"{value!r} is not a decimal", param=param) from exc
    else:
        raise BadModel(f"{param} is a decimal string, not {value!r}", param=param)
    exponent = exact.as_tuple().exponent
    if not exact.is_finite() or exact < 0 or (isinstance(exponent, int) and -exponent > DECIMALS_MAX):
        raise BadModel(f"{param} is a decimal of zero or more with at most {DECIMALS_MAX} decimals", param=param)
    return Fraction(exact)


def whole(value: object, param: str) -> int:
    """A non-negative integer of minor units; anything else is refused."""
    if type(value) is not int or value < 0:
        raise BadModel(f"{param} is an integer of minor units, zero or more", param=param)
    return value


def _tier(plain: Mapping[str, Any]) -> Tier:
    up_to = plain.get("up_to")
    return Tier(
        None if up_to is None else rate_of(up_to, "up_to"),
        rate_of(plain.get("unit_amount", plain.get("rate_percent", "0")), "unit_amount"),
        whole(plain.get("flat_minor", 0), "flat_minor"),
    )


def _block(plain: Mapping[str, Any]) -> BlockTier:
    blocks = plain.get("max_blocks")
    return BlockTier(
        rate_of(plain.get("block_size"), "block_size"),
        None if blocks is None else whole(blocks, "max_blocks"),
        whole(plain.get("block_minor"), "block_minor"),
    )
