"""Monthly recurring revenue of subscriptions as their items stand."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from cauce.billing.catalog import service as catalog
from cauce.flows.billing.bills import monthly_revenue
from cauce.reports.billing_run import Surroundings
from cauce.storage.database import Tx


async def revenue_of(tx: Tx, arounds: Mapping[str, Surroundings], on: Mapping[str, date | None]) -> dict[str, int]:
    """Subscription -> minor units per month, in its currency (V27), at the prices that hold `on` its day."""
    prices = await catalog.read_prices(tx, {item.price_id for around in arounds.values() for item in around.items})
    return {one: monthly_revenue(around.items, prices, on[one], around.anchor_day) for one, around in arounds.items()}
