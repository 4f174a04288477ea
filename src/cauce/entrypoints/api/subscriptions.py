"""`/v1/subscriptions`: begun, listed, shown, and what their next invoice will be."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import AwareDatetime, Field
from starlette.requests import Request
from starlette.responses import Response

from cauce.billing.customers.rules import CustomerData
from cauce.billing.invoicing.store import decimal_of
from cauce.entrypoints.api.access import BillingWriter, Reader
from cauce.entrypoints.api.catalog import Key, Text
from cauce.entrypoints.api.customers import CustomerFields, find_customer
from cauce.entrypoints.api.instances import instance_of
from cauce.entrypoints.api.replay import answer_once
from cauce.entrypoints.api.resources import (
    PLAIN_TEXT,
    Expand,
    Filter,
    Id,
    expand,
    money,
    resource,
    resources,
    whole_list,
)
from cauce.entrypoints.api.shapes import (
    LIMIT_DEFAULT,
    Body,
    Currency,
    Cursor,
    Limit,
    listing,
    unpack_cursor,
)
from cauce.flows.billing import current_usage, upcoming
from cauce.flows.billing.signup import Signup, sign_up
from cauce.flows.context import Context
from cauce.pricing.invoice_lines import PricedLine
from cauce.reports import billing as report
from cauce.reports import resources as rows_by_id
from cauce.reports import subscriptions as shown
from cauce.reports import subscriptions as subscription_report
from cauce.storage.database import Row, Tx

router = APIRouter(prefix="/v1/subscriptions", tags=["subscriptions"])

Quantity = Annotated[str, Field(pattern=r"^[0-9]{1,13}(\.[0-9]{1,12})?$")]
Reason = Annotated[str, Field(max_length=500, pattern=PLAIN_TEXT)]


class CustomerBody(CustomerFields):
    """The customer, made or brought up to date with the subscription."""

    external_id: Annotated[str, Field(min_length=1, max_length=255, pattern=PLAIN_TEXT)]


class SubscriptionBody(Body):
    """A subscription to begin. `quantities`: price key to decimal string; `trial_days` left out: the plan's.

    `trial_end` instead of `trial_days`: the exact instant at which the trial ends, in the future, within 3650 days.
    `timezone` left out: the customer's. `second_trial_reason` lets a customer who had his trial have another.
    """

    customer: CustomerBody | Annotated[str, Field(min_length=1, max_length=255, pattern=PLAIN_TEXT)]
    plan: Key
    currency: Currency
    quantities: dict[Key, Quantity] = Field(default_factory=dict)
    addons: list[Key] = Field(default_factory=list, max_length=100)
    options: dict[str, Any] = Field(default_factory=dict)
    trial_days: Annotated[int, Field(strict=True, ge=0, le=3_650)] | None = None
    trial_end: AwareDatetime | None = None
    second_trial_reason: Reason = ""
    coupon: Annotated[str, Field(max_length=100, pattern=PLAIN_TEXT)] = ""
    collection: Annotated[str, Field(pattern="^(charge|send_invoice)$")] = "charge"
    net_days: Annotated[int, Field(strict=True, ge=0, le=365)] = 0
    timezone: Annotated[str, Field(max_length=64, pattern=PLAIN_TEXT)] = ""
    metadata: dict[str, Text] = Field(default_factory=dict)


@router.get("")
async def list_subscriptions(
    caller: Reader,
    status: Filter = "",
    customer: Filter = "",
    plan: Filter = "",
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = "",
    expanded: Expand = [],  # noqa: B006 - FastAPI copies it
) -> dict[str, Any]:
    """Subscriptions, newest first."""
    after = unpack_cursor(cursor) or report.NEWEST
    async with caller.context.transaction() as tx:
        customer_id = (await find_customer(tx, customer)).id if customer else None
        rows = await report.list_subscriptions(
            tx, status=status or None, customer_id=customer_id, plan=plan or None, after=after, rows_max=limit + 1
        )
        page = listing(rows, limit, lambda row: row["id"])
        found = await rows_by_id.subscriptions(tx, [row["id"] for row in page["data"]])
        page["data"] = resources("subscription", found)
        await expand(tx, page["data"], expanded)
    return page


@router.post("", status_code=201)
async def create_subscription(request: Request, caller: BillingWriter, body: SubscriptionBody) -> Response:
    """Begin a subscription: in trial, or billed at once."""

    async def work(context: Context) -> object:
        signed = await sign_up(context, await signup_of(caller.context, body))
        async with caller.context.transaction() as tx:
            return await shown_subscription(tx, signed.subscription_id, caller.context)

    return await answer_once(request, caller.context, work, moves_money=True)


@router.get("/{subscription_id}")
async def show_subscription(
    caller: Reader,
    subscription_id: Id,
    expanded: Expand = [],  # noqa: B006 - FastAPI copies it
) -> dict[str, Any]:
    """A subscription with its items and the charges that wait for its next invoice."""
    async with caller.context.transaction() as tx:
        shown = await shown_subscription(tx, subscription_id, caller.context)
        await expand(tx, [shown], expanded)
    return shown


@router.get("/{subscription_id}/history")
async def history(caller: Reader, subscription_id: Id) -> dict[str, Any]:
    """The latest steps of its life, newest first."""
    async with caller.context.transaction() as tx:
        await report.read_subscription(tx, subscription_id)
        return whole_list(resources("subscription_step", await subscription_report.history(tx, subscription_id)))


@router.get("/{subscription_id}/upcoming_invoice")
async def upcoming_invoice(caller: Reader, subscription_id: Id) -> dict[str, Any]:
    """What the next invoice will be if nothing changes."""
    found = await upcoming.upcoming_invoice(caller.context, subscription_id)
    async with caller.context.transaction() as tx:
        currency = (await report.read_subscription(tx, subscription_id)).subscription["currency"]
    priced = found.bill.priced
    return {
        "object": "upcoming_invoice",
        "subscription": subscription_id,
        "at": found.at,
        "lines": [shown_line(line, currency) for line in priced.lines],
        "subtotal": money(priced.subtotal_minor, currency),
        "discount": money(priced.discount_minor, currency),
        "tax": money(priced.tax_minor, currency),
        "total": money(priced.total_minor, currency),
        "credit_used": money(found.credit_used_minor, currency),
        "amount_due": money(found.amount_due_minor, currency),
    }


@router.get("/{subscription_id}/usage")
async def read_usage(caller: Reader, subscription_id: Id) -> dict[str, Any]:
    """What was used in the period that runs, its cost so far, and both at the period's end if it goes on like this."""
    found = await current_usage.current_usage(caller.context, subscription_id)
    return {
        "object": "current_usage",
        "subscription": subscription_id,
        "period_start": found.period_start,
        "period_end": found.period_end,
        "meters": [
            {
                "meter": one.meter,
                "price": one.price_id,
                "used": str(decimal_of(one.used)),
                "amount": money(one.amount_minor, found.currency),
                "discount": money(one.discount_minor, found.currency),
                "forecast": str(decimal_of(one.forecast)),
                "forecast_amount": money(one.forecast_minor, found.currency),
                "forecast_discount": money(one.forecast_discount_minor, found.currency),
            }
            for one in found.meters
        ],
    }


