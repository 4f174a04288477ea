"""Customers as relations: one timeline of all that was said and done, to-dos, the pipeline from request to payment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from cauce.storage.database import Row, Tx
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__, "relations.sql")
STAGES = ("requested", "using", "card_added", "paying", "at_risk", "lost", "won_back")
LATEST = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Pipeline:
    """`rows`: stage, currency, customers, value_minor (monthly), age_days; `tried`, `paid`: trials begun since, and paid."""

    rows: list[Row]
    tried: int
    paid: int


async def timeline(tx: Tx, customer_id: str, *, before: datetime = LATEST, rows_max: int = 50) -> list[Row]:
    """All that was said to and by a customer and done about him, newest first."""
    return await tx.rows(QUERIES.timeline, tx.org, customer_id, before, rows_max)


async def todos(
    tx: Tx, *, state: str = "open", owner: str = "", customer_id: str = "", rows_max: int = 200
) -> list[Row]:
    """What staff have to do, the most urgent first."""
    return await tx.rows(QUERIES.todos, tx.org, state, owner, customer_id, rows_max)


async def pipeline(tx: Tx, now: datetime, since: datetime) -> Pipeline:
    """Where customers stand, by the state of their furthest subscription; trials begun since, and how many have paid."""
    rows = sorted(
        await tx.rows(QUERIES.pipeline, tx.org, now), key=lambda row: (STAGES.index(row["stage"]), row["currency"])
    )
    ratio = await tx.row(QUERIES.conversion, tx.org, since)
    assert ratio is not None
    return Pipeline(rows, ratio["tried"], ratio["paid"])
