"""Changes that wait for a payment that does not come.

A refused payment ends a change at once, except where the bank wants the customer present: then the pay link is good
until the change's time is over. The invoice is voided, and nothing of the subscription was ever changed (F6).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from cauce.billing.invoicing import service as invoicing
from cauce.billing.payments import service as payments
from cauce.billing.payments.service import AttemptInFlight
from cauce.billing.subscriptions import awaiting
from cauce.billing.subscriptions import service as subscriptions
from cauce.flows.billing.correct import take_back
from cauce.flows.billing.issue import Batch
from cauce.flows.billing.paid_changes import end
from cauce.flows.billing.recover import Miss
from cauce.storage.database import Row, Tx
from cauce.storage.outbox import NewEvent

_AUTHENTICATE = "action_required"


async def missed_changes(tx: Tx, misses: Sequence[Miss], batch: Batch, actor: str) -> list[Miss]:
    """Give payments of waiting changes that failed their effect; the other failures."""
    by_invoice = {miss.invoice.id: miss for miss in misses if miss.invoice.reason == "change"}
    rows = await awaiting.of_invoices(tx, sorted(by_invoice))
    for row in rows:
        miss = by_invoice[row["invoice_id"]]
        if miss.refusal == _AUTHENTICATE and row["due_at"] is not None:
            content = {"subscription": row["subscription_id"], "change": row["id"], "message": miss.message}
            batch.events.append(
                NewEvent("invoice.payment_action_required", miss.invoice.id, miss.at, content, miss.invoice.customer_id)
            )
        else:
            await _give_up(tx, row, batch, miss.at, miss.refusal, actor)
    waiting = {row["invoice_id"] for row in rows}
    return [miss for miss in misses if miss.invoice.id not in waiting]


async def withdraw(tx: Tx, row: Row, batch: Batch, at: datetime, actor: str) -> None:
    """Withdraw a change before it is paid; `AttemptInFlight` while a payment is under way."""
    if await payments.in_flight(tx, [row["invoice_id"]]):
        raise AttemptInFlight()
    await _give_up(tx, row, batch, at, "withdrawn", actor)


async def expire(tx: Tx, row: Row, batch: Batch, actor: str) -> None:
    """The time of a waiting change is over; where a payment is under way its outcome decides, whatever it is."""
    at: datetime = row["due_at"]
    if await payments.in_flight(tx, [row["invoice_id"]]):
        await awaiting.leave_to_payment(tx, row["id"])
    else:
        await _give_up(tx, row, batch, at, "not paid in time", actor)


async def _give_up(tx: Tx, row: Row, batch: Batch, at: datetime, reason: str, actor: str) -> None:
    one = await subscriptions.lock_one(tx, row["subscription_id"])
    invoice = await invoicing.lock_one(tx, row["invoice_id"])
    await end(tx, one, row, batch, at, reason)  # first: what settles the invoice below must not make the change
    if invoice.status == "open":
        await take_back(tx, invoice, "the change was not made", batch, at, actor)
