"""The slice's tables: meters, events, what they amount to per day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from cauce.billing.usage.rules import PlacedEvent
from cauce.storage.database import Row, Tx
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__)


async def record(tx: Tx, placed: Sequence[PlacedEvent], now: datetime) -> int:
    """Store events that are new and add them to their days; how many were new."""
    if not placed:
        return 0
    fresh: int = await tx.value(
        QUERIES.record,
        tx.org,
        [one.event.source for one in placed],
        [one.event.event_id for one in placed],
        [one.event.meter for one in placed],
        [one.customer_id for one in placed],
        [one.subscription_id for one in placed],
        [one.event.value for one in placed],
        [one.event.unique_value for one in placed],
        [one.event.occurred_at for one in placed],
        [one.day for one in placed],
        now,
    )
    return fresh


async def meters(tx: Tx) -> list[Row]:
    """Every meter, by key."""
    return await tx.rows(QUERIES.meters, tx.org)


async def days(tx: Tx, subscription_id: str, meter: str, since: date, until: date) -> list[Row]:
    """What a meter counted per local day, `until` excluded."""
    return await tx.rows(QUERIES.days, tx.org, subscription_id, meter, since, until)


async def put_alerts(
    tx: Tx, reached: Sequence[tuple[str, str, date, int, int]], at: datetime
) -> set[tuple[str, str, int]]:
    """Remember (subscription, feature, period's begin, percent, quota); those that were not told before, as
    (subscription, feature, percent)."""
    if not reached:
        return set()
    rows = await tx.rows(QUERIES.put_alerts, tx.org, *[list(column) for column in zip(*reached, strict=True)], at)
    return {(row["subscription_id"], row["feature"], row["percent"]) for row in rows}
