"""A plan's policy between its stored form and the value; and fields that nothing reads are refused, not left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from cauce.billing.catalog.rules import BadPlan, PlanPolicy


def policy_from(plain: Mapping[str, Any]) -> PlanPolicy:
    """A policy from its stored form; ill-typed fields are refused."""
    try:
        return msgspec.convert(dict(plain), PlanPolicy, strict=True)
    except msgspec.ValidationError as exc:
        raise BadPlan(f"policy: {exc}", param="policy") from exc


def new_policy(plain: Mapping[str, Any]) -> PlanPolicy:
    """A policy that somebody states: also refused with a field that no policy has, however deep, for it would be silent."""
    policy = policy_from(plain)
    unknown = unknown_field(plain, policy_to_plain(policy))
    if unknown:
        raise BadPlan(f"a policy has no field {unknown}", param=f"policy.{unknown}")
    return policy


def unknown_field(given: object, read: object, path: str = "") -> str:
    """The path of the first field of `given` that is not in what was read from it; "" when there is none."""
    if isinstance(given, Mapping) and isinstance(read, Mapping):
        for name, value in given.items():
            place = f"{path}.{name}" if path else str(name)
            if name not in read:
                return place
            if found := unknown_field(value, read[name], place):
                return found
    elif isinstance(given, Sequence) and isinstance(read, Sequence) and not isinstance(given, str):
        for one, other in zip(given, read, strict=False):
            if found := unknown_field(one, other, path):
                return found
    return ""


def policy_to_plain(policy: PlanPolicy) -> dict[str, Any]:
    """The stored form of a policy."""
    plain: dict[str, Any] = msgspec.to_builtins(policy)
    return plain
