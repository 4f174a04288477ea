"""A clock sent forward while workers die: everything in due order, each once, and it arrives."""

from __future__ import annotations

import asyncio
import random
from datetime import datetime

import pytest

from cauce.flows import clock, runner
from cauce.kernel.clock import monotonic_seconds
from cauce.storage import jobs, orgclock
from cauce.storage.database import Database
from cauce.storage.jobs import NewJob
from cauce.storage.orgclock import Advance
from tests.support import crowd, toy


async def send_forward(dsn: str, database: Database, org_id: int, target: datetime) -> str:
    async with toy.toy_runtime(dsn, database) as runtime:
        return (await clock.begin_advance(runtime.context(org_id), target)).id


async def state_of(database: Database, org_id: int, advance_id: str) -> Advance:
    async with database.transaction(org_id) as tx:
        return await orgclock.read_advance(tx, advance_id)


async def arrive(database: Database, org_id: int, advance_id: str, workers: crowd.Crowd, seconds: int) -> Advance:
    deadline = monotonic_seconds() + seconds
    while (advance := await state_of(database, org_id, advance_id)).done_at is None:
        assert monotonic_seconds() < deadline, f"the clock stands at {advance.reached_at}"
        await workers.fill(dying=False)
        await asyncio.sleep(0.1)
    return advance


async def walk_through_deaths(dsn: str, database: Database, *, timers: int, blows: int, seed: int) -> None:
    chance = random.Random(seed)
    org_id = (await toy.make_org(database)).id
    due = [(f"timer {n:05}", toy.at(minutes=n * 8 + chance.randrange(8))) for n in range(1, timers + 1)]
    await toy.add_timers(database, org_id, chance.sample(due, len(due)))
    advance_id = await send_forward(dsn, database, org_id, toy.at(days=30))
    async with crowd.crowd(dsn, 2, chance) as workers:
        for _ in range(blows):
            await workers.fill()
            await asyncio.sleep(chance.random() / 2)
            workers.strike()
            workers.strike()
        advance = await arrive(database, org_id, advance_id, workers, 60 + timers // 20)
    assert advance.error is None
    assert await toy.effects(database, org_id) == [name for name, _ in due]
    async with database.transaction(org_id) as tx:
        rows = await tx.rows(toy.QUERIES.effects, org_id)
    assert all(row["due_at"] == row["org_time"] for row in rows)
    await crowd.prove_leases(dsn)


async def test_a_month_with_timers_is_walked_in_order_through_killed_workers(
    fault_dsn: str, fault_database: Database
) -> None:
    await walk_through_deaths(fault_dsn, fault_database, timers=400, blows=2, seed=1)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(3))
async def test_a_month_with_five_thousand_timers_as_well(fault_dsn: str, fault_database: Database, seed: int) -> None:
    await walk_through_deaths(fault_dsn, fault_database, timers=5_000, blows=12, seed=seed)


async def test_other_workers_do_not_touch_an_organization_whose_clock_is_under_way(
    fault_dsn: str, fault_database: Database
) -> None:
    org_id = (await toy.make_org(fault_database)).id
    await toy.add_timers(
        fault_database, org_id, [(f"t{n:03}", toy.at(hours=1)) for n in range(100)], then_job="toy.slowly"
    )
    advance_id = await send_forward(fault_dsn, fault_database, org_id, toy.at(days=1))
    async with crowd.crowd(fault_dsn, 3, random.Random(3)) as workers:
        await workers.fill(dying=False)
        await arrive(fault_database, org_id, advance_id, workers, 60)
    async with fault_database.transaction(org_id) as tx:
        rows = await tx.rows(toy.QUERIES.effects, org_id)
    assert len(rows) == 200
    assert {row["org_time"] for row in rows} == {toy.at(hours=1)}


async def test_a_frozen_walker_that_wakes_up_late_changes_nothing(fault_dsn: str, fault_database: Database) -> None:
    org_id = (await toy.make_org(fault_database)).id
    due = [(f"t{n:03}", toy.at(minutes=n)) for n in range(1, 301)]
    await toy.add_timers(fault_database, org_id, due)
    advance_id = await send_forward(fault_dsn, fault_database, org_id, toy.at(days=1))
    async with crowd.crowd(fault_dsn, 2, random.Random(4)) as workers:
        await workers.fill(dying=False)
        while not await toy.effects(fault_database, org_id):
            await asyncio.sleep(0.01)
        await workers.freeze_one(crowd.LEASE_SECONDS * 2)
        await workers.freeze_one(crowd.LEASE_SECONDS * 2)
        await arrive(fault_database, org_id, advance_id, workers, 60)
        await asyncio.sleep(0.5)
    assert await toy.effects(fault_database, org_id) == [name for name, _ in due]


async def test_a_walk_without_any_worker_takes_back_the_job_of_one_that_died(dsn: str, database: Database) -> None:
    await toy.prepare(dsn)
    org_id = (await toy.make_org(database)).id
    async with database.transaction(org_id) as tx:
        await jobs.enqueue(tx, [NewJob("toy.once", toy.DAWN, {"name": "left behind"})])
    async with database.transaction(org_id) as tx:  # its holder dies here, and nobody else looks after leases
        (left,) = await jobs.claim(tx, [org_id], ["toy.once"], 1, lease_seconds=1)
    async with toy.toy_runtime(dsn, database) as runtime:
        await clock.begin_advance(runtime.context(org_id), toy.at(days=1))
        (walk,) = await runner.claim_jobs(runtime, [org_id], kinds=[clock.ADVANCE_JOB])
        async with asyncio.timeout(30):
            await runner.run_jobs(runtime, [walk])
    assert await toy.effects(database, org_id) == ["left behind"]
    advance = await state_of(database, org_id, walk.payload["advance_id"])
    assert (advance.reached_at, advance.error) == (toy.at(days=1), None)
    assert left.attempts == 1
