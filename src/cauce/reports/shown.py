"""How customers stand, as the providers that keep their cards show it."""

from __future__ import annotations

from collections.abc import Sequence

from cauce.storage.database import Row, Tx
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__, "shown.sql")


async def standings(tx: Tx, event_ids: Sequence[int], live: Sequence[str]) -> dict[int, Row]:
    """By number of the event: its customer as he stands now; `live`: states of subscriptions that have not ended.

    Events that concern no customer are left out.
    """
    rows = await tx.rows(QUERIES.standings, tx.org, list(event_ids), list(live))
    return {row["event_id"]: row for row in rows}
