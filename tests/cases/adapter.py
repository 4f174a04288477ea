"""The register of adapters: one function per kind that turns a case's inputs into a call of the product.

An adapter translates and does no arithmetic. A refusal of the product (`CauceError`) becomes `{"refused": code}`;
an adapter of a kind that reports more with a refusal catches it itself. `OPTIONS` is the list of section 4: what is
not in it fails, what the product does not offer is `Unsupported`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cauce.kernel.errors import CauceError

Adapter = Callable[[dict[str, Any], dict[str, Any]], dict[str, Any]]

ADAPTERS: dict[str, Adapter] = {}

OPTIONS: dict[str, tuple[object, ...]] = {
    "proration_basis": ("second", "fixed_30"),
    "proration": ("none",),
    "beyond_period": ("cap",),
    "cancellation_day": ("billed",),
    "zero_usage_flat_fee": (True,),
    "overflow": ("covered_only",),
    "prorated_quantity": (True,),
    "markup_model": (True,),
    "per_event_min_max": (True,),
    "trial_on_change": ("from_first_start",),
    "interval_change": ("reset", "keep_anchor"),
    "effective": ("at_period_end",),
    "discount_rounding": ("per_line",),
    "coupon_order": ("percent_first",),
    "tax_rounding": ("once_per_invoice",),
    "remainder": (
        "floor_then_first",
        "floor_then_last",
        "floor_then_largest_share",
        "remainder_kept_apart",
        "whole_blocks",
    ),
    "step_minor": (),  # any integer
    "weighting": ("by_ceiling",),
    "overdraft": (True,),
    "protected_balance": (True,),
    "payers_by_share": (True,),
    "beyond_int64": (True,),
    "refund_policy": ("explicit",),
    "allow_above_part": (True,),
    "refund_fee": ("borne_by_receivers",),
}


class Unsupported(Exception):
    """The product does not offer an option that the case needs."""


class UnknownVocabulary(AssertionError):
    """The case uses a kind or an option that the format does not have."""


def kind(name: str) -> Callable[[Adapter], Adapter]:
    """Register the adapter of the kind `name`."""

    def register(adapter: Adapter) -> Adapter:
        assert name not in ADAPTERS, f"two adapters for {name}"
        ADAPTERS[name] = adapter
        return adapter

    return register


def run(kind: str, inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """The product's answer to one case, in the vocabulary of the cases."""
    if kind not in ADAPTERS:
        raise UnknownVocabulary(f"no adapter for the kind {kind!r}")
    for name, value in options.items():
        if name not in OPTIONS or (OPTIONS[name] and value not in OPTIONS[name]):
            raise UnknownVocabulary(f"unknown option {name}={value!r}")
    try:
        return ADAPTERS[kind](inputs, options)
    except CauceError as refusal:
        return {"refused": refusal.code}
