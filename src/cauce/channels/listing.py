"""How far a provider's own list of what it told us has been read, and what only that list brought."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from cauce.storage.database import Row, Tx
from cauce.storage.due_rows import sweep_over
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__, "listing.sql")
DUE = sweep_over("channels.listing", 10, "channels.listing", key=("channel_id",), columns=("channel_id",), ties=())
"""Channels whose list is read now."""


async def begin(tx: Tx, channel_id: str, read_to: datetime, due_at: datetime | None) -> None:
    """Read a channel's list from `read_to` on, first at `due_at` (None: by hand only); one that is known keeps its place."""
    await tx.run(QUERIES.begin, tx.org, channel_id, read_to, due_at)


async def place(tx: Tx, channel_id: str) -> Row | None:
    """How far a channel's list was read; None when nobody ever wanted it read."""
    return await tx.row(QUERIES.place, tx.org, channel_id)


async def move_due(tx: Tx, channel_ids: Sequence[str], due_at: datetime | None) -> None:
    """When these channels' lists are read next; None: only by hand."""
    await tx.run(QUERIES.move_due, tx.org, list(channel_ids), due_at)


async def note_read(
    tx: Tx, channel_id: str, since: datetime, until: datetime, missed: int, at: datetime, *, with_accounts: bool
) -> None:
    """The list (and those of the accounts) was read from `since` until `until` at `at` and brought `missed` new notices.

    The place never goes back.
    """
    await tx.run(QUERIES.note_read, tx.org, channel_id, since, until, missed, at, with_accounts)


async def note_lost(tx: Tx, channel_id: str, until: datetime) -> datetime | None:
    """What happened from where the list was read to until `until` is off it; since when, None when nothing is."""
    await tx.run(QUERIES.skip_accounts, tx.org, channel_id, until)
    found: datetime | None = await tx.value(QUERIES.note_lost, tx.org, channel_id, until)
    return found
