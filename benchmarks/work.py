"""Work that waits: jobs claimed, run and removed; due rows found and claimed; what an enqueue costs its transaction.

Bars, durable, on two cores: `jobs.claim_complete` at least 10,000 jobs/s; `sweep.due` at least 20,000 rows/s over
1,000 organizations; `jobs.enqueue_overhead` at least 90 %.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count

from tests.support import toy

from benchmarks.bench import Bench
from benchmarks.registry import row
from cauce.entrypoints.worker.loop import Worker
from cauce.flows import runner
from cauce.flows.context import Context, JobKind, Registry, SweepKind
from cauce.storage import audit, idempotency, jobs, outbox, sweeps
from cauce.storage.database import SCHEDULER_ROLE, Database, Row, Tx
from cauce.storage.directory.orgs import read_org
from cauce.storage.idempotency import Answer, Request
from cauce.storage.jobs import Job, NewJob
from cauce.storage.orgclock import org_now
from cauce.storage.outbox import NewEvent

JOBS = 60_000
KEYED_JOBS = 20_000
SWEEP_ORGS = 1_000
SWEEP_ROWS = 100_000
TURNS = 40
_PAST = datetime(2026, 1, 1, tzinfo=UTC)


async def _nothing(_context: Context, _job: Job) -> None:
    """A job that is done at once: what is left is the cost of jobs themselves."""


_JOBS_ONLY = Registry({"toy.nothing": JobKind(_nothing)}, (), {})


async def _fill(database: Database, org_id: int, total: int, *, keys: int = 0) -> None:
    for start in range(0, total, 5_000):
        new = [
            NewJob("toy.nothing", _PAST, {"n": n}, key=f"object_{n % keys}" if keys else None)
            for n in range(start, min(start + 5_000, total))
        ]
        async with database.transaction(org_id) as tx:
            await jobs.enqueue(tx, new)


@row("jobs.claim_complete", "jobs/s")
async def claim_complete(bench: Bench) -> float:
    """Claim 500, run their handlers, remove them, until none is left: one process, every commit durable."""
    async with bench.database() as database, toy.toy_runtime(bench.dsn, database, registry=_JOBS_ONLY) as runtime:
        org_id = await bench.org(database)
        await _fill(database, org_id, JOBS)
        done = 0
        with bench.stopwatch() as watch:
            while claimed := await runner.claim_jobs(runtime, [org_id]):
                done += await runner.run_jobs(runtime, claimed)
        assert done == JOBS
    return watch.rate(JOBS)


@row("jobs.claim_complete.keyed", "jobs/s", against="jobs.claim_complete")
async def claim_complete_keyed(bench: Bench) -> float:
    """The same for jobs of 2,000 keys, ten each, that must keep their order."""
    async with bench.database() as database, toy.toy_runtime(bench.dsn, database, registry=_JOBS_ONLY) as runtime:
        org_id = await bench.org(database)
        await _fill(database, org_id, KEYED_JOBS, keys=KEYED_JOBS // 10)
        done = 0
        with bench.stopwatch() as watch:
            while claimed := await runner.claim_jobs(runtime, [org_id]):
                done += await runner.run_jobs(runtime, claimed)
        assert done == KEYED_JOBS
    return watch.rate(KEYED_JOBS)


@row("jobs.claim_complete.worker", "jobs/s", against="jobs.claim_complete")
async def claim_complete_worker(bench: Bench) -> float:
    """The same through the worker's own loop, with its looks at everything else."""
    async with bench.database() as database:
        org_id = await bench.org(database)
        await _fill(database, org_id, JOBS)
        left = count(JOBS - 1, -1)

        async def handler(_context: Context, _job: Job) -> None:
            if next(left) == 0:
                worker.stop()

        known = Registry({"toy.nothing": JobKind(handler)}, (), {})
        async with toy.toy_runtime(bench.dsn, database, registry=known) as runtime:
            worker = Worker(runtime)
            with bench.stopwatch() as watch:
                await worker.run()
    return watch.rate(JOBS)


@row("sweep.due", "rows/s")
async def sweep_due(bench: Bench) -> float:
    """100,000 due rows of 1,000 organizations: found by the scheduler, claimed in chunks, moved on; durable."""
    await toy.prepare(bench.dsn)
    async with bench.database() as database:
        orgs = [await bench.org(database) for _ in range(SWEEP_ORGS)]
        per_org = SWEEP_ROWS // SWEEP_ORGS
        for org_id in orgs:
            due = [(f"timer_{n}", _PAST + timedelta(seconds=n)) for n in range(per_org)]
            await toy.add_timers(database, org_id, due)
        kind = SweepKind(toy.TOY_SWEEP, _clear)
        scheduler = await Database.connect(bench.dsn, role=SCHEDULER_ROLE, connections_max=2)
        done = 0
        with bench.stopwatch() as watch:
            while done < SWEEP_ROWS:
                async with scheduler.transaction() as tx:
                    found = await sweeps.find_orgs(tx, kind.sweep)
                for start in range(0, len(found), 200):
                    part = found[start : start + 200]
                    done += await sweeps.run_chunk(database, kind.sweep, part, _clear_rows)
        await scheduler.close()
    return watch.rate(SWEEP_ROWS)


async def _clear(_runtime: object, tx: Tx, rows: list[Row]) -> None:
    await _clear_rows(tx, rows)


async def _clear_rows(tx: Tx, rows: list[Row]) -> None:
    await tx.run(toy.QUERIES.clear_due, [row["org_id"] for row in rows], [row["key"] for row in rows])


@row("jobs.enqueue_overhead", "% of the rate left", runs=5)
async def enqueue_overhead(bench: Bench) -> float:
    """A typical change with one job, in per cent of the rate without: turns of 100 transactions each, so that both see
    the same machine."""
    await toy.prepare(bench.dsn)
    elapsed = {True: 0.0, False: 0.0}
    async with bench.database() as database:
        org_id = await bench.org(database)
        for turn in range(TURNS):
            with bench.stopwatch() as watch:
                for n in range(100):
                    await _transaction(database, org_id, f"{turn:04}_{n:03}", with_job=turn % 2 == 0)
            elapsed[turn % 2 == 0] += watch.seconds
    return 100 * elapsed[False] / elapsed[True]


async def _transaction(database: Database, org_id: int, name: str, *, with_job: bool) -> None:
    """What an API call that changes something does at least: key, time, a reading, own rows, event, audit, answer."""
    request = Request.of(name, "POST /toy", b"{}")
    async with database.transaction(org_id) as tx:
        await idempotency.replay(tx, request)
        now = await org_now(tx)
        await read_org(tx, org_id)
        await tx.run(toy.QUERIES.add_timers, org_id, [name], [now], 25, None)
        await toy.write_effects(tx, [(org_id, name, now)])
        changed = {"id": name, "amount_minor": 1_000, "currency": "eur", "state": "new"}
        await outbox.emit(tx, [NewEvent("customer.updated", f"cus_{name}", now, changed)], actor="bench")
        await audit.record(tx, audit.SYSTEM, "toy.made", name, after=changed)
        if with_job:
            await jobs.enqueue(tx, [NewJob("toy.nothing", now, {"object": name}, key=f"object:{name}")])
        await idempotency.remember(tx, request, Answer(201, b'{"id": "toy"}'), moved_money=False)
