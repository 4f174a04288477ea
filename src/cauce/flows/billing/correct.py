"""Correcting final invoices: void, written off, credited, paid by hand. An issued invoice itself never changes.

A credit first lowers what is still owed; what was paid already becomes the customer's credit, or a refund to where
it came from, as the caller chooses (B5, G6). Preview and commit run the same function; a preview rolls back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from cauce.billing.customers import service as customers
from cauce.billing.invoicing import credits
from cauce.billing.invoicing import service as invoicing
from cauce.billing.invoicing.credits import NewCreditNote
from cauce.billing.invoicing.rules import INVOICE, AmountTooLarge, Invoice, InvoiceNotOpen, NothingToCredit
from cauce.billing.payments import service as payments
from cauce.flows.billing.granting import owed_to_grants
from cauce.flows.billing.issue import Batch, write
from cauce.flows.billing.lines_left import given_back, lines_left
from cauce.flows.billing.refunds import refund_invoice
from cauce.flows.billing.settle import Arrival, after_settled, settle
from cauce.flows.context import Context
from cauce.kernel.errors import InvalidRequest, NotFound
from cauce.kernel.ids import new_id
from cauce.ledger.recipes import billing as recipes
from cauce.ledger.rules import Journal
from cauce.pricing.crediting import LineCredit, LineLeft, credit_everything, credit_nets, credit_total
from cauce.storage.database import Tx
from cauce.storage.outbox import NewEvent


@dataclass(frozen=True, slots=True)
class CreditInvoice:
    """Credit an invoice: `nets` (line number -> net minor units), or `total_minor` with tax, or neither for all of it.

    `refund`: what was paid goes back to where it came from; otherwise it becomes the customer's credit.
    """

    invoice_id: str
    reason: str
    nets: Mapping[int, int] = field(default_factory=dict)
    total_minor: int | None = None
    refund: bool = False


@dataclass(frozen=True, slots=True)
class Credited:
    """A credit note as issued (or as it would be)."""

    credit_note_id: str
    number: str
    net_minor: int
    tax_minor: int
    total_minor: int
    to_receivable_minor: int
    to_credit_minor: int
    to_refund_minor: int
    to_granted_minor: int
    refund_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PayByHand:
    """Money that an operator saw on his own bank account, or in his hand."""

    invoice_id: str
    amount_minor: int
    reference: str = ""
    source: str = "manual"


async def credit_invoice(context: Context, command: CreditInvoice) -> Credited:
    """Issue a credit note."""
    async with context.transaction() as tx:
        batch = Batch()
        invoice = await invoicing.lock_one(tx, command.invoice_id)
        now = await context.now(tx)
        credited = await credit_within(tx, invoice, command, batch, now, context.actor.name)
        await write(tx, batch, context.actor.name, context.cause)
        return credited


async def credit_within(
    tx: Tx, invoice: Invoice, command: CreditInvoice, batch: Batch, now: datetime, actor: str
) -> Credited:
    """The same into the caller's batch, for a locked invoice."""
    if invoice.status not in ("open", "paid"):
        raise InvoiceNotOpen(f"invoice {invoice.number} is {invoice.status}", status=invoice.status)
    parts = _parts(await lines_left(tx, invoice.id), command)
    if not parts or sum(part.total_minor for part in parts) <= 0:
        raise NothingToCredit(param="lines")
    return await _credit_parts(tx, invoice, parts, command, batch, now, actor)


