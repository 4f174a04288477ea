"""Who belongs to a segment: the same answer for a list, a count, an export, a bulk action and a campaign (B9).

`parts` are a filter's, in the order of its fields.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import lru_cache

from cauce.storage.database import Row, Tx
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__, "segments.sql")
_CHUNK = 5_000
_ID, _CUSTOMERS = 20, 21
_PLACE = re.compile(r"\$(\d+)")


async def count(tx: Tx, parts: Sequence[object]) -> int:
    """How many customers it means now."""
    return int(await tx.value(QUERIES.segment_count, tx.org, *parts))


async def page(tx: Tx, parts: Sequence[object], *, after: str = "", rows_max: int = 50) -> list[Row]:
    """Its customers in order of id, behind `after`."""
    return await tx.rows(QUERIES.segment_page, tx.org, *parts, after, rows_max)


async def among(
    tx: Tx, segments: Mapping[str, Sequence[object]], customer_ids: Sequence[str]
) -> dict[str, frozenset[str]]:
    """Per segment (its parts by its id), which of these customers belong to it: one question for all of them."""
    if not segments or not customer_ids:
        return dict.fromkeys(segments, frozenset())
    values = [value for segment_id, parts in segments.items() for value in (*parts, segment_id)]
    found: dict[str, set[str]] = {segment_id: set() for segment_id in segments}
    for row in await tx.rows(_among(len(segments)), tx.org, *values, sorted(set(customer_ids))):
        found[row["segment_id"]].add(row["id"])
    return {segment_id: frozenset(ids) for segment_id, ids in found.items()}


@lru_cache
def _among(count: int) -> str:
    """The question for so many segments: the one for a single one again and again, each with the next places."""
    width = _ID - 1  # places of one segment: its parts and its id

    def place(number: int, segment: int) -> str:
        if number == 1:
            return "$1"
        return f"${width * count + 2}" if number == _CUSTOMERS else f"${number + width * segment}"

    def shifted(segment: int) -> str:
        return _PLACE.sub(lambda found: place(int(found[1]), segment), QUERIES.segment_among)

    return "\nUNION ALL\n".join(map(shifted, range(count)))


async def chunks(tx: Tx, parts: Sequence[object]) -> AsyncIterator[list[Row]]:
    """All of its customers, some thousands at a time."""
    after = ""
    while rows := await page(tx, parts, after=after, rows_max=_CHUNK):
        yield rows
        after = rows[-1]["id"]
