"""Access follows the subscription: after every step its level is computed anew and told when it changed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from cauce.billing.catalog.rules import Plan
from cauce.billing.customers import service as customers
from cauce.billing.entitlements import service as entitlements
from cauce.billing.entitlements.rules import Access, level_of
from cauce.billing.provisioning.rules import Asked
from cauce.billing.subscriptions.machine import RUNNING
from cauce.billing.subscriptions.rules import Subscription
from cauce.flows.billing.provision import follow_instances, with_grants
from cauce.reports import billing as reports
from cauce.storage.database import Tx
from cauce.storage.outbox import NewEvent


async def follow_access(
    tx: Tx,
    subscriptions: Sequence[Subscription],
    plans: Mapping[str, Plan],
    at: datetime,
    *,
    forgotten: Collection[str] = (),
    changed: Collection[str] = (),
    asked: Mapping[str, Asked] | None = None,
    adopt: bool = False,
) -> list[NewEvent]:
    """Bring access to what these subscriptions' states say, and their instances with it. Locks the customers.

    For the rest see `provision.follow_instances`.
    """
    if not subscriptions:
        return []
    restricted = await _restricted(tx, subscriptions, plans)
    suspended = await customers.lock(tx, {one.customer_id for one in subscriptions})
    wanted = [
        Access(
            one.id,
            one.customer_id,
            one.product_id,
            one.plan_id,
            level_of(
                one.status,
                pause_reason=one.pause_reason,
                restricted=one.id in restricted,
                before_payment=plans[one.plan_id].policy.provision_before_payment,
                suspended=one.customer_id in suspended,
                kept=one.access_kept,
                in_pause=plans[one.plan_id].policy.pause.access,
            ),
            plans[one.plan_id].features,
            _limits(plans[one.plan_id]),
        )
        for one in subscriptions
    ]
    events = await entitlements.follow(tx, wanted, at)
    if not any(plan.policy.instance.runner for plan in plans.values()):
        return events
    levels = await with_grants(tx, subscriptions, {one.subscription_id: one.level for one in wanted}, suspended, at)
    return events + await follow_instances(
        tx, subscriptions, plans, levels, at, forgotten=forgotten, changed=changed, asked=asked, adopt=adopt
    )


async def _restricted(tx: Tx, subscriptions: Sequence[Subscription], plans: Mapping[str, Plan]) -> set[str]:
    """Whose grace is over, and of whom a payment is contested where the plan minds (T23, T44)."""
    minding = {one.id: plans[one.plan_id].policy.dispute for one in subscriptions if one.status in RUNNING}
    minding = {key: policy for key, policy in minding.items() if "restrict" in (policy.opened, policy.lost)}
    behind = {one.id for one in subscriptions if one.status == "past_due"}
    asked = minding.keys() | behind
    found = set()
    for row in await reports.restrictions(tx, sorted(asked)) if asked else ():
        one, why = row["subscription_id"], row["why"]
        if (why == "grace" and one in behind) or (
            one in minding and why != "grace" and getattr(minding[one], why) == "restrict"
        ):
            found.add(one)
    return found


def _limits(plan: Plan) -> dict[str, dict[str, object]]:
    return {
        one.feature: {"meter": one.meter, "overage": one.overage, "warn_percent": list(one.warn_percent)}
        for one in plan.policy.limits
    }
