"""The worker's loop: woken by a notice, by polling without one, isolated from one flow's defects, tidy."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import asyncpg
import pytest

from cauce.entrypoints.worker.holding import HELD_MAX, Holding
from cauce.entrypoints.worker.loop import Worker
from cauce.flows.context import Registry, Runtime, SweepKind
from cauce.storage.database import Database
from cauce.storage.directory.orgs import Org
from cauce.storage.jobs import NewJob
from cauce.storage.sweeps import Sweep
from cauce.storage.waking import Waker
from tests.support import toy


@pytest.fixture
async def runtime(dsn: str, database: Database) -> AsyncIterator[Runtime]:
    await toy.prepare(dsn)
    async with toy.toy_runtime(dsn, database) as made:
        yield made


@asynccontextmanager
async def working(runtime: Runtime, *, poll_millis: int) -> AsyncIterator[Worker]:
    worker = Worker(runtime, poll_millis=poll_millis)
    task = asyncio.create_task(worker.run(stop_seconds=5))
    try:
        yield worker
    finally:
        worker.stop()
        await task


async def until_effects(database: Database, org: Org, count: int) -> list[str]:
    async with asyncio.timeout(30):
        while len(found := await toy.effects(database, org.id)) < count:
            await asyncio.sleep(0.01)
    return found


def job(name: str) -> NewJob:
    return NewJob("toy.once", toy.DAWN, {"name": name})


async def test_a_commit_wakes_a_worker_that_would_look_again_in_an_hour(runtime: Runtime) -> None:
    org = await toy.make_org(runtime.db)
    runtime.db.on_commit_wake = Waker(runtime.db)
    async with working(runtime, poll_millis=3_600_000):
        for n in range(3):
            await toy.enqueue(runtime.db, org.id, [job(f"first {n}"), job(f"second {n}")])
            await until_effects(runtime.db, org, 2 * n + 2)


async def test_without_notices_polling_finds_the_work(runtime: Runtime) -> None:
    org = await toy.make_org(runtime.db)
    async with working(runtime, poll_millis=50):
        await toy.enqueue(runtime.db, org.id, [job("found")])
        assert await until_effects(runtime.db, org, 1) == ["found"]


async def test_a_lost_connection_for_notices_is_made_again(runtime: Runtime, dsn: str) -> None:
    org = await toy.make_org(runtime.db)
    runtime.db.on_commit_wake = Waker(runtime.db)
    async with working(runtime, poll_millis=3_600_000):
        await toy.enqueue(runtime.db, org.id, [job("before")])
        await until_effects(runtime.db, org, 1)
        owner = await asyncpg.connect(dsn)
        assert await owner.fetch(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname = current_database()"
        )
        await owner.close()
        await asyncio.sleep(0.1)
        await toy.enqueue(runtime.db, org.id, [job("after")])
        assert await until_effects(runtime.db, org, 2) == ["before", "after"]


async def test_events_sweeps_and_jobs_are_all_seen_to(runtime: Runtime) -> None:
    org = await toy.make_org(runtime.db)
    await toy.add_timers(runtime.db, org.id, [("timer", toy.DAWN)], then_job="event")
    async with working(runtime, poll_millis=50):
        first, second = await until_effects(runtime.db, org, 2)
    assert first == "timer"
    assert second.startswith("event")


async def test_one_flow_that_is_broken_does_not_keep_the_others_from_their_work(runtime: Runtime) -> None:
    org = await toy.make_org(runtime.db)
    sweep = toy.TOY_SWEEP
    broken = Sweep(
        "broken", 1, sweep.find, "SELECT 1/0, $1::bigint[], $2::int, $3::text[]", sweep.set_due, sweep.next_due
    )
    registry = Registry(toy.JOBS, (SweepKind(broken, toy.process_timers), *toy.SWEEPS), toy.EVENTS)
    await toy.add_timers(runtime.db, org.id, [("timer", toy.DAWN)])
    async with working(replace(runtime, registry=registry), poll_millis=50):
        await toy.enqueue(runtime.db, org.id, [job("job")])
        assert sorted(await until_effects(runtime.db, org, 2)) == ["job", "timer"]


async def test_a_worker_holds_many_quick_jobs_and_few_slow_ones() -> None:
    holding = Holding(concurrency=8)
    for _ in range(20):
        full = holding.room
        holding.take(full)
        holding.give_back(full, elapsed_millis=100)
    assert holding.room == HELD_MAX
    for _ in range(20):
        full = holding.room
        holding.take(full)
        holding.give_back(full, elapsed_millis=60_000)
    assert holding.room == 16
    holding.take(5)
    assert holding.room == 11
