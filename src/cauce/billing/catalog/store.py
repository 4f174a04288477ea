"""The slice's tables. A price never changes, so the process remembers every one that it has read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from fractions import Fraction
from typing import Any

import msgspec

from cauce.billing.catalog.coupons import Coupon
from cauce.billing.catalog.models import optional_whole, phases_from, price_model_from, price_rules_from, rate_of
from cauce.billing.catalog.policies import policy_from, policy_to_plain
from cauce.billing.catalog.rules import NewPlan, NewPrice, Plan, Price, PriceKind
from cauce.kernel.calendar.periods import interval_of
from cauce.kernel.errors import NotFound
from cauce.pricing.proration import Basis
from cauce.pricing.schedule import Billing
from cauce.pricing.subscription_charges import PriceRules
from cauce.storage.database import Row, Tx
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__)


async def insert_plan(tx: Tx, plan_id: str, plan: NewPlan, now: datetime) -> int:
    """A new version of the plan's key; its number."""
    version: int = await tx.value(
        QUERIES.insert_plan,
        tx.org,
        plan_id,
        plan.key,
        plan.product_id,
        plan.name,
        plan.trial_days,
        plan.features,
        list(plan.options),
        policy_to_plain(plan.policy),
        plan.content,
        plan.metadata,
        plan.from_file,
        now,
    )
    return version


async def insert_prices(
    tx: Tx, plan_id: str, product_id: str, ids: Sequence[str], prices: Sequence[NewPrice], now: datetime
) -> None:
    """Prices of a plan, all at once."""
    await tx.run(
        QUERIES.insert_prices,
        tx.org,
        plan_id,
        product_id,
        now,
        list(ids),
        [price.key for price in prices],
        [price.kind.value for price in prices],
        [price.role for price in prices],
        [price.currency for price in prices],
        [price.billing.value for price in prices],
        ["none" if price.kind is PriceKind.ONE_TIME else _unit(price) for price in prices],
        [1 if price.kind is PriceKind.ONE_TIME else _count(price) for price in prices],
        [dict(price.model) for price in prices],
        [price.meter_key for price in prices],
        [price.tax_category for price in prices],
        [price.tax_inclusive for price in prices],
        [price.nickname for price in prices],
        [msgspec.to_builtins(price.phases) for price in prices],
    )


async def read_prices(tx: Tx, ids: Iterable[str]) -> dict[str, Price]:
    """The prices with these ids; `NotFound` names the first that is missing."""
    known: dict[tuple[int, str], Price] = tx.memory.setdefault("catalog.prices", {})
    wanted = set(ids)
    missing = [price_id for price_id in wanted if (tx.org, price_id) not in known]
    fresh: dict[str, Price] = {}
    if missing:
        fresh = {row["id"]: _price(row) for row in await tx.rows(QUERIES.prices_by_id, tx.org, missing)}
        org_id = tx.org
        tx.after_commit(lambda: known.update({(org_id, price_id): price for price_id, price in fresh.items()}))
    found = {price_id: fresh.get(price_id) or known.get((tx.org, price_id)) for price_id in wanted}
    for price_id, price in found.items():
        if price is None:
            raise NotFound(f"there is no price {price_id}", param="price")
    return {price_id: price for price_id, price in found.items() if price is not None}


async def read_plans(tx: Tx, ids: Iterable[str]) -> dict[str, Plan]:
    """The plan versions with these ids."""
    return {row["id"]: _plan(row) for row in await tx.rows(QUERIES.plans_by_id, tx.org, sorted(set(ids)))}


async def latest_plan(tx: Tx, key: str) -> Plan:
    """The newest version of a plan; `NotFound` otherwise."""
    plan = await newest_version(tx, key)
    if plan is None:
        raise NotFound(f"there is no plan {key}", param="plan")
    return plan


async def newest_version(tx: Tx, key: str) -> Plan | None:
    """The newest version of a plan, or None."""
    row = await tx.row(QUERIES.latest_plan, tx.org, key)
    return None if row is None else _plan(row)


async def latest_plans(tx: Tx) -> list[Plan]:
    """The newest version of every plan, by key."""
    return [_plan(row) for row in await tx.rows(QUERIES.latest_plans, tx.org)]


async def prices_of_plan(tx: Tx, plan_id: str) -> list[Price]:
    """The prices of a plan version that are sold, in the order they were made."""
    ids = [row["id"] for row in await tx.rows(QUERIES.prices_of_plan, tx.org, plan_id)]
    prices = await read_prices(tx, ids)
    return [prices[price_id] for price_id in ids]


async def sold_prices(tx: Tx, plan_ids: Iterable[str]) -> dict[str, list[NewPrice]]:
    """The prices of plan versions that are sold, as they would be made again, in the order they were made."""
    found: dict[str, list[NewPrice]] = {}
    for row in await tx.rows(QUERIES.sold_prices, tx.org, sorted(set(plan_ids))):
        terms = {name: value for name, value in row.items() if name not in ("plan_id", "interval_unit")}
        once = row["interval_unit"] == "none"
        terms["interval"] = "month" if once else row["interval_unit"]
        found.setdefault(row["plan_id"], []).append(msgspec.convert(terms, NewPrice, strict=True))
    return found


async def lock_coupon(tx: Tx, code: str) -> Coupon:
    """The coupon with this code, locked; `NotFound` otherwise."""
    row = await tx.row(QUERIES.lock_coupon, tx.org, code)
    if row is None:
        raise NotFound(f"there is no coupon {code}", param="coupon")
    percent = None if row["percent"] is None else Fraction(row["percent"])
    return Coupon(**{**dict(row), "percent": percent, "product_ids": tuple(row["product_ids"])})


async def tax_rates(tx: Tx) -> dict[tuple[str, str], Fraction]:
    """(country, category) -> percent; country "" is the rate wherever nothing better is known."""
    return {
        (row["country"], row["category"]): Fraction(row["percent"]) for row in await tx.rows(QUERIES.tax_rates, tx.org)
    }


def _unit(price: NewPrice) -> str:
    return interval_of(price.interval, price.interval_count).unit.value


def _count(price: NewPrice) -> int:
    return interval_of(price.interval, price.interval_count).count


def _plan(row: Row) -> Plan:
    return Plan(**{**dict(row), "policy": policy_from(row["policy"])})


def _rules(row: Row, model: Mapping[str, Any]) -> PriceRules:
    """The options of a price; parts of a period are counted as it says, else as its plan does."""
    rules = price_rules_from(model)
    if rules.basis is not None or row["plan_basis"] is None:
        return rules
    return replace(rules, basis=Basis(row["plan_basis"]))


def _price(row: Row) -> Price:
    model: dict[str, Any] = row["model"]
    interval = None if row["interval_unit"] == "none" else interval_of(row["interval_unit"], row["interval_count"])
    return Price(
        id=row["id"],
        key=row["key"],
        plan_id=row["plan_id"],
        product_id=row["product_id"],
        kind=PriceKind(row["kind"]),
        role=row["role"],
        currency=row["currency"],
        billing=Billing(row["billing"]),
        interval=interval,
        model=price_model_from(model),
        minimum_minor=optional_whole(model, "minimum_minor"),
        free_units=rate_of(model.get("included_units", "0"), "included_units"),
        meter_key=row["meter_key"],
        tax_category=row["tax_category"],
        tax_inclusive=row["tax_inclusive"],
        nickname=row["nickname"],
        phases=phases_from(row["phases"], interval) if interval is not None else (),
        maximum_minor=optional_whole(model, "maximum_minor"),
        rules=_rules(row, model),
        change=model.get("change_policy", {}),
    )
