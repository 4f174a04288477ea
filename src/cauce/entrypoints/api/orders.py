"""`/v1/orders/{id}`: who gets what of an order, delivered, released, refunded, cancelled. They are taken by the hot routes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import AwareDatetime, Field
from starlette.requests import Request
from starlette.responses import Response

from cauce.entrypoints.api.access import Caller, MarketplaceWriter, Reader
from cauce.entrypoints.api.catalog import Key
from cauce.entrypoints.api.replay import answer_once
from cauce.entrypoints.api.resources import PLAIN_TEXT, Filter, Id, resource, resources
from cauce.entrypoints.api.shapes import LIMIT_DEFAULT, Body, Cursor, Limit, PositiveAmount, listing, unpack_cursor
from cauce.flows.context import Context
from cauce.flows.marketplace import cancel, refunds, release, retries, subsidies, withdrawing
from cauce.flows.marketplace.keep import AskKept
from cauce.flows.marketplace.keep import split_kept as split_kept_of
from cauce.kernel.errors import InvalidRequest, NotFound
from cauce.marketplace.orders import disputing
from cauce.marketplace.orders.rules import UnknownOrder
from cauce.marketplace.splits.rules.schema import RefundPolicy
from cauce.reports import orders as report
from cauce.reports import resources as rows_by_id
from cauce.storage.database import Tx

router = APIRouter(prefix="/v1", tags=["orders"])

DELIVERIES_MAX = 500
Text = Annotated[str, Field(max_length=500, pattern=PLAIN_TEXT)]


class DeliveryBody(Body):
    """An order (id) that was delivered, and when."""

    order: Key
    delivered_at: AwareDatetime | None = None


class DeliveriesBody(Body):
    """Orders that were delivered, all taken or none."""

    deliveries: list[DeliveryBody] = Field(min_length=1, max_length=DELIVERIES_MAX)


class RefundLine(Body):
    """A line of the order by its number, and how much of it goes back; left out: all that is left of it."""

    line: Annotated[int, Field(strict=True, ge=0, le=10_000)]
    amount: PositiveAmount | None = None


class RefundBody(Body):
    """How much goes back, in the order's currency; left out: all that is left. `number` is your own for this refund.

    `lines`: of which lines, instead of an amount. `parties`: what comes back from each, where the split rule leaves that to you.
    `policy`: who returns what, instead of the rule's (`by_order` with `order`, `explicit` with `parties`): scope `refunds:override`.
    """

    number: Annotated[str, Field(min_length=1, max_length=64, pattern=PLAIN_TEXT)]
    amount: PositiveAmount | None = None
    reason: Text = ""
    parties: dict[Key, PositiveAmount] | None = None
    lines: Annotated[list[RefundLine], Field(min_length=1, max_length=500)] | None = None
    policy: RefundPolicy | None = None
    order: Annotated[list[Key], Field(max_length=100)] | None = None


class KeptSplitBody(Body):
    """Amounts of what the order keeps, by role (`party:agent`, `party:seller`), merchant or `fee`; or a rule that divides it.

    `amount`: how much the rule divides, left out: all. `kept`: what you saw kept; another amount is refused.
    """

    parts: Annotated[dict[Key, PositiveAmount], Field(min_length=1, max_length=100)] | None = None
    split_rule: Key | None = None
    amount: PositiveAmount | None = None
    kept: PositiveAmount | None = None
    reason: Text = ""


class CancelBody(Body):
    """Why."""

    reason: Text = "canceled"


class _Rollback(Exception):
    """Ends the transaction of a preview."""


@router.get("/orders")
async def list_orders(
    caller: Reader,
    state: Filter = "",
    channel: Filter = "",
    external_id: Filter = "",
    merchant: Filter = "",
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = "",
) -> dict[str, Any]:
    """Orders, newest first."""
    async with caller.context.transaction() as tx:
        rows = await report.page(
            tx, before=unpack_cursor(cursor), state=state, channel_id=channel, number=external_id, merchant_id=merchant,
            rows_max=limit + 1,
        )  # fmt: skip
        page = listing(rows, limit, lambda row: row["id"])
        page["data"] = resources("order", await rows_by_id.orders(tx, [row["id"] for row in page["data"]]))
    return page


@router.get("/orders/{order_id}")
async def show_order(caller: Reader, order_id: Id) -> dict[str, Any]:
    """An order with its lines, collections, refunds, disputes, and each party's part with the instruction that carries it."""
    return await _outside(caller.context, order_id)


