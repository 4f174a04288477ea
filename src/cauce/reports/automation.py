"""The process inventory: how often each step ran, how much of it by hand, what failed; and the tasks that wait."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from cauce.storage.database import Row, Tx
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__, "automation.sql")


async def subjects(tx: Tx, object_ids: Sequence[str]) -> dict[str, tuple[str | None, str]]:
    """(customer, plan key or "") of subscriptions, instances, messages and refunds; unknown ids are left out."""
    rows = await tx.rows(QUERIES.subjects, tx.org, sorted(set(object_ids)))
    return {row["object_id"]: (row["customer_id"], row["plan_key"]) for row in rows}


async def event_counts(tx: Tx, types: Sequence[str], since: datetime) -> dict[str, int]:
    """How many events of each type there were since `since`."""
    rows = await tx.rows(QUERIES.event_counts, tx.org, sorted(set(types)), since)
    return {row["type"]: row["events"] for row in rows}


async def task_counts(tx: Tx, since: datetime) -> dict[str, Row]:
    """By step: `open` tasks, steps done `by_hand` since `since` and the `minutes` that they took."""
    return {row["step"]: row for row in await tx.rows(QUERIES.task_counts, tx.org, since)}


async def tasks(tx: Tx, *, state: str = "open", step: str = "", after: str = "", rows_max: int = 50) -> list[Row]:
    """Tasks with their customers, oldest first."""
    return await tx.rows(QUERIES.task_page, tx.org, state, step, after, rows_max)
