"""How many people a customer's subscriptions have seats for."""

from __future__ import annotations

from collections.abc import Collection

from cauce.storage.database import Tx
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__, "members.sql")


async def seats(tx: Tx, customer_id: str, statuses: Collection[str]) -> int | None:
    """The seats of subscriptions in these states; None where no plan of them says what a seat is."""
    found: int | None = await tx.value(QUERIES.seats, tx.org, customer_id, sorted(statuses))
    return found