async def _credit_parts(
    tx: Tx,
    invoice: Invoice,
    parts: Sequence[LineCredit],
    command: CreditInvoice,
    batch: Batch,
    now: datetime,
    actor: str,
) -> Credited:
    total = sum(part.total_minor for part in parts)
    to_receivable = min(total, invoice.amount_due_minor)
    back = total - to_receivable
    await customers.lock(tx, [invoice.customer_id])
    to_granted = await owed_to_grants(tx, invoice, back) if back and invoice.granted_minor else 0
    back -= to_granted
    if to_granted:
        batch.grants.returned.append((invoice.id, to_granted, now))
    note_id = new_id("cn")
    refunds = (
        await refund_invoice(tx, invoice, back, command.reason, note_id, batch, now) if command.refund and back else []
    )
    refunded = sum(amount for _, amount in refunds)
    note = NewCreditNote(
        note_id, invoice.id, invoice.customer_id, invoice.currency, command.reason, tuple(parts),
        to_receivable, back - refunded, refunded, now, to_granted,
    )  # fmt: skip
    after = replace(invoice, credited_minor=invoice.credited_minor + to_receivable)
    if after.status == "open" and after.amount_due_minor == 0:
        after = replace(after, status=INVOICE.step("open", "settle"), due_at=None)
        batch.events.append(NewEvent("invoice.paid", after.id, now, {"number": after.number}, after.customer_id))
    batch.events += invoicing.changed(invoice, after, now)
    await invoicing.save(tx, [after], now)
    if after.status != invoice.status:
        await after_settled(tx, [after], {}, batch, now, actor)
    number = await credits.issue(tx, note)
    key = (invoice.customer_id, invoice.currency)
    batch.credit_given[key] = batch.credit_given.get(key, 0) + note.to_credit_minor
    batch.journals.insert(0, _journal(note))  # the credit must stand before a hold is placed on it
    content = {
        "invoice": invoice.id,
        "number": number,
        "total": total,
        "currency": invoice.currency,
        "reason": command.reason,
    }
    batch.events.append(NewEvent("credit_note.issued", note_id, now, content, invoice.customer_id))
    return Credited(
        note_id, number, note.net_minor, note.tax_minor, total, to_receivable, back - refunded, refunded, to_granted,
        tuple(refund_id for refund_id, _ in refunds),
    )  # fmt: skip


async def void(context: Context, invoice_id: str) -> None:
    """Void an open invoice of which nothing was paid; the credit that it used goes back to the customer."""
    async with context.transaction() as tx:
        invoice = await invoicing.lock_one(tx, invoice_id)
        if await payments.in_flight(tx, [invoice.id]):
            raise payments.AttemptInFlight()
        batch, now = Batch(), await context.now(tx)
        after = await void_into(tx, invoice, batch, now)
        await after_settled(tx, [after], {}, batch, now, context.actor.name)
        await write(tx, batch, context.actor.name, context.cause)


async def void_into(tx: Tx, invoice: Invoice, batch: Batch, now: datetime) -> Invoice:
    """Void a locked invoice into the caller's batch; `AmountTooLarge` when something was paid, credited or given back."""
    status = INVOICE.step(invoice.status, "void")
    if invoice.paid_minor or invoice.credited_minor or invoice.lost_minor:
        raise AmountTooLarge("an invoice of which something was paid is credited, not voided", param="invoice")
    if await given_back_of(tx, invoice):
        raise AmountTooLarge("an invoice of which a change gave days back is credited, not voided", param="invoice")
    parts = credit_everything(await lines_left(tx, invoice.id))
    await credits.credit_lines(tx, invoice.id, parts)
    after = replace(invoice, status=status, due_at=None)
    await invoicing.save(tx, [after], now)
    batch.add(
        recipes.credit_note_issued(
            f"void-{invoice.id}",
            invoice.id,
            invoice.customer_id,
            invoice.currency,
            now,
            from_deferred_minor=sum(part.from_deferred_minor for part in parts),
            from_revenue_minor=sum(part.from_revenue_minor for part in parts),
            tax_minor=sum(part.tax_minor for part in parts),
            to_receivable_minor=invoice.total_minor - invoice.credit_minor,
            to_credit_minor=invoice.credit_minor - invoice.granted_minor,
            to_granted_minor=invoice.granted_minor,
        )
    )
    batch.grants.voided.append((invoice.id, now))
    if invoice.granted_minor:
        batch.grants.returned.append((invoice.id, invoice.granted_minor, now))
    batch.events.append(NewEvent("invoice.voided", invoice.id, now, {"number": invoice.number}, invoice.customer_id))
    return after


async def given_back_of(tx: Tx, invoice: Invoice) -> bool:
    """Whether a change gave days of this locked invoice back."""
    return bool(await given_back(tx, invoice.id, await credits.lock_lines(tx, invoice.id)))


