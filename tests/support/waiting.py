"""Waiting for what another task does in the database, instead of for an amount of time."""

from __future__ import annotations

import asyncio

from cauce.storage.database import Database

_BLOCKED = """
SELECT EXISTS (SELECT FROM pg_locks l JOIN pg_stat_activity a USING (pid)
                WHERE NOT l.granted AND a.datname = current_database())"""


async def until_blocked(database: Database) -> None:
    """Until some transaction of this database waits for another one's lock; fails when none does within a minute."""
    async with asyncio.timeout(60):
        while True:
            async with database.transaction() as tx:
                if await tx.value(_BLOCKED):
                    return
            await asyncio.sleep(0.01)
