"""Plans as they are offered: read once for the pricing page, the checkout and the change of plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from cauce.flows.context import Runtime
from cauce.kernel.calendar.periods import interval_of
from cauce.reports import subscriptions as report
from cauce.storage.database import Row
from cauce.storage.directory.orgs import Org


@dataclass(frozen=True, slots=True)
class Intro:
    """A price at first: so much for `count` times `unit` (day, week, month or year); None where it follows steps."""

    amount_minor: Decimal | None
    unit: str
    count: int


@dataclass(frozen=True, slots=True)
class Unit:
    """A price beside the base fee: so much per unit of `name`; None where it follows steps or usage."""

    name: str
    amount_minor: Decimal | None
    intros: tuple[Intro, ...] = ()


@dataclass(frozen=True, slots=True)
class Offer:
    """A plan as it is shown, in one currency: the base fee, what comes on top, what it gives."""

    key: str
    name: str
    product: str
    currency: str
    base_minor: int
    interval_unit: str
    interval_count: int
    units: tuple[Unit, ...]
    trial_days: int
    features: tuple[tuple[str, object], ...]
    options: tuple[dict[str, Any], ...] = ()
    force_card: bool = False
    price_ids: tuple[str, ...] = ()
    intros: tuple[Intro, ...] = ()
    """The base fee at first; with several fees in phases, those of the first."""
    category: str = ""


async def offers_of(runtime: Runtime, org: Org) -> list[Offer]:
    """Every plan on sale, once per currency, the cheapest first."""
    async with runtime.db.transaction(org.id) as tx:
        sold = await report.plans_on_sale(tx)
    offers = [
        _read(plan, [price for price in prices if price["currency"] == currency], currency)
        for plan, prices in sold
        for currency in dict.fromkeys(price["currency"] for price in prices)
    ]
    return sorted((one for one in offers if one is not None), key=lambda one: (one.base_minor, one.key))


def _read(plan: Row, prices: Sequence[Row], currency: str) -> Offer | None:
    base = [price for price in prices if price["role"] == "base"]
    if not base:
        return None
    flat = [price for price in base if price["model"]["type"] == "flat" and price["kind"] == "recurring"]
    others = [price for price in base if price not in flat]
    first = (flat or base)[0]
    fee = sum(int(price["model"]["amount_minor"]) for price in flat)
    phased = next((price for price in flat if price["phases"]), None)
    return Offer(
        plan["key"],
        plan["name"],
        plan["product"],
        currency,
        fee,
        first["interval_unit"],
        first["interval_count"],
        tuple(Unit(price["key"], _unit_amount(price), _intros(price)) for price in others),
        plan["trial_days"],
        tuple(sorted(plan["features"].items())),
        tuple(plan["options"]),
        plan["force_card"],
        tuple(price["id"] for price in prices),
        _intros(phased, fee - int(phased["model"]["amount_minor"])) if phased is not None else (),
        plan["category"],
    )


def _intros(price: Row, beside_minor: int = 0) -> tuple[Intro, ...]:
    """The phases of a price, each with what other fees come to beside it."""
    found = []
    for phase in price["phases"]:
        stated = phase["model"].get("amount_minor", phase["model"].get("unit_amount"))
        span = interval_of(
            phase["interval"] or price["interval_unit"],
            phase["interval_count"] if phase["interval"] else price["interval_count"],
        )
        amount = None if stated is None else Decimal(str(stated)) + beside_minor
        found.append(Intro(amount, span.unit.value, phase["periods"] * span.count))
    return tuple(found)


def _unit_amount(price: Row) -> Decimal | None:
    model = price["model"]
    is_plain = model["type"] == "per_unit" and price["kind"] == "recurring"
    return Decimal(str(model["unit_amount"])) if is_plain else None