async def take_back(tx: Tx, invoice: Invoice, reason: str, batch: Batch, now: datetime, actor: str) -> None:
    """What a locked open invoice was for does not come about: void it; where a part was paid, credited or given back by a
    change, credit the rest. What was paid becomes the customer's credit.
    """
    if not (invoice.paid_minor or invoice.credited_minor or await given_back_of(tx, invoice)):
        await void_into(tx, invoice, batch, now)
    elif sum(part.total_minor for part in credit_everything(await lines_left(tx, invoice.id))) > 0:
        await credit_within(tx, invoice, CreditInvoice(invoice.id, reason), batch, now, actor)


async def write_off(context: Context, invoice_id: str) -> None:
    """Nobody expects this money any more: the rest of an open invoice is a loss, and the debt no longer counts."""
    async with context.transaction() as tx:
        invoice = await invoicing.lock_one(tx, invoice_id)
        status = INVOICE.step(invoice.status, "write_off")
        now, batch, lost = await context.now(tx), Batch(), invoice.amount_due_minor
        after = replace(invoice, status=status, lost_minor=lost, due_at=None)
        await invoicing.save(tx, [after], now)
        batch.add(recipes.written_off(invoice.id, invoice.customer_id, invoice.currency, now, amount_minor=lost))
        content = {"number": invoice.number, "amount": lost, "currency": invoice.currency}
        batch.events.append(NewEvent("invoice.marked_uncollectible", invoice.id, now, content, invoice.customer_id))
        await after_settled(tx, [after], {}, batch, now, context.actor.name)
        await write(tx, batch, context.actor.name, context.cause)


async def pay_by_hand(context: Context, command: PayByHand) -> str:
    """Book a payment that did not come through a provider; its id. It may be part of the invoice, or too much."""
    (payment_id,) = await pay_many_by_hand(context, [command])
    return payment_id


async def pay_many_by_hand(context: Context, commands: Sequence[PayByHand]) -> list[str]:
    """Book many such payments at once, all or none, one per invoice; their ids in order."""
    for command in commands:
        if command.amount_minor <= 0:
            raise InvalidRequest("a payment is above zero", param="amount")
        if command.source not in ("manual", "bank_transfer"):
            raise InvalidRequest("source is manual or bank_transfer", param="source")
    wanted = [command.invoice_id for command in commands]
    if len(set(wanted)) != len(wanted):
        raise InvalidRequest("one payment per invoice", param="invoice")
    async with context.transaction() as tx:
        invoices = await invoicing.lock(tx, wanted)
        missing = set(wanted) - set(invoices)
        if missing:
            raise NotFound(f"there is no invoice {sorted(missing)[0]}", param="invoice")
        now, batch = await context.now(tx), Batch()
        arrivals = [
            Arrival(one.invoice_id, None, "", one.source, one.reference, "", one.amount_minor, 0, now)
            for one in commands
        ]
        paid = await settle(tx, arrivals, invoices, batch, context.actor.name)
        for payment in paid:
            content = {"invoice": payment.invoice_id, "amount": payment.amount_minor, "currency": payment.currency}
            batch.events.append(NewEvent("payment.succeeded", payment.id, now, content, payment.customer_id))
        await write(tx, batch, context.actor.name, context.cause)
        return [payment.id for payment in paid]


def _parts(lines: Sequence[LineLeft], command: CreditInvoice) -> list[LineCredit]:
    if command.nets:
        return credit_nets(lines, command.nets)
    if command.total_minor is not None:
        return credit_total(lines, command.total_minor)
    return credit_everything(lines)


def _journal(note: NewCreditNote) -> Journal:
    journal = recipes.credit_note_issued(
        note.id,
        note.invoice_id,
        note.customer_id,
        note.currency,
        note.issued_at,
        from_deferred_minor=sum(part.from_deferred_minor for part in note.parts),
        from_revenue_minor=sum(part.from_revenue_minor for part in note.parts),
        tax_minor=note.tax_minor,
        to_receivable_minor=note.to_receivable_minor,
        to_credit_minor=note.to_credit_minor + note.to_refund_minor,
        to_granted_minor=note.to_granted_minor,
    )
    assert journal is not None, "a credit note is above zero"
    return journal
