"""`/v1/subscriptions/{id}/charges`: one-off charges, with the customer's approval where it is wanted (G4)."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from cauce.billing.invoicing.service import Answer
from cauce.entrypoints.api.access import BillingWriter, Reader
from cauce.entrypoints.api.catalog import Key
from cauce.entrypoints.api.replay import answer_once
from cauce.entrypoints.api.resources import PLAIN_TEXT, Id, resource
from cauce.entrypoints.api.shapes import Amount, Body
from cauce.entrypoints.api.subscription_steps import DecisionBody
from cauce.flows.billing import extra
from cauce.flows.context import Context
from cauce.flows.portal import charge_link
from cauce.kernel.errors import NotFound

router = APIRouter(prefix="/v1/subscriptions", tags=["subscriptions"])


class ChargeBody(Body):
    """A one-off charge in the subscription's currency (negative gives). `ask`: the customer approves it first.

    He is mailed a link, which is in `approval_url` too; `invoice_now` with `ask` bills it when he approves.
    """

    amount: Amount
    description: Annotated[str, Field(min_length=1, max_length=500, pattern=PLAIN_TEXT)]
    invoice_now: bool = False
    ask: bool = False
    tax_category: Key = "standard"
    tax_inclusive: bool = False


@router.post("/{subscription_id}/charges", status_code=201)
async def add_charge(request: Request, caller: BillingWriter, subscription_id: Id, body: ChargeBody) -> Response:
    """Charge once, with the next invoice or on one of its own."""
    command = extra.ExtraCharge(
        subscription_id,
        body.amount,
        body.description,
        body.invoice_now,
        body.ask,
        body.tax_category,
        body.tax_inclusive,
    )

    async def work(context: Context) -> object:
        done = await extra.add_charge(context, command)
        return await _charged(caller.context, done)

    return await answer_once(request, caller.context, work, moves_money=True)


@router.get("/{subscription_id}/charges/{charge_id}")
async def read_charge(caller: Reader, subscription_id: Id, charge_id: Id) -> dict[str, Any]:
    """One charge, whatever became of it: proposed, waiting, invoiced, rejected or removed."""
    async with caller.context.transaction() as tx:
        row = await extra.read_charge(tx, charge_id)
    if row["subscription_id"] != subscription_id:
        raise NotFound(f"there is no charge {charge_id}", param="charge")
    return resource("charge", row)


@router.post("/{subscription_id}/charges/{charge_id}/decide")
async def decide_charge(
    request: Request, caller: BillingWriter, subscription_id: Id, charge_id: Id, body: DecisionBody
) -> Response:
    """Say the customer's yes or no to a charge that he was asked about; no to one that waits withdraws it."""

    async def work(context: Context) -> object:
        async with caller.context.transaction() as tx:
            is_asked = (await extra.read_charge(tx, charge_id))["state"] == "proposed"
        answer: Answer = "approve" if body.approve else "reject" if is_asked else "withdraw"
        done = await extra.settle_charge(context, charge_id, answer, subscription_id=subscription_id)
        return await _charged(caller.context, done)

    return await answer_once(request, caller.context, work, status=200, moves_money=True)


async def _charged(context: Context, done: extra.Extra) -> dict[str, Any]:
    """A charge as a call left it; `approval_url`: where its customer says yes or no, while he is asked."""
    url = None
    if done.state == "proposed":
        async with context.transaction() as tx:
            url = await charge_link(tx, context.runtime, done.pending_line_id)
    return {
        "object": "charge",
        "id": done.pending_line_id,
        "state": done.state,
        "invoice": done.invoice_id,
        "approval_url": url,
    }
