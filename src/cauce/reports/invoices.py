"""Invoices as pages show them: the list, and one with its lines, attempts, credit notes and journals."""

from __future__ import annotations

from cauce.kernel.errors import NotFound
from cauce.storage.database import Row, Tx
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__, "invoices.sql")
JOURNALS_MAX = 50


async def page(
    tx: Tx,
    *,
    before: str = "",
    status: str = "",
    number: str = "",
    customer_id: str = "",
    subscription_id: str = "",
    rows_max: int = 50,
) -> list[Row]:
    """Invoices, newest first, with what is left to pay."""
    return await tx.rows(QUERIES.invoice_page, tx.org, before, status, number, customer_id, subscription_id, rows_max)


async def one(tx: Tx, invoice_id: str) -> Row:
    """An invoice with its customer; `NotFound` otherwise."""
    row = await tx.row(QUERIES.invoice_one, tx.org, invoice_id)
    if row is None:
        raise NotFound(f"there is no invoice {invoice_id}", param="invoice")
    return row


async def lines(tx: Tx, invoice_id: str) -> list[Row]:
    """The lines of an invoice, in order."""
    return await tx.rows(QUERIES.invoice_lines, tx.org, invoice_id)


async def attempts(tx: Tx, invoice_id: str) -> list[Row]:
    """Tries to collect an invoice, newest first."""
    return await tx.rows(QUERIES.invoice_attempts, tx.org, invoice_id)


async def credit_notes(tx: Tx, invoice_id: str) -> list[Row]:
    """What was credited of an invoice."""
    return await tx.rows(QUERIES.invoice_notes, tx.org, invoice_id)


async def credit_note(tx: Tx, note_id: str) -> Row:
    """One credit note with the parts of its invoice's lines, and the time zone of its contract; `NotFound`."""
    row = await tx.row(QUERIES.note_one, tx.org, note_id)
    if row is None:
        raise NotFound(f"there is no credit note {note_id}", param="credit_note")
    return row


async def journals(tx: Tx, reference: str) -> list[Row]:
    """The journals in the ledger that were posted for one business object."""
    return await tx.rows(QUERIES.payment_journals, tx.org, reference, JOURNALS_MAX)
