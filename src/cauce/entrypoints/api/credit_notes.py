"""`/v1/credit_notes`: what was taken back of invoices, shown, printed, voided."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from cauce.entrypoints.api.access import BillingWriter, Reader
from cauce.entrypoints.api.customers import find_customer
from cauce.entrypoints.api.replay import answer_once
from cauce.entrypoints.api.resources import PLAIN_TEXT, Filter, Id, resource, resources
from cauce.entrypoints.api.shapes import LIMIT_DEFAULT, Body, Cursor, Limit, listing, unpack_cursor
from cauce.entrypoints.web.documents.credit_note import answer_note_pdf
from cauce.flows.billing import void_note
from cauce.flows.context import Context
from cauce.reports import billing as report

router = APIRouter(prefix="/v1", tags=["invoices"])


class VoidNoteBody(Body):
    """Why a credit note is void."""

    reason: Annotated[str, Field(min_length=1, max_length=500, pattern=PLAIN_TEXT)]


@router.get("/credit_notes")
async def list_credit_notes(
    caller: Reader, customer: Filter = "", limit: Limit = LIMIT_DEFAULT, cursor: Cursor = ""
) -> dict[str, Any]:
    """Credit notes, newest first."""
    after = unpack_cursor(cursor) or report.NEWEST
    async with caller.context.transaction() as tx:
        who = (await find_customer(tx, customer)).id if customer else None
        rows = await report.list_credit_notes(tx, customer_id=who, after=after, rows_max=limit + 1)
    page = listing(rows, limit, lambda row: row["id"])
    return page | {"data": resources("credit_note", page["data"])}


@router.get("/credit_notes/{credit_note_id}")
async def show_credit_note(caller: Reader, credit_note_id: Id) -> dict[str, Any]:
    """One credit note."""
    async with caller.context.transaction() as tx:
        return resource("credit_note", await report.read_credit_note(tx, credit_note_id))


@router.get(
    "/credit_notes/{credit_note_id}/pdf",
    response_class=Response,
    responses={200: {"content": {"application/pdf": {}}}},
)
async def download_credit_note(caller: Reader, credit_note_id: Id, locale: Filter = "", paper: Filter = "") -> Response:
    """A credit note as PDF: the same bytes each time. `locale` en, es or zh; `paper` a4 or letter; else the customer's."""
    return await answer_note_pdf(caller.context, credit_note_id, locale=locale, paper=paper)


@router.post("/credit_notes/{credit_note_id}/void")
async def void_credit_note(request: Request, caller: BillingWriter, credit_note_id: Id, body: VoidNoteBody) -> Response:
    """Take a credit note back, whole, as long as nothing of it was refunded, spent or settled (else `credit_note_stands`)."""

    async def work(context: Context) -> object:
        await void_note.void_note(context, credit_note_id, body.reason)
        async with caller.context.transaction() as tx:
            return resource("credit_note", await report.read_credit_note(tx, credit_note_id))

    return await answer_once(request, caller.context, work, status=200, moves_money=True)
