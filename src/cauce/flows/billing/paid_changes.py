"""A change that costs money now is made when the money is there (F6, `pending_if_incomplete`).

Until then the subscription is what it was; the items, plan and period that were priced are kept with the change, so
that what is paid for is what is made, whatever happens to the catalogue meanwhile. An invoice that is voided or given
up ends the change. `unpaid_changes` is the other side: payments that fail.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import msgspec

from cauce.billing.catalog import service as catalog
from cauce.billing.catalog.rules import ProrationBehavior
from cauce.billing.invoicing import service as invoicing
from cauce.billing.invoicing.rules import Invoice
from cauce.billing.subscriptions import awaiting
from cauce.billing.subscriptions import service as subscriptions
from cauce.billing.subscriptions.rules import Item, Step, Subscription, instant_of
from cauce.billing.subscriptions.running import restart
from cauce.flows.billing.access import follow_access
from cauce.flows.billing.changing import Planned
from cauce.flows.billing.issue import Batch
from cauce.kernel.calendar.periods import interval_of
from cauce.kernel.ids import new_id
from cauce.storage.database import Row, Tx
from cauce.storage.outbox import NewEvent

WAITS = timedelta(hours=23)
"""How long a change waits for its payment, as a first payment does (T10)."""


def content_of(
    planned: Planned, later: Sequence[str], *, resets_on: date | None, begins_at: datetime | None
) -> dict[str, Any]:
    """What is kept of a planned change: plan, interval, items that leave and come, pending lines, a new anchor."""
    plain: dict[str, Any] = msgspec.to_builtins(
        {
            "plan_id": planned.plan.id,
            "product_id": planned.plan.product_id,
            "plan": planned.plan.key,
            "interval_unit": planned.interval.unit.value,
            "interval_count": planned.interval.count,
            "removed": [item.id for item in planned.removed],
            "added": [msgspec.to_builtins(item) for item in planned.added],
            "later": list(later),
            "resets_on": resets_on,
            "begins_at": begins_at,
            "keeps_anchor": planned.keeps_anchor,
            "mrr_minor": planned.mrr_minor,
        }
    )
    return plain


async def hold(
    tx: Tx, one: Subscription, content: dict[str, Any], invoice_id: str, batch: Batch, at: datetime, actor: str
) -> str:
    """Keep a change of a locked subscription until its invoice is paid; its id."""
    assert one.period_end is not None
    change_id = new_id("sch")
    until = min(at + WAITS, max(instant_of(one, one.period_end), at))
    await awaiting.hold(tx, change_id, one.id, content, at, invoice_id=invoice_id, due_at=until)
    await subscriptions.move(tx, [Step(one, one, "schedule_change", at, "awaits its payment")], actor)
    told = {"change": change_id, "plan": content["plan"], "invoice": invoice_id, "awaits_payment_until": until}
    batch.events.append(NewEvent("subscription.change_scheduled", one.id, at, told, one.customer_id))
    return change_id


async def settle_changes(tx: Tx, touched: Sequence[Invoice], batch: Batch, at: datetime, actor: str) -> None:
    """Invoices were paid, voided or written off: make the changes that waited for them, or end them."""
    rows = await awaiting.of_invoices(tx, [one.id for one in touched if one.reason == "change"])
    status = {one.id: one.status for one in touched}
    held = await subscriptions.lock(tx, [row["subscription_id"] for row in rows]) if rows else {}
    for row in rows:
        one = held[row["subscription_id"]]
        if status[row["invoice_id"]] == "open":
            continue
        if status[row["invoice_id"]] == "paid" and one.status in ("active", "past_due"):
            await _make(tx, one, row, batch, at, actor)
        else:
            await end(tx, one, row, batch, at, f"the invoice is {status[row['invoice_id']]}")


async def end(tx: Tx, one: Subscription, row: Row, batch: Batch, at: datetime, reason: str) -> None:
    """End a change that waited for its payment: the subscription stays what it is."""
    await subscriptions.settle_changes(tx, [row["id"]], "failed", at, reason)
    for line in row["content"]["later"]:
        await invoicing.set_pending(tx, line, "withdraw")
    told = {"change": row["id"], "invoice": row["invoice_id"], "reason": reason}
    batch.events.append(NewEvent("subscription.change_canceled", one.id, at, told, one.customer_id))


async def _make(tx: Tx, one: Subscription, row: Row, batch: Batch, at: datetime, actor: str) -> None:
    content = row["content"]
    await subscriptions.remove_items(tx, content["removed"], at)
    items = [msgspec.convert(each, Item) for each in content["added"]]
    await subscriptions.insert_items(tx, items, at)
    for line in content["later"]:
        await invoicing.set_pending(tx, line, "approve")
    begun = one
    if content["resets_on"] is not None:
        interval = interval_of(content["interval_unit"], content["interval_count"])
        begins_on = date.fromisoformat(content["resets_on"])
        begins_at = datetime.fromisoformat(content["begins_at"]) if content.get("begins_at") else None
        kept = content.get("keeps_anchor", False)
        begun = restart(one, interval, begins_on, keeps_anchor=kept, at=begins_at)
    after = replace(
        begun,
        plan_id=content["plan_id"],
        product_id=content["product_id"],
        interval_unit=content["interval_unit"],
        interval_count=content["interval_count"],
        mrr_minor=content["mrr_minor"],
    )
    batch.discount_ids += content.get("discounts", [])
    resets = content["resets_on"] is not None
    batch.grants.leave(one, after, at, ProrationBehavior.CHARGE_NOW, resets=resets)
    await subscriptions.move(tx, [Step(one, after, "apply_change", at)], actor)
    await subscriptions.settle_changes(tx, [row["id"]], "applied", at)
    plans = await catalog.read_plans(tx, {one.plan_id, after.plan_id})
    told = {"plan": plans[after.plan_id].key, "invoice": row["invoice_id"], "change": row["id"]}
    batch.events.append(NewEvent("subscription.changed", one.id, at, told, one.customer_id, {"plan": one.plan_id}))
    batch.events += await follow_access(tx, [after], plans, at, changed={one.id})
