"""Trials that become paid terms, where the payment is not simply there: under way for days, or made in vain (T35, T36, T47).

A trial that ends with a method waits as `trialing` for the answer, one that is over as `paused`. An answer that only says
"under way" is the first news: by the plan's policy the term begins on trust, or access waits for the money.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from cauce.billing.catalog import service as catalog
from cauce.billing.catalog.rules import Plan
from cauce.billing.invoicing import service as invoicing
from cauce.billing.invoicing.rules import Invoice
from cauce.billing.payments import service as payments
from cauce.billing.subscriptions import service as subscriptions
from cauce.billing.subscriptions.rules import INCOMPLETE_END, Step, Subscription, wait_for
from cauce.flows.billing.access import follow_access
from cauce.flows.billing.correct import take_back
from cauce.flows.billing.issue import Batch
from cauce.flows.billing.recover import Miss
from cauce.flows.billing.settle import with_revenue
from cauce.storage.database import Tx
from cauce.storage.outbox import NewEvent


async def payments_under_way(tx: Tx, told: Mapping[str, datetime], batch: Batch, actor: str) -> None:
    """The first payments after trials (invoice -> when) are under way: the terms begin on trust, or wait (T47).

    A refusal that follows is one like any other: the customer is behind (T20), or his window closes (T10).
    """
    if not told:
        return
    invoices = {one.subscription_id: one for one in (await invoicing.lock(tx, told)).values() if one.subscription_id}
    locked = await subscriptions.lock(tx, invoices)
    waiting = [one for one in locked.values() if _awaits(one, invoices[one.id])]
    plans = await catalog.read_plans(tx, {one.plan_id for one in waiting})
    steps = []
    for one in waiting:
        invoice, plan = invoices[one.id], plans[one.plan_id]
        at = told[invoice.id]
        after = _on_trust(one, plan, at)
        steps.append(Step(one, after, "await_payment", at, "payment under way"))
        content = {"invoice": invoice.id, "plan": plan.key}
        kinds = ("trial_converted", "activated") if after.status == "active" else ()
        batch.events += [NewEvent(f"subscription.{kind}", one.id, at, content, one.customer_id) for kind in kinds]
    steps = await with_revenue(tx, steps)
    await subscriptions.move(tx, steps, actor)
    if steps:
        batch.events += await follow_access(tx, [step.after for step in steps], plans, steps[-1].at)


def _awaits(one: Subscription, invoice: Invoice) -> bool:
    return one.status == "trialing" and one.pending_invoice_id == invoice.id and invoice.status == "open"


def _on_trust(one: Subscription, plan: Plan, at: datetime) -> Subscription:
    if plan.policy.while_processing == "wait":
        until = at + timedelta(hours=plan.policy.first_payment_hours)
        return wait_for(replace(one, status="incomplete"), INCOMPLETE_END, until)
    return replace(one, status="active", pending_invoice_id=None, started_at=one.started_at or at)


async def give_up(tx: Tx, vain: Sequence[Miss], batch: Batch, actor: str) -> None:
    """The paid terms of these payments do not come about: their invoices are taken back, the trials stay over (T36)."""
    if not vain:
        return
    locked = await invoicing.lock(tx, {miss.invoice.id for miss in vain})
    for miss in vain:
        if locked[miss.invoice.id].status == "open":
            await take_back(tx, locked[miss.invoice.id], "the first payment failed", batch, miss.at, actor)


async def drop_earlier(tx: Tx, paused: Sequence[Subscription], batch: Batch, at: datetime, actor: str) -> set[str]:
    """Of ended trials that wait for a first payment: those whose payment is under way, which are left alone; the invoices
    of the others, which nobody paid, are taken back."""
    pending = {one.pending_invoice_id: one.id for one in paused if one.pending_invoice_id is not None}
    if not pending:
        return set()
    busy = await payments.in_flight(tx, list(pending))
    for invoice in (await invoicing.lock(tx, [one for one in pending if one not in busy])).values():
        if invoice.status == "open":
            await take_back(tx, invoice, "another payment method is tried", batch, at, actor)
    return {pending[one] for one in busy}
