"""Credit notes: their own series without gaps, and what they took from each line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from cauce.billing.invoicing.store import QUERIES, take_numbers
from cauce.kernel.errors import NotFound
from cauce.pricing.crediting import LineCredit
from cauce.storage.database import Row, Tx

SERIES = "credit_notes"
PREFIX = "CN-"


@dataclass(frozen=True, slots=True)
class NewCreditNote:
    """A credit note to issue, and where its total goes: to what is owed, to the customer's credit, back as money, to grants."""

    id: str
    invoice_id: str
    customer_id: str
    currency: str
    reason: str
    parts: tuple[LineCredit, ...]
    to_receivable_minor: int
    to_credit_minor: int
    to_refund_minor: int
    issued_at: datetime
    to_granted_minor: int = 0

    @property
    def net_minor(self) -> int:
        """Without tax."""
        return sum(part.net_minor for part in self.parts)

    @property
    def tax_minor(self) -> int:
        """The tax that goes back."""
        return sum(part.tax_minor for part in self.parts)

    @property
    def total_minor(self) -> int:
        """What the customer gets back."""
        return self.net_minor + self.tax_minor


async def lock_lines(tx: Tx, invoice_id: str) -> list[Row]:
    """The lines of an invoice, locked, in order."""
    return await tx.rows(QUERIES.lock_lines, tx.org, invoice_id)


async def credit_lines(tx: Tx, invoice_id: str, parts: Sequence[LineCredit]) -> None:
    """Take parts from the lines; what is taken from revenue lowers what counts as recognized."""
    if parts:
        await tx.run(
            QUERIES.credit_lines,
            tx.org,
            invoice_id,
            [part.number for part in parts],
            [part.net_minor for part in parts],
            [part.tax_minor for part in parts],
            [part.from_revenue_minor for part in parts],
        )


async def issue(tx: Tx, note: NewCreditNote) -> str:
    """Write a credit note of locked lines; its number."""
    await credit_lines(tx, note.invoice_id, note.parts)
    ((sequence, number),) = await take_numbers(tx, SERIES, PREFIX, 1)
    lines = [
        {"line": part.number, "net": part.net_minor, "tax": part.tax_minor, "from_revenue": part.from_revenue_minor}
        for part in note.parts
    ]
    await tx.run(
        QUERIES.insert_credit_note,
        tx.org, note.id, note.invoice_id, note.customer_id, SERIES, sequence, number, note.currency, note.reason,
        note.net_minor, note.tax_minor, note.total_minor, note.to_receivable_minor, note.to_credit_minor,
        note.to_refund_minor, lines, note.issued_at, note.to_granted_minor,
    )  # fmt: skip
    return number


async def invoice_of(tx: Tx, note_id: str) -> str:
    """The invoice that a credit note is of; `NotFound` for no such note."""
    found: str | None = await tx.value(QUERIES.invoice_of_note, tx.org, note_id)
    if found is None:
        raise NotFound(f"there is no credit note {note_id}", param="credit_note")
    return found


async def lock_note(tx: Tx, note_id: str) -> Row:
    """A credit note, locked; its invoice is locked before."""
    row = await tx.row(QUERIES.lock_credit_note, tx.org, note_id)
    assert row is not None, "credit notes are never deleted"
    return row


async def void(tx: Tx, note_id: str, reason: str, at: datetime) -> None:
    """The note keeps its number and counts no more."""
    await tx.run(QUERIES.void_credit_note, tx.org, note_id, at, reason)


async def of_invoice(tx: Tx, invoice_id: str) -> list[Row]:
    """The credit notes of an invoice that count, in order."""
    return await tx.rows(QUERIES.credit_notes_of, tx.org, invoice_id)


async def billed_of_items(tx: Tx, item_ids: Sequence[str], since: date) -> list[Row]:
    """Advance lines of these items whose service reaches beyond `since`, with what was credited of them."""
    return await tx.rows(QUERIES.billed_of_items, tx.org, list(item_ids), since)


async def mark_rest_credited(tx: Tx, lines: Sequence[Row], at: datetime) -> None:
    """The days of these lines that are left at `at` were given back; later reductions give back nothing of them."""
    if lines:
        ids = [row["invoice_id"] for row in lines]
        await tx.run(QUERIES.mark_rest_credited, tx.org, ids, [row["number"] for row in lines], at)


async def advances_of(tx: Tx, subscription_id: str, customer_id: str, since: date) -> dict[str, int]:
    """The subscription's invoices for days from `since` on: id -> what is still to be paid of each."""
    rows = await tx.rows(QUERIES.advances_of, tx.org, subscription_id, since, customer_id)
    return {row["id"]: row["due_minor"] for row in rows}


async def waiting_of_items(tx: Tx, item_ids: Sequence[str], since: date) -> list[Row]:
    """Prorations of these items that wait for the next invoice and reach beyond `since`."""
    return await tx.rows(QUERIES.waiting_of_items, tx.org, list(item_ids), since)


async def cut_waiting(tx: Tx, cuts: Sequence[tuple[str, int, date]]) -> None:
    """Waiting lines (id, what is left of the amount, their new end); one with nothing left is removed."""
    if cuts:
        await tx.run(QUERIES.cut_pending, tx.org, *[list(column) for column in zip(*cuts, strict=True)])


async def advances_beside(tx: Tx, invoice_id: str) -> list[Row]:
    """All that was billed in advance for the items of an invoice, wherever, and what changes give back of it (below zero)."""
    return await tx.rows(QUERIES.advances_beside, tx.org, invoice_id)


async def billed_usage(tx: Tx, subscription_ids: Sequence[str], since: date) -> list[Row]:
    """What was billed, or waits to be, for the use of meters in periods that end after `since`."""
    return await tx.rows(QUERIES.billed_usage, tx.org, list(subscription_ids), since)
