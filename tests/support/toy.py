"""A toy slice with timers and effects, and a registry whose jobs do what workers dread: fail, hang, kill.

Tests of work that waits run it on real workers; `effects` tells what happened, in the order of commits.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg

from cauce.flows import clock
from cauce.flows.context import Context, JobKind, Registry, Runtime, SweepKind
from cauce.storage import jobs, outbox
from cauce.storage.database import SCHEDULER_ROLE, Database, Row, Tx
from cauce.storage.directory.orgs import Mode, Org, create_org
from cauce.storage.jobs import Job, NewJob
from cauce.storage.outbox import NewEvent
from cauce.storage.sealing import Sealer
from cauce.storage.sql import load_queries
from cauce.storage.sweeps import Sweep

QUERIES = load_queries(__package__, "toy.sql")
DAWN = datetime(2030, 1, 1, tzinfo=UTC)
"""Where the clocks of frozen organizations begin."""

TOY_SWEEP = Sweep("toy.timer", 25, QUERIES.find, QUERIES.claim, QUERIES.set_due, QUERIES.next_due)


def ranked(rank: int, *, rows_max: int = 500) -> Sweep:
    """The sweep over timers of another rank."""

    def put(query: str) -> str:
        return query.replace("rank = 25", f"rank = {rank}")

    return Sweep(
        f"toy.timer.{rank}",
        rank,
        put(QUERIES.find),
        put(QUERIES.claim),
        QUERIES.set_due,
        put(QUERIES.next_due),
        rows_max,
    )


async def prepare(dsn: str, *, watch_leases: bool = False) -> None:
    """Make the toy's tables, as the owner."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(QUERIES.schema)
        if watch_leases:
            await connection.execute(QUERIES.watch_leases)
    finally:
        await connection.close()


async def process_timers(_runtime: Runtime, tx: Tx, rows: list[Row]) -> None:
    """Each timer has its effect, and the job or event that it asks for; then it is due no more."""
    await write_effects(tx, [(row["org_id"], row["key"], row["due_at"]) for row in rows])
    await tx.run(QUERIES.clear_due, [row["org_id"] for row in rows], [row["key"] for row in rows])
    for row in rows:
        if row["then_job"] == "event":
            event = NewEvent("customer.updated", row["key"], row["due_at"], {"timer": row["key"]})
            await outbox.emit(tx.within(row["org_id"]), [event], actor="test")
        elif row["then_job"]:
            await jobs.enqueue(tx.within(row["org_id"]), [NewJob(row["then_job"], row["due_at"], {"name": row["key"]})])


async def write_effects(tx: Tx, effects: Sequence[tuple[int, str, datetime]]) -> None:
    """(organization, name, due_at) each."""
    await tx.run(QUERIES.write_effects, *(list(column) for column in zip(*effects, strict=True)))


async def do_once(context: Context, job: Job) -> None:
    """The effect and the end of the job in one transaction."""
    async with context.transaction() as tx:
        await write_effects(tx, [(context.org_id, _name(job), job.due_at)])
        await context.finish_job(tx)


async def do_slowly(context: Context, job: Job) -> None:
    """A transaction, a pause as if a provider were asked, and the effect."""
    async with context.transaction() as tx:
        await context.now(tx)
    await asyncio.sleep(job.payload.get("millis", 20) / 1000)
    await do_once(context, job)


async def do_often(context: Context, job: Job) -> None:
    """An effect in a transaction that does not end the job: at least once."""
    async with context.transaction() as tx:
        await write_effects(tx, [(context.org_id, _name(job), job.due_at)])


async def always_fail(_context: Context, job: Job) -> None:
    """Never succeeds."""
    raise ValueError(f"{_name(job)} cannot succeed")


async def do_nothing(_context: Context, _job: Job) -> None:
    """Succeeds at once."""


def _name(job: Job) -> str:
    return str(job.payload.get("name", f"event {job.payload.get('event_id')}"))


JOBS: dict[str, JobKind] = {
    "toy.once": JobKind(do_once),
    "toy.slowly": JobKind(do_slowly),
    "toy.often": JobKind(do_often),
    "toy.fail": JobKind(always_fail, attempts_max=3),
    "toy.nothing": JobKind(do_nothing),
    clock.ADVANCE_JOB: clock.ADVANCE,
}
SWEEPS = (SweepKind(TOY_SWEEP, process_timers),)
EVENTS = {"customer.updated": ("toy.once",)}


def registry(*, without: Sequence[str] = (), sweeps: Sequence[SweepKind] = SWEEPS) -> Registry:
    """The toy's registry; `without` makes it that of an older version."""
    return Registry({name: kind for name, kind in JOBS.items() if name not in without}, tuple(sweeps), EVENTS)


@asynccontextmanager
async def toy_runtime(dsn: str, database: Database | None = None, **changes: Any) -> AsyncIterator[Runtime]:
    """A runtime over the database at `dsn`, with the toy's registry."""
    db = database or await Database.connect(dsn)
    scheduler = await Database.connect(dsn, role=SCHEDULER_ROLE, connections_max=2)
    facts: dict[str, Any] = {"sealer": Sealer.of(b"k" * 32), "gateways": None, "registry": registry()}
    try:
        yield Runtime(db=db, scheduler=scheduler, **(facts | changes))
    finally:
        await scheduler.close()
        if database is None:
            await db.close()


async def make_org(database: Database, mode: Mode = Mode.SANDBOX, *, frozen_at: datetime | None = DAWN) -> Org:
    """An organization; a sandbox frozen at `DAWN` unless told otherwise."""
    async with database.transaction() as tx:
        return await create_org(tx, "Toy", mode, frozen_at=frozen_at if mode is Mode.SANDBOX else None)


async def add_timers(
    database: Database, org_id: int, due: Sequence[tuple[str, datetime]], *, rank: int = 25, then_job: str | None = None
) -> None:
    """Timers by name and org time."""
    async with database.transaction(org_id) as tx:
        await tx.run(QUERIES.add_timers, org_id, [name for name, _ in due], [at for _, at in due], rank, then_job)


async def enqueue(database: Database, org_id: int, new: Sequence[NewJob]) -> None:
    """Jobs in a transaction of their own."""
    async with database.transaction(org_id) as tx:
        await jobs.enqueue(tx, new)


async def effects(database: Database, org_id: int) -> list[str]:
    """The names of what happened, in order."""
    async with database.transaction(org_id) as tx:
        return [row["name"] for row in await tx.rows(QUERIES.effects, org_id)]


def at(**after: float) -> datetime:
    """An instant after `DAWN`, as of `timedelta`."""
    return DAWN + timedelta(**after)
