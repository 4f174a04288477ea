"""Tells workers that there is new work: one NOTIFY for a burst of commits, sent after them and outside them.

A NOTIFY inside a transaction makes commits queue behind one lock; here it costs the writer nothing. When it is lost
(the process died in between), polling finds the work a second later.
"""

from __future__ import annotations

import asyncio
import contextlib

import asyncpg

from cauce.storage import jobs
from cauce.storage.database import Database

_GATHER_SECONDS = 10 / 1000


class Waker:
    """Set as `Database.on_commit_wake`."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._pending: asyncio.Task[None] | None = None
        self._sending: set[asyncio.Task[None]] = set()

    def __call__(self) -> None:
        if self._pending is None:
            self._pending = asyncio.get_running_loop().create_task(self._notify())
            self._sending.add(self._pending)  # a task that nobody holds may vanish
            self._pending.add_done_callback(self._sending.discard)

    async def _notify(self) -> None:
        await asyncio.sleep(_GATHER_SECONDS)
        self._pending = None  # a commit from here on may be missed by this notice and gets one of its own
        with contextlib.suppress(asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError):
            async with self._db.connection() as connection:
                await connection.execute(jobs.QUERIES.notify)
