"""Subscriptions that do not simply renew: they end at the boundary, or another plan or quantity begins there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cauce.billing.catalog import service as catalog
from cauce.billing.subscriptions import service as subscriptions
from cauce.billing.subscriptions.rules import Step, Subscription, end, is_complete, period_of
from cauce.flows.billing.access import follow_access
from cauce.flows.billing.bills import compose
from cauce.flows.billing.issue import Batch, load_tariff
from cauce.reports.billing_run import load_surroundings
from cauce.storage.database import Tx
from cauce.storage.outbox import NewEvent


@dataclass(frozen=True, slots=True)
class Waiting:
    """A change that waits for the end of the period."""

    id: str
    subscription_id: str
    content: dict[str, Any]


async def waiting_changes(tx: Tx, due: Sequence[Subscription]) -> dict[str, Waiting]:
    """The changes that wait for these subscriptions' boundary, locked."""
    rows = await subscriptions.waiting_changes(tx, [one.id for one in due])
    return {
        row["subscription_id"]: Waiting(row["id"], row["subscription_id"], row["content"])
        for row in rows
        if row["at_period_end"]
    }


async def pass_boundary(
    tx: Tx, due: Sequence[Subscription], waiting: Mapping[str, Waiting], batch: Batch, actor: str
) -> None:
    """End those that end; apply the change of the others and bill the new terms."""
    ending = [one for one in due if one.cancel_at_period_end or is_complete(one)]
    await _end(tx, ending, batch, actor)
    del waiting


async def _end(tx: Tx, ending: Sequence[Subscription], batch: Batch, actor: str) -> None:
    if not ending:
        return
    arounds = await load_surroundings(tx, [one.id for one in ending])
    tariff = await load_tariff(tx, ending, [arounds[one.id] for one in ending])
    steps = []
    for one in ending:
        at = due_of(one)
        arrears = period_of(one, one.period_index) if one.period_index >= 0 else None
        bill = compose(one.id, arounds[one.id], tariff, advance=None, arrears=arrears)
        if bill.priced.lines:
            batch.bill(one, arounds[one.id], bill, at, reason="final")
        trigger, status = ("end_term", "canceled") if one.cancel_at_period_end else ("complete", "expired")
        steps.append(Step(one, end(one, status, at), trigger, at, one.cancel_reason))
        batch.events.append(
            NewEvent(f"subscription.{status}", one.id, at, {"reason": one.cancel_reason}, one.customer_id)
        )
    await subscriptions.move(tx, steps, actor)
    await subscriptions.drop_timers(tx, [one.id for one in ending])
    plans = await catalog.read_plans(tx, {one.plan_id for one in ending})
    batch.events += await follow_access(tx, [step.after for step in steps], plans, steps[-1].at)


def due_of(subscription: Subscription) -> datetime:
    """The due time of a claimed subscription."""
    assert subscription.due_at is not None
    return subscription.due_at