@router.get("/order_disputes")
async def list_disputes(
    caller: Reader, state: Filter = "", limit: Limit = LIMIT_DEFAULT, cursor: Cursor = ""
) -> dict[str, Any]:
    """Payments of orders that payers contest at their banks, newest first: what the provider took, by when to answer."""
    async with caller.context.transaction() as tx:
        rows = await disputing.page(tx, before=unpack_cursor(cursor), state=state, rows_max=limit + 1)
    page = listing(rows, limit, lambda row: row["id"])
    return page | {"data": resources("order_dispute", page["data"])}


@router.post("/deliveries", status_code=200)
async def confirm_deliveries(request: Request, caller: MarketplaceWriter, body: DeliveriesBody) -> Response:
    """Orders were delivered: what was parked for them is divided and sent."""

    async def work(context: Context) -> object:
        async with caller.context.transaction() as tx:
            now = await caller.context.now(tx)
            for one in body.deliveries:
                await report.one(tx, one.order)
        when = {one.order: one.delivered_at or now for one in body.deliveries}
        await release.confirm_delivery(context, when)
        return {"object": "deliveries", "orders": sorted(when)}

    return await answer_once(request, caller.context, work, status=200, moves_money=True)


@router.post("/orders/{order_id}/release")
async def release_order(request: Request, caller: MarketplaceWriter, order_id: Id) -> Response:
    """Release an order's money by hand."""

    async def work(context: Context) -> object:
        async with caller.context.transaction() as tx:
            await report.one(tx, order_id)
        await release.release_orders(context, [order_id])
        return await _outside(caller.context, order_id)

    return await answer_once(request, caller.context, work, status=200, moves_money=True)


@router.post("/orders/{order_id}/kept_splits", status_code=201)
async def split_kept(request: Request, caller: MarketplaceWriter, order_id: Id, body: KeptSplitBody) -> Response:
    """Divide what the order's rule kept for later among those whom the order named, within the channel's freeze."""

    async def work(context: Context) -> object:
        asked = AskKept(order_id, body.parts, body.split_rule or "", body.amount, body.reason, body.kept)
        await split_kept_of(context, asked)
        return await _outside(caller.context, order_id)

    return await answer_once(request, caller.context, work, moves_money=True)


@router.post("/orders/{order_id}/cancel")
async def cancel_order(request: Request, caller: MarketplaceWriter, order_id: Id, body: CancelBody) -> Response:
    """Cancel an order: open payments are closed, what was paid is refunded."""
    step = partial(cancel.cancel_orders, order_ids=[order_id], reason=body.reason)
    return await _step(request, caller, order_id, step)


@router.post("/orders/{order_id}/subsidy/retry")
async def retry_subsidy(request: Request, caller: MarketplaceWriter, order_id: Id) -> Response:
    """Ask the channel again for the subsidy of an order that it refused."""
    return await _step(request, caller, order_id, lambda context: subsidies.retry_subsidy(context, order_id))


@router.post("/orders/{order_id}/subsidy/drop")
async def drop_subsidy(request: Request, caller: MarketplaceWriter, order_id: Id) -> Response:
    """The order goes on without the subsidy that the channel refused."""
    return await _step(request, caller, order_id, lambda context: subsidies.drop_subsidy(context, order_id))


@router.post("/orders/{order_id}/refunds", status_code=201)
async def refund_order(request: Request, caller: MarketplaceWriter, order_id: Id, body: RefundBody) -> Response:
    """Refund a part of an order or all of it; parts that were split come back first."""

    async def work(context: Context) -> object:
        made = await refunds.refund_orders(context, [_asked(caller, order_id, body)])
        return {**await _outside(caller.context, order_id), "made": made[order_id]}

    return await answer_once(request, caller.context, work, moves_money=True)


