"""Who belongs to a segment: the same answer for a list, a count, an export, a bulk action and a campaign (B9).

`parts` are a filter's, in the order of its fields.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from cauce.storage.database import Row, Tx
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__, "segments.sql")
_CHUNK = 5_000


async def count(tx: Tx, parts: Sequence[object]) -> int:
    """How many customers it means now."""
    return int(await tx.value(QUERIES.segment_count, tx.org, *parts))


async def page(tx: Tx, parts: Sequence[object], *, after: str = "", rows_max: int = 50) -> list[Row]:
    """Its customers in order of id, behind `after`."""
    return await tx.rows(QUERIES.segment_page, tx.org, *parts, after, rows_max)


async def among(tx: Tx, parts: Sequence[object], customer_ids: Sequence[str]) -> list[str]:
    """Which of these customers belong to it."""
    rows = await tx.rows(QUERIES.segment_among, tx.org, *parts, sorted(set(customer_ids)))
    return [row["id"] for row in rows]


async def chunks(tx: Tx, parts: Sequence[object]) -> AsyncIterator[list[Row]]:
    """All of its customers, some thousands at a time."""
    after = ""
    while rows := await page(tx, parts, after=after, rows_max=_CHUNK):
        yield rows
        after = rows[-1]["id"]
