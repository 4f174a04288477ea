"""Priced form fields of a plan: the server computes what a choice costs and refuses what the plan does not offer (A3).

An option of a plan is `{"key", "type": "select" | "boolean" | "number" | "text", "required", "private",
"choices": [{"value", "add_minor", "add_percent"}], "add_minor", "add_percent", "min", "max"}`; amounts are integers
of minor units, percentages decimal strings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from cauce.billing.catalog.rules import Plan
from cauce.kernel.errors import InvalidRequest


class BadOption(InvalidRequest):
    """The plan does not offer this choice."""

    code = "bad_option"


def adjustments(plan: Plan, chosen: Mapping[str, Any]) -> tuple[int, Decimal]:
    """(minor units, percent) that the chosen options add to a period's base fee; `BadOption` for what is not offered."""
    return require_offered(plan.key, plan.options, chosen)


def require_offered(
    plan_key: str, options: Sequence[Mapping[str, Any]], chosen: Mapping[str, Any]
) -> tuple[int, Decimal]:
    """The same for these options of a plan."""
    known = {option["key"]: option for option in options}
    for key in chosen:
        if key not in known:
            raise BadOption(f"plan {plan_key} has no option {key}", param=f"options.{key}")
    added, percent = 0, Decimal(0)
    for key, option in known.items():
        if key not in chosen:
            if option.get("required"):
                raise BadOption(f"option {key} must be chosen", param=f"options.{key}")
            continue
        one_added, one_percent = _cost(option, chosen[key])
        added += one_added
        percent += one_percent
    return added, percent


def _cost(option: Mapping[str, Any], value: Any) -> tuple[int, Decimal]:
    key, kind = option["key"], option.get("type", "select")
    if kind == "select":
        for choice in option.get("choices", ()):
            if choice["value"] == value:
                return _amounts(choice)
        raise BadOption(f"{value!r} is no choice of option {key}", param=f"options.{key}")
    if kind == "boolean":
        if not isinstance(value, bool):
            raise BadOption(f"option {key} is true or false", param=f"options.{key}")
        return _amounts(option) if value else (0, Decimal(0))
    if kind == "number":
        if type(value) is not int or not option.get("min", 0) <= value <= option.get("max", 10**9):
            raise BadOption(f"option {key} is a whole number within its bounds", param=f"options.{key}")
        added, percent = _amounts(option)
        return added * value, percent * value
    if not isinstance(value, str):
        raise BadOption(f"option {key} is a text", param=f"options.{key}")
    return _amounts(option) if value else (0, Decimal(0))


def _amounts(plain: Mapping[str, Any]) -> tuple[int, Decimal]:
    added = plain.get("add_minor", 0)
    if type(added) is not int:
        raise BadOption("add_minor is an integer of minor units")
    return added, Decimal(str(plain.get("add_percent", "0")))
