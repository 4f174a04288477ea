"""The sweep of changes: those whose date has come are made (F7), those that waited too long for their payment end (F6).

A change that can no longer be made (the plan is gone, the subscription rests) ends with its reason; it never stops the
others of its chunk.
"""

from __future__ import annotations

from dataclasses import replace

import msgspec

from cauce.billing.catalog import service as catalog
from cauce.billing.subscriptions import service as subscriptions
from cauce.billing.subscriptions.rules import Step, local_day
from cauce.flows.billing.changes import Change, apply_now
from cauce.flows.billing.changing import plan_change
from cauce.flows.billing.issue import Batch, write
from cauce.flows.billing.unpaid_changes import expire
from cauce.flows.context import Context, Runtime
from cauce.kernel.errors import CauceError
from cauce.storage.audit import SYSTEM
from cauce.storage.database import Row, Tx
from cauce.storage.outbox import NewEvent


async def run(runtime: Runtime, tx: Tx, rows: list[Row]) -> None:
    """The sweep: one change after the other, each inside a savepoint of its own."""
    for row in rows:
        part = tx.within(row["org_id"])
        if row["state"] == "awaiting":
            batch = Batch()
            await expire(part, row, batch, SYSTEM.name)
            await write(part, batch, SYSTEM.name)
            continue
        try:
            async with part.savepoint():
                await _make(part, runtime.context(row["org_id"]), row)
        except CauceError as refused:
            await _fail(part, row, refused)


async def _make(tx: Tx, context: Context, row: Row) -> None:
    command = replace(msgspec.convert(row["content"], Change), at=row["due_at"])
    one = await subscriptions.lock_one(tx, row["subscription_id"])
    plan = (await catalog.read_plans(tx, [one.plan_id]))[one.plan_id]
    planned = await plan_change(tx, one, plan, command, local_day(one, row["due_at"]))
    await subscriptions.settle_changes(tx, [row["id"]], "applied", row["due_at"])
    await apply_now(tx, context, one, plan, planned, command, row["due_at"], {})


async def _fail(tx: Tx, row: Row, refused: CauceError) -> None:
    one = await subscriptions.lock_one(tx, row["subscription_id"])
    await subscriptions.settle_changes(tx, [row["id"]], "failed", row["due_at"], refused.message)
    if one.status not in ("canceled", "expired", "draft"):
        await subscriptions.move(tx, [Step(one, one, "schedule_change", row["due_at"], "failed")], SYSTEM.name)
    told = {"change": row["id"], "reason": refused.message}
    event = NewEvent("subscription.change_canceled", one.id, row["due_at"], told, one.customer_id)
    await write(tx, Batch(events=[event]), SYSTEM.name)