async def signup_of(context: Context, body: SubscriptionBody) -> Signup:
    """The command that a body asks for; a customer named by his id is looked up."""
    if isinstance(body.customer, str):
        async with context.transaction() as tx:
            customer = CustomerData((await find_customer(tx, body.customer)).external_id)
    else:
        customer = CustomerData(**body.customer.model_dump())
    return Signup(
        customer, body.plan, body.currency, body.quantities, tuple(body.addons), body.options, body.trial_days,
        body.second_trial_reason, body.coupon, body.collection, body.net_days, body.timezone, body.metadata,
        body.trial_end,
    )  # fmt: skip


async def shown_subscription(tx: Tx, subscription_id: str, context: Context) -> dict[str, Any]:
    """A subscription with its items, waiting charges, the change that waits, and its instance."""
    detail = await report.read_subscription(tx, subscription_id)
    (row,) = await rows_by_id.subscriptions(tx, [subscription_id])
    return resource(
        "subscription",
        row,
        items=resources("subscription_item", detail.items),
        pending_charges=resources("charge", detail.pending_lines),
        scheduled_change=_shown_change((await shown.waiting_changes(tx, [subscription_id])).get(subscription_id)),
        instance=await instance_of(tx, subscription_id, context),
    )


def _shown_change(row: Row | None) -> dict[str, Any] | None:
    if row is None:
        return None
    asked = {name: row["content"].get(name) for name in ("plan", "quantities", "addons", "options", "pause")}
    said = {
        name: row[name] for name in ("id", "state", "at_period_end", "due_on", "due_at", "invoice_id", "created_at")
    }
    return {"object": "subscription_change", **said, **asked}


def shown_line(line: PricedLine, currency: str) -> dict[str, Any]:
    """A priced line as invoices and previews show it."""
    charge = line.charge
    return {
        "object": "invoice_line",
        "kind": charge.kind,
        "description": charge.description,
        "quantity": str(charge.quantity),
        "price": charge.price_id,
        "period_start": charge.period.start if charge.period else None,
        "period_end": charge.period.end if charge.period else None,
        "amount": money(charge.amount_minor, currency),
        "discount": money(line.discount_minor, currency),
        "tax": money(line.tax_minor, currency),
        "net": money(line.net_minor, currency),
        "total": money(line.total_minor, currency),
    }
