"""The end of a fixed term, of paid instalments and of what was bought once (T42): access stays or ends by policy.

A term is complete when it is over and paid. One that is over with a debt stays behind until the debt is gone or its
recovery is exhausted; `boundary` bills it to its end, `settle` completes it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime

from cauce.billing.catalog import service as catalog
from cauce.billing.catalog.rules import AfterTerm, Plan, PriceKind
from cauce.billing.subscriptions import service as subscriptions
from cauce.billing.subscriptions.rules import Step, Subscription, end
from cauce.flows.billing.access import follow_access
from cauce.flows.billing.issue import Batch
from cauce.storage.database import Tx
from cauce.storage.outbox import NewEvent


async def complete(tx: Tx, over: Sequence[tuple[Subscription, datetime]], batch: Batch, actor: str) -> None:
    """Complete locked active subscriptions, each at its instant; what they gave is kept where the plan says so."""
    if not over:
        return
    plans = await catalog.read_plans(tx, {one.plan_id for one, _ in over})
    once = await _bought_once(tx, [one.id for one, _ in over])
    steps = []
    for one, at in over:
        kept = _keeps(plans[one.plan_id], is_once=one.id in once)
        steps.append(Step(one, replace(end(one, "expired", at), access_kept=kept), "complete", at, one.cancel_reason))
        content = {"reason": one.cancel_reason, "access_kept": kept}
        batch.events.append(NewEvent("subscription.expired", one.id, at, content, one.customer_id))
    await subscriptions.move(tx, steps, actor)
    await subscriptions.drop_timers(tx, [one.id for one, _ in over])
    batch.events += await follow_access(tx, [step.after for step in steps], plans, steps[-1].at)


def _keeps(plan: Plan, *, is_once: bool) -> bool:
    return plan.policy.after_term is AfterTerm.KEEP or (plan.policy.after_term is AfterTerm.BY_KIND and is_once)


async def _bought_once(tx: Tx, subscription_ids: Sequence[str]) -> Collection[str]:
    """Those of which every price is paid once."""
    items = await subscriptions.items_of(tx, subscription_ids)
    prices = await catalog.read_prices(tx, {item.price_id for found in items.values() for item in found})
    return {
        one
        for one, found in items.items()
        if found and all(prices[item.price_id].kind is PriceKind.ONE_TIME for item in found)
    }
