"""Giving money back: a refund goes the way its payment came, and only its outcome `Done` moves money.

Until then the amount is reserved on the customer's credit by a hold, so nobody spends it twice; a refund that fails
leaves it there as credit (Servicebot #386: refunds that fail later).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from cauce.billing.customers import service as customers
from cauce.billing.invoicing import credits
from cauce.billing.invoicing.rules import Invoice
from cauce.billing.payments import service as payments
from cauce.billing.payments.rules import Payment
from cauce.billing.subscriptions.rules import Subscription
from cauce.channels.service import NewInstruction, open_instructions
from cauce.flows.billing.exchange import Moved, abroad, valued
from cauce.flows.billing.issue import Batch, write
from cauce.flows.context import Context
from cauce.flows.instruct import Concluded
from cauce.gateway.collecting import FetchRequest, Operation, Refund, RefundRequest
from cauce.gateway.outcome import Declined, Done, Refusal
from cauce.gateway.reporting import Notice
from cauce.kernel.money import Money
from cauce.ledger.recipes import balances
from cauce.ledger.recipes import billing as recipes
from cauce.ledger.recipes.exchange import Settlement
from cauce.ledger.rules import Capture, PlaceHold, ReleaseHold
from cauce.storage.database import Row, Tx
from cauce.storage.outbox import NewEvent

REFUND_PURPOSE = "payments.refund"


async def refund_invoice(
    tx: Tx, invoice: Invoice, amount_minor: int, reason: str, credit_note_id: str, batch: Batch, now: datetime
) -> list[tuple[str, int]]:
    """Open refunds of an invoice's provider payments, oldest first, up to `amount_minor`: (refund, amount) each.

    What came by bank or hand is not sent back by a provider: it stays the customer's credit.
    """
    paid = await payments.payments_of(tx, invoice.id)
    return await _refund(tx, paid, amount_minor, reason, credit_note_id, batch, now)


async def refund_advances(
    tx: Tx, one: Subscription, since: date, amount_minor: int, reason: str, batch: Batch, now: datetime
) -> int:
    """Open refunds of what was paid in advance for days from `since` on, newest payment first; what of it goes back.

    What is still to be paid of these days comes first: only the rest was paid by anybody. What no provider's payment
    covers stays the customer's credit (V23).
    """
    advances = await credits.advances_of(tx, one.id, one.customer_id, since)
    back = amount_minor - sum(due for due in advances.values() if due > 0)
    if back <= 0:
        return 0
    await customers.lock(tx, [one.customer_id])
    paid = await payments.payments_of_invoices(tx, sorted(advances))
    opened = await _refund(tx, list(reversed(paid)), back, reason, None, batch, now)
    return sum(amount for _, amount in opened)


async def _refund(
    tx: Tx,
    paid: Sequence[Payment],
    amount_minor: int,
    reason: str,
    credit_note_id: str | None,
    batch: Batch,
    now: datetime,
) -> list[tuple[str, int]]:
    opened: list[tuple[str, int]] = []
    left = amount_minor
    for payment in paid:
        part = min(left, payment.amount_minor - payment.refunded_minor)
        if part <= 0 or not payment.channel_id or payment.disputed:
            continue
        opened.append((await _open(tx, payment, part, reason, credit_note_id, batch, now), part))
        left -= part
    return opened


async def _open(
    tx: Tx, payment: Payment, amount_minor: int, reason: str, credit_note_id: str | None, batch: Batch, now: datetime
) -> str:
    refund_id, event = await payments.open_refund(tx, payment, amount_minor, reason, credit_note_id, now=now)
    batch.events.append(event)
    batch.journals.append(
        PlaceHold(
            key=_hold(refund_id),
            account=recipes.credit(payment.customer_id, payment.currency),
            amount_minor=amount_minor,
            owner=refund_id,
            reference=payment.id,
            effective_at=now,
        )
    )
    request = RefundRequest(
        key=refund_id,
        collection_key=payment.instruction_key,
        collection_ref=payment.reference,
        amount=Money(amount_minor, payment.currency),
        collected=Money(payment.amount_minor, payment.currency),
        reason=reason,
        metadata={"cauce_credit_note": credit_note_id} if credit_note_id else {},
    )
    instruction = NewInstruction(
        channel_id=payment.channel_id,
        purpose=REFUND_PURPOSE,
        operation=Operation.REFUND,
        key=refund_id,
        object_id=refund_id,
        request=request,
        parent_key=payment.instruction_key,
    )
    await open_instructions(tx, [instruction], due_at=now)
    return refund_id


async def conclude_refunds(context: Context, tx: Tx, concluded: list[Concluded]) -> None:
    """The concluder: money that went back leaves the customer's credit; a refused refund stays there."""
    rows = {row["id"]: row for row in await payments.lock_refunds(tx, [one.object_id for one in concluded])}
    await customers.lock(tx, {row["customer_id"] for row in rows.values()})
    batch = Batch()
    heard = [(rows[one.object_id], one) for one in concluded if one.object_id in rows]
    settlements = await valued(tx, [Moved(_money(row), _settled(one), one.at) for row, one in heard])
    for (row, answer), settlement in zip(heard, settlements, strict=True):
        if row["state"] == "pending":
            await _conclude(tx, row, answer, batch, settlement)
    await write(tx, batch, context.actor.name, context.cause)


