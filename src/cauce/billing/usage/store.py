"""The slice's tables: meters, events, what they amount to per day, days that changed after they were billed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime

from cauce.billing.usage.rules import KnownEvent, LateDay, PlacedEvent, UsageEvent
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


async def put_keys(tx: Tx, placed: Sequence[PlacedEvent]) -> int:
    """Remember events that count for nothing; how many were new."""
    rows = [(one.event.source, one.event.event_id, one.event.meter, one.day) for one in placed]
    if not rows:
        return 0
    fresh: int = await tx.value(QUERIES.put_keys, tx.org, *[list(column) for column in zip(*rows, strict=True)])
    return fresh


async def keys(tx: Tx, wanted: Sequence[tuple[str, str]]) -> dict[tuple[str, str], KnownEvent]:
    """(source, event id) -> where it lies, for those that are known."""
    rows = await tx.rows(QUERIES.keys, tx.org, [source for source, _ in wanted], [event_id for _, event_id in wanted])
    return {
        (row["source"], row["event_id"]): KnownEvent(
            row["subscription_id"], row["meter_key"], row["day"], row["by_event_id"]
        )
        for row in rows
    }


async def put_corrections(tx: Tx, events: Sequence[UsageEvent], now: datetime) -> int:
    """What these events correct counts no more; how many were corrected by nobody before."""
    rows = [(one.source, one.corrects, one.event_id) for one in events]
    fresh: int = await tx.value(
        QUERIES.put_corrections, tx.org, *[list(column) for column in zip(*rows, strict=True)], now
    )
    return fresh


async def remake_days(tx: Tx, days: Collection[tuple[str, str, date]]) -> None:
    """Count (subscription, meter, day) again from the events that are not corrected."""
    columns = [list(column) for column in zip(*sorted(days), strict=True)]
    await tx.run(QUERIES.lock_days, tx.org, *columns)
    await tx.run(QUERIES.remake_days, tx.org, *columns)
    await tx.run(QUERIES.drop_values, tx.org, *columns)


async def mark_late(tx: Tx, days: Collection[tuple[str, str, date]], today: date) -> None:
    """Have (subscription, meter, day) rated again with the next invoice."""
    if days:
        columns = [list(column) for column in zip(*sorted(days), strict=True)]
        await tx.run(QUERIES.mark_late, tx.org, *columns, today)


async def take_late(tx: Tx, subscription_ids: Sequence[str]) -> list[LateDay]:
    """The marked days of subscriptions that are being billed; they are marked no more."""
    return [LateDay(*row) for row in await tx.rows(QUERIES.take_late, tx.org, list(subscription_ids))]


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
