"""Past orders as a split rule reads them, to see what another rule would have made of them."""

from __future__ import annotations

from datetime import datetime

from cauce.storage.database import Row, Tx
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__, "simulation.sql")


async def past_orders(
    tx: Tx, currency: str, first: datetime, until: datetime, *, channel_id: str = "", rows_max: int
) -> list[Row]:
    """Orders placed in [first, until), oldest first: lines (seller, price, freight), parts (role, party, amount), pots."""
    return await tx.rows(QUERIES.past_orders, tx.org, currency, first, until, channel_id, rows_max)
