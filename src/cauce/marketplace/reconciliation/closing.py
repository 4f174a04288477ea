"""Reconciliation runs that are closed, by themselves or before a month is."""

from __future__ import annotations

from datetime import datetime

from cauce.storage.database import Tx
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__, "closing.sql")


async def close_settled_runs(tx: Tx, channel_id: str, at: datetime) -> list[str]:
    """Close the runs of a channel of whose breaks none is open; which ones."""
    return [row["id"] for row in await tx.rows(QUERIES.close_settled_runs, tx.org, channel_id, at)]


async def open_runs(tx: Tx, channel_id: str, first: datetime, after: datetime) -> int:
    """How many runs over days in [first, after) are not closed."""
    return int(await tx.value(QUERIES.open_runs, tx.org, channel_id, first, after))