def _money(row: Row) -> Money:
    return Money(row["amount_minor"], row["currency"])


def _settled(answer: Concluded) -> Money | None:
    outcome = answer.outcome
    return outcome.value.settled if isinstance(outcome, Done) and isinstance(outcome.value, Refund) else None


async def _conclude(tx: Tx, row: Row, answer: Concluded, batch: Batch, settlement: Settlement | None) -> None:
    account = recipes.credit(row["customer_id"], row["currency"])
    content: dict[str, Any] = {"payment": row["payment_id"], "amount": row["amount_minor"], "currency": row["currency"]}
    match answer.outcome:
        case Done():
            await payments.conclude_refund(tx, row, "succeeded", "", answer.at)
            journal = recipes.refund_paid(
                row["id"],
                row["customer_id"],
                row["currency"],
                answer.at,
                channel_id=row["channel_id"],
                amount_minor=row["amount_minor"],
                evidence=answer.key,
            )
            journal = abroad(journal, row["channel_id"], row["currency"], settlement)
            if settlement is not None:
                await payments.tell_refund_settlement(tx, row["id"], settlement.currency, settlement.moved_minor)
            assert journal is not None
            batch.journals.append(Capture(_hold(row["id"]), account, journal))
            batch.events.append(NewEvent("refund.succeeded", row["id"], answer.at, content, row["customer_id"]))
        case Declined(message=message):
            await payments.conclude_refund(tx, row, "failed", message, answer.at)
            batch.journals.append(ReleaseHold(_hold(row["id"]), account, answer.at))
            content["message"] = message
            batch.events.append(NewEvent("refund.failed", row["id"], answer.at, content, row["customer_id"]))


async def refund_told(context: Context, channel_id: str, notice: Notice) -> None:
    """The flow of refund notices: one that had succeeded may fail later; then the money is the customer's credit again."""
    async with context.transaction() as tx:
        rows = await payments.lock_refunds(tx, [notice.key])
        if not rows or rows[0]["state"] != "succeeded":
            return
    _, gateway = await context.gateway(channel_id)
    answer = await gateway.fetch(FetchRequest(Operation.REFUND, notice.key, notice.ref))
    if not isinstance(answer, Declined) or answer.refusal is Refusal.NOT_FOUND:
        return
    async with context.transaction() as tx:
        (row,) = await payments.lock_refunds(tx, [notice.key])
        if row["state"] != "succeeded":
            return
        await customers.lock(tx, [row["customer_id"]])
        now, batch = await context.now(tx), Batch()
        await payments.conclude_refund(tx, row, "failed", answer.message, now)
        # What comes back is believed to be what went: a statement that says otherwise is a break to resolve.
        went = Money(row["settled_minor"], row["settled_currency"]) if row["settled_currency"] else None
        (settlement,) = await valued(tx, [Moved(_money(row), went, now)])
        returned = balances.refund_returned(
            row["id"],
            row["customer_id"],
            row["currency"],
            now,
            channel_id=row["channel_id"],
            amount_minor=row["amount_minor"],
            evidence=notice.event_id,
        )
        batch.add(abroad(returned, row["channel_id"], row["currency"], settlement))
        content = {"payment": row["payment_id"], "amount": row["amount_minor"], "currency": row["currency"]}
        batch.events.append(
            NewEvent("refund.failed", row["id"], now, {**content, "message": answer.message}, row["customer_id"])
        )
        await write(tx, batch, context.actor.name, context.cause)


def _hold(refund_id: str) -> str:
    return f"refund:{refund_id}"
