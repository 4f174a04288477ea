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
from cauce.pricing.percentage import PercentagePrice, Rateable
from cauce.pricing.phases import PricePhase
from cauce.pricing.proration import Basis
from cauce.pricing.rating import Overflow, RatingRules
from cauce.pricing.subscription_charges import DEFAULT_PRICE_RULES, PriceRules

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
        return _package(plain)
    if kind == "markup":
        return Markup(rate_of(plain.get("multiplier"), "multiplier"))
    if kind in ("graduated", "volume", "graduated_percentage"):
        tiers = tuple(_tier(tier) for tier in _tiers(plain))
        if kind == "graduated":
            return Graduated(tiers)
        return Volume(tiers) if kind == "volume" else GraduatedPercentage(tiers)
    if kind in ("graduated_blocks", "volume_blocks"):
        blocks = tuple(_block(tier) for tier in _tiers(plain))
        return GraduatedBlocks(blocks) if kind == "graduated_blocks" else VolumeBlocks(blocks)
    raise BadModel(f"{kind!r} is not a price model", param="model")


def price_model_from(plain: Mapping[str, Any]) -> Rateable:
    """The same for the model of a price, which may also be a percentage of single events."""
    if plain.get("type") != "percentage":
        return model_from(plain)
    price = PercentagePrice(
        rate_of(plain.get("rate_percent"), "rate_percent"),
        whole(plain.get("fixed_per_event_minor", 0), "fixed_per_event_minor"),
        optional_whole(plain, "free_events"),
        optional_whole(plain, "free_value_minor"),
        optional_whole(plain, "min_per_event_minor"),
        optional_whole(plain, "max_per_event_minor"),
    )
    if price.max_minor is not None and (price.min_minor or 0) > price.max_minor:
        raise BadModel("min_per_event_minor is at most max_per_event_minor", param="model")
    return price


def price_rules_from(plain: Mapping[str, Any]) -> PriceRules:
    """The options of a price, which stand in its model: how it is rated at the edges (V16, overflow, prorated quantity)."""
    try:
        overflow = Overflow(plain.get("overflow", Overflow.REFUSE))
    except ValueError as exc:
        raise BadModel("overflow is refuse or covered_only", param="model.overflow") from exc
    flags = [plain.get(name, False) for name in ("zero_usage_flat_fee", "prorated_quantity")]
    if not all(isinstance(flag, bool) for flag in flags):
        raise BadModel("zero_usage_flat_fee and prorated_quantity are true or false", param="model")
    try:
        basis = Basis(plain["proration_basis"]) if "proration_basis" in plain else None
    except ValueError as exc:
        raise BadModel("proration_basis is day, second, fixed_30 or none", param="model.proration_basis") from exc
    if not any(flags) and overflow is Overflow.REFUSE and basis is None:
        return DEFAULT_PRICE_RULES
    return PriceRules(RatingRules(flags[0], overflow), flags[1], basis)


_TIERED = frozenset({"graduated", "volume", "graduated_percentage"})
_BLOCKS = frozenset({"graduated_blocks", "volume_blocks"})
_FIELDS: dict[str, frozenset[str]] = {
    "flat": frozenset({"amount_minor"}),
    "per_unit": frozenset({"unit_amount"}),
    "package": frozenset({"size", "package_minor", "free_units", "whole_only"}),
    "markup": frozenset({"multiplier"}),
    "percentage": frozenset(
        {
            "rate_percent",
            "fixed_per_event_minor",
            "free_events",
            "free_value_minor",
            "min_per_event_minor",
            "max_per_event_minor",
        }
    ),
    **{kind: frozenset({"tiers", "overflow", "zero_usage_flat_fee"}) for kind in _TIERED},
    **{kind: frozenset({"tiers", "overflow"}) for kind in _BLOCKS},
}
_TIER_FIELDS = {
    "graduated": frozenset({"up_to", "unit_amount", "flat_minor"}),
    "volume": frozenset({"up_to", "unit_amount", "flat_minor"}),
    "graduated_percentage": frozenset({"up_to", "rate_percent", "flat_minor"}),
    **dict.fromkeys(_BLOCKS, frozenset({"block_size", "max_blocks", "block_minor"})),
}
_COMMITMENTS = frozenset({"minimum_minor", "maximum_minor", "included_units"})


def check_model(plain: Mapping[str, Any], *, is_usage: bool, is_phase: bool = False) -> None:
    """Refuse a model that could not be rated, or that says what nobody reads: a misspelt field is no silent default.

    Only usage has commitments (`minimum_minor`, `maximum_minor`), `included_units` and a percentage of events; only a
    recurring price a `proration_basis`, a `change_policy` and a `prorated_quantity` where it goes by volume. Options are the price's, not a phase's.
    """
    price_model_from(plain)
    kind = str(plain["type"])
    if kind == "percentage" and not is_usage:
        raise BadModel("a percentage is of the events of a meter: a usage price", param="model")
    allowed = {"type", *_FIELDS[kind]}
    if is_usage:
        allowed |= _COMMITMENTS - ({"included_units"} if kind == "percentage" else set())
    else:
        allowed |= {"proration_basis", "change_policy"} | ({"prorated_quantity"} if kind == "volume" else set())
    if is_phase:
        allowed -= {"overflow", "zero_usage_flat_fee", "prorated_quantity", "proration_basis", "change_policy"}
    unknown = set(plain) - allowed
    unknown |= {name for tier in plain.get("tiers", ()) for name in set(tier) - _TIER_FIELDS[kind]}
    if unknown:
        raise BadModel(f"a {kind} price of this kind has no field {min(unknown)}", param=f"model.{min(unknown)}")
    price_rules_from(plain)
    rate_of(plain.get("included_units", "0"), "included_units")
    least, most = optional_whole(plain, "minimum_minor"), optional_whole(plain, "maximum_minor")
    if most is not None and (least or 0) > most:
        raise BadModel("minimum_minor is at most maximum_minor", param="model.minimum_minor")


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


def optional_whole(plain: Mapping[str, Any], name: str) -> int | None:
    """The same where it may be left out."""
    value = plain.get(name)
    return None if value is None else whole(value, name)


def _package(plain: Mapping[str, Any]) -> Package:
    whole_only = plain.get("whole_only", False)
    if not isinstance(whole_only, bool):
        raise BadModel("whole_only is true or false", param="model.whole_only")
    return Package(
        rate_of(plain.get("size"), "size"),
        whole(plain.get("package_minor"), "package_minor"),
        rate_of(plain.get("free_units", "0"), "free_units"),
        whole_only,
    )


def _tiers(plain: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    tiers = plain.get("tiers", [])
    if not isinstance(tiers, list) or not all(isinstance(tier, Mapping) for tier in tiers):
        raise BadModel("tiers are a list of objects", param="model.tiers")
    return tiers


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
