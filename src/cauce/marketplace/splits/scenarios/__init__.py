"""Nine businesses as data: a split rule, when money is released, sample orders and the cents that each party must get.

`apply` drafts a scenario's rule for an organization, `run` plays it on a channel. Files are JSON beside this module.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any

import msgspec

from cauce.kernel.errors import NotFound


class UnknownScenario(NotFound):
    """There is no scenario of this name."""

    code = "unknown_scenario"


@dataclass(frozen=True, slots=True)
class SampleLine:
    """What one seller sells; `seller` is a role of the scenario."""

    seller: str
    price: int
    freight: int = 0
    goods_kind: str = "physical"


@dataclass(frozen=True, slots=True)
class SampleRefund:
    """A refund: before the release or after it, of an amount or (None) all; `named` by role under an explicit policy."""

    amount: int | None = None
    named: Mapping[str, int] = field(default_factory=dict)
    before_release: bool = False


@dataclass(frozen=True, slots=True)
class SampleLater:
    """What the rule kept of an order is divided so many days after payment: minor units by role."""

    days: int
    parts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class SampleOrder:
    """One order. `release_days` after payment the money goes out by itself; None: when it is delivered, after `deliver_hours`.

    `expires_hours`: nobody redeems it, so it is canceled then. `expected` is what each role has of it in the end before
    the provider's fee, minor units; `refused` the code where a channel must refuse it when it is planned.
    """

    lines: tuple[SampleLine, ...]
    expected: Mapping[str, int] = field(default_factory=dict)
    release_days: int | None = None
    deliver_hours: int = 1
    expires_hours: int | None = None
    refunds: tuple[SampleRefund, ...] = ()
    later: tuple[SampleLater, ...] = ()
    refused_when_frozen_less_than_days: int | None = None


@dataclass(frozen=True, slots=True)
class Scenario:
    """One business. `roles` are the merchants by role with their legal form and trade place."""

    name: str
    title: str
    proves: str
    roles: Mapping[str, tuple[str, str]]
    rule: Mapping[str, Any]
    orders: tuple[SampleOrder, ...]

    def document(self, currency: str) -> dict[str, Any]:
        """The scenario's split rule in a currency, as `draft_rule` takes it."""
        return {"name": self.name, "currency": currency, **self.rule}


@cache
def scenarios() -> dict[str, Scenario]:
    """All scenarios by name, in alphabetical order."""
    found = {}
    for file in sorted(resources.files(__package__).iterdir(), key=lambda one: one.name):
        if file.name.endswith(".json"):
            one = msgspec.json.decode(file.read_bytes(), type=Scenario)
            found[one.name] = one
    return found


def scenario(name: str) -> Scenario:
    """The scenario of this name; `UnknownScenario` names those there are."""
    found = scenarios().get(name)
    if found is None:
        raise UnknownScenario(f"there is no scenario {name!r}; there are {', '.join(scenarios())}", param="name")
    return found