@router.post("/orders/{order_id}/refunds/{refund_id}/retry")
async def retry_refund(request: Request, caller: MarketplaceWriter, order_id: Id, refund_id: Id) -> Response:
    """Try a refund again that the channel refused for good: the same refund, a new attempt."""
    return await _refund_step(request, caller, order_id, refund_id, retries.retry_refund)


@router.post("/orders/{order_id}/refunds/{refund_id}/cancel")
async def cancel_refund(request: Request, caller: MarketplaceWriter, order_id: Id, refund_id: Id) -> Response:
    """Withdraw a refund that was not sent to the channel: what it took is free again."""
    return await _refund_step(request, caller, order_id, refund_id, withdrawing.cancel_refund)


async def _refund_step(
    request: Request, caller: Caller, order_id: str, refund_id: str, take: Callable[[Context, str], Awaitable[None]]
) -> Response:
    async def work(context: Context) -> object:
        shown = await _outside(caller.context, order_id)
        if refund_id not in {one["id"] for one in shown["refunds"]}:
            raise NotFound(f"{order_id} has no refund {refund_id}", param="refund")
        await take(context, refund_id)
        return await _outside(caller.context, order_id)

    return await answer_once(request, caller.context, work, status=200, moves_money=True)


@router.post("/orders/{order_id}/refunds/preview")
async def preview_refund(caller: Reader, order_id: Id, body: RefundBody) -> dict[str, Any]:
    """The order as it would be after the same call without `/preview`; nothing is kept or sent."""
    context, shown = caller.context, {}
    try:
        async with context.transaction() as tx:
            await refunds.refund_in(context, tx, [_asked(caller, order_id, body)], {order_id: await context.now(tx)})
            shown = await _shown(tx, order_id)
            raise _Rollback
    except _Rollback:
        return shown


def _asked(caller: Caller, order_id: str, body: RefundBody) -> refunds.AskRefund:
    if body.policy is not None:
        caller.holder.require("refunds:override")
    lines = {one.line: one.amount for one in body.lines} if body.lines else None
    if body.lines and lines is not None and len(lines) != len(body.lines):
        raise InvalidRequest("a line stands once", param="lines")
    return refunds.AskRefund(
        order_id, body.number, body.amount, body.reason, body.parties, lines=lines, policy=body.policy,
        order=tuple(body.order or ()),
    )  # fmt: skip


async def _step(
    request: Request, caller: MarketplaceWriter, order_id: str, take: Callable[[Context], Awaitable[object]]
) -> Response:
    """Take a step once for the request's key; the order as it is afterwards."""

    async def work(context: Context) -> object:
        await take(context)
        return await _outside(caller.context, order_id)

    return await answer_once(request, caller.context, work, status=200, moves_money=True)


async def _outside(context: Context, order_id: str) -> dict[str, Any]:
    async with context.transaction() as tx:
        return await _shown(tx, order_id)


async def _shown(tx: Tx, order_id: str) -> dict[str, Any]:
    rows = await rows_by_id.orders(tx, [order_id])
    if not rows:
        raise UnknownOrder(f"there is no order {order_id}", param="order")
    currency = {"currency": rows[0]["currency"]}
    lines, parts = await report.lines(tx, order_id), await report.parts(tx, order_id)
    collections, made = await report.collections(tx, order_id), await report.refunds(tx, order_id)
    return resource(
        "order",
        rows[0],
        lines=[resource("order_line", {**dict(row), **currency}) for row in lines],
        collections=resources("collection", collections),
        parts=[resource("part", {**dict(row), **currency}) for row in parts],
        kept_parts=[resource("kept_part", {**dict(row), **currency}) for row in await report.kept_parts(tx, order_id)],
        parties=resources("order_party", await report.parties(tx, order_id)),
        disputes=resources("order_dispute", await disputing.page(tx, order_ids=[order_id])),
        subsidies=resources("order_subsidy", await report.subsidies(tx, order_id)),
        refunds=[resource("order_refund", {**dict(row), **currency}) for row in made],
        refund_lines=[
            resource("refund_line", {**dict(row), **currency}) for row in await report.refund_lines(tx, order_id)
        ],
        instructions=resources("instruction", await report.instructions(tx, order_id)),
    )
