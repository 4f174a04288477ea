"""Access follows the subscription: after every step its level is computed anew and told when it changed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from cauce.billing.catalog.rules import Plan
from cauce.billing.customers import service as customers
from cauce.billing.entitlements import service as entitlements
from cauce.billing.entitlements.rules import Access, level_of
from cauce.billing.subscriptions.rules import Subscription
from cauce.storage.database import Tx
from cauce.storage.outbox import NewEvent


async def follow_access(
    tx: Tx,
    subscriptions: Sequence[Subscription],
    plans: Mapping[str, Plan],
    at: datetime,
    *,
    restricted: Collection[str] = (),
) -> list[NewEvent]:
    """Bring access to what these subscriptions' states say; `restricted`: ids whose grace is over. Locks the customers."""
    if not subscriptions:
        return []
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
            ),
            plans[one.plan_id].features,
        )
        for one in subscriptions
    ]
    return await entitlements.follow(tx, wanted, at)
