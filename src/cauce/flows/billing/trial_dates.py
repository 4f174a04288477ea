"""Moving the end of a trial: extended, shortened, or ended now. One expiry fires, at the last date (T12, S3)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from cauce.billing.catalog.rules import Plan
from cauce.billing.subscriptions import service as subscriptions
from cauce.billing.subscriptions.machine import MACHINE
from cauce.billing.subscriptions.rules import Step, Subscription, move_trial
from cauce.billing.subscriptions.trials import checked_end, notice_instants
from cauce.flows.billing.cancel import Moved, load
from cauce.flows.billing.issue import Batch, write
from cauce.flows.billing.trials import end_trials
from cauce.flows.context import Context
from cauce.kernel.errors import InvalidRequest
from cauce.storage.database import Tx
from cauce.storage.outbox import NewEvent


async def move_trial_end(context: Context, subscription_id: str, end: datetime | None) -> Moved:
    """Let a trial end at `end` (in the future), or now when None (T12, T13-T18)."""
    async with context.transaction() as tx:
        one, plan, now = await load(tx, context, subscription_id)
        MACHINE.step(one.status, "move_trial")
        if one.pending_invoice_id is not None:
            raise InvalidRequest("the trial has ended; its first payment is under way", param="trial_end")
        if end is None:
            await end_trials(tx, [replace(one, trial_end=now, due_at=now)], context.actor.name)
            return Moved(one.id, (await subscriptions.read(tx, one.id)).status, False)
        after = move_trial(one, checked_end(end, now))
        await subscriptions.move(tx, [Step(one, after, "move_trial", now)], context.actor.name)
        event = await follow_end(tx, one, after, plan, now)
        await write(tx, Batch(events=[event]), context.actor.name, context.cause)
        return Moved(one.id, after.status, after.cancel_at_period_end)


async def follow_end(
    tx: Tx, one: Subscription, after: Subscription, plan: Plan, now: datetime, *, before: Plan | None = None
) -> NewEvent:
    """Set the notices of a trial (of `plan`, `before` of another) whose end moved from that of `one` to that of `after`.

    What was told already is told again only of a later end (D3).
    """
    notices = notice_instants(after, plan.policy.notice_days, now)
    if one.trial_end is not None and after.trial_end is not None and after.trial_end <= one.trial_end:
        waiting = await subscriptions.timers_of(tx, one.id)
        told = {kind for kind, _ in notice_instants(one, (before or plan).policy.notice_days, now)} - waiting
        notices = [(kind, at) for kind, at in notices if kind not in told]
    await subscriptions.drop_timers(tx, [one.id])
    await subscriptions.put_timers(tx, [(one.id, kind, at) for kind, at in notices])
    content, previous = {"trial_end": after.trial_end}, {"trial_end": one.trial_end}
    return NewEvent("subscription.trial_extended", one.id, now, content, one.customer_id, previous)
