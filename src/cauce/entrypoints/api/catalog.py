"""`/v1/plans`, `/v1/prices`: what is sold; products are in `products`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from cauce.billing.catalog import service
from cauce.billing.catalog.checks import PHASE_PERIODS_MAX
from cauce.billing.catalog.policies import new_policy, policy_to_plain
from cauce.billing.catalog.rules import NewPhase, NewPlan, NewPrice, Plan, PriceKind
from cauce.entrypoints.api.access import BillingWriter, Caller, Reader
from cauce.entrypoints.api.replay import answer_once
from cauce.entrypoints.api.resources import PLAIN_TEXT, Filter, Id, resources, whole_list
from cauce.entrypoints.api.shapes import Body, Currency
from cauce.flows.context import Context
from cauce.kernel.errors import NotFound
from cauce.pricing.schedule import Billing
from cauce.reports import resources as report
from cauce.storage.database import Row, Tx

router = APIRouter(prefix="/v1", tags=["catalog"])

Key = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9._:-]+$")]
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=PLAIN_TEXT)]
Text = Annotated[str, Field(max_length=2_000, pattern=PLAIN_TEXT)]
Metadata = Annotated[dict[str, Text], Field(max_length=50)]


class PhaseBody(Body):
    """An introductory price: `model` for so many periods of `interval` (absent: the price's own)."""

    model: dict[str, Any]
    periods: Annotated[int, Field(strict=True, ge=1, le=PHASE_PERIODS_MAX)] = 1
    interval: Annotated[str, Field(pattern="^(day|week|month|quarter|year)?$")] = ""
    interval_count: Annotated[int, Field(strict=True, ge=1, le=366)] = 1


class PriceBody(Body):
    """A price of a plan. `model` is one of the price models; rates in it are decimal strings, amounts minor units.

    `phases` come before it, in their order, from the first day that is billed.
    """

    key: Key = "base"
    currency: Currency
    model: dict[str, Any]
    kind: PriceKind = PriceKind.RECURRING
    role: Annotated[str, Field(pattern="^(base|addon)$")] = "base"
    billing: Billing = Billing.IN_ADVANCE
    interval: Annotated[str, Field(pattern="^(day|week|month|quarter|year)$")] = "month"
    interval_count: Annotated[int, Field(strict=True, ge=1, le=366)] = 1
    meter_key: Key | None = None
    tax_category: Key = "standard"
    tax_inclusive: bool = False
    nickname: Text = ""
    phases: list[PhaseBody] = Field(default_factory=list, max_length=20)


class PlanBody(Body):
    """A plan, or the next version of one: a plan that is sold never changes. `product` is a product's id or key."""

    key: Key
    product: Key
    name: Name
    prices: list[PriceBody] = Field(min_length=1, max_length=200)
    trial_days: Annotated[int, Field(strict=True, ge=0, le=3_650)] = 0
    features: dict[str, Any] = Field(default_factory=dict)
    options: list[dict[str, Any]] = Field(default_factory=list, max_length=100)
    policy: dict[str, Any] = Field(default_factory=dict)
    content: dict[str, Any] = Field(default_factory=dict)
    metadata: Metadata = Field(default_factory=dict)


class PlanChange(Body):
    """What may change of a plan version without a new one: the data that you keep beside it."""

    metadata: Metadata


@router.get("/plans")
async def list_plans(caller: Reader, product: Filter = "") -> dict[str, Any]:
    """The newest version of every plan (of one product, by key or id) with its prices, by key."""
    async with caller.context.transaction() as tx:
        plans = await service.latest_plans(tx)
        if product:
            product_id = (await find_product(tx, product))["id"]
            plans = [plan for plan in plans if plan.product_id == product_id]
        return whole_list(await _plans(tx, plans))


@router.post("/plans", status_code=201)
async def create_plan(request: Request, caller: BillingWriter, body: PlanBody) -> Response:
    """A plan with its prices; with a key that is known, the next version of that plan."""

    async def work(context: Context) -> object:
        async with context.transaction() as tx:
            product = await find_product(tx, body.product)
            plan = _new_plan(body, product["id"])
            plan_id = await service.create_plan(tx, plan, now=await context.now(tx), actor=context.actor.name)
            (shown,) = await _plans(tx, [(await service.read_plans(tx, [plan_id]))[plan_id]])
        return shown

    return await answer_once(request, caller.context, work)


@router.get("/plans/{plan_key}")
async def show_plan(caller: Reader, plan_key: Id) -> dict[str, Any]:
    """A plan by its key (the newest version) or by the id of a version."""
    async with caller.context.transaction() as tx:
        (shown,) = await _plans(tx, [await _plan(tx, plan_key)])
    return shown


@router.post("/plans/{plan_key}")
async def change_plan(request: Request, caller: BillingWriter, plan_key: Id, body: PlanChange) -> Response:
    """Keep other metadata beside a plan; its version stays, for nothing that is billed depends on them."""

    async def work(context: Context) -> object:
        async with context.transaction() as tx:
            plan = await _plan(tx, plan_key)
            await service.set_metadata(tx, plan, body.metadata, now=await context.now(tx), actor=context.actor.name)
            (shown,) = await _plans(tx, [await _plan(tx, plan.id)])
        return shown

    return await answer_once(request, caller.context, work, status=200)


@router.post("/plans/{plan_key}/archive")
async def archive_plan(request: Request, caller: BillingWriter, plan_key: Id) -> Response:
    """Sell a plan no longer; those who have it keep it."""

    async def work(context: Context) -> object:
        async with context.transaction() as tx:
            plan = await _plan(tx, plan_key)
            await service.archive_plan(tx, plan.id, now=await context.now(tx), actor=context.actor.name)
            (shown,) = await _plans(tx, [await _plan(tx, plan.id)])
        return shown

    return await answer_once(request, caller.context, work, status=200)


@router.post("/plans/{plan_key}/publish")
async def publish_plan(request: Request, caller: BillingWriter, plan_key: Id) -> Response:
    """Offer the newest version of a plan on hosted pages."""
    return await _set_published(request, caller, plan_key, published=True)


@router.post("/plans/{plan_key}/unpublish")
async def unpublish_plan(request: Request, caller: BillingWriter, plan_key: Id) -> Response:
    """Hide a plan from hosted pages; by its key or its own address it is sold on."""
    return await _set_published(request, caller, plan_key, published=False)


async def _set_published(request: Request, caller: Caller, plan_key: str, *, published: bool) -> Response:
    async def work(context: Context) -> object:
        async with context.transaction() as tx:
            plan = await _plan(tx, plan_key)
            await service.set_published(tx, plan, published, now=await context.now(tx), actor=context.actor.name)
            (shown,) = await _plans(tx, [await _plan(tx, plan.id)])
        return shown

    return await answer_once(request, caller.context, work, status=200)


@router.post("/prices/{price_id}/archive")
async def archive_price(request: Request, caller: BillingWriter, price_id: Id) -> Response:
    """Sell a price no longer; those who have it keep it."""

    async def work(context: Context) -> object:
        async with context.transaction() as tx:
            await service.read_prices(tx, [price_id])
            await service.archive_price(tx, price_id, now=await context.now(tx), actor=context.actor.name)
        return {"object": "price", "id": price_id, "archived": True}

    return await answer_once(request, caller.context, work, status=200)


def _new_plan(body: PlanBody, product_id: str) -> NewPlan:
    return NewPlan(
        body.key,
        product_id,
        body.name,
        tuple(_new_price(price) for price in body.prices),
        body.trial_days,
        body.features,
        tuple(body.options),
        new_policy(body.policy),
        body.content,
        body.metadata,
    )


def _new_price(body: PriceBody) -> NewPrice:
    phases = tuple(NewPhase(**phase.model_dump()) for phase in body.phases)
    return NewPrice(**{**body.model_dump(), "phases": phases})


async def find_product(tx: Tx, key: str) -> Row:
    """The product with this key or id; `NotFound` otherwise."""
    row = await service.find_product(tx, key)
    row = row or next((one for one in await service.list_products(tx) if one["id"] == key), None)
    if row is None:
        raise NotFound(f"there is no product {key}", param="product")
    return row


async def _plan(tx: Tx, key: str) -> Plan:
    found = await service.read_plans(tx, [key]) if key.startswith("plan_") else {}
    return found.get(key) or await service.latest_plan(tx, key)


async def _plans(tx: Tx, plans: Sequence[Plan]) -> list[dict[str, Any]]:
    prices = await report.prices_of_plans(tx, [plan.id for plan in plans])
    return [
        {
            "object": "plan",
            "id": plan.id,
            "key": plan.key,
            "version": plan.version,
            "product": plan.product_id,
            "name": plan.name,
            "state": plan.state,
            "trial_days": plan.trial_days,
            "features": plan.features,
            "options": plan.options,
            "policy": policy_to_plain(plan.policy),
            "content": plan.content,
            "metadata": plan.metadata,
            "prices": resources("price", [row for row in prices if row["plan_id"] == plan.id]),
        }
        for plan in plans
    ]
