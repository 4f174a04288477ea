"""Putting a subscription on the free plan that its own plan names: other items, same row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from cauce.billing.catalog import service as catalog
from cauce.billing.catalog.rules import Plan
from cauce.billing.payments import service as payments
from cauce.billing.subscriptions import service as subscriptions
from cauce.billing.subscriptions.rules import Item, Subscription
from cauce.kernel.ids import new_id
from cauce.storage.database import Tx


async def move_to_free_plan(tx: Tx, one: Subscription, plans: Mapping[str, Plan]) -> Subscription:
    """The locked subscription with the items of the free plan; unchanged when a method is on file (T17)."""
    methods = (await payments.methods_of(tx, [one.customer_id])).get(one.customer_id, [])
    if any(method.usable for method in methods):
        return one
    plan_id, sold = await catalog.require_sold(tx, plans[one.plan_id].policy.free_plan)
    free = (await catalog.read_plans(tx, [plan_id]))[plan_id]
    old = (await subscriptions.items_of(tx, [one.id]))[one.id]
    assert one.due_at is not None
    await subscriptions.remove_items(tx, [item.id for item in old], one.due_at)
    fresh = [
        Item(new_id("si"), one.id, price.id, Decimal(1))
        for price in sold
        if price.currency == one.currency and price.role == "base"
    ]
    await subscriptions.insert_items(tx, fresh, one.due_at)
    intervals = [price.interval for price in sold if price.interval is not None and price.currency == one.currency]
    return replace(
        one,
        plan_id=free.id,
        product_id=free.product_id,
        interval_unit=intervals[0].unit.value if intervals else one.interval_unit,
        interval_count=intervals[0].count if intervals else one.interval_count,
    )
