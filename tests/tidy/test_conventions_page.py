"""The page of conventions names each of the 28 and, for each option, a field that the code has, with its values and default."""

from __future__ import annotations

import dataclasses
import re
from enum import StrEnum
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import pytest
from pydantic import BaseModel

from cauce.billing.catalog.models import check_model, price_rules_from
from cauce.billing.catalog.rules import NewPlan, NewPrice, PlanPolicy
from cauce.billing.customers.rules import CustomerData
from cauce.entrypoints.api.subscription_steps import CancelBody, ChangeBody, PauseBody
from cauce.entrypoints.api.subscriptions import SubscriptionBody
from cauce.flows.billing.conventions import Conventions
from cauce.flows.portal_settings import PortalSettings
from cauce.pricing.proration import Basis
from cauce.pricing.rating import Overflow

PAGE = (Path(__file__).resolve().parents[2] / "docs/conventions.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (V\d+) \| .*? \| .*? \| (.*) \|$", PAGE, re.MULTILINE)
NAMED = [
    (number, *named)
    for number, text in ROWS
    for named in re.findall(r"`(\w+)\.([\w.]+)`(?: = ([a-z0-9_]+(?:, [a-z0-9_]+)*))?", text)
]
PLACES: dict[str, Any] = {
    "billing_conventions": Conventions,
    "policy": PlanPolicy,
    "plan": NewPlan,
    "price": NewPrice,
    "customer": CustomerData,
    "portal": PortalSettings,
    "subscription": SubscriptionBody,
    "change": ChangeBody,
    "cancel": CancelBody,
    "pause": PauseBody,
}
TIERS = [{"up_to": None, "unit_amount": "1"}]
MODELS: dict[str, tuple[dict[str, Any], bool]] = {  # a price that has the field, and whether it is of a meter
    "overflow": ({"type": "graduated", "tiers": TIERS, "overflow": "covered_only"}, True),
    "prorated_quantity": ({"type": "volume", "tiers": TIERS, "prorated_quantity": True}, False),
    "whole_only": ({"type": "package", "size": "5", "package_minor": 1, "whole_only": True}, True),
    "zero_usage_flat_fee": ({"type": "volume", "tiers": TIERS, "zero_usage_flat_fee": True}, True),
    "minimum_minor": ({"type": "per_unit", "unit_amount": "1", "minimum_minor": 5}, True),
    "maximum_minor": ({"type": "per_unit", "unit_amount": "1", "maximum_minor": 5}, True),
    "included_units": ({"type": "per_unit", "unit_amount": "1", "included_units": "5"}, True),
    "proration_basis": ({"type": "flat", "amount_minor": 1, "proration_basis": "second"}, False),
    "change_policy": ({"type": "flat", "amount_minor": 1, "change_policy": {"credit": "refund"}}, False),
}
MODEL_VALUES: dict[str, type[StrEnum]] = {"overflow": Overflow, "proration_basis": Basis}


def values_of(hint: Any) -> list[str] | None:
    """The values of an enumeration; None for what is none."""
    if get_origin(hint) in (Union, UnionType):
        found = [values_of(part) for part in get_args(hint) if part is not type(None)]
        return found[0] if found else None
    if get_origin(hint) is Literal:
        return [str(value) for value in get_args(hint)]
    return [str(value) for value in hint] if isinstance(hint, type) and issubclass(hint, StrEnum) else None


def field_of(place: Any, path: str) -> tuple[Any, Any]:
    """The type and the default of a field, however deep."""
    first, _, rest = path.partition(".")
    if isinstance(place, type) and issubclass(place, BaseModel):
        found = place.model_fields[first]
        return found.annotation, found.default
    hint = get_type_hints(place)[first]
    if rest:
        return field_of(hint, rest)
    (one,) = [each for each in dataclasses.fields(place) if each.name == first]
    return hint, one.default


def test_each_of_the_28_has_its_row() -> None:
    assert [number for number, _ in ROWS] == [f"V{number}" for number in range(1, 29)]
    assert len(NAMED) > 45


@pytest.mark.parametrize(("number", "place", "path", "values"), [one for one in NAMED if one[1] != "model"])
def test_every_option_is_a_field_of_the_code(number: str, place: str, path: str, values: str) -> None:
    hint, default = field_of(PLACES[place], path)
    said = values.split(", ") if values else None
    if place == "billing_conventions" and path == "proration_basis":
        assert said == [str(one) for one in Basis if one is not Basis.NONE]  # what the whole organization may count by
    else:
        assert sorted(said or []) == sorted(values_of(hint) or []), number
    if said and isinstance(default, str):
        assert said[0] == default, f"{number}: the first value is the default"


@pytest.mark.parametrize(("path", "values"), [one[2:] for one in NAMED if one[1] == "model"])
def test_every_option_of_a_price_is_a_field_of_its_model(path: str, values: str) -> None:
    model, is_usage = MODELS[path]
    check_model(model, is_usage=is_usage)
    assert path in model
    said = [str(one) for one in MODEL_VALUES[path]] if path in MODEL_VALUES else []
    assert values.split(", ") == said if values else not said
    if path == "overflow":
        assert price_rules_from({**model, "overflow": values.split(", ")[0]}).rating.overflow is Overflow.REFUSE
