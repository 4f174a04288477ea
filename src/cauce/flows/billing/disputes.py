"""What a provider tells by itself: a dispute, a saved method or a whole customer that changed or is gone (T44, T46).

Money moves in the books only when the notice says that it moved at the provider. Each notice has its effect once: the
journal's key is the dispute and its step, and the flags only change once.
"""

from __future__ import annotations

from typing import Any

import msgspec

from cauce.billing.payments import service as payments
from cauce.flows.billing.issue import Batch, write
from cauce.flows.context import Context
from cauce.gateway.charging import SavedMethod
from cauce.gateway.reporting import Notice
from cauce.ledger.recipes import billing as recipes
from cauce.storage.outbox import NewEvent

_STEPS = {"won": ("dispute.won", ""), "lost": ("dispute.lost", "B11")}


async def dispute_told(context: Context, channel_id: str, notice: Notice) -> None:
    """The flow of dispute notices: mark payment and invoice, move the money that moved, tell staff by event."""
    data: dict[str, Any] = dict(notice.data)
    async with context.transaction() as tx:
        payment = await payments.payment_by_reference(tx, channel_id, str(data.get("collection_ref", "")))
        if payment is None:
            return
        now = notice.occurred_at  # not our own time: a notice that is worked on twice posts the same journal
        status, moved = str(data.get("status", "")), data.get("money_moved", 0)
        ended = status in _STEPS and bool(data.get("closed"))
        is_news = status not in _STEPS and not payment.disputed
        await payments.mark_disputed(tx, payment, disputed=status != "won")
        amount = int(data.get("amount_minor", 0))
        content = {"payment": payment.id, "amount": amount, "currency": payment.currency, "reason": data.get("reason")}
        dispute = notice.ref or notice.event_id
        batch = Batch()
        recipe = {-1: "B09", 1: "B10"}.get(moved) or (_STEPS[status][1] if ended else "")
        if moved:
            kind = "dispute.funds_withdrawn" if moved < 0 else "dispute.funds_reinstated"
        else:
            kind = _STEPS[status][0] if ended else ("dispute.opened" if is_news else "dispute.updated")
        if recipe and amount:
            journal = recipes.dispute_moved(
                dispute, recipe, channel_id, payment.currency, now, amount_minor=amount, evidence=notice.event_id
            )
            batch.add(journal)
            fee = int(data.get("fee_minor", 0))
            fee_id = f"dispute:{dispute}:{recipe}"
            batch.add(recipes.payment_fee(fee_id, payment.currency, now, channel_id=channel_id, fee_minor=fee))
        batch.events.append(NewEvent(kind, payment.id, now, content, payment.customer_id))
        await write(tx, batch, context.actor.name, context.cause)


async def method_told(context: Context, channel_id: str, notice: Notice) -> None:
    """The flow of method notices: what is detached or deleted at the provider is charged no more."""
    async with context.transaction() as tx:
        method = await payments.method_by_ref(tx, channel_id, notice.ref)
        if method is None:
            return
        now = await context.now(tx)
        if notice.data.get("attached", True):  # the card's network renewed it: taken over silently (C5)
            fresh = notice.data.get("method")
            if isinstance(fresh, dict):
                saved = msgspec.convert(fresh, SavedMethod)
                await payments.save_method(tx, method.customer_id, channel_id, method.customer_ref, saved, now=now)
            return
        known = await payments.lock_methods(tx, method.customer_id)
        await payments.remove_method(tx, method, [one for one in known if one.id != method.id], now)
        content = {"brand": method.brand, "last4": method.last4, "at": "provider"}
        event = NewEvent("payment_method.removed", method.id, now, content, method.customer_id)
        await write(tx, Batch(events=[event]), context.actor.name, context.cause)


async def customer_told(context: Context, channel_id: str, notice: Notice) -> None:
    """The flow of customer notices: whom the provider deleted has no method there and is made anew when he returns."""
    if not notice.data.get("deleted"):
        return
    async with context.transaction() as tx:
        customer_id = await payments.forget_payer(tx, channel_id, notice.ref)
        if customer_id is None:
            return
        now, batch = await context.now(tx), Batch()
        known = await payments.lock_methods(tx, customer_id)
        left = [one for one in known if (one.channel_id, one.customer_ref) != (channel_id, notice.ref)]
        for method in known:
            if method not in left:
                await payments.remove_method(tx, method, left, now)
                content = {"brand": method.brand, "last4": method.last4, "at": "provider"}
                batch.events.append(NewEvent("payment_method.removed", method.id, now, content, customer_id))
        await write(tx, batch, context.actor.name, context.cause)
