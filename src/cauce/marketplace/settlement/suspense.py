"""Credits that nobody knows the owner of, each on its own, and how much of each two persons have given to whom (K15)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from cauce.kernel.errors import Conflict, NotFound
from cauce.kernel.ids import new_id
from cauce.storage.database import Row, Tx
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__, "suspense.sql")


class UnknownSuspense(NotFound):
    """There is no such credit in suspense."""

    code = "unknown_suspense"


class SuspenseAssigned(Conflict):
    """Less of this credit is without an owner than should be given."""

    code = "suspense_assigned"


async def insert_items(tx: Tx, rows: Sequence[tuple[str, str, int, str, str, datetime]]) -> None:
    """Credits that went into suspense: (channel, currency, amount, evidence, provider's number, arrived); each evidence once."""
    columns = [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(6)]
    await tx.run(QUERIES.insert_suspense, tx.org, [new_id("sus") for _ in rows], *columns)


async def lock_items(tx: Tx, ids: Sequence[str]) -> dict[str, Row]:
    """Credits, locked in order of id."""
    return {row["id"]: row for row in await tx.rows(QUERIES.lock_suspense, tx.org, list(ids))}


async def lock_item(tx: Tx, suspense_id: str) -> Row:
    """One credit, locked; `UnknownSuspense` otherwise."""
    found = await lock_items(tx, [suspense_id])
    if suspense_id not in found:
        raise UnknownSuspense(f"there is no {suspense_id}", param="parent")
    return found[suspense_id]


async def assign(tx: Tx, amounts: Mapping[str, int]) -> None:
    """So much more of these credits has an owner (negative: less)."""
    await tx.run(QUERIES.assign_suspense, tx.org, list(amounts), list(amounts.values()))


async def page(tx: Tx, *, before: str = "", open_only: bool = False, rows_max: int = 50) -> list[Row]:
    """Credits, newest first; `open_only`: those of which something has no owner."""
    return await tx.rows(QUERIES.suspense_page, tx.org, before, open_only, rows_max)
