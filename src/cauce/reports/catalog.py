"""The catalogue as pages show it: which versions of a plan there are, and how many have each."""

from __future__ import annotations

from cauce.storage.database import Row, Tx
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__, "catalog.sql")


async def holders(tx: Tx, plan_key: str = "") -> dict[str, int]:
    """Contracts that have not ended by version (id) of one plan, or of all."""
    return {row["plan_id"]: row["holders"] for row in await tx.rows(QUERIES.holders, tx.org, plan_key)}


async def versions(tx: Tx, plan_key: str) -> list[Row]:
    """Every version of a plan, the newest first."""
    return await tx.rows(QUERIES.versions, tx.org, plan_key)
