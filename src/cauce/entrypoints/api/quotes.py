"""`/v1/quotes`: subscriptions offered to a customer, who approves or rejects them, or lets them lapse."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from cauce.billing.subscriptions import service as subscriptions
from cauce.billing.subscriptions.rules import QUOTE_DAYS
from cauce.entrypoints.api.access import BillingWriter, Caller, Reader
from cauce.entrypoints.api.customers import find_customer
from cauce.entrypoints.api.replay import answer_once
from cauce.entrypoints.api.resources import Filter, Id, money, resource, resources
from cauce.entrypoints.api.shapes import LIMIT_DEFAULT, Body, Cursor, Limit, listing, unpack_number
from cauce.entrypoints.api.subscriptions import Reason, SubscriptionBody, shown_line, signup_of
from cauce.flows.billing import quotes
from cauce.flows.context import Context
from cauce.flows.portal import quote_link
from cauce.kernel.errors import InvalidRequest
from cauce.reports import quotes as report
from cauce.storage.database import Row, Tx

router = APIRouter(prefix="/v1/quotes", tags=["quotes"])


class QuoteBody(SubscriptionBody):
    """A subscription to offer; the coupon is redeemed for it now. It is good for `valid_days`, then it lapses."""

    valid_days: Annotated[int, Field(strict=True, ge=1, le=quotes.VALID_DAYS_MAX)] = QUOTE_DAYS


class RejectBody(Body):
    """Why the offer is not taken, or is withdrawn."""

    reason: Reason = ""


@router.get("")
async def list_quotes(
    caller: Reader, state: Filter = "", customer: Filter = "", limit: Limit = LIMIT_DEFAULT, cursor: Cursor = ""
) -> dict[str, Any]:
    """Quotes, newest first; `state` is open, approved, rejected or expired."""
    if state and state not in report.STATES:
        raise InvalidRequest(f"a quote is {', '.join(report.STATES)}", param="state")
    async with caller.context.transaction() as tx:
        customer_id = (await find_customer(tx, customer)).id if customer else ""
        rows = await report.page(
            tx, before=unpack_number(cursor, 0), customer_id=customer_id, state=state, rows_max=limit + 1
        )
    page = listing(rows, limit, lambda row: row["cursor"])
    page["data"] = resources("quote", [_plain(row) for row in page["data"]])
    return page


@router.post("", status_code=201)
async def create_quote(request: Request, caller: BillingWriter, body: QuoteBody) -> Response:
    """Offer a subscription: nothing is billed before the customer approves. `url` is where he does, without signing in."""

    async def work(context: Context) -> object:
        command = await signup_of(caller.context, body)
        sent = await quotes.send_quote(context, command, valid_days=body.valid_days)
        async with caller.context.transaction() as tx:
            url = await quote_link(tx, caller.context.runtime, sent.subscription_id)
            return {**await _shown(tx, caller, sent.subscription_id), "url": url}

    return await answer_once(request, caller.context, work)


@router.get("/{quote_id}")
async def show_quote(caller: Reader, quote_id: Id) -> dict[str, Any]:
    """A quote with what its approval comes to; once it is answered, with what came of it."""
    async with caller.context.transaction() as tx:
        return await _shown(tx, caller, quote_id)


@router.post("/{quote_id}/link")
async def make_link(request: Request, caller: BillingWriter, quote_id: Id) -> Response:
    """A fresh address at which whoever has it reads and answers this one quote."""

    async def work(context: Context) -> object:
        async with context.transaction() as tx:
            one = await report.one(tx, quote_id)
            return {"object": "quote_link", "quote": one["id"], "url": await quote_link(tx, context.runtime, one["id"])}

    return await answer_once(request, caller.context, work, status=200)


@router.post("/{quote_id}/approve")
async def approve_quote(request: Request, caller: BillingWriter, quote_id: Id) -> Response:
    """The customer has approved: the trial or the paid term begins now."""

    async def work(context: Context) -> object:
        await _require(caller, quote_id)
        moved = await quotes.approve_quote(context, quote_id)
        async with caller.context.transaction() as tx:
            return {**await _shown(tx, caller, quote_id), "invoice": moved.invoice_id}

    return await answer_once(request, caller.context, work, status=200, moves_money=True)


@router.post("/{quote_id}/reject")
async def reject_quote(request: Request, caller: BillingWriter, quote_id: Id, body: RejectBody) -> Response:
    """The customer has declined, or you withdraw the offer."""

    async def work(context: Context) -> object:
        await _require(caller, quote_id)
        await quotes.reject_quote(context, quote_id, reason=body.reason)
        async with caller.context.transaction() as tx:
            return await _shown(tx, caller, quote_id)

    return await answer_once(request, caller.context, work, status=200)


async def _require(caller: Caller, quote_id: str) -> None:
    async with caller.context.transaction() as tx:
        await report.one(tx, quote_id)


async def _shown(tx: Tx, caller: Caller, quote_id: str) -> dict[str, Any]:
    row = await report.one(tx, quote_id)
    shown = resource("quote", _plain(row))
    if row["state"] != "open":
        return shown
    offered = await quotes.read_offer(tx, await subscriptions.read(tx, row["id"]), await caller.context.now(tx))
    priced, currency = offered.first.bill.priced, row["currency"]
    return shown | {
        "trial_days": offered.trial_days,
        "trial_end": offered.trial_end,
        "lines": [shown_line(line, currency) for line in priced.lines],
        "subtotal": money(priced.subtotal_minor, currency),
        "discount": money(priced.discount_minor, currency),
        "tax": money(priced.tax_minor, currency),
        "total": money(priced.total_minor, currency),
        "amount_due": money(offered.first.amount_due_minor, currency),
    }


def _plain(row: Row) -> dict[str, Any]:
    """What the API says of a quote; its id is that of the subscription which it offers."""
    left_out = ("cursor", "customer", "external_id", "plan_key", "plan", "version")
    kept = {name: value for name, value in row.items() if name not in left_out}
    return {**kept, "subscription_id": row["id"], "plan": row["plan_key"], "plan_version": row["version"]}
