"""`/v1/invoices`, `/v1/payments`, `/v1/refunds`: what is owed, what came, what went back."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from cauce.billing.invoicing import service as invoicing
from cauce.entrypoints.api.access import BillingWriter, Reader
from cauce.entrypoints.api.customers import find_customer
from cauce.entrypoints.api.replay import answer_once
from cauce.entrypoints.api.resources import PLAIN_TEXT, Expand, Filter, Id, expand, money, resource, resources
from cauce.entrypoints.api.shapes import LIMIT_DEFAULT, Body, Cursor, Limit, PositiveAmount, listing, unpack_cursor
from cauce.entrypoints.web.documents.invoice import answer_pdf
from cauce.flows.billing import correct
from cauce.flows.billing.issue import Batch
from cauce.flows.context import Context
from cauce.reports import billing as report
from cauce.reports import resources as rows_by_id
from cauce.storage.database import Tx

router = APIRouter(prefix="/v1", tags=["invoices"])

Reason = Annotated[str, Field(min_length=1, max_length=500, pattern=PLAIN_TEXT)]


class PayBody(Body):
    """Money that you saw on your own bank account or in your hand, in the invoice's currency."""

    amount: PositiveAmount
    reference: Annotated[str, Field(max_length=255, pattern=PLAIN_TEXT)] = ""
    source: Annotated[str, Field(pattern="^(manual|bank_transfer)$")] = "manual"


class LineCreditBody(Body):
    """The net amount to credit of one line."""

    line: Annotated[int, Field(strict=True, ge=1)]
    net: PositiveAmount


class CreditNoteBody(Body):
    """What to credit: `lines` by net, or `total` with tax, or neither for all of it. `refund`: paid money goes back."""

    reason: Reason
    lines: list[LineCreditBody] = Field(default_factory=list, max_length=1_000)
    total: PositiveAmount | None = None
    refund: bool = False


class _Rollback(Exception):
    """Ends the transaction of a preview."""


@router.get("/invoices")
async def list_invoices(
    caller: Reader,
    status: Filter = "",
    customer: Filter = "",
    subscription: Filter = "",
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = "",
    expanded: Expand = [],  # noqa: B006 - FastAPI copies it
) -> dict[str, Any]:
    """Invoices, newest first."""
    after = unpack_cursor(cursor) or report.NEWEST
    async with caller.context.transaction() as tx:
        rows = await report.list_invoices(
            tx,
            status=status or None,
            customer_id=(await find_customer(tx, customer)).id if customer else None,
            subscription_id=subscription or None,
            after=after,
            rows_max=limit + 1,
        )
        page = listing(rows, limit, lambda row: row["id"])
        page["data"] = resources("invoice", await rows_by_id.invoices(tx, [row["id"] for row in page["data"]]))
        await expand(tx, page["data"], expanded)
    return page


@router.get("/invoices/{invoice_id}")
async def show_invoice(
    caller: Reader,
    invoice_id: Id,
    expanded: Expand = [],  # noqa: B006 - FastAPI copies it
) -> dict[str, Any]:
    """An invoice with its lines, tries to collect it and credit notes."""
    async with caller.context.transaction() as tx:
        shown = await _shown(tx, invoice_id)
        await expand(tx, [shown], expanded)
    return shown


@router.get(
    "/invoices/{invoice_id}/pdf", response_class=Response, responses={200: {"content": {"application/pdf": {}}}}
)
async def download_invoice(caller: Reader, invoice_id: Id, locale: Filter = "", paper: Filter = "") -> Response:
    """A final invoice as PDF: the same bytes each time. `locale` en, es or zh; `paper` a4 or letter; else the customer's."""
    return await answer_pdf(caller.context, invoice_id, locale=locale, paper=paper)


@router.post("/invoices/{invoice_id}/pay")
async def pay_invoice(request: Request, caller: BillingWriter, invoice_id: Id, body: PayBody) -> Response:
    """Book a payment that did not come through a provider: part of the invoice, all of it, or more."""
    command = correct.PayByHand(invoice_id, body.amount, body.reference, body.source)

    async def work(context: Context) -> object:
        payment_id = await correct.pay_by_hand(context, command)
        return {**await _outside(caller.context, invoice_id), "payment": payment_id}

    return await answer_once(request, caller.context, work, status=200, moves_money=True)


@router.post("/invoices/{invoice_id}/void")
async def void_invoice(request: Request, caller: BillingWriter, invoice_id: Id) -> Response:
    """Void an open invoice of which nothing was paid."""

    async def work(context: Context) -> object:
        await correct.void(context, invoice_id)
        return await _outside(caller.context, invoice_id)

    return await answer_once(request, caller.context, work, status=200, moves_money=True)


@router.post("/invoices/{invoice_id}/write_off")
async def write_off_invoice(request: Request, caller: BillingWriter, invoice_id: Id) -> Response:
    """Give up what is left of an open invoice."""

    async def work(context: Context) -> object:
        await correct.write_off(context, invoice_id)
        return await _outside(caller.context, invoice_id)

    return await answer_once(request, caller.context, work, status=200, moves_money=True)


