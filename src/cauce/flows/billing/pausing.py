"""Pausing, now or at the end of the period (T33): days of a pause are not billed.

At a pause now the unused part of what was paid in advance becomes the customer's credit, where the plan does not say that
its days stay his (`resuming`). One for the end of the period is a change that waits for it: shown and withdrawn like any.
"""

from __future__ import annotations

from datetime import datetime

from cauce.billing.catalog.rules import CancelCredit, Plan
from cauce.billing.provisioning.rules import Verb
from cauce.billing.subscriptions import awaiting
from cauce.billing.subscriptions import service as subscriptions
from cauce.billing.subscriptions.machine import MACHINE
from cauce.billing.subscriptions.rules import RESUME, Step, Subscription, local_day, pause
from cauce.billing.subscriptions.running import is_over
from cauce.flows.billing.access import follow_access
from cauce.flows.billing.cancel import Moved, load
from cauce.flows.billing.final import bill_rest
from cauce.flows.billing.granting import PlanLeft
from cauce.flows.billing.issue import Batch, write
from cauce.flows.billing.provision_asking import ask
from cauce.flows.billing.unpaid_changes import withdraw
from cauce.flows.billing.unused import GivenBack, credit_unused
from cauce.flows.context import Context
from cauce.kernel.errors import Conflict, InvalidRequest
from cauce.kernel.ids import new_id
from cauce.storage.outbox import NewEvent


class ChangeWaits(Conflict):
    """A change waits for the end of the period: withdraw it before you put another in its place."""

    code = "change_waits"


async def pause_now(
    context: Context, subscription_id: str, *, resume_at: datetime | None = None, credit: CancelCredit | None = None
) -> Moved:
    """Pause now, until `resume_at` or until somebody resumes it. `credit` None: what was paid in advance goes by the plan."""
    asked = await ask(context, subscription_id, Verb.SUSPEND, {"resume_at": resume_at and resume_at.isoformat()})
    async with context.transaction() as tx:
        one, plan, now = await load(tx, context, subscription_id)
        _check(one, plan, now, resume_at, after=now)
        batch = Batch()
        waiting = await awaiting.of_subscription(tx, one.id)
        if waiting is not None:
            await withdraw(tx, waiting, batch, now, context.actor.name)
        planned = [row["id"] for row in await subscriptions.waiting_changes(tx, [one.id]) if "pause" in row["content"]]
        await subscriptions.settle_changes(tx, planned, "canceled", now, "paused before")
        day, credited = local_day(one, now), GivenBack()
        chosen = credit or CancelCredit(plan.policy.pause.credit)
        if chosen is not CancelCredit.NONE:
            back = chosen is CancelCredit.REFUND
            credited = await credit_unused(tx, one, day, batch, now, context.actor.name, refund=back, reason="pause")
            batch.grants.plans_left.append(PlanLeft(one, None, now))
        one = await subscriptions.lock_one(tx, one.id)
        one = (await bill_rest(tx, [one], now, batch, with_pending=False))[one.id]
        after = pause(one, "requested", day, RESUME, resume_at)
        await subscriptions.move(tx, [Step(one, after, "pause", now)], context.actor.name)
        content = {"reason": "requested", "resume_at": resume_at, "credit": credited.total_minor}
        batch.events.append(NewEvent("subscription.paused", one.id, now, content, one.customer_id))
        batch.events += await follow_access(tx, [after], {plan.id: plan}, now, asked=asked)
        await write(tx, batch, context.actor.name, context.cause)
        return Moved(one.id, after.status, False, credited.total_minor, refunded_minor=credited.refunded_minor)


async def pause_at_end(context: Context, subscription_id: str, *, resume_at: datetime | None = None) -> Moved:
    """Pause when the running period ends, until `resume_at` or until somebody resumes it; `ChangeWaits` where another waits."""
    await ask(context, subscription_id, Verb.SUSPEND, {"resume_at": resume_at and resume_at.isoformat()})
    async with context.transaction() as tx:
        one, plan, now = await load(tx, context, subscription_id)
        if one.cancel_at_period_end or one.due_at is None:
            MACHINE.step(one.status, "pause")
            raise Conflict("it ends with the period")
        _check(one, plan, now, resume_at, after=one.due_at)
        if await subscriptions.waiting_changes(tx, [one.id]):
            raise ChangeWaits(param="subscription")
        change_id = new_id("sch")
        content = {"pause": {"resume_at": resume_at.isoformat() if resume_at else None}}
        await subscriptions.schedule_change(tx, change_id, one.id, content, now, due_at=None)
        await subscriptions.move(tx, [Step(one, one, "schedule_change", now, "pause")], context.actor.name)
        told = {"change": change_id, "pause": True, "resume_at": resume_at, "effective_at": one.due_at}
        event = NewEvent("subscription.change_scheduled", one.id, now, told, one.customer_id)
        await write(tx, Batch(events=[event]), context.actor.name, context.cause)
        return Moved(one.id, one.status, False)


def _check(one: Subscription, plan: Plan, now: datetime, resume_at: datetime | None, *, after: datetime) -> None:
    MACHINE.step(one.status, "pause")
    if not plan.policy.pause_allowed:
        raise Conflict(f"plan {plan.key} cannot be paused")
    if is_over(one, now):
        raise Conflict("its term is over; only the debt is left")
    if resume_at is not None and resume_at <= after:
        raise InvalidRequest("a pause ends after it began", param="resume_at")
