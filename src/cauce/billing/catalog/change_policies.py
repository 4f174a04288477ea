"""One change policy out of several: the plan's, with what its price, the portal and the call say instead (F4).

A layer is the plain form of some fields of `ChangePolicy`; a rule in it is whole (`timing`, and `proration` or its
default). Later layers prevail over earlier ones, field by field. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from cauce.billing.catalog.policies import unknown_field
from cauce.billing.catalog.rules import BadPlan, ChangePolicy

Layer = Mapping[str, Any]


class BadChangePolicy(BadPlan):
    """A change policy has rules for upgrade, downgrade, quantity_up, quantity_down, interval_up and interval_down."""

    code = "bad_change_policy"


def overlaid(policy: ChangePolicy, *layers: Layer) -> ChangePolicy:
    """The policy with the fields of these layers, each over those before it; `BadChangePolicy` for what is none."""
    said = [layer for layer in layers if layer]
    if not said:
        return policy
    plain: dict[str, Any] = msgspec.to_builtins(policy)
    for layer in said:
        plain |= layer
    try:
        return msgspec.convert(plain, ChangePolicy, strict=True)
    except msgspec.ValidationError as exc:
        raise BadChangePolicy(f"change_policy: {exc}", param="change_policy") from exc


def checked_layer(layer: object) -> dict[str, Any]:
    """The same layer when every field of it is known and well-typed; `BadChangePolicy` otherwise."""
    if not isinstance(layer, Mapping):
        raise BadChangePolicy(param="change_policy")
    read = msgspec.to_builtins(overlaid(ChangePolicy(), layer))
    if unknown := unknown_field(layer, read):
        raise BadChangePolicy(f"a change policy has no field {unknown}", param="change_policy")
    return dict(layer)
