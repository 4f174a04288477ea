"""Monthly recurring revenue of subscriptions as their items stand."""

from __future__ import annotations

from collections.abc import Mapping

from cauce.billing.catalog import service as catalog
from cauce.flows.billing.bills import monthly_revenue
from cauce.reports.billing_run import Surroundings
from cauce.storage.database import Tx


async def revenue_of(tx: Tx, arounds: Mapping[str, Surroundings]) -> dict[str, int]:
    """Subscription -> minor units per month, in its currency (V27)."""
    prices = await catalog.read_prices(tx, {item.price_id for around in arounds.values() for item in around.items})
    return {one: monthly_revenue(around.items, prices) for one, around in arounds.items()}
