"""Voiding a credit note: the exact reverse of what it did, as long as all of it can still be taken back.

What the customer was given must be unspent, nothing may be refunded or on its way, and an invoice that was lowered must
still be open. The note keeps its number; what it took from the lines is theirs again, so later notes find it (V22) and
revenue goes on by days as if it had never been credited (G13).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from cauce.billing.customers import grants
from cauce.billing.customers import service as customers
from cauce.billing.invoicing import credits
from cauce.billing.invoicing import service as invoicing
from cauce.billing.invoicing.rules import CreditNoteStands, Invoice
from cauce.billing.payments import service as payments
from cauce.flows.billing.issue import Batch, write
from cauce.flows.context import Context
from cauce.ledger.reading import availables
from cauce.ledger.recipes import balances
from cauce.ledger.recipes.billing import credit
from cauce.pricing.crediting import LineCredit
from cauce.storage.database import Row, Tx
from cauce.storage.outbox import NewEvent


async def void_note(context: Context, note_id: str, reason: str) -> None:
    """Void a credit note; `NotFound`, or `CreditNoteStands` with the reason why it can no longer be voided."""
    async with context.transaction() as tx:
        invoice = await invoicing.lock_one(tx, await credits.invoice_of(tx, note_id))
        note = await credits.lock_note(tx, note_id)
        now, batch = await context.now(tx), Batch()
        from_credit = await _check(tx, invoice, note)
        parts = _parts(note, await credits.lock_lines(tx, invoice.id))
        await credits.credit_lines(tx, invoice.id, [_reversed(part) for part in parts])
        await credits.void(tx, note_id, reason, now)
        if note["to_granted_minor"] and not await grants.take_again(tx, invoice.id, note["to_granted_minor"]):
            raise _stands("granted_credit_used")
        if note["to_receivable_minor"]:
            after = replace(invoice, credited_minor=invoice.credited_minor - note["to_receivable_minor"])
            await invoicing.save(tx, [after], now)
            batch.events += invoicing.changed(invoice, after, now)
        batch.add(
            balances.credit_note_voided(
                note_id,
                invoice.id,
                invoice.customer_id,
                invoice.currency,
                now,
                to_deferred_minor=sum(part.from_deferred_minor for part in parts),
                to_revenue_minor=sum(part.from_revenue_minor for part in parts),
                tax_minor=note["tax_minor"],
                to_receivable_minor=note["to_receivable_minor"],
                from_credit_minor=from_credit,
                from_granted_minor=note["to_granted_minor"],
            )
        )
        content = {
            "invoice": invoice.id,
            "number": note["number"],
            "total": note["total_minor"],
            "currency": note["currency"],
        }
        batch.events.append(
            NewEvent("credit_note.voided", note_id, now, {**content, "reason": reason}, invoice.customer_id)
        )
        if from_credit:
            told = {"credit_note": note_id, "currency": note["currency"], "change": -from_credit}
            batch.events.append(
                NewEvent("customer.credit_changed", invoice.customer_id, now, told, invoice.customer_id)
            )
        await write(tx, batch, context.actor.name, context.cause)


async def _check(tx: Tx, invoice: Invoice, note: Row) -> int:
    """What is taken from the customer's credit, minor units: refunds that failed became credit too."""
    if note["voided_at"] is not None:
        raise _stands("voided")
    if note["to_receivable_minor"] and invoice.status != "open":
        raise _stands("invoice_settled")
    if note["to_receivable_minor"] and await payments.in_flight(tx, [invoice.id]):
        raise payments.AttemptInFlight()
    if invoice.status not in ("open", "paid"):
        raise _stands("invoice_settled")
    sent = await payments.refunds_of_note(tx, note["id"])
    if sent.get("succeeded") or sent.get("pending"):
        raise _stands("refunded")
    wanted: int = note["to_credit_minor"] + note["to_refund_minor"]
    if wanted:
        await customers.lock(tx, [invoice.customer_id])
        account = credit(invoice.customer_id, invoice.currency)
        if (await availables(tx, [account])).get(account, 0) < wanted:
            raise _stands("credit_spent")
    return wanted


def _stands(reason: str) -> CreditNoteStands:
    return CreditNoteStands(f"this credit note cannot be voided: {reason}", reason=reason)


def _parts(note: Row, lines: Sequence[Row]) -> list[LineCredit]:
    """What the note took of each line; a note of old, which does not say from where, took it from deferred where there is such."""
    is_deferred = {row["number"]: row["deferred"] for row in lines}
    return [_part(one, is_deferred=is_deferred[one["line"]]) for one in note["lines"]]


def _part(one: Mapping[str, int], *, is_deferred: bool) -> LineCredit:
    from_revenue = one.get("from_revenue", 0 if is_deferred else one["net"])
    return LineCredit(one["line"], one["net"] - from_revenue, from_revenue, one["tax"])


def _reversed(part: LineCredit) -> LineCredit:
    return LineCredit(part.number, -part.from_deferred_minor, -part.from_revenue_minor, -part.tax_minor)
