"""Due rows: found across organizations without locks, claimed and processed in chunks inside their context.

A slice declares a `Sweep` over its own table with a `due_at` column. A chunk is one transaction: claim with SKIP
LOCKED, decide, write. When a chunk fails it is halved until the poison row stands alone; that row is parked with its
error (its `due_at` taken away) and shown to people, and its neighbours go on. A row that its flow leaves due as it
was would be taken again for ever; that is such an error too.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg
import structlog

from cauce.kernel.errors import CauceError, NotFound, Unavailable
from cauce.storage.database import Database, Guard, Row, Tx
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__, "sweeps.sql")
FIND_ROWS_MAX = 5_000
log = structlog.get_logger(__name__)

Process = Callable[[Tx, list[Row]], Awaitable[None]]
"""Handles claimed rows (each with `org_id`, `key`, `due_at`); must move or clear their `due_at`."""

TRANSIENT = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # what asyncpg raises when the server ended the session while this process was stopped
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.LockNotAvailableError,
    asyncpg.OperatorInterventionError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.PostgresSystemError,
    Unavailable,
    OSError,
    TimeoutError,
)
"""Failures that say nothing about the rows: the chunk is tried again later."""


class LeftDue(CauceError):
    """The flow handled the row and left it due at the same instant, so it would be taken again for ever."""

    code = "left_due"


@dataclass(frozen=True, slots=True)
class Sweep:
    """Named queries over one due table, and its place in the order at one instant.

    `rank`: at one instant of org time lower ranks go first (10 incoming payment, 20 method added, 30 retry, 40 end
    of grace, 50 terminal action; 25 for everything that has no say in it).
    `find`($1 rows) -> org_id, run by the scheduler role. `claim`($1 orgs, $2 rows, $3 keys or NULL) -> rows locked
    with FOR UPDATE SKIP LOCKED. `set_due`($1 org, $2 key, $3 due_at or NULL) parks and unparks. `next_due`($1 org).
    `due_of`($1 org, $2 key): the row's `due_at`, locked, if it can still fall due; "" where it cannot wait for a person.
    """

    name: str
    rank: int
    find: str
    claim: str
    set_due: str
    next_due: str
    rows_max: int = 1_000
    due_of: str = ""


async def find_orgs(scheduler_tx: Tx, sweep: Sweep) -> list[int]:
    """Organizations with due rows."""
    return [row["org_id"] for row in await scheduler_tx.rows(sweep.find, FIND_ROWS_MAX)]


async def run_chunk(
    db: Database, sweep: Sweep, orgs: Sequence[int], process: Process, *, guard: Guard | None = None
) -> int:
    """Process one chunk of due rows of `orgs`; how many rows were taken (0: nothing is due, or others have it)."""
    chunk = _Chunk(db, sweep, process, guard)
    taken: list[Row] = []
    try:
        await chunk.handle(taken, orgs, sweep.rows_max, None)
    except TRANSIENT:
        raise
    except Exception as exc:
        if not taken:
            raise  # it was not a row that failed
        await _isolate(chunk, taken, exc)
    return len(taken)


@dataclass(frozen=True, slots=True)
class _Chunk:
    db: Database
    sweep: Sweep
    process: Process
    guard: Guard | None

    async def handle(self, taken: list[Row], orgs: Sequence[int], rows_max: int, keys: list[str] | None) -> None:
        """Claim rows and process them in one transaction. `taken` tells what was claimed, also when this fails."""
        async with self.db.transaction(list(orgs), guard=self.guard) as tx:
            taken += await tx.rows(self.sweep.claim, list(orgs), rows_max, keys)
            if taken:
                await self.process(tx, list(taken))
                await _prove_moved(tx, self.sweep, taken)


async def _prove_moved(tx: Tx, sweep: Sweep, rows: Sequence[Row]) -> None:
    # Compared as claimed, whole: a row may be due again at the same instant for its next step.
    before = {(row["org_id"], row["key"]): tuple(row) for row in rows}
    orgs = sorted({row["org_id"] for row in rows})
    still_due = await tx.rows(sweep.claim, orgs, len(rows), [row["key"] for row in rows])
    if any(before.get((row["org_id"], row["key"])) == tuple(row) for row in still_due):
        raise LeftDue()


async def _isolate(chunk: _Chunk, rows: Sequence[Row], failure: Exception) -> None:
    if len(rows) == 1:
        await _park(chunk, rows[0], failure)
        return
    middle = len(rows) // 2
    for half in (rows[:middle], rows[middle:]):
        again: list[Row] = []
        try:
            await chunk.handle(again, sorted({row["org_id"] for row in half}), len(half), [row["key"] for row in half])
        except TRANSIENT:
            raise
        except Exception as exc:
            if not again:
                raise
            await _isolate(chunk, again, exc)


async def _park(chunk: _Chunk, row: Row, failure: Exception) -> None:
    sweep, key = chunk.sweep, row["key"]
    reason = failure.message if isinstance(failure, CauceError) else f"{type(failure).__name__}: {failure}"
    async with chunk.db.transaction(row["org_id"], guard=chunk.guard) as tx:
        still_due = await tx.rows(sweep.claim, [tx.org], 1, [key])
        if not still_due:
            return
        await tx.run(sweep.set_due, tx.org, key, None)
        await tx.run(QUERIES.park, tx.org, sweep.name, key, reason, row["due_at"])
    log.error("sweep.parked", sweep=sweep.name, org=row["org_id"], key=key, reason=reason, exc_info=failure)


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
