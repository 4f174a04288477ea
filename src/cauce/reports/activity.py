"""What happens in an organization: events per day, counts, the ledger's balances as pages show them."""

from __future__ import annotations

from cauce.storage.database import Row, Tx
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__, "activity.sql")


async def latest_events(tx: Tx, rows_max: int) -> list[Row]:
    """What happened last."""
    return await tx.rows(QUERIES.latest_events, tx.org, rows_max)


async def accounts(tx: Tx, *, after_id: int = 0, rows_max: int = 50) -> list[Row]:
    """Ledger accounts that hold anything, by number."""
    return await tx.rows(QUERIES.accounts, tx.org, after_id, rows_max)


async def trial_balance(tx: Tx) -> list[Row]:
    """Debits, credits and their difference per book, channel and currency."""
    return await tx.rows(QUERIES.trial_balance, tx.org)
