"""Credit notes of an invoice, and voiding one as long as that is possible."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

from cauce.billing.invoicing import credits
from cauce.entrypoints.console.links import link_to
from cauce.entrypoints.console.view import action, back_to, page
from cauce.entrypoints.web.documents.credit_note import answer_note_pdf
from cauce.entrypoints.web.sessions import Session
from cauce.entrypoints.web.tables import Button, Input, Table, amount, buttons, columns, moment, state, text
from cauce.flows.billing.void_note import void_note
from cauce.storage.database import Row
from cauce.storage.directory.people import Role


def note_table(rows: Sequence[Row]) -> Table:
    """The notes with what they came to; one that counts may be voided."""
    return Table(
        columns("invoices.number", "actions.reason", "invoices.issued", "invoices.total>", "invoices.state", ">"),
        [
            (
                text(row["number"], href=f"/console/credit_notes/{row['id']}/pdf"),
                text(row["reason"], note=row["void_reason"]),
                moment(row["issued_at"]),
                amount(row["total_minor"], row["currency"]),
                state("issued" if row["voided_at"] is None else "void"),
                buttons(*([_void_note(row["id"])] if row["voided_at"] is None else [])),
            )
            for row in rows
        ],
        title="invoices.notes",
    )


def _void_note(note_id: str) -> Button:
    return Button(
        f"/console/credit_notes/{note_id}/void",
        "invoices.void_note",
        inputs=(Input("reason", "actions.reason"),),
        danger=True,
        hint="invoices.void_note_hint",
    )


async def download(request: Request, session: Session) -> Response:
    """The credit note as PDF, in its customer's language."""
    return await answer_note_pdf(session.context, request.path_params["note_id"])


async def void_credit_note(request: Request, session: Session, fields: dict[str, str]) -> Response:
    """The credit note should not have been issued."""
    note_id = request.path_params["note_id"]
    async with session.context.transaction() as tx:
        invoice_id = await credits.invoice_of(tx, note_id)
    await void_note(session.context, note_id, fields.get("reason", "").strip() or "–")
    return back_to(link_to(invoice_id))


routes = [
    page("/console/credit_notes/{note_id}/pdf", download),
    action(
        "/console/credit_notes/{note_id}/void",
        void_credit_note,
        name="credit_note.void",
        roles=(Role.ADMIN, Role.FINANCE),
    ),
]
