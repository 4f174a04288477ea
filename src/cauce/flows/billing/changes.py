"""Changing what is subscribed: another plan, quantity, add-on or option, now with proration or at renewal (F1-F7).

`_apply_now` decides and writes; the preview runs it and rolls back, so it returns the very lines that the commit
books. The policy of the plan says when each direction takes effect and how it is charged; a call may override it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import msgspec

from cauce.billing.catalog.rules import ChangeTiming, Plan, ProrationBehavior
from cauce.billing.provisioning.rules import Asked, Verb
from cauce.billing.subscriptions import service as subscriptions
from cauce.billing.subscriptions.rules import Step, Subscription, enter_period, local_day
from cauce.flows.billing.access import follow_access
from cauce.flows.billing.bills import Bill
from cauce.flows.billing.cancel import load
from cauce.flows.billing.changing import Planned, plan_change, write_items
from cauce.flows.billing.issue import Batch, load_billed, write
from cauce.flows.billing.proration import Prorated, prorate
from cauce.flows.billing.provision_asking import ask
from cauce.flows.context import Context
from cauce.kernel.errors import Conflict
from cauce.kernel.ids import new_id
from cauce.pricing.invoice_lines import PricedLine
from cauce.storage.database import Tx
from cauce.storage.outbox import NewEvent


class PreviewOutdated(Conflict):
    """The change would no longer cost what the preview said; ask for a new one."""

    code = "preview_outdated"


class ChangeNotDue(Conflict):
    """The instant of the change lies outside the running period."""

    code = "change_outside_period"


@dataclass(frozen=True, slots=True)
class Change:
    """What shall be subscribed. None leaves it as it is; `quantities`: price key -> decimal string.

    `at`: the instant that a preview was made for; `expect_total_minor`: what it said, refused when it is no longer so.
    """

    subscription_id: str
    plan: str | None = None
    quantities: Mapping[str, str] = field(default_factory=dict)
    addons: tuple[str, ...] | None = None
    options: Mapping[str, Any] | None = None
    timing: ChangeTiming | None = None
    proration: ProrationBehavior | None = None
    at: datetime | None = None
    expect_total_minor: int | None = None


@dataclass(frozen=True, slots=True)
class Changed:
    """What the change comes to: lines and total of the invoice (negative: credit), and when it takes effect."""

    subscription_id: str
    timing: ChangeTiming
    proration: ProrationBehavior
    effective_at: datetime
    lines: tuple[PricedLine, ...]
    total_minor: int
    invoice_id: str | None
    change_id: str | None
    mrr_minor: int


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
    """Withdraw the change that waits for the renewal (T40)."""
    async with context.transaction() as tx:
        one, _, at = await load(tx, context, subscription_id)
        waiting = await subscriptions.waiting_changes(tx, [one.id])
        if not waiting:
            raise Conflict("no change waits")
        await subscriptions.settle_changes(tx, [row["id"] for row in waiting], "canceled", at)
        event = NewEvent("subscription.change_canceled", one.id, at, {"change": waiting[0]["id"]}, one.customer_id)
        await subscriptions.move(tx, [Step(one, one, "schedule_change", at, "withdrawn")], context.actor.name)
        await write(tx, Batch(events=[event]), context.actor.name, context.cause)


async def _change(tx: Tx, context: Context, command: Change, asked: Mapping[str, Asked]) -> Changed:
    one, plan, now = await load(tx, context, command.subscription_id)
    at = _instant(one, command, now)
    planned = await plan_change(tx, one, plan, command)
    timing = command.timing or planned.rule.timing
    proration = command.proration or planned.rule.proration
    if timing is ChangeTiming.AT_RENEWAL and one.status != "trialing":
        return await _schedule(tx, context, one, command, planned, at)
    changed = await _apply_now(tx, context, one, plan, planned, proration, at, asked)
    if command.expect_total_minor is not None and changed.total_minor != command.expect_total_minor:
        raise PreviewOutdated(total_minor=changed.total_minor)
    return changed


def _instant(one: Subscription, command: Change, now: datetime) -> datetime:
    at = command.at or now
    inside = (
        one.period_start is None or one.period_end is None or one.period_start <= local_day(one, at) < one.period_end
    )
    if at > now or not inside:
        raise ChangeNotDue(param="at")
    return at


async def _schedule(
    tx: Tx, context: Context, one: Subscription, command: Change, planned: Planned, at: datetime
) -> Changed:
    waiting = await subscriptions.waiting_changes(tx, [one.id])
    await subscriptions.settle_changes(tx, [row["id"] for row in waiting], "canceled", at)
    change_id = new_id("sch")
    content = msgspec.to_builtins(replace(command, at=None, timing=None, proration=None, expect_total_minor=None))
    await subscriptions.schedule_change(tx, change_id, one.id, content, at)
    await subscriptions.move(tx, [Step(one, one, "schedule_change", at)], context.actor.name)
    told = {"change": change_id, "plan": planned.plan.key, "effective_at": one.due_at}
    event = NewEvent("subscription.change_scheduled", one.id, at, told, one.customer_id)
    await write(tx, Batch(events=[event]), context.actor.name, context.cause)
    return Changed(
        one.id,
        ChangeTiming.AT_RENEWAL,
        ProrationBehavior.NONE,
        one.due_at or at,
        (),
        0,
        None,
        change_id,
        planned.mrr_minor,
    )


async def _apply_now(
    tx: Tx,
    context: Context,
    one: Subscription,
    plan: Plan,
    planned: Planned,
    proration: ProrationBehavior,
    at: datetime,
    asked: Mapping[str, Asked],
) -> Changed:
    batch = Batch()
    trialing = one.status == "trialing"
    resets = not trialing and (planned.interval_changes or proration is ProrationBehavior.FULL_RESET)
    prorated = Prorated() if trialing else await prorate(tx, one, planned, proration, local_day(one, at), resets=resets)
    await write_items(tx, planned, at)
    after = _after(one, planned, at, resets=resets)
    invoice_id = await _charge(tx, after, prorated, batch, at)
    await subscriptions.move(tx, [Step(one, after, "change", at)], context.actor.name)
    told = {"plan": planned.plan.key, "total": prorated.priced.total_minor, "invoice": invoice_id}
    batch.events.append(NewEvent("subscription.changed", one.id, at, told, one.customer_id, {"plan": one.plan_id}))
    batch.events += await follow_access(
        tx, [after], {plan.id: plan, planned.plan.id: planned.plan}, at, changed={one.id}, asked=asked
    )
    await write(tx, batch, context.actor.name, context.cause)
    return Changed(
        one.id, ChangeTiming.NOW, proration, at, prorated.priced.lines, prorated.priced.total_minor, invoice_id, None,
        planned.mrr_minor,
    )  # fmt: skip


def _after(one: Subscription, planned: Planned, at: datetime, *, resets: bool) -> Subscription:
    after = replace(
        one,
        plan_id=planned.plan.id,
        product_id=planned.plan.product_id,
        interval_unit=planned.interval.unit.value,
        interval_count=planned.interval.count,
        mrr_minor=0 if one.status == "trialing" else planned.mrr_minor,
    )
    return enter_period(replace(after, anchor_on=local_day(one, at), anchor_day=None), 0) if resets else after


async def _charge(tx: Tx, after: Subscription, prorated: Prorated, batch: Batch, at: datetime) -> str | None:
    await prorated.keep_later(tx, after, at)
    if not prorated.priced.lines:
        return None
    around = (await load_billed(tx, [after.id]))[after.id]
    invoice = batch.bill(after, around, Bill(prorated.priced), at, reason="change")
    return invoice.id
