"""Conversations as pages show them: the one inbox for everybody, and how fast people are answered."""

from __future__ import annotations

from datetime import datetime

from cauce.storage.database import Row, Tx
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__, "conversations.sql")


async def inbox(
    tx: Tx,
    *,
    state: str = "open",
    assignee: str = "",
    waiting: bool = False,
    customer_id: str = "",
    rows_max: int = 100,
) -> list[Row]:
    """Conversations in one state with their last words, whoever waits longest first."""
    return await tx.rows(QUERIES.inbox, tx.org, state, assignee, waiting, customer_id, rows_max)


async def answer_times(tx: Tx, since: datetime) -> list[Row]:
    """(standing, opened, answered, median_seconds) of conversations since an instant, for trial and paying."""
    return await tx.rows(QUERIES.answer_times, tx.org, since)
