"""Accepted differences whose loss stands in the platform's book until the other side arrives."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from cauce.storage.database import Row, Tx
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__, "written_off.sql")


async def written_off(tx: Tx, channel_id: str) -> list[Row]:
    """Those of one channel, locked."""
    return await tx.rows(QUERIES.written_off, tx.org, channel_id)


async def write_off(tx: Tx, break_id: str, loss_minor: int) -> int:
    """An accepted difference costs so much (negative: it gains), minor units; how often it was accepted by now."""
    return int(await tx.value(QUERIES.write_off, tx.org, break_id, loss_minor))


async def undo(tx: Tx, rows: Sequence[tuple[str, bool, int | None, int | None]], *, at: datetime, actor: str) -> None:
    """These are written off no longer: (break, whether the same thing differs by another amount now, ours, theirs)."""
    ids, differs, ours, theirs = ([row[n] for row in rows] for n in range(4))
    await tx.run(QUERIES.undo_write_offs, tx.org, ids, differs, ours, theirs, actor, at)
