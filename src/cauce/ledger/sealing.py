"""Seals: a chain of hashes over every journal, in ranges that can no longer grow.

A range ends behind the oldest transaction that may still post into it, so nothing that is sealed was invisible when it
was hashed. Each seal covers its journals, their entries and the seal before it; changing, adding or removing one row
breaks every seal from there on.
"""

from __future__ import annotations

from cauce.storage.database import Database, Tx
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__, "sealing.sql")
JOURNALS_MAX = 10_000
"""Journals per seal: a wrong row is found within so many."""


async def seal(tx: Tx, journals_max: int = JOURNALS_MAX) -> int:
    """Seal the next journals of the transaction's organization; how many.

    0 when there are none or when a transaction that began earlier is still open: ask again later.
    """
    journals: int = await tx.value(QUERIES.seal, tx.org, journals_max)
    return journals


async def seal_all(database: Database, org_id: int) -> int:
    """Seal, a transaction per range, until nothing is left that can be sealed; how many journals."""
    count = 0
    while True:
        async with database.transaction(org_id) as tx:
            sealed = await seal(tx)
        if not sealed:
            return count
        count += sealed


async def unsealed(tx: Tx) -> int:
    """How many journals no seal covers yet."""
    journals: int = await tx.value(QUERIES.unsealed, tx.org)
    return journals


async def find_unsealed(tx: Tx) -> list[int]:
    """Of the organizations that the transaction sees, those with journals that no seal covers."""
    return [row["org_id"] for row in await tx.rows(QUERIES.find_unsealed)]
