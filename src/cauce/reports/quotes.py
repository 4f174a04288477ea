"""Offers made to customers, and what came of each."""

from __future__ import annotations

from cauce.kernel.errors import NotFound
from cauce.storage.database import Row, Tx
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__, "quotes.sql")
STATES = ("open", "approved", "rejected", "expired")


async def page(tx: Tx, *, before: int = 0, customer_id: str = "", state: str = "", rows_max: int = 50) -> list[Row]:
    """Quotes, newest first; `before` is the `cursor` of the last one seen."""
    return await tx.rows(QUERIES.quotes, tx.org, before, customer_id, state, "", rows_max)


async def one(tx: Tx, quote_id: str) -> Row:
    """One quote by its id (its subscription's); `NotFound` otherwise, also for a subscription that was no quote."""
    rows = await tx.rows(QUERIES.quotes, tx.org, 0, "", "", quote_id, 1)
    if not rows:
        raise NotFound(f"there is no quote {quote_id}", param="quote")
    return rows[0]
