"""Meters, and events counted once each."""

from __future__ import annotations

from datetime import datetime

from cauce.billing.usage import store
from cauce.billing.usage.rules import Aggregation
from cauce.billing.usage.store import days, meters, put_alerts, record
from cauce.storage.database import Tx

__all__ = ["create_meter", "days", "meters", "put_alerts", "record"]


async def create_meter(tx: Tx, key: str, aggregation: Aggregation, now: datetime, *, name: str = "") -> bool:
    """A new meter; False when the key exists (a meter never changes how it counts)."""
    return await tx.run(store.QUERIES.put_meter, tx.org, key, name, aggregation.value, now) == 1
