"""Due rows: found across organizations without locks, claimed and processed in chunks inside their context.

A slice declares a `Sweep` over its own table with a `due_at` column. A chunk is one transaction: claim with SKIP
LOCKED, decide, write. When a chunk fails it is halved until the poison row stands alone; that row is parked with its
error (its `due_at` taken away) and shown to people, and its neighbours go on.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from cauce.kernel.errors import CauceError, NotFound
from cauce.storage.database import Database, Row, Tx
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__, "sweeps.sql")
FIND_ROWS_MAX = 5_000

Process = Callable[[Tx, list[Row]], Awaitable[None]]
"""Handles claimed rows (each with `org_id`, `key`, `due_at`); must move or clear their `due_at`."""

TRANSIENT = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.LockNotAvailableError,
    asyncpg.OperatorInterventionError,
    OSError,
    TimeoutError,
)
"""Failures that say nothing about the rows: the chunk is tried again later."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """Named queries over one due table, and its place in the order at one instant.

    `rank`: at one instant of org time lower ranks go first (10 incoming payment, 20 method added, 30 retry, 40 end
    of grace, 50 terminal action; 25 for everything that has no say in it).
    `find`($1 rows) -> org_id, run by the scheduler role. `claim`($1 orgs, $2 rows, $3 keys or NULL) -> rows locked
    with FOR UPDATE SKIP LOCKED. `set_due`($1 org, $2 key, $3 due_at or NULL) parks and unparks. `next_due`($1 org).
    """

    name: str
    rank: int
    find: str
    claim: str
    set_due: str
    next_due: str
    rows_max: int = 500


async def find_orgs(scheduler_tx: Tx, sweep: Sweep) -> list[int]:
    """Organizations with due rows."""
    return [row["org_id"] for row in await scheduler_tx.rows(sweep.find, FIND_ROWS_MAX)]


async def run_chunk(db: Database, sweep: Sweep, orgs: Sequence[int], process: Process) -> int:
    """Process one chunk of due rows of `orgs`; how many rows were taken (0: nothing is due)."""
    taken: list[Row] = []
    try:
        async with db.transaction(list(orgs)) as tx:
            taken = await tx.rows(sweep.claim, list(orgs), sweep.rows_max, None)
            if taken:
                await process(tx, taken)
    except TRANSIENT:
        raise
    except Exception as exc:  # noqa: BLE001 - whatever a rule raised, the poison row must be isolated
        await _isolate(db, sweep, taken, process, exc)
    return len(taken)


async def _isolate(db: Database, sweep: Sweep, rows: Sequence[Row], process: Process, failure: Exception) -> None:
    if len(rows) == 1:
        await _park(db, sweep, rows[0], failure)
        return
    middle = len(rows) // 2
    for half in (rows[:middle], rows[middle:]):
        try:
            async with db.transaction(sorted({row["org_id"] for row in half})) as tx:
                keys = [row["key"] for row in half]
                again = await tx.rows(sweep.claim, sorted({row["org_id"] for row in half}), len(half), keys)
                if again:
                    await process(tx, again)
        except TRANSIENT:
            raise
        except Exception as exc:  # noqa: BLE001
            await _isolate(db, sweep, half, process, exc)


async def _park(db: Database, sweep: Sweep, row: Row, failure: Exception) -> None:
    reason = failure.message if isinstance(failure, CauceError) else f"{type(failure).__name__}: {failure}"
    async with db.transaction(row["org_id"]) as tx:
        still_due = await tx.rows(sweep.claim, [tx.org], 1, [row["key"]])
        if still_due:
            await tx.run(sweep.set_due, tx.org, row["key"], None)
            await tx.run(QUERIES.park, tx.org, sweep.name, row["key"], reason, row["due_at"])


async def parked(tx: Tx, rows_max: int = 100) -> list[Row]:
    """Rows that wait for a person, newest first."""
    return await tx.rows(QUERIES.parked, tx.org, rows_max)


async def unpark(tx: Tx, sweep: Sweep, key: str) -> None:
    """Let a parked row be due again at its own time."""
    due_at: datetime | None = await tx.value(QUERIES.unpark, tx.org, sweep.name, key)
    if due_at is None:
        raise NotFound(f"{key} is not parked in {sweep.name}")
    await tx.run(sweep.set_due, tx.org, key, due_at)
    tx.wake_workers()


async def next_due(tx: Tx, sweep: Sweep) -> datetime | None:
    """When the earliest row of this organization is due."""
    due_at: datetime | None = await tx.value(sweep.next_due, tx.org)
    return due_at
