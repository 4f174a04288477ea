"""What is sold: products and plans, one plan with its prices and versions, retired and hidden by hand (A6)."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

from cauce.billing.catalog import service
from cauce.billing.catalog.rules import Plan
from cauce.entrypoints.console.pages.products import MAY, product_inputs, product_table
from cauce.entrypoints.console.price_words import described, features_told
from cauce.entrypoints.console.view import action, back_to, detailed, listed, page
from cauce.entrypoints.web.rendering import locale_of
from cauce.entrypoints.web.sessions import Session
from cauce.entrypoints.web.tables import (
    Button,
    Cell,
    Input,
    Table,
    buttons,
    columns,
    ident,
    moment,
    number,
    state,
    text,
)
from cauce.entrypoints.web.texts import translator
from cauce.kernel.errors import NotFound
from cauce.reports import catalog as report
from cauce.reports import resources
from cauce.storage.database import Row, Tx


async def show_list(request: Request, session: Session) -> Response:
    """Every product and the newest version of every plan."""
    locale = locale_of(request)
    async with session.context.transaction() as tx:
        products = await service.list_products(tx)
        plans = await service.latest_plans(tx)
        prices = await resources.prices_of_plans(tx, [plan.id for plan in plans])
        holders = await report.holders(tx)
    names = {row["id"]: row["name"] for row in products}
    older = _of_all_versions(plans, holders)
    shown = [
        (
            text(plan.name, href=f"/console/plans/{plan.id}", note=plan.key),
            text(names.get(plan.product_id)),
            text(", ".join(described(row, locale) for row in prices if row["plan_id"] == plan.id and row["archived_at"] is None)),
            number(plan.version),
            number(older[plan.key]),
            state(plan.state),
        )
        for plan in sorted(plans, key=lambda one: (one.state == "archived", one.key))
    ]  # fmt: skip
    plan_table = Table(
        columns("plans.plan", "plans.product", "plans.prices", "plans.version>", "plans.holders>", "plans.state"),
        shown,
        none="plans.none",
        title="nav.plans",
    )
    return await listed(
        request,
        session,
        "nav.plans",
        lead="plans.lead",
        tables=[plan_table, product_table(products)],
        actions=[
            *([Button("/console/plans/begin", "plans.new")] if products else []),
            Button(
                "/console/products",
                "plans.new_product",
                inputs=(Input("key", "plans.key", placeholder="app"), *product_inputs()),
            ),
        ],
    )


def _of_all_versions(plans: Sequence[Plan], holders: dict[str, int]) -> dict[str, int]:
    return {plan.key: holders.get(plan.id, 0) for plan in plans}


async def show_one(request: Request, session: Session) -> Response:
    """One version of a plan: what it costs and gives, its other versions and who has them."""
    async with session.context.transaction() as tx:
        plan = await plan_of(tx, str(request.path_params["plan_id"]))
        newest = (await service.latest_plan(tx, plan.key)).version == plan.version
        products = {row["id"]: row["name"] for row in await service.list_products(tx)}
        prices = await resources.prices_of_plans(tx, [plan.id])
        versions, holders = await report.versions(tx, plan.key), await report.holders(tx, plan.key)
    return await detailed(
        request,
        session,
        name=plan.name,
        title="nav.plans",
        above="/console/plans",
        object_id=plan.id,
        states=[plan.state],
        facts=[
            ("plans.key", ident(plan.key)),
            ("plans.product", text(products.get(plan.product_id))),
            ("plans.version", number(plan.version)),
            ("plans.trial_days", number(plan.trial_days)),
            *features_told(plan.features),
            ("plans.holders", number(holders.get(plan.id, 0))),
        ],
        actions=_plan_buttons(plan) if newest else [],
        tables=[price_table(prices, locale_of(request), may_archive=newest), _versions(versions, holders)],
    )


def _plan_buttons(plan: Plan) -> list[Button]:
    path = f"/console/plans/{plan.id}"
    edit = Button(f"{path}/begin", "plans.new_version")
    if plan.state == "archived":
        return [edit]
    hide = (
        Button(f"{path}/unpublish", "plans.unpublish")
        if plan.state == "published"
        else Button(f"{path}/publish", "plans.publish")
    )
    return [edit, hide, Button(f"{path}/archive", "plans.archive", danger=True, hint="plans.archive_hint")]


def price_table(rows: Sequence[Row], locale: str, *, may_archive: bool) -> Table:
    """The prices of a plan in words."""
    t = translator(locale)
    return Table(
        columns("plans.price", "plans.costs", "plans.kind", "plans.state", ">"),
        [
            (
                text(row["nickname"] or row["key"], note=row["key"] if row["nickname"] else row["id"]),
                text(described(row, locale)),
                text(
                    t(f"plans.kind.{row['kind']}"),
                    note=t("plans.addon") if row["role"] == "addon" else row["meter_key"],
                ),
                state("archived" if row["archived_at"] else "published"),
                buttons(*([_archive_price(row)] if may_archive and row["archived_at"] is None else [])),
            )
            for row in rows
        ],
        title="plans.prices",
    )


def _archive_price(row: Row) -> Button:
    return Button(
        f"/console/plans/{row['plan_id']}/prices/{row['id']}/archive", "plans.archive", danger=True, hint="plans.archive_price_hint"
    )  # fmt: skip


def _versions(rows: Sequence[Row], holders: dict[str, int]) -> Table:
    def line(row: Row) -> tuple[Cell, ...]:
        return (
            text(row["version"], href=f"/console/plans/{row['id']}", note=row["name"]),
            moment(row["created_at"]),
            number(holders.get(row["id"], 0)),
            state(row["state"]),
        )

    names = columns("plans.version", "detail.created", "plans.holders>", "plans.state")
    return Table(names, [line(row) for row in rows], title="plans.versions")


async def plan_of(tx: Tx, plan_id: str) -> Plan:
    """A version of a plan; `NotFound` otherwise."""
    found = (await service.read_plans(tx, [plan_id])).get(plan_id)
    if found is None:
        raise NotFound(f"there is no plan {plan_id}", param="plan")
    return found


async def publish(request: Request, session: Session, _fields: dict[str, str]) -> Response:
    """Offer a plan on hosted pages."""
    return await _publish(request, session, published=True)


async def unpublish(request: Request, session: Session, _fields: dict[str, str]) -> Response:
    """Hide a plan from hosted pages."""
    return await _publish(request, session, published=False)


async def _publish(request: Request, session: Session, *, published: bool) -> Response:
    async with session.context.transaction() as tx:
        plan = await plan_of(tx, str(request.path_params["plan_id"]))
        now, actor = await session.context.now(tx), session.context.actor.name
        await service.set_published(tx, plan, published, now=now, actor=actor)
    return back_to(f"/console/plans/{plan.id}")


async def archive(request: Request, session: Session, _fields: dict[str, str]) -> Response:
    """Sell a plan no longer; those who have it keep it."""
    async with session.context.transaction() as tx:
        plan = await plan_of(tx, str(request.path_params["plan_id"]))
        await service.archive_plan(tx, plan.id, now=await session.context.now(tx), actor=session.context.actor.name)
    return back_to(f"/console/plans/{plan.id}")


async def archive_price(request: Request, session: Session, _fields: dict[str, str]) -> Response:
    """Sell a price no longer; those who have it keep it."""
    plan_id, price_id = str(request.path_params["plan_id"]), str(request.path_params["price_id"])
    async with session.context.transaction() as tx:
        if price_id not in {row["id"] for row in await resources.prices_of_plans(tx, [plan_id])}:
            raise NotFound(f"there is no price {price_id}", param="price")
        await service.archive_price(tx, price_id, now=await session.context.now(tx), actor=session.context.actor.name)
    return back_to(f"/console/plans/{plan_id}")


routes = [
    page("/console/plans", show_list),
    page("/console/plans/{plan_id}", show_one),
    action("/console/plans/{plan_id}/publish", publish, name="plan.publish", roles=MAY),
    action("/console/plans/{plan_id}/unpublish", unpublish, name="plan.unpublish", roles=MAY),
    action("/console/plans/{plan_id}/archive", archive, name="plan.archive", roles=MAY),
    action("/console/plans/{plan_id}/prices/{price_id}/archive", archive_price, name="price.archive", roles=MAY),
]
