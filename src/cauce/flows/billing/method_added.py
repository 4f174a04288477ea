"""What a new payment method sets in motion: debts are tried at once, an ended trial becomes a paid term (C3, T35)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from cauce.billing.catalog import service as catalog
from cauce.billing.customers import service as customers
from cauce.billing.invoicing import service as invoicing
from cauce.billing.payments import cases
from cauce.billing.payments import service as payments
from cauce.billing.subscriptions import service as subscriptions
from cauce.billing.subscriptions.rules import Step, Subscription, begin_term
from cauce.flows.billing.access import follow_access
from cauce.flows.billing.collect import charge
from cauce.flows.billing.conversions import drop_earlier
from cauce.flows.billing.issue import Batch
from cauce.flows.billing.terms import active_from, first_terms
from cauce.storage.database import Tx
from cauce.storage.outbox import NewEvent


async def method_added(
    tx: Tx, customer_id: str, batch: Batch, at: datetime, actor: str, method_id: str | None = None
) -> None:
    """Give a new method its consequences, into the caller's batch.

    Who adds one (`method_id`) while he owes, or after his trial, means it for that: it becomes his default before it is charged.
    """
    held = await subscriptions.lock(tx, await subscriptions.ids_of_customer(tx, customer_id))
    behind = [one.id for one in held.values() if one.status in ("past_due", "unpaid", "incomplete")]
    over = [one for one in held.values() if one.status == "paused" and one.pause_reason == "trial_ended"]
    if (behind or over) and method_id is not None:
        await payments.set_default(tx, customer_id, method_id)
        batch.events.append(NewEvent("payment_method.default_changed", method_id, at, {}, customer_id))
    if behind:
        known = await cases.lock_open(tx, behind)
        opened = [one for one in await invoicing.lock_open_of(tx, behind) if one.collection == "charge"]
        await charge(tx, opened, {one.id: at for one in opened}, batch)
        tried = {one.subscription_id for one in opened}
        fresh = [replace(case, due_at=None, refusal="") for one, case in known.items() if one in tried]
        await cases.save(tx, fresh, at)
    await _convert_paused(tx, customer_id, over, batch, at, actor)


async def _convert_paused(
    tx: Tx, customer_id: str, paused: Sequence[Subscription], batch: Batch, at: datetime, actor: str
) -> None:
    """Subscriptions whose trial ended without a method begin a paid term when its first invoice is paid (T35).

    Until then they rest; a payment that fails leaves them so (T36). What costs nothing begins at once.
    """
    left = await drop_earlier(tx, paused, batch, at, actor)
    paused = [one for one in paused if one.id not in left]
    if not paused:
        return
    plans = await catalog.read_plans(tx, {one.plan_id for one in paused})
    await customers.lock(tx, [customer_id])
    steps, waiting = [], []
    for one, term in zip(paused, await first_terms(tx, [begin_term(one, at) for one in paused]), strict=True):
        invoice = term.issue(batch, at)
        if not term.begins_active:
            waiting.append(_until_paid(one, term.subscription, invoice.id))
            continue
        after = replace(active_from(term, at), pause_reason="", paused_on=None, resume_at=None)
        steps.append(Step(one, after, "convert", at))
        batch.events.append(NewEvent("subscription.trial_converted", one.id, at, {"invoice": invoice.id}, customer_id))
        batch.events.append(NewEvent("subscription.resumed", one.id, at, {"invoice": invoice.id}, customer_id))
    await subscriptions.save(tx, waiting)
    await subscriptions.move(tx, steps, actor)
    batch.events += await follow_access(tx, [step.after for step in steps], plans, at)


def _until_paid(one: Subscription, begun: Subscription, invoice_id: str) -> Subscription:
    """In the first period of its paid term, but resting, and deleted when it would have been, until the invoice is paid."""
    due_kind, due_at = one.due_kind, one.due_at
    return replace(
        begun, pending_invoice_id=invoice_id, due_kind=due_kind, due_at=due_at, upcoming_at=None, mrr_minor=0
    )