@router.post("/invoices/{invoice_id}/credit_notes", status_code=201)
async def credit_invoice(request: Request, caller: BillingWriter, invoice_id: Id, body: CreditNoteBody) -> Response:
    """Credit an invoice; what was paid already becomes the customer's credit or goes back to where it came from."""

    async def work(context: Context) -> object:
        credited = await correct.credit_invoice(context, _command(invoice_id, body))
        currency = (await _outside(caller.context, invoice_id))["currency"]
        return _credited(credited, currency, invoice_id, body.reason)

    return await answer_once(request, caller.context, work, moves_money=True)


@router.post("/invoices/{invoice_id}/credit_notes/preview")
async def preview_credit(caller: Reader, invoice_id: Id, body: CreditNoteBody) -> dict[str, Any]:
    """What the same call without `/preview` would credit; nothing is kept."""
    context, shown = caller.context, {}
    try:
        async with context.transaction() as tx:
            invoice = await invoicing.lock_one(tx, invoice_id)
            command, now = _command(invoice_id, body), await context.now(tx)
            credited = await correct.credit_within(tx, invoice, command, Batch(), now, context.actor.name)
            shown = _credited(credited, invoice.currency, invoice_id, body.reason)
            raise _Rollback
    except _Rollback:
        return shown | {"id": None, "number": None, "refunds": []}


@router.get("/payments")
async def list_payments(
    caller: Reader,
    customer: Filter = "",
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = "",
    expanded: Expand = [],  # noqa: B006 - FastAPI copies it
) -> dict[str, Any]:
    """Money that arrived, newest first. `settled` where the provider settles in another currency; its fee is in that one."""
    after = unpack_cursor(cursor) or report.NEWEST
    async with caller.context.transaction() as tx:
        who = await _customer(tx, customer)
        rows = await report.list_payments(tx, customer_id=who, after=after, rows_max=limit + 1)
        page = listing(rows, limit, lambda row: row["id"])
        page["data"] = [_payment(row) for row in page["data"]]
        await expand(tx, page["data"], expanded)
    return page


@router.get("/refunds")
async def list_refunds(
    caller: Reader, customer: Filter = "", limit: Limit = LIMIT_DEFAULT, cursor: Cursor = ""
) -> dict[str, Any]:
    """Refunds, newest first."""
    after = unpack_cursor(cursor) or report.NEWEST
    async with caller.context.transaction() as tx:
        who = await _customer(tx, customer)
        rows = await report.list_refunds(tx, customer_id=who, after=after, rows_max=limit + 1)
    page = listing(rows, limit, lambda row: row["id"])
    return page | {"data": resources("refund", page["data"])}


@router.get("/dunning_cases")
async def list_cases(
    caller: Reader, state: Filter = "", limit: Limit = LIMIT_DEFAULT, cursor: Cursor = ""
) -> dict[str, Any]:
    """Recoveries of debts, newest first."""
    after = unpack_cursor(cursor) or report.NEWEST
    async with caller.context.transaction() as tx:
        rows = await report.list_cases(tx, state=state or None, after=after, rows_max=limit + 1)
    page = listing(rows, limit, lambda row: row["id"])
    return page | {"data": resources("dunning_case", page["data"])}


async def _customer(tx: Tx, name: str) -> str | None:
    return (await find_customer(tx, name)).id if name else None


async def _outside(context: Context, invoice_id: str) -> dict[str, Any]:
    async with context.transaction() as tx:
        return await _shown(tx, invoice_id)


async def _shown(tx: Tx, invoice_id: str) -> dict[str, Any]:
    detail = await report.read_invoice(tx, invoice_id)
    (row,) = await rows_by_id.invoices(tx, [invoice_id])
    currency = row["currency"]
    return resource(
        "invoice",
        row,
        lines=[resource("invoice_line", {**dict(line), "currency": currency}) for line in detail.lines],
        attempts=resources("payment_attempt", detail.attempts),
        credit_notes=resources("credit_note", detail.credit_notes),
    )


def _command(invoice_id: str, body: CreditNoteBody) -> correct.CreditInvoice:
    nets = {one.line: one.net for one in body.lines}
    return correct.CreditInvoice(invoice_id, body.reason, nets, body.total, body.refund)


def _credited(done: correct.Credited, currency: str, invoice_id: str, reason: str) -> dict[str, Any]:
    return {
        "object": "credit_note",
        "id": done.credit_note_id,
        "number": done.number,
        "invoice": invoice_id,
        "reason": reason,
        "currency": currency,
        "net": money(done.net_minor, currency),
        "tax": money(done.tax_minor, currency),
        "total": money(done.total_minor, currency),
        "to_receivable": money(done.to_receivable_minor, currency),
        "to_credit": money(done.to_credit_minor, currency),
        "to_refund": money(done.to_refund_minor, currency),
        "to_granted": money(done.to_granted_minor, currency),
        "refunds": list(done.refund_ids),
    }


def _payment(row: dict[str, Any]) -> dict[str, Any]:
    settled, moved, fee = row.pop("settled_currency"), row.pop("settled_minor"), row["fee_minor"]
    more = {"settled": money(moved, settled), "fee": money(fee, settled)} if settled else {"settled": None}
    return resource("payment", row, **more)
