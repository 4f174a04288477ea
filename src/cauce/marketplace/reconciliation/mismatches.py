"""Differences that a provider's refusal of a command told of."""

from __future__ import annotations

from collections.abc import Sequence

from cauce.storage.database import Tx
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__, "mismatches.sql")


async def breaks_of(tx: Tx, channel_id: str, kind: str, keys: Sequence[str]) -> list[str]:
    """Open differences of these things of one kind, by our keys."""
    rows = await tx.rows(QUERIES.breaks_of_keys, tx.org, channel_id, kind, list(keys))
    return [row["id"] for row in rows]
