"""Adapters of the kinds that divide an amount."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from cauce.kernel.errors import CauceError
from cauce.pricing.allocation import REST, Share, allocate_by_share, allocate_by_weight, allocate_to_ceilings
from cauce.pricing.rounding import Remainder, Rounded
from cauce.pricing.stated_parts import StatedPart, check_stated_parts
from tests.cases.adapter import kind


def remainder(options: dict[str, Any]) -> Remainder:
    """The rounding policy that the options name."""
    return Remainder(options.get("remainder", Remainder.LARGEST_REMAINDER))


def share(row: dict[str, Any]) -> Share:
    """One listed share."""
    if row.get("rest"):
        return REST
    if "fixed_minor" in row:
        return Share(fixed_minor=row["fixed_minor"])
    return Share(fraction=Fraction(row["fraction"]))


def _rounded(rounded: Rounded) -> dict[str, Any]:
    return {"parts_minor": list(rounded.parts), "left_over_minor": rounded.left_over}


@kind("allocate_by_weight")
def _allocate_by_weight(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    weights = [Fraction(weight) for weight in inputs["weights"]]
    step = options.get("step_minor", 1)
    return _rounded(allocate_by_weight(inputs["amount_minor"], weights, remainder(options), step=step))


@kind("allocate_by_share")
def _allocate_by_share(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    shares = [share(row) for row in inputs["shares"]]
    return _rounded(allocate_by_share(inputs["amount_minor"], shares, remainder(options)))


@kind("conservation")
def _conservation(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    parts = _allocate_by_share(inputs, options)["parts_minor"]
    return {"sum_minor": sum(parts), "negative_parts": len([part for part in parts if part < 0])}


@kind("allocate_to_ceilings")
def _allocate_to_ceilings(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    return _rounded(allocate_to_ceilings(inputs["amount_minor"], inputs["ceilings_minor"]))


@kind("explicit_split")
def _explicit_split(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    parts = [
        StatedPart(row["to"], row.get("amount_minor"), Fraction(row["percent"]) if "percent" in row else None)
        for row in inputs["parts"]
    ]
    return accepted(lambda: check_stated_parts(inputs["amount_minor"], parts))


def accepted(check: Callable[[], object]) -> dict[str, Any]:
    """What a check that returns nothing or refuses says in the vocabulary of the cases."""
    try:
        check()
    except CauceError as refusal:
        return {"accepted": False, "refused": refusal.code}
    return {"accepted": True}
