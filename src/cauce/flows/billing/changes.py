"""Changing what is subscribed: another plan, quantity, add-on or option, now, on a date or at renewal (F1-F7).

`apply_now` decides and writes; the preview runs it and rolls back, so it returns the very lines that the commit
books. The policy of the plan says when each direction takes effect and how it is charged; a call may override it. A
change that costs money now waits for it (`paid_changes`), unless the policy allows otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

import msgspec

from cauce.billing.catalog.change_policies import checked_layer
from cauce.billing.catalog.rules import ChangeCredit, ChangePolicy, ChangeTiming, FailedPayment, Plan, ProrationBehavior
from cauce.billing.provisioning.rules import Asked, Verb
from cauce.billing.subscriptions import awaiting
from cauce.billing.subscriptions import service as subscriptions
from cauce.billing.subscriptions.machine import MACHINE
from cauce.billing.subscriptions.rules import Step, Subscription, instant_of, local_day, move_trial
from cauce.billing.subscriptions.running import restart
from cauce.billing.subscriptions.trials import end_on_change
from cauce.flows.billing.access import follow_access
from cauce.flows.billing.bills import Bill
from cauce.flows.billing.boundary import PAUSE
from cauce.flows.billing.cancel import load
from cauce.flows.billing.change_command import (
    Change,
    ChangeAwaitsPayment,
    Changed,
    ChangeNotDue,
    FirstPaymentUnderWay,
    PauseWaits,
    PreviewOutdated,
    RefundNotNow,
)
from cauce.flows.billing.changing import Planned, plan_change, write_items
from cauce.flows.billing.issue import Batch, load_billed, write
from cauce.flows.billing.paid_changes import content_of, hold
from cauce.flows.billing.proration import Prorated, prorate
from cauce.flows.billing.provision_asking import ask
from cauce.flows.billing.refunds import refund_advances
from cauce.flows.billing.trial_dates import follow_end
from cauce.flows.billing.unpaid_changes import withdraw
from cauce.flows.context import Context
from cauce.kernel.errors import Conflict
from cauce.kernel.ids import new_id
from cauce.reports.billing_run import Surroundings
from cauce.storage.database import Tx
from cauce.storage.outbox import NewEvent

__all__ = [
    "Change",
    "ChangeAwaitsPayment",
    "ChangeNotDue",
    "Changed",
    "PauseWaits",
    "PreviewOutdated",
    "RefundNotNow",
    "apply_now",
    "change",
    "preview_change",
    "withdraw_change",
]

_WAITS_FOR_INVOICE = (ProrationBehavior.NEXT_INVOICE, ProrationBehavior.CHARGE_NOW_CREDIT_AT_RENEWAL)
"""With these what a change gives back is a line of the next invoice."""


class _RolledBack(Exception):
    def __init__(self, changed: Changed) -> None:
        super().__init__()
        self.changed = changed


async def change(context: Context, command: Change) -> Changed:
    """Make the change, or schedule it for the renewal."""
    asked = await ask(context, command.subscription_id, Verb.CHANGE, msgspec.to_builtins(command))
    async with context.transaction() as tx:
        return await _change(tx, context, command, asked)


async def preview_change(context: Context, command: Change) -> Changed:
    """What `change` would do, line by line; nothing is kept."""
    try:
        async with context.transaction() as tx:
            raise _RolledBack(await _change(tx, context, command, {}))
    except _RolledBack as preview:
        return replace(preview.changed, invoice_id=None, change_id=None)


async def withdraw_change(context: Context, subscription_id: str) -> None:
    """Withdraw the change that waits for its payment, or else the one that waits for its date (T40)."""
    async with context.transaction() as tx:
        one, _, at = await load(tx, context, subscription_id)
        unpaid = await awaiting.of_subscription(tx, one.id)
        if unpaid is not None:
            batch = Batch()
            await withdraw(tx, unpaid, batch, at, context.actor.name)
            await write(tx, batch, context.actor.name, context.cause)
            return
        waiting = await subscriptions.waiting_changes(tx, [one.id])
        if not waiting:
            raise Conflict("no change waits")
        await subscriptions.settle_changes(tx, [row["id"] for row in waiting], "canceled", at)
        event = NewEvent("subscription.change_canceled", one.id, at, {"change": waiting[0]["id"]}, one.customer_id)
        await subscriptions.move(tx, [Step(one, one, "schedule_change", at, "withdrawn")], context.actor.name)
        await write(tx, Batch(events=[event]), context.actor.name, context.cause)


async def _change(tx: Tx, context: Context, command: Change, asked: Mapping[str, Asked]) -> Changed:
    one, plan, now = await load(tx, context, command.subscription_id)
    checked_layer(command.policy)
    at = _instant(one, command, now)
    if at < now and (last := await subscriptions.changed_at(tx, one.id)) is not None and at < last:
        raise ChangeNotDue("it was changed after that instant", param="at")
    planned = await plan_change(tx, one, plan, command, local_day(one, at))
    timing = command.timing or planned.rule.timing
    if at > now:
        return await _schedule(tx, context, one, command, planned, now, due_at=at)
    if timing is ChangeTiming.AT_RENEWAL and one.status != "trialing":
        return await _schedule(tx, context, one, command, planned, at)
    changed = await apply_now(tx, context, one, plan, planned, command, at, asked)
    if command.expect_total_minor is not None and changed.total_minor != command.expect_total_minor:
        raise PreviewOutdated(total_minor=changed.total_minor)
    return changed


def _instant(one: Subscription, command: Change, now: datetime) -> datetime:
    at = command.at or now
    if at < now and one.period_start is not None and one.period_end is not None:
        begun = instant_of(one, one.period_start) <= at or one.period_start <= local_day(one, at)
        if not begun or at >= instant_of(one, one.period_end):
            raise ChangeNotDue(param="at")
    return at


async def _schedule(
    tx: Tx,
    context: Context,
    one: Subscription,
    command: Change,
    planned: Planned,
    at: datetime,
    *,
    due_at: datetime | None = None,
) -> Changed:
    """Keep a change for a date, or (None) for the end of the period; it takes the place of one that waits."""
    waiting = await subscriptions.waiting_changes(tx, [one.id])
    if any(PAUSE in row["content"] for row in waiting):
        raise PauseWaits(param="subscription")
    await subscriptions.settle_changes(tx, [row["id"] for row in waiting], "canceled", at)
    change_id = new_id("sch")
    kept = command if due_at else replace(command, timing=None, proration=None, failed_payment=None)
    content = msgspec.to_builtins(replace(kept, at=None, expect_total_minor=None))
    await subscriptions.schedule_change(tx, change_id, one.id, content, at, due_at=due_at)
    await subscriptions.move(tx, [Step(one, one, "schedule_change", at)], context.actor.name)
    told = {"change": change_id, "plan": planned.plan.key, "effective_at": due_at or one.due_at}
    event = NewEvent("subscription.change_scheduled", one.id, at, told, one.customer_id)
    await write(tx, Batch(events=[event]), context.actor.name, context.cause)
    return Changed(
        one.id,
        ChangeTiming.NOW if due_at else ChangeTiming.AT_RENEWAL,
        ProrationBehavior.NONE,
        due_at or one.due_at or at,
        (),
        0,
        None,
        change_id,
        planned.mrr_minor,
    )


async def apply_now(
    tx: Tx,
    context: Context,
    one: Subscription,
    plan: Plan,
    planned: Planned,
    command: Change,
    at: datetime,
    asked: Mapping[str, Asked],
) -> Changed:
    """Make a change of a locked subscription, or let it wait for its payment; the last writes of the transaction."""
    if await awaiting.of_subscription(tx, one.id) is not None:
        raise ChangeAwaitsPayment()
    MACHINE.step(one.status, "change")
    batch, proration = Batch(), command.proration or planned.rule.proration
    if command.credit is ChangeCredit.REFUND and proration in _WAITS_FOR_INVOICE:
        raise RefundNotNow(param="credit")
    trialing = one.status == "trialing"
    if trialing and one.pending_invoice_id is not None:
        raise FirstPaymentUnderWay(param="subscription")
    resets = not trialing and (planned.interval_changes or proration is ProrationBehavior.FULL_RESET)
    prorated = Prorated() if trialing else await prorate(tx, one, planned, proration, at, resets=resets)
    failed = command.failed_payment or planned.policy.failed_payment
    if failed is FailedPayment.PENDING_IF_INCOMPLETE and one.collection == "charge" and prorated.priced.total_minor > 0:
        around = (await load_billed(tx, [one.id]))[one.id]
        if prorated.priced.total_minor > around.credit_minor:
            return await _await_payment(tx, context, one, planned, prorated, around, proration, at, resets=resets)
    await write_items(tx, planned, at)
    after = _after(one, planned, at, resets=resets, begins_at=prorated.begins_at)
    invoice_id = await _charge(tx, after, prorated, batch, at)
    refunded = await _refund(tx, one, planned.policy, command, prorated, batch, at)
    if trialing:
        after = await _follow_trial(tx, one, after, plan, planned, batch, at)
    else:
        batch.grants.leave(one, after, at, proration, resets=resets)
    await subscriptions.move(tx, [Step(one, after, "change", at)], context.actor.name)
    told = {"plan": planned.plan.key, "total": prorated.priced.total_minor, "invoice": invoice_id, "refunded": refunded}
    batch.events.append(NewEvent("subscription.changed", one.id, at, told, one.customer_id, {"plan": one.plan_id}))
    batch.events += await follow_access(
        tx, [after], {plan.id: plan, planned.plan.id: planned.plan}, at, changed={one.id}, asked=asked
    )
    await write(tx, batch, context.actor.name, context.cause)
    return Changed(
        one.id, ChangeTiming.NOW, proration, at, prorated.priced.lines, prorated.priced.total_minor, invoice_id, None,
        planned.mrr_minor, refunded_minor=refunded,
    )  # fmt: skip


async def _follow_trial(
    tx: Tx, one: Subscription, after: Subscription, plan: Plan, planned: Planned, batch: Batch, at: datetime
) -> Subscription:
    """A trial of another plan ends when that plan says, where the policy wants it so; its notices follow (S4)."""
    to, how = planned.plan, planned.policy.trial_on_change
    ends = None if to.key == plan.key else end_on_change(one, plan.trial_days, to.trial_days, how, at)
    if ends is None:
        return after
    moved = move_trial(after, ends)
    batch.events.append(await follow_end(tx, one, moved, to, at, before=plan))
    return moved


async def _await_payment(
    tx: Tx,
    context: Context,
    one: Subscription,
    planned: Planned,
    prorated: Prorated,
    around: Surroundings,
    proration: ProrationBehavior,
    at: datetime,
    *,
    resets: bool,
) -> Changed:
    batch = Batch()
    later = await prorated.keep_later(tx, one, at, state="proposed")
    invoice = batch.bill(one, around, Bill(prorated.priced), at, reason="change")
    content = content_of(planned, later, resets_on=local_day(one, at) if resets else None, begins_at=prorated.begins_at)
    content["discounts"] = list(prorated.discount_ids)  # used up when the change is made
    change_id = await hold(tx, one, content, invoice.id, batch, at, context.actor.name)
    await write(tx, batch, context.actor.name, context.cause)
    return Changed(
        one.id, ChangeTiming.NOW, proration, at, prorated.priced.lines, prorated.priced.total_minor, invoice.id,
        change_id, planned.mrr_minor, awaits_payment=True,
    )  # fmt: skip


def _after(
    one: Subscription, planned: Planned, at: datetime, *, resets: bool, begins_at: datetime | None
) -> Subscription:
    begun, at_day = one, local_day(one, at)
    if resets:
        begun = restart(one, planned.interval, at_day, keeps_anchor=planned.keeps_anchor, at=begins_at)
    return replace(
        begun,
        plan_id=planned.plan.id,
        product_id=planned.plan.product_id,
        interval_unit=planned.interval.unit.value,
        interval_count=planned.interval.count,
        mrr_minor=0 if one.status == "trialing" else planned.mrr_minor,
    )


async def _charge(tx: Tx, after: Subscription, prorated: Prorated, batch: Batch, at: datetime) -> str | None:
    await prorated.keep_later(tx, after, at)
    if not prorated.priced.lines:
        return None
    around = (await load_billed(tx, [after.id]))[after.id]
    invoice = batch.bill(after, around, Bill(prorated.priced, prorated.discount_ids), at, reason="change")
    return invoice.id


async def _refund(
    tx: Tx, one: Subscription, policy: ChangePolicy, command: Change, prorated: Prorated, batch: Batch, at: datetime
) -> int:
    """What of a reduction goes back to the payments that paid it, where the call or else the plan wants it so."""
    given_minor = -prorated.priced.total_minor
    if given_minor <= 0 or (command.credit or policy.credit) is not ChangeCredit.REFUND:
        return 0
    return await refund_advances(tx, one, local_day(one, at), given_minor, "change", batch, at)
