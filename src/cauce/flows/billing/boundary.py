"""Subscriptions that do not simply renew: they end or rest at the boundary, or another plan or quantity begins there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import msgspec

from cauce.billing.catalog import service as catalog
from cauce.billing.subscriptions import migrating
from cauce.billing.subscriptions import service as subscriptions
from cauce.billing.subscriptions.rules import (
    RESUME,
    Step,
    Subscription,
    end,
    enter_period,
    is_complete,
    local_day,
    pause,
)
from cauce.billing.subscriptions.running import await_debt, ending_periods, restart, running_period
from cauce.flows.billing.access import follow_access
from cauce.flows.billing.bills import compose, priced_bill
from cauce.flows.billing.changing import plan_change, write_items
from cauce.flows.billing.completing import complete
from cauce.flows.billing.issue import Batch, load_billed, load_tariff
from cauce.pricing.changes import IntervalChange
from cauce.storage.database import Tx
from cauce.storage.outbox import NewEvent

PAUSE = "pause"
"""In the content of a change that waits: a pause begins there."""


@dataclass(frozen=True, slots=True)
class WaitingWish:
    """What a scheduled change asks for."""

    plan: str | None = None
    quantities: dict[str, str] = field(default_factory=dict)
    addons: tuple[str, ...] | None = None
    options: dict[str, Any] | None = None
    plan_id: str | None = None
    interval_change: IntervalChange | None = None
    policy: dict[str, Any] = field(default_factory=dict)
    by_portal: bool = False


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits for the end of the period: a change, a move to a newer version of the plan, or both."""

    ids: tuple[str, ...]
    subscription_id: str
    content: dict[str, Any]


async def waiting_changes(tx: Tx, due: Sequence[Subscription]) -> dict[str, Waiting]:
    """The changes that wait for these subscriptions' boundary, locked."""
    rows = await subscriptions.waiting_changes(tx, [one.id for one in due])
    found = {
        row["subscription_id"]: Waiting((row["id"],), row["subscription_id"], row["content"])
        for row in rows
        if row["at_period_end"]
    }
    moves = await migrating.of(tx, [one.id for one in due])
    plans = await catalog.read_plans(tx, {one.plan_id for one in due if one.id in moves}) if moves else {}
    moot: dict[datetime, list[str]] = {}
    for one in due:
        move = moves.get(one.id)
        if move is None or local_day(one, due_of(one)) < move.not_before:
            continue
        before = found.get(one.id, Waiting((), one.id, {}))
        if PAUSE in before.content:
            continue
        if plans[one.plan_id].key != move.plan_key:
            moot.setdefault(due_of(one), []).append(move.id)
        elif before.content.get("plan") in (None, move.plan_key):
            content = {**before.content, "plan": None, "plan_id": move.plan_id}
            found[one.id] = Waiting((*before.ids, move.id), one.id, content)
    for at, ids in moot.items():
        await subscriptions.settle_changes(tx, ids, "canceled", at, "another plan by now")
    return found


async def pass_boundary(
    tx: Tx, due: Sequence[Subscription], waiting: Mapping[str, Waiting], batch: Batch, actor: str
) -> None:
    """End those that end; pause those that wanted it; apply the change of the others and bill the new terms."""
    ending = [one for one in due if one.cancel_at_period_end or is_complete(one)]
    pausing = [one for one in due if one not in ending and one.id in waiting and PAUSE in waiting[one.id].content]
    await _bill_last_use(tx, [*ending, *pausing], batch)
    await _end(tx, ending, batch, actor)
    await _pause(tx, pausing, waiting, batch, actor)
    for one in due:
        if one not in ending and one not in pausing and one.id in waiting:
            await _change(tx, one, waiting[one.id], batch, actor)


