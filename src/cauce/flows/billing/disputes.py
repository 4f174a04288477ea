"""What a provider tells by itself: a dispute, a saved method or a whole customer that changed or is gone (T44, T46).

Money moves in the books only when the notice says that it moved at the provider. Each notice has its effect once: the
journal's key is the dispute and its step, and the flags only change once.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import msgspec

from cauce.billing.catalog import service as catalog
from cauce.billing.invoicing import service as invoicing
from cauce.billing.payments import service as payments
from cauce.billing.payments.rules import Method, Payment
from cauce.billing.subscriptions import service as subscriptions
from cauce.billing.subscriptions.machine import LIVE
from cauce.billing.subscriptions.rules import Step, end
from cauce.flows.billing.access import follow_access
from cauce.flows.billing.exchange import Moved, abroad, valued
from cauce.flows.billing.final import bill_rest
from cauce.flows.billing.issue import Batch, write
from cauce.flows.context import Context
from cauce.gateway.charging import SavedMethod
from cauce.gateway.reporting import Notice
from cauce.kernel.money import Money
from cauce.ledger.recipes import billing as recipes
from cauce.reports import billing as reports
from cauce.storage.database import Tx
from cauce.storage.outbox import NewEvent

_STEPS = {"won": ("dispute.won", ""), "lost": ("dispute.lost", "B11")}


async def dispute_told(context: Context, channel_id: str, notice: Notice) -> None:
    """The flow of dispute notices: mark payment and invoice, move the money that moved, do what the plan says, tell staff."""
    data: dict[str, Any] = dict(notice.data)
    reference = str(data.get("collection_ref", ""))
    async with context.transaction() as tx:
        invoice_id = await reports.invoice_paid_by(tx, channel_id, reference)
        if invoice_id is None:
            return
        invoice = await invoicing.lock_one(tx, invoice_id)
        payment = await payments.payment_by_reference(tx, channel_id, reference)
        assert payment is not None
        now = notice.occurred_at  # not our own time: a notice that is worked on twice posts the same journal
        status, moved = str(data.get("status", "")), data.get("money_moved", 0)
        ended = status in _STEPS and bool(data.get("closed"))
        is_news = status not in _STEPS and not payment.disputed
        disputed, lost = status != "won", payment.dispute_lost or (ended and status == "lost")
        await payments.mark_disputed(tx, payment, disputed=disputed, lost=lost and disputed)
        await invoicing.mark_disputed(tx, invoice.id, disputed=disputed)
        batch, kind = Batch(), _kind(status, moved, ended=ended, is_news=is_news)
        amount = int(data.get("amount_minor", 0))
        recipe = {-1: "B09", 1: "B10"}.get(moved) or (_STEPS[status][1] if ended else "")
        await _book(tx, batch, recipe, channel_id, payment, notice)
        content = {"payment": payment.id, "amount": amount, "currency": payment.currency, "reason": data.get("reason")}
        batch.events.append(NewEvent(kind, payment.id, now, content, payment.customer_id))
        if invoice.subscription_id and (disputed, lost) != (payment.disputed, payment.dispute_lost):
            await _follow(tx, invoice.subscription_id, status, batch, now, context.actor.name, lost=lost)
        await write(tx, batch, context.actor.name, context.cause)


def _kind(status: str, moved: int, *, ended: bool, is_news: bool) -> str:
    if moved:
        return "dispute.funds_withdrawn" if moved < 0 else "dispute.funds_reinstated"
    return _STEPS[status][0] if ended else ("dispute.opened" if is_news else "dispute.updated")


async def _book(tx: Tx, batch: Batch, recipe: str, channel_id: str, payment: Payment, notice: Notice) -> None:
    data: dict[str, Any] = dict(notice.data)
    amount, dispute = int(data.get("amount_minor", 0)), notice.ref or notice.event_id
    if recipe and amount:
        at, currency = notice.occurred_at, str(data.get("settled_currency") or payment.currency)
        moved = Money(int(data.get("settled_minor", amount)), currency) if recipe != "B11" else None
        (settlement,) = await valued(tx, [Moved(Money(amount, payment.currency), moved, at)])
        journal = recipes.dispute_moved(
            dispute, recipe, channel_id, payment.currency, at, amount_minor=amount, evidence=notice.event_id
        )
        batch.add(abroad(journal, channel_id, payment.currency, settlement))
        fee, fee_id = int(data.get("fee_minor", 0)), f"dispute:{dispute}:{recipe}"
        batch.add(recipes.payment_fee(fee_id, currency, at, channel_id=channel_id, fee_minor=fee))


async def _follow(
    tx: Tx, subscription_id: str, status: str, batch: Batch, at: datetime, actor: str, *, lost: bool
) -> None:
    """What the plan says of a contested payment: access follows, or the subscription ends (T44)."""
    one = await subscriptions.lock_one(tx, subscription_id)
    plans = await catalog.read_plans(tx, [one.plan_id])
    policy = plans[one.plan_id].policy.dispute
    after = one
    if one.status in LIVE and status != "won" and (policy.lost if lost else policy.opened) == "cancel":
        rest = (await bill_rest(tx, [one], at, batch))[one.id]
        after = end(replace(rest, cancel_reason="dispute"), "canceled", at)
        batch.events.append(
            NewEvent("subscription.canceled", one.id, at, {"reason": "dispute", "credit": 0}, one.customer_id)
        )
        await subscriptions.drop_timers(tx, [one.id])
    await subscriptions.move(tx, [Step(one, after, "dispute", at, f"dispute {status}")], actor)
    batch.events += await follow_access(tx, [after], plans, at)


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
                await write(tx, Batch(events=_renewed(method, saved, now)), context.actor.name, context.cause)
            return
        known = await payments.lock_methods(tx, method.customer_id)
        await payments.remove_method(tx, method, [one for one in known if one.id != method.id], now)
        content = {"brand": method.brand, "last4": method.last4, "at": "provider"}
        event = NewEvent("payment_method.removed", method.id, now, content, method.customer_id)
        await _note_loss(tx, method.customer_id, now, context.actor.name)
        await write(tx, Batch(events=[event]), context.actor.name, context.cause)


async def _note_loss(tx: Tx, customer_id: str, now: datetime, actor: str) -> None:
    """The history of each live subscription says that a method of its customer is gone (T46)."""
    held = await subscriptions.lock(tx, await subscriptions.ids_of_customer(tx, customer_id))
    steps = [Step(one, one, "lose_method", now) for one in held.values() if one.status in LIVE]
    await subscriptions.move(tx, steps, actor)


def _renewed(method: Method, saved: SavedMethod, now: datetime) -> list[NewEvent]:
    """What the network changed of a card, for your own systems; the customer is told nothing."""
    names = ("brand", "last4", "expires_on")
    old = {name: getattr(method, name) for name in names if getattr(method, name) != getattr(saved, name)}
    content = {name: getattr(saved, name) for name in names}
    return [NewEvent("payment_method.updated", method.id, now, content, method.customer_id, old)] if old else []


async def customer_told(context: Context, channel_id: str, notice: Notice) -> None:
    """The flow of customer notices: whom the provider deleted has no method there and is made anew when he returns."""
    if notice.data.get("deleted"):
        await drop_payer(context, channel_id, notice.ref)


async def drop_payer(context: Context, channel_id: str, ref: str) -> None:
    """The provider does not know this customer any more: what he had there is gone. Repeated, it changes nothing."""
    async with context.transaction() as tx:
        customer_id = await payments.forget_payer(tx, channel_id, ref)
        if customer_id is None:
            return
        now, batch = await context.now(tx), Batch()
        known = await payments.lock_methods(tx, customer_id)
        left = [one for one in known if (one.channel_id, one.customer_ref) != (channel_id, ref)]
        for method in known:
            if method not in left:
                await payments.remove_method(tx, method, left, now)
                content = {"brand": method.brand, "last4": method.last4, "at": "provider"}
                batch.events.append(NewEvent("payment_method.removed", method.id, now, content, customer_id))
        if batch.events:
            await _note_loss(tx, customer_id, now, context.actor.name)
        await write(tx, batch, context.actor.name, context.cause)
