"""Quotes: a subscription made on behalf of a customer, who approves or rejects it, or lets it lapse (T01-T05)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from cauce.billing.catalog import service as catalog
from cauce.billing.catalog.rules import Plan
from cauce.billing.customers import service as customers
from cauce.billing.subscriptions import service as subscriptions
from cauce.billing.subscriptions.machine import MACHINE
from cauce.billing.subscriptions.rules import (
    QUOTE_DAYS,
    QUOTE_END,
    Step,
    Subscription,
    begin_term,
    begin_trial,
    end,
    wait_for,
)
from cauce.flows.billing.access import follow_access
from cauce.flows.billing.cancel import Moved, load
from cauce.flows.billing.issue import Batch, write
from cauce.flows.billing.signup import SignedUp, Signup, choose_prices, draft_of, items_of, start_trial
from cauce.flows.billing.terms import active_from, first_terms, incomplete_until
from cauce.flows.context import Context
from cauce.storage.database import Tx
from cauce.storage.outbox import NewEvent

_QUOTED = "quoted_trial_days"


async def send_quote(context: Context, command: Signup) -> SignedUp:
    """Make a draft that the customer approves within thirty days; nothing is billed and no access given before."""
    async with context.transaction() as tx:
        now = await context.now(tx)
        plan_id, sold = await catalog.require_sold(tx, command.plan)
        plan = (await catalog.read_plans(tx, [plan_id]))[plan_id]
        prices = choose_prices(sold, command)
        customer, _ = await customers.put(tx, command.customer, now=now, actor=context.actor.name)
        days = plan.trial_days if command.trial_days is None else command.trial_days
        draft = replace(draft_of(command, plan, prices, customer, now), status="draft")
        draft = wait_for(draft, QUOTE_END, now + timedelta(days=QUOTE_DAYS))
        draft = replace(draft, metadata={**draft.metadata, _QUOTED: days})
        await subscriptions.place(tx, draft, items_of(command, plan, prices, draft.id), now)
        await subscriptions.record(tx, Step(None, draft, "quote", now), context.actor.name)
        event = NewEvent("quote.sent", draft.id, now, {"plan": plan.key, "lapses_at": draft.due_at}, customer.id)
        await write(tx, Batch(events=[event]), context.actor.name, context.cause)
        return SignedUp(customer.id, draft.id, draft.status, None, None)


async def approve_quote(context: Context, subscription_id: str) -> Moved:
    """The customer approves: the trial or the paid term begins now (T02, T03)."""
    async with context.transaction() as tx:
        one, plan, now = await load(tx, context, subscription_id)
        MACHINE.targets(one.status, "approve")
        batch = Batch(events=[NewEvent("quote.approved", one.id, now, {}, one.customer_id)])
        days = one.metadata.get(_QUOTED, 0)
        if days:
            after = begin_trial(one, now, days)
            customer = await customers.read(tx, one.customer_id)
            batch.events += await start_trial(tx, plan, customer, after, now, again="")
        else:
            (term,) = await first_terms(tx, [begin_term(one, now)])
            invoice = term.issue(batch, now)
            after = active_from(term, now) if term.begins_active else incomplete_until(term, invoice, plan, now)
        return await _move(tx, context, plan, one, after, "approve", batch, now)


async def reject_quote(context: Context, subscription_id: str) -> Moved:
    """The customer says no, or the quote is withdrawn (T04)."""
    async with context.transaction() as tx:
        one, plan, now = await load(tx, context, subscription_id)
        batch = Batch(events=[NewEvent("quote.rejected", one.id, now, {}, one.customer_id)])
        return await _move(tx, context, plan, one, end(one, "canceled", now), "reject", batch, now)


async def _move(
    tx: Tx,
    context: Context,
    plan: Plan,
    one: Subscription,
    after: Subscription,
    trigger: str,
    batch: Batch,
    now: datetime,
) -> Moved:
    steps: Sequence[Step] = [Step(one, after, trigger, now)]
    await subscriptions.move(tx, steps, context.actor.name)
    batch.events += await follow_access(tx, [after], {plan.id: plan}, now)
    await write(tx, batch, context.actor.name, context.cause)
    return Moved(one.id, after.status, False, 0, batch.invoices[0].id if batch.invoices else None)