async def _change(tx: Tx, one: Subscription, waiting: Waiting, batch: Batch, actor: str) -> None:
    """Another plan or quantity begins here: the old period's usage and the new period's fees on one invoice (T41)."""
    at = due_of(one)
    plan = (await catalog.read_plans(tx, [one.plan_id]))[one.plan_id]
    before = (await load_billed(tx, [one.id]))[one.id]
    planned = await plan_change(tx, one, plan, msgspec.convert(waiting.content, WaitingWish), local_day(one, at))
    await write_items(tx, planned, at)
    if planned.interval_changes:
        fresh = restart(one, planned.interval, local_day(one, at), keeps_anchor=planned.keeps_anchor)
    else:
        fresh = enter_period(one, one.period_index + 1)
    after = replace(
        fresh,
        plan_id=planned.plan.id,
        product_id=planned.plan.product_id,
        interval_unit=planned.interval.unit.value,
        interval_count=planned.interval.count,
        mrr_minor=planned.mrr_minor,
    )
    begins = running_period(after)
    assert begins is not None
    around = (await load_billed(tx, [one.id]))[one.id]
    tariff = await load_tariff(tx, [one], [around], {item.price_id for item in before.items})
    arrears, counted = ending_periods(one)  # none: the old system billed it
    used = compose(one.id, before, tariff, advance=None, arrears=arrears, counted=counted, with_pending=False)
    begun = compose(one.id, around, tariff, advance=begins, arrears=None)
    bill = priced_bill((*used.charges, *begun.charges), around, tariff, begun.pending_ids, begun.begun)
    invoice = batch.bill(after, around, bill, at, period=begins.period)
    await subscriptions.move(tx, [Step(one, after, "apply_change", at)], actor)
    await subscriptions.settle_changes(tx, waiting.ids, "applied", at)
    content = {"invoice": invoice.id, "plan": planned.plan.key, "change": waiting.ids[0]}
    batch.events.append(NewEvent("subscription.changed", one.id, at, content, one.customer_id, {"plan": one.plan_id}))
    batch.events.append(NewEvent("subscription.renewed", one.id, at, {"invoice": invoice.id}, one.customer_id))
    batch.events += await follow_access(
        tx, [after], {plan.id: plan, planned.plan.id: planned.plan}, at, changed={one.id}
    )


async def _bill_last_use(tx: Tx, leaving: Sequence[Subscription], batch: Batch) -> None:
    """What those owe who end or pause here: fees in arrears and use of the period that ends."""
    if not leaving:
        return
    arounds = await load_billed(tx, [one.id for one in leaving])
    tariff = await load_tariff(tx, leaving, [arounds[one.id] for one in leaving])
    for one in leaving:
        arrears, counted = ending_periods(one)
        bill = compose(one.id, arounds[one.id], tariff, advance=None, arrears=arrears, counted=counted)
        if bill.priced.lines:
            batch.bill(one, arounds[one.id], bill, due_of(one), reason="final")


async def _end(tx: Tx, ending: Sequence[Subscription], batch: Batch, actor: str) -> None:
    if not ending:
        return
    await _cancel(tx, [one for one in ending if one.cancel_at_period_end], batch, actor)
    over = [one for one in ending if not one.cancel_at_period_end]
    await complete(tx, [(one, due_of(one)) for one in over if one.status != "past_due"], batch, actor)
    behind = [Step(one, await_debt(one), "renew", due_of(one)) for one in over if one.status == "past_due"]
    await subscriptions.move(tx, behind, actor)


async def _pause(
    tx: Tx, resting: Sequence[Subscription], waiting: Mapping[str, Waiting], batch: Batch, actor: str
) -> None:
    """Pauses for the end of the period begin: it was used to its end, so nothing is credited (T33)."""
    if not resting:
        return
    steps = []
    for one in resting:
        at, asked = due_of(one), waiting[one.id]
        until = asked.content[PAUSE]["resume_at"]
        resume_at = max(datetime.fromisoformat(until), at) if until else None
        after = replace(pause(one, "requested", local_day(one, at), RESUME, resume_at), usage_from=one.period_end)
        steps.append(Step(one, after, "pause", at))
        content = {"reason": "requested", "resume_at": resume_at, "credit": 0, "change": asked.ids[0]}
        batch.events.append(NewEvent("subscription.paused", one.id, at, content, one.customer_id))
        await subscriptions.settle_changes(tx, asked.ids, "applied", at)
    await subscriptions.move(tx, steps, actor)
    plans = await catalog.read_plans(tx, {one.plan_id for one in resting})
    batch.events += await follow_access(tx, [step.after for step in steps], plans, steps[-1].at)


async def _cancel(tx: Tx, ending: Sequence[Subscription], batch: Batch, actor: str) -> None:
    if not ending:
        return
    steps = []
    for one in ending:
        at, reason = due_of(one), one.cancel_reason
        steps.append(Step(one, end(one, "canceled", at), "end_term", at, reason))
        batch.events.append(NewEvent("subscription.canceled", one.id, at, {"reason": reason}, one.customer_id))
    await subscriptions.move(tx, steps, actor)
    await subscriptions.drop_timers(tx, [one.id for one in ending])
    plans = await catalog.read_plans(tx, {one.plan_id for one in ending})
    batch.events += await follow_access(tx, [step.after for step in steps], plans, steps[-1].at)


def due_of(subscription: Subscription) -> datetime:
    """The due time of a claimed subscription."""
    assert subscription.due_at is not None
    return subscription.due_at
