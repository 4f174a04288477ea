"""Channels that are reconciled by themselves, once in each of the organization's days."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from cauce.kernel.calendar.zones import local_date
from cauce.storage.database import Row, Tx
from cauce.storage.due_rows import sweep_over
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__, "daily.sql")
DUE = sweep_over("reconciliation.daily", 25, "reconciliation.daily", key=("channel_id",), columns=("hour",), ties=())
"""Channels whose statements are fetched and compared now."""

HOUR_DEFAULT = 12
"""Of the organization's day: most providers have the files of the day before by then."""


def next_at(after: datetime, hour: int, zone: ZoneInfo) -> datetime:
    """The first time behind `after` at which it is `hour` o'clock in a zone; an hour that the clocks skip is the next one."""
    day = local_date(after, zone)
    for _ in range(3):
        found = datetime.combine(day, time(hour), zone).astimezone(after.tzinfo)
        if found > after:
            return found
        day += timedelta(days=1)
    raise AssertionError("an hour comes every day")


async def set_daily(tx: Tx, channel_id: str, hour: int, due_at: datetime | None) -> None:
    """Reconcile a channel daily from `due_at` on; None: no longer."""
    await tx.run(QUERIES.set_daily, tx.org, channel_id, hour, due_at)


async def begin_daily(tx: Tx, channel_ids: Sequence[str], hour: int, due_at: datetime) -> None:
    """The same for channels about which nobody said anything yet."""
    await tx.run(QUERIES.begin_daily, tx.org, list(channel_ids), hour, due_at)


async def dailies(tx: Tx) -> list[Row]:
    """What was said of each channel: (channel_id, hour, due_at)."""
    return await tx.rows(QUERIES.dailies, tx.org)


async def move_due(tx: Tx, rows: Sequence[tuple[str, datetime]]) -> None:
    """When channels are due next."""
    await tx.run(QUERIES.move_due, tx.org, [row[0] for row in rows], [row[1] for row in rows])


async def parked_after(tx: Tx, channel_id: str) -> str:
    """The collection that was compared last with what the provider holds of it; "": begin with the first."""
    return await tx.value(QUERIES.parked_after, tx.org, channel_id) or ""


async def set_parked_after(tx: Tx, channel_id: str, collection_id: str) -> None:
    """The next day goes on behind this collection."""
    await tx.run(QUERIES.set_parked_after, tx.org, channel_id, collection_id)
