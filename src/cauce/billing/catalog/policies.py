"""A plan's policy between its stored form and the value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from cauce.billing.catalog.rules import BadPlan, PlanPolicy


def policy_from(plain: Mapping[str, Any]) -> PlanPolicy:
    """A policy from its stored form; unknown or ill-typed fields are refused."""
    try:
        return msgspec.convert(dict(plain), PlanPolicy, strict=True)
    except msgspec.ValidationError as exc:
        raise BadPlan(f"policy: {exc}", param="policy") from exc


def policy_to_plain(policy: PlanPolicy) -> dict[str, Any]:
    """The stored form of a policy."""
    plain: dict[str, Any] = msgspec.to_builtins(policy)
    return plain
