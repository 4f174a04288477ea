"""Pausing and resuming: days of a pause are not billed; the anchor is kept (T33, T34).

At the pause the unused part of what was paid in advance becomes the customer's credit; at the resume the rest of the
period that then runs is billed, prorated over its full period, as the case kind `pause_resume` says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from cauce.billing.catalog import service as catalog
from cauce.billing.invoicing import service as invoicing
from cauce.billing.payments import cases
from cauce.billing.payments import service as payments
from cauce.billing.payments.rules import NO_METHOD
from cauce.billing.provisioning.rules import Verb
from cauce.billing.subscriptions import awaiting
from cauce.billing.subscriptions import service as subscriptions
from cauce.billing.subscriptions.machine import MACHINE
from cauce.billing.subscriptions.rules import (
    RESUME,
    Step,
    Subscription,
    local_day,
    pause,
    renews_at_end,
    schedule_of,
)
from cauce.billing.subscriptions.running import is_over
from cauce.flows.billing.access import follow_access
from cauce.flows.billing.bills import compose, monthly_revenue
from cauce.flows.billing.cancel import Moved, load
from cauce.flows.billing.final import bill_rest
from cauce.flows.billing.issue import Batch, load_billed, load_tariff, write
from cauce.flows.billing.provision_asking import ask
from cauce.flows.billing.recover import open_cases
from cauce.flows.billing.renew import by_org
from cauce.flows.billing.unpaid_changes import withdraw
from cauce.flows.billing.unused import credit_unused
from cauce.flows.context import Context, Runtime
from cauce.kernel.calendar.periods import Period, SchedulePeriod
from cauce.kernel.errors import Conflict, InvalidRequest
from cauce.storage.audit import SYSTEM
from cauce.storage.database import Row, Tx
from cauce.storage.outbox import NewEvent


async def pause_now(context: Context, subscription_id: str, *, resume_at: datetime | None = None) -> Moved:
    """Pause now, until `resume_at` or until somebody resumes it."""
    asked = await ask(context, subscription_id, Verb.SUSPEND, {"resume_at": resume_at and resume_at.isoformat()})
    async with context.transaction() as tx:
        one, plan, now = await load(tx, context, subscription_id)
        MACHINE.step(one.status, "pause")
        if not plan.policy.pause_allowed:
            raise Conflict(f"plan {plan.key} cannot be paused")
        if is_over(one, now):
            raise Conflict("its term is over; only the debt is left")
        if resume_at is not None and resume_at <= now:
            raise InvalidRequest("a pause ends in the future", param="resume_at")
        batch = Batch()
        waiting = await awaiting.of_subscription(tx, one.id)
        if waiting is not None:
            await withdraw(tx, waiting, batch, now, context.actor.name)
        day = local_day(one, now)
        credited = await credit_unused(tx, one, day, batch, now, context.actor.name, refund=False, reason="pause")
        one = await subscriptions.lock_one(tx, one.id)
        one = (await bill_rest(tx, [one], now, batch, with_pending=False))[one.id]
        after = pause(one, "requested", day, RESUME, resume_at)
        await subscriptions.move(tx, [Step(one, after, "pause", now)], context.actor.name)
        content = {"reason": "requested", "resume_at": resume_at, "credit": credited}
        batch.events.append(NewEvent("subscription.paused", one.id, now, content, one.customer_id))
        batch.events += await follow_access(tx, [after], {plan.id: plan}, now, asked=asked)
        await write(tx, batch, context.actor.name, context.cause)
        return Moved(one.id, after.status, False, credited)


async def resume_now(context: Context, subscription_id: str) -> Moved:
    """End a requested pause: the rest of the running period is billed from today."""
    await ask(context, subscription_id, Verb.RESTORE, {})
    async with context.transaction() as tx:
        one, _, now = await load(tx, context, subscription_id)
        MACHINE.targets(one.status, "resume")
        if one.pause_reason != "requested":
            raise Conflict("a trial that ended without a payment method resumes when one is added")
        (after,) = await resume(tx, [replace(one, due_at=now)], context.actor.name)
        return Moved(one.id, after.status, False)


async def run(_runtime: Runtime, tx: Tx, rows: list[Row]) -> None:
    """The sweep of pauses that end, organization by organization."""
    for org_id, group in by_org(rows):
        await resume(tx.within(org_id), [subscriptions.subscription_of(row) for row in group])


async def resume(tx: Tx, due: Sequence[Subscription], actor: str = SYSTEM.name) -> list[Subscription]:
    """Resume locked subscriptions at their due time: those that owe come back behind, and their debt is collected."""
    plans = await catalog.read_plans(tx, {one.plan_id for one in due})
    arounds = await load_billed(tx, [one.id for one in due])
    tariff = await load_tariff(tx, due, [arounds[one.id] for one in due])
    owing = await _owing(tx, due)
    batch, steps = Batch(), []
    for one in due:
        assert one.due_at is not None
        piece = _rest(one, one.due_at)
        around = arounds[one.id]
        revenue = monthly_revenue(around.items, tariff.prices, piece.period.start, around.anchor_day)
        after = _resumed(one, piece, revenue, "past_due" if one.id in owing else "active")
        bill = compose(one.id, around, tariff, advance=piece, arrears=None)
        invoice = batch.bill(after, around, bill, one.due_at, reason="resume", period=piece.period)
        steps.append(Step(one, after, "resume", one.due_at))
        batch.events.append(
            NewEvent("subscription.resumed", one.id, one.due_at, {"invoice": invoice.id}, one.customer_id)
        )
    await subscriptions.move(tx, steps, actor)
    known = await cases.lock_open(tx, list(owing))
    debts = [(step.after, owing[step.after.id], step.at) for step in steps if step.after.id in owing]
    for one, invoice_id, at in debts:
        content = {"invoice": invoice_id, "refusal": known[one.id].refusal if one.id in known else NO_METHOD}
        batch.events.append(NewEvent("subscription.past_due", one.id, at, content, one.customer_id))
    batch.events += await open_cases(tx, [debt for debt in debts if debt[0].id not in known], plans)
    batch.events += await follow_access(tx, [step.after for step in steps], plans, steps[-1].at)
    await write(tx, batch, actor)
    return [step.after for step in steps]


async def _owing(tx: Tx, due: Sequence[Subscription]) -> dict[str, str]:
    """Subscription -> an open invoice of it that was asked for in vain; one that is not due yet, or under way, is no debt."""
    opened = await invoicing.lock_open_of(tx, [one.id for one in due])
    busy = await payments.in_flight(tx, [one.id for one in opened])
    return {
        one.subscription_id: one.id
        for one in opened
        if one.subscription_id and one.due_at is None and one.amount_due_minor and one.id not in busy
    }


def _rest(one: Subscription, at: datetime) -> SchedulePeriod:
    """What is left of the period that runs at `at`; all of it on its first day."""
    day = local_day(one, at)
    running = schedule_of(one).containing(max(day, one.anchor_on))
    return SchedulePeriod(running.index, Period(max(day, running.period.start), running.period.end), running.full)


def _resumed(one: Subscription, piece: SchedulePeriod, mrr_minor: int, status: str) -> Subscription:
    resumed = replace(
        one,
        status=status,
        pause_reason="",
        paused_on=None,
        resume_at=None,
        period_index=piece.index,
        period_start=piece.period.start,
        period_end=piece.period.end,
        mrr_minor=mrr_minor,
    )
    return renews_at_end(resumed)
