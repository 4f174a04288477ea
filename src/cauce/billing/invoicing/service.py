"""Issuing invoices set-wise, settling them, and the events that tell of it. The flow posts the journals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Literal

from cauce.billing.invoicing import store
from cauce.billing.invoicing.rules import INVOICE, Invoice, NewInvoice
from cauce.billing.invoicing.store import (
    PendingLine,
    find_pending,
    forget_notices,
    insert_pending,
    invoice_pending,
    lock,
    lock_one,
    lock_open_of,
    mark_disputed,
    read,
    write_lines,
)
from cauce.kernel.errors import Conflict
from cauce.storage.database import Tx
from cauce.storage.outbox import NewEvent

SERIES = "invoices"
PREFIX = "INV-"

Answer = Literal["approve", "reject", "withdraw"]
"""What is said to a charge that waits: the customer's yes or no, or that the seller takes it back."""

_ANSWERED: dict[Answer, tuple[list[str], str]] = {
    "approve": (["proposed"], "waiting"),
    "reject": (["proposed"], "rejected"),
    "withdraw": (["proposed", "waiting"], "removed"),
}


class ChargeSettled(Conflict):
    """This charge is settled already: approved, rejected, withdrawn or on an invoice."""

    code = "charge_settled"


__all__ = [
    "Answer",
    "ChargeSettled",
    "PendingLine",
    "changed",
    "find_pending",
    "forget_notices",
    "insert_pending",
    "invoice_pending",
    "issue",
    "lock",
    "lock_one",
    "lock_open_of",
    "mark_disputed",
    "numbers_of",
    "read",
    "save",
    "set_due",
    "set_pending",
    "settle",
    "with_open",
    "write_lines",
]


async def issue(tx: Tx, invoices: Sequence[NewInvoice]) -> list[NewEvent]:
    """Number and write final invoices whose lines are written already; the events to emit.

    Call it after every other lock is held and before the ledger: the series' row serializes whoever issues.
    """
    if not invoices:
        return []
    numbers = await store.take_numbers(tx, SERIES, PREFIX, len(invoices))
    await store.insert(tx, invoices, SERIES, numbers)
    events = []
    for invoice, (_, number) in zip(invoices, numbers, strict=True):
        content = {
            "number": number,
            "subscription": invoice.subscription_id,
            "currency": invoice.currency,
            "total": invoice.total_minor,
            "amount_due": invoice.amount_due_minor,
        }
        events.append(NewEvent("invoice.created", invoice.id, invoice.issued_at, content, invoice.customer_id))
        events.append(NewEvent("invoice.finalized", invoice.id, invoice.issued_at, content, invoice.customer_id))
        if invoice.status == "paid":
            events.append(NewEvent("invoice.paid", invoice.id, invoice.issued_at, content, invoice.customer_id))
    return events


def changed(before: Invoice, after: Invoice, at: datetime) -> list[NewEvent]:
    """That an open invoice is owed less or more by now, for whoever follows what is due; none when it is settled or as before."""
    if after.status != "open" or after.amount_due_minor == before.amount_due_minor:
        return []
    content = {"number": after.number, "amount_due": after.amount_due_minor, "currency": after.currency}
    previous = {"amount_due": before.amount_due_minor}
    return [NewEvent("invoice.updated", after.id, at, content, after.customer_id, previous)]


def settle(invoice: Invoice, amount_minor: int) -> tuple[Invoice, int]:
    """The invoice after `amount_minor` arrived, and what of it was too much (it becomes the customer's credit)."""
    if invoice.status not in ("open", "uncollectible"):
        return invoice, amount_minor
    applied = min(amount_minor, invoice.amount_due_minor)
    paid = replace(invoice, paid_minor=invoice.paid_minor + applied)
    if paid.amount_due_minor == 0 and paid.lost_minor == 0:
        paid = replace(paid, status=INVOICE.step(invoice.status, "settle"), due_at=None)
    return paid, amount_minor - applied


async def save(tx: Tx, invoices: Sequence[Invoice], at: datetime) -> None:
    """Write the status and amounts of locked invoices."""
    await store.save(tx, invoices, at)


async def set_due(tx: Tx, invoice_ids: Sequence[str], at: datetime | None) -> None:
    """Let collection look at these invoices at `at`, or no more."""
    if invoice_ids:
        await tx.run(store.QUERIES.set_due, tx.org, list(invoice_ids), at)


async def set_pending(tx: Tx, pending_line_id: str, answer: Answer) -> None:
    """Approve or reject a proposed line, or withdraw one that is proposed or waits; `ChargeSettled` when it is neither."""
    sources, target = _ANSWERED[answer]
    if await tx.value(store.QUERIES.set_pending, tx.org, pending_line_id, sources, target) is None:
        raise ChargeSettled()


async def with_open(tx: Tx, subscription_ids: Sequence[str]) -> set[str]:
    """Which of these subscriptions have an open invoice."""
    rows = await tx.rows(store.QUERIES.open_of, tx.org, list(subscription_ids))
    return {row["subscription_id"] for row in rows}


async def numbers_of(tx: Tx, series: str, prefix: str) -> tuple[int, str]:
    """One number of another series, without gaps."""
    return (await store.take_numbers(tx, series, prefix, 1))[0]
