"""Making and retiring what is sold: plan versions with their prices, coupons, tax rates; products are beside it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from cauce.billing.catalog import store
from cauce.billing.catalog.checks import check_plan
from cauce.billing.catalog.models import rate_of
from cauce.billing.catalog.products import change_product, create_product, find_product, list_products
from cauce.billing.catalog.rules import NewPlan, Plan, PlanNotSold, Price
from cauce.billing.catalog.store import (
    latest_plan,
    latest_plans,
    lock_coupon,
    prices_of_plan,
    read_plans,
    read_prices,
    sold_prices,
    tax_rates,
)
from cauce.kernel.errors import InvalidRequest
from cauce.kernel.ids import new_id
from cauce.storage.database import Row, Tx
from cauce.storage.outbox import NewEvent, emit

__all__ = [
    "archive_coupon",
    "archive_plan",
    "archive_price",
    "change_coupon",
    "change_product",
    "create_coupon",
    "create_plan",
    "create_product",
    "find_product",
    "latest_plan",
    "latest_plans",
    "list_coupons",
    "list_products",
    "lock_coupon",
    "prices_of_plan",
    "put_tax_rate",
    "read_plans",
    "read_prices",
    "redeem_coupon",
    "require_sold",
    "set_metadata",
    "set_published",
    "sold_prices",
    "tax_rate_rows",
    "tax_rates",
]


@dataclass(frozen=True, slots=True)
class NewCoupon:
    """A coupon to make: `percent` (a decimal string) or an amount in a currency."""

    code: str
    percent: str | None = None
    amount_minor: int | None = None
    currency: str | None = None
    duration: str = "once"
    duration_periods: int | None = None
    product_ids: tuple[str, ...] = ()
    first_purchase: bool = False
    redemptions_max: int | None = None
    expires_at: datetime | None = None
    name: str = ""


async def create_plan(tx: Tx, plan: NewPlan, *, now: datetime, actor: str = "system") -> str:
    """A new plan, or a new version of one, with its prices; its id. Refuses what could not be billed."""
    check_plan(plan)
    plan_id = new_id("plan")
    before = await store.newest_version(tx, plan.key)
    version = await store.insert_plan(tx, plan_id, plan, now)
    price_ids = [new_id("price") for _ in plan.prices]
    await store.insert_prices(tx, plan_id, plan.product_id, price_ids, plan.prices, now)
    events = [NewEvent("plan.created", plan_id, now, {"key": plan.key, "version": version})]
    events += [
        NewEvent("price.created", price_id, now, {"plan": plan_id, "key": price.key, "currency": price.currency})
        for price_id, price in zip(price_ids, plan.prices, strict=True)
    ]
    if before is not None:
        events += await _what_changed(tx, before, plan_id, plan, price_ids, version, now)
    await emit(tx, events, actor=actor)
    return plan_id


async def _what_changed(
    tx: Tx, before: Plan, plan_id: str, plan: NewPlan, price_ids: Sequence[str], version: int, now: datetime
) -> list[NewEvent]:
    """That a known plan has a new version, and which of its prices have other terms there."""
    content = {"key": plan.key, "version": version}
    events = [NewEvent("plan.updated", plan_id, now, content, previous={"id": before.id, "version": before.version})]
    old = {(price.key, price.currency): price for price in await prices_of_plan(tx, before.id)}
    new = await read_prices(tx, price_ids)
    for price in new.values():
        known = old.get((price.key, price.currency))
        if known is not None and price != replace(known, id=price.id, plan_id=plan_id):
            told = {"plan": plan_id, "key": price.key, "currency": price.currency}
            events.append(NewEvent("price.updated", price.id, now, told, previous={"id": known.id}))
    return events


async def require_sold(tx: Tx, key: str) -> tuple[str, list[Price]]:
    """The id and prices of the newest version of a plan; `PlanNotSold` when it is not offered."""
    plan = await latest_plan(tx, key)
    if plan.state == "archived":
        raise PlanNotSold(f"plan {key} is archived", param="plan")
    return plan.id, await prices_of_plan(tx, plan.id)


async def set_published(tx: Tx, plan: Plan, published: bool, *, now: datetime, actor: str = "system") -> None:
    """Offer a plan on hosted pages, or hide it there: who has its address or its key may still take it.

    `PlanNotSold` for one that is archived; the same again changes nothing.
    """
    state = "published" if published else "unpublished"
    if plan.state == "archived":
        raise PlanNotSold(f"plan {plan.key} is archived", param="plan")
    if plan.state != state:
        await tx.run(store.QUERIES.set_plan_state, tx.org, plan.id, state)
        await emit(tx, [NewEvent(f"plan.{state}", plan.id, now, {"key": plan.key})], actor=actor)


async def set_metadata(
    tx: Tx, plan: Plan, metadata: Mapping[str, Any], *, now: datetime, actor: str = "system"
) -> None:
    """Keep other data beside a plan version; no new version, for nothing that is billed depends on them."""
    if plan.metadata != metadata:
        await tx.run(store.QUERIES.set_plan_metadata, tx.org, plan.id, dict(metadata))
        told = {"key": plan.key, "version": plan.version, "metadata": dict(metadata)}
        previous = {"metadata": plan.metadata}
        await emit(tx, [NewEvent("plan.updated", plan.id, now, told, previous=previous)], actor=actor)


async def archive_plan(tx: Tx, plan_id: str, *, now: datetime, actor: str = "system") -> None:
    """Sell the plan no longer; those who have it keep it."""
    await tx.run(store.QUERIES.set_plan_state, tx.org, plan_id, "archived")
    await emit(tx, [NewEvent("plan.archived", plan_id, now)], actor=actor)


async def archive_price(tx: Tx, price_id: str, *, now: datetime, actor: str = "system") -> None:
    """Sell the price no longer; those who have it keep it."""
    if await tx.run(store.QUERIES.archive_price, tx.org, price_id, now):
        await emit(tx, [NewEvent("price.archived", price_id, now)], actor=actor)


async def create_coupon(tx: Tx, coupon: NewCoupon, *, now: datetime, actor: str = "system") -> str:
    """A new coupon; its id."""
    if (coupon.percent is None) == (coupon.amount_minor is None):
        raise InvalidRequest("a coupon takes off a percentage or an amount", param="percent")
    if (coupon.amount_minor is None) != (coupon.currency is None) or (coupon.amount_minor or 1) < 1:
        raise InvalidRequest("a coupon's amount is above zero and in a currency", param="amount_minor")
    if (coupon.duration == "repeating") != (coupon.duration_periods is not None) or (coupon.duration_periods or 1) < 1:
        raise InvalidRequest("a repeating coupon, and no other, says for how many periods", param="duration_periods")
    if coupon.redemptions_max is not None and coupon.redemptions_max < 1:
        raise InvalidRequest("a coupon is redeemed at least once", param="redemptions_max")
    percent = None if coupon.percent is None else rate_of(coupon.percent, "percent")
    if percent is not None and not 0 < percent <= 100:
        raise InvalidRequest("a percentage is above 0 and at most 100", param="percent")
    coupon_id = new_id("cpn")
    await tx.run(
        store.QUERIES.insert_coupon,
        tx.org,
        coupon_id,
        coupon.code,
        coupon.name,
        None if coupon.percent is None else Decimal(coupon.percent),
        coupon.amount_minor,
        coupon.currency,
        coupon.duration,
        coupon.duration_periods,
        list(coupon.product_ids),
        coupon.first_purchase,
        coupon.redemptions_max,
        coupon.expires_at,
        now,
    )
    await emit(tx, [NewEvent("coupon.created", coupon_id, now, {"code": coupon.code})], actor=actor)
    return coupon_id


async def redeem_coupon(tx: Tx, coupon_id: str) -> None:
    """Count one redemption; the database refuses one too many."""
    await tx.run(store.QUERIES.redeem_coupon, tx.org, coupon_id)


async def list_coupons(tx: Tx) -> Sequence[Row]:
    """Every coupon, by code."""
    return await tx.rows(store.QUERIES.coupons, tx.org)


async def change_coupon(tx: Tx, row: Row, name: str, redemptions_max: int | None, expires_at: datetime | None) -> None:
    """Name a coupon anew, or let it be redeemed more or less often, longer or shorter; one that was archived works again.

    `InvalidRequest` where it was redeemed more often already.
    """
    if redemptions_max is not None and redemptions_max < row["redemptions"]:
        raise InvalidRequest(
            f"coupon {row['code']} has been redeemed {row['redemptions']} times already", param="redemptions_max"
        )
    await tx.run(store.QUERIES.update_coupon, tx.org, row["id"], name, redemptions_max, expires_at)


async def archive_coupon(tx: Tx, code: str, now: datetime) -> None:
    """The coupon can no longer be redeemed; where it works already it goes on."""
    await tx.run(store.QUERIES.archive_coupon, tx.org, code, now)


async def tax_rate_rows(tx: Tx) -> Sequence[Row]:
    """Every tax rate with its name, by country and category."""
    return await tx.rows(store.QUERIES.tax_rates, tx.org)


async def put_tax_rate(tx: Tx, country: str, percent: str, *, category: str = "standard", name: str = "") -> None:
    """The tax of a country (ISO 3166, upper case; "" for the rest) and category, in percent as a decimal string."""
    if rate_of(percent, "percent") >= 1_000 or not re.fullmatch("([A-Z]{2})?", country):
        raise InvalidRequest("a tax rate is below 1000 percent, of a country of two letters or none", param="percent")
    await tx.run(store.QUERIES.put_tax_rate, tx.org, country, category, Decimal(percent), name)
