"""Quotas that run out: each threshold of a period is told once, whoever reports the use and however often (I5)."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime

from cauce.billing.subscriptions import service as subscriptions
from cauce.billing.usage import service as usage
from cauce.reports.usage_limits import LimitStanding, standings
from cauce.storage.database import Tx
from cauce.storage.outbox import NewEvent, emit

LIMIT_PERCENT = 100


async def tell_limits(
    tx: Tx, subscription_ids: Collection[str], at: datetime, actor: str, cause: str | None = None
) -> None:
    """Emit the thresholds that these subscriptions have reached by now and nobody was told of yet."""
    found = await standings(tx, sorted(subscription_ids))
    reached = [
        (one.subscription_id, one.feature, one.period_start, percent, one.quota)
        for one in found
        for percent in _reached(one)
    ]
    fresh = await usage.put_alerts(tx, reached, at)
    if not fresh:
        return
    await subscriptions.lock(tx, {subscription_id for subscription_id, _, _ in fresh})
    events = [
        NewEvent(
            "usage.limit_reached" if percent == LIMIT_PERCENT else "usage.threshold_reached",
            one.subscription_id,
            at,
            {
                "feature": one.feature,
                "percent": percent,
                "used": str(one.used),
                "quota": one.quota,
                "overage": one.overage,
            },
            one.customer_id,
        )
        for one in found
        for percent in _reached(one)
        if (one.subscription_id, one.feature, percent) in fresh
    ]
    await emit(tx, events, actor=actor, cause=cause)


def _reached(one: LimitStanding) -> Iterator[int]:
    for percent in sorted({*one.warn_percent, LIMIT_PERCENT}):
        if one.quota > 0 and one.used * 100 >= one.quota * percent:
            yield percent
