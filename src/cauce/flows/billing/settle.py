"""Money for invoices: whoever brought it, it settles its invoice, ends a recovery and moves the subscription on.

A charge, a payment by link, a bank transfer and a payment typed in by an operator all end in `settle`. What is too
much becomes the customer's credit; what comes for an invoice that is void or paid becomes credit whole (T45).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from cauce.billing.catalog import service as catalog
from cauce.billing.catalog.rules import Plan
from cauce.billing.customers import service as customers
from cauce.billing.invoicing import service as invoicing
from cauce.billing.invoicing.rules import Invoice
from cauce.billing.payments import cases
from cauce.billing.payments import service as payments
from cauce.billing.payments.rules import Payment
from cauce.billing.subscriptions import service as subscriptions
from cauce.billing.subscriptions.rules import RENEW, Step, Subscription, renews_at_end
from cauce.billing.subscriptions.running import await_debt, is_over
from cauce.flows.billing.access import follow_access
from cauce.flows.billing.completing import complete
from cauce.flows.billing.exchange import Moved, abroad, fee_of, valued, with_settlement
from cauce.flows.billing.issue import Batch
from cauce.flows.billing.paid_changes import settle_changes
from cauce.flows.billing.recover import close
from cauce.flows.billing.returning import return_unpaid
from cauce.flows.billing.revenue import revenue_of
from cauce.kernel.ids import new_id
from cauce.kernel.money import Money
from cauce.ledger.recipes import billing as recipes
from cauce.ledger.recipes.exchange import Settlement
from cauce.reports.billing_run import load_surroundings
from cauce.storage.database import Tx
from cauce.storage.outbox import NewEvent


@dataclass(frozen=True, slots=True)
class Arrival:
    """Money for one invoice; `channel_id` "" when it came to our own bank."""

    invoice_id: str
    attempt_id: str | None
    channel_id: str
    source: str
    reference: str
    instruction_key: str
    amount_minor: int
    fee_minor: int
    at: datetime
    settled: Money | None = None  # what moved at the provider, where it tells


async def settle(
    tx: Tx, arrivals: Sequence[Arrival], invoices: dict[str, Invoice], batch: Batch, actor: str
) -> list[Payment]:
    """Book money that arrived for locked `invoices` (brought up to date in place) into the batch; the payments."""
    if not arrivals:
        return []
    arrived, changed = [], {}
    moves = [Moved(Money(one.amount_minor, invoices[one.invoice_id].currency), one.settled, one.at) for one in arrivals]
    for arrival, settlement in zip(arrivals, await valued(tx, moves), strict=True):
        before = invoices[arrival.invoice_id]
        after, too_much = invoicing.settle(before, arrival.amount_minor)
        invoices[after.id] = changed[after.id] = after
        payment = with_settlement(_payment(arrival, after, too_much), settlement)
        arrived.append(payment)
        _book(payment, after, too_much, batch, settlement)
        if after.status == "paid" and before.status != "paid":
            content = {"number": after.number, "subscription": after.subscription_id, "total": after.total_minor}
            batch.events.append(NewEvent("invoice.paid", after.id, arrival.at, content, after.customer_id))
        batch.events += invoicing.changed(before, after, arrival.at)
    at = max(arrival.at for arrival in arrivals)
    await payments.insert_payments(tx, arrived)
    await invoicing.save(tx, list(changed.values()), at)
    await customers.lock(
        tx, {payment.customer_id for payment in arrived if payment.amount_minor > payment.applied_minor}
    )
    paid = {payment.invoice_id: payment.applied_minor for payment in arrived}
    await after_settled(tx, list(changed.values()), paid, batch, at, actor)
    return arrived


def _payment(arrival: Arrival, invoice: Invoice, too_much: int) -> Payment:
    return Payment(
        id=new_id("pay"),
        customer_id=invoice.customer_id,
        invoice_id=invoice.id,
        attempt_id=arrival.attempt_id,
        channel_id=arrival.channel_id,
        source=arrival.source,
        reference=arrival.reference,
        instruction_key=arrival.instruction_key,
        currency=invoice.currency,
        amount_minor=arrival.amount_minor,
        applied_minor=arrival.amount_minor - too_much,
        paid_at=arrival.at,
        fee_minor=arrival.fee_minor,
    )


def _book(payment: Payment, invoice: Invoice, too_much: int, batch: Batch, settlement: Settlement | None) -> None:
    received = recipes.payment_received(
        payment.id,
        invoice.id,
        payment.customer_id,
        payment.currency,
        payment.paid_at,
        channel_id=payment.channel_id,
        amount_minor=payment.amount_minor,
        too_much_minor=too_much,
        evidence=payment.instruction_key or payment.reference or None,
    )
    batch.add(abroad(received, payment.channel_id, payment.currency, settlement))
    batch.add(fee_of(payment, payment.paid_at))


async def after_settled(
    tx: Tx,
    touched: Sequence[Invoice],
    recovered: Mapping[str | None, int],
    batch: Batch,
    at: datetime,
    actor: str,
) -> None:
    """Move the subscriptions of invoices that were paid, voided or written off: T09, T13, T22, T26, T35, T42, T45."""
    of_subscription = {one.subscription_id: one for one in touched if one.subscription_id is not None}
    if not of_subscription:
        return
    locked = await subscriptions.lock(tx, of_subscription)
    known = await cases.lock_open(tx, list(of_subscription))
    indebted = await invoicing.with_open(tx, list(of_subscription))
    plans = await catalog.read_plans(tx, {one.plan_id for one in locked.values()})
    steps = []
    for subscription_id, one in locked.items():
        invoice = of_subscription[subscription_id]
        step = _step(one, invoice, plans[one.plan_id], at, subscription_id not in indebted, batch)
        if step is not None:
            steps.append(step)
    returning = [
        one for one in locked.values() if one.status == "unpaid" and one.id not in indebted and not is_over(one, at)
    ]
    steps += await return_unpaid(tx, returning, batch, at)
    steps = await with_revenue(tx, steps)
    await subscriptions.move(tx, steps, actor)
    by_subscription = {
        one.subscription_id: recovered.get(one.id, 0) for one in touched if one.subscription_id is not None
    }
    free = [one for one in locked if one not in indebted]
    batch.events += await close(tx, known, free, by_subscription, at)
    over = [step.after for step in steps if step.trigger == "settle" and step.after.due_at is None]
    batch.events += await follow_access(tx, [step.after for step in steps if step.after not in over], plans, at)
    await complete(tx, [(replace(one, version=one.version + 1), at) for one in over], batch, actor)
    await settle_changes(tx, touched, batch, at, actor)


def _step(
    one: Subscription, invoice: Invoice, plan: Plan, at: datetime, free_of_debt: bool, batch: Batch
) -> Step | None:
    def tell(kind: str) -> None:
        batch.events.append(NewEvent(kind, one.id, at, {"invoice": invoice.id, "plan": plan.key}, one.customer_id))

    first_paid = invoice.status == "paid" and one.pending_invoice_id == invoice.id
    if one.status == "incomplete" and first_paid:
        if one.trial_end is not None and one.started_at is None:
            tell("subscription.trial_converted")
        tell("subscription.activated")
        return Step(one, _activated(one, at), "settle", at)
    if one.status == "trialing" and first_paid:
        tell("subscription.trial_converted")
        tell("subscription.activated")
        return Step(one, _activated(one, at), "end_trial", at)
    if one.status == "paused" and first_paid:
        tell("subscription.trial_converted")
        tell("subscription.resumed")
        resumed = replace(_activated(one, at), pause_reason="", paused_on=None, resume_at=None)
        return Step(one, resumed, "convert", at)
    if one.status == "past_due" and free_of_debt:
        tell("subscription.recovered")
        return Step(one, replace(one, status="active", pending_invoice_id=None), "settle", at)
    if one.status == "unpaid" and free_of_debt and is_over(one, at):
        tell("subscription.recovered")
        return Step(one, await_debt(replace(one, status="active")), "settle", at)
    if one.status in ("canceled", "expired") and invoice.status == "paid":
        return Step(one, one, "pay_late", at)
    return None


def _activated(one: Subscription, at: datetime) -> Subscription:
    begun = one if one.due_kind == RENEW else renews_at_end(one)
    return replace(begun, status="active", pending_invoice_id=None, started_at=one.started_at or at)


async def with_revenue(tx: Tx, steps: list[Step]) -> list[Step]:
    """Steps into `active` with the recurring revenue that they bring."""
    active = {step.after.id: step.after.period_start for step in steps if step.after.status == "active"}
    if not active:
        return steps
    revenue = await revenue_of(tx, await load_surroundings(tx, list(active)), active)
    return [
        replace(step, after=replace(step.after, mrr_minor=revenue[step.after.id])) if step.after.id in revenue else step
        for step in steps
    ]
