"""Workers that are killed or stopped at random under load: every job done, every effect once, never two leases."""

from __future__ import annotations

import asyncio
import random

import pytest

from cauce.storage import jobs
from cauce.storage.database import Database, Row
from cauce.storage.directory.orgs import Mode
from cauce.storage.jobs import NewJob
from tests.support import crowd, toy
from tests.support.postgres import ThrowAwayServer
from tests.support.worker_process import WorkerProcess

pytestmark = pytest.mark.asyncio


async def make_orgs(database: Database) -> list[int]:
    return [(await toy.make_org(database, mode)).id for mode in (Mode.LIVE, Mode.SANDBOX)]


async def storm(dsn: str, database: Database, seed: int, *, jobs_per_org: int, blows: int) -> None:
    """Load, workers doomed at random commits, kills at random moments, one stopped for longer than its lease."""
    chance = random.Random(seed)
    orgs = await make_orgs(database)
    names = await crowd.enqueue_load(database, orgs, jobs_per_org, chance)
    async with crowd.crowd(dsn, 2, chance) as workers:
        await workers.fill()
        for blow in range(blows):
            await asyncio.sleep(chance.random() / 4)
            if blow % 3 == 2:
                await workers.freeze_one(crowd.LEASE_SECONDS * 1.6)
            else:
                workers.strike()
            await workers.fill()
        await crowd.until_none_is_left(database, orgs, workers)
        assert workers.deaths > 0
    await crowd.prove_effects_once(database, names)
    await crowd.prove_leases(dsn)


async def test_under_kills_and_stops_every_job_is_done_and_every_effect_happens_once(
    fault_dsn: str, fault_database: Database
) -> None:
    await storm(fault_dsn, fault_database, 1, jobs_per_org=60, blows=3)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(100))
async def test_under_a_hundred_storms_as_well(fault_dsn: str, fault_database: Database, seed: int) -> None:
    await storm(fault_dsn, fault_database, seed, jobs_per_org=150, blows=8)


async def test_a_worker_stopped_inside_a_transaction_loses_it_and_its_job(
    fault_dsn: str, fault_database: Database
) -> None:
    (org_id, _) = await make_orgs(fault_database)
    await toy.enqueue(
        fault_database, org_id, [NewJob("toy.slowly", toy.DAWN.replace(year=2020), {"name": "j", "millis": 300})]
    )
    stopped = WorkerProcess(fault_dsn, lease_seconds=1)
    await stopped.ready()
    while not await _leased(fault_database, org_id):
        await asyncio.sleep(0.01)
    stopped.freeze()
    other = WorkerProcess(fault_dsn, lease_seconds=1)
    try:
        await other.ready()
        async with asyncio.timeout(20):
            while not await toy.effects(fault_database, org_id):
                await asyncio.sleep(0.05)
        stopped.thaw()
        await asyncio.sleep(1)
        assert await toy.effects(fault_database, org_id) == ["j"]
        assert await crowd.prove_leases(fault_dsn) >= 1
    finally:
        await stopped.end()
        await other.end()


async def _leased(database: Database, org_id: int) -> bool:
    async with database.transaction(org_id) as tx:
        return any(row["state"] == "leased" for row in await jobs.depth(tx))


async def test_the_database_restarts_under_load_and_nothing_is_lost(
    server: ThrowAwayServer, fault_dsn: str, fault_database: Database
) -> None:
    chance = random.Random(2)
    orgs = await make_orgs(fault_database)
    names = await crowd.enqueue_load(fault_database, orgs, 80, chance)
    async with crowd.crowd(fault_dsn, 2, chance) as workers:
        await workers.fill(dying=False)
        await asyncio.sleep(0.2)
        server.restart()
        await asyncio.sleep(0.5)
        server.kill()
        server.start()
        await crowd.until_none_is_left(fault_database, orgs, workers)
        assert workers.deaths == 0  # they wait for it and go on
    await crowd.prove_effects_once(fault_database, names)
    await crowd.prove_leases(fault_dsn)


async def test_an_old_worker_leaves_what_it_does_not_know_to_a_new_one(
    fault_dsn: str, fault_database: Database
) -> None:
    (org_id, _) = await make_orgs(fault_database)
    past = toy.DAWN.replace(year=2020)
    old = WorkerProcess(fault_dsn, without="toy.often")
    try:
        await old.ready()
        await toy.enqueue(
            fault_database,
            org_id,
            [NewJob(kind, past, {"name": f"{kind} {n}"}) for n in range(5) for kind in ("toy.often", "toy.once")],
        )
        while len(await toy.effects(fault_database, org_id)) < 5:
            await asyncio.sleep(0.02)
        async with fault_database.transaction(org_id) as tx:
            rows = await jobs.page(tx)
        assert {(row["kind"], row["state"], row["attempts"]) for row in rows} == {("toy.often", "waiting", 0)}
        new = WorkerProcess(fault_dsn)
        try:
            await new.ready()
            while len(await toy.effects(fault_database, org_id)) < 10:
                await asyncio.sleep(0.02)
        finally:
            await new.end()
    finally:
        await old.end()


async def test_a_stopping_worker_finishes_what_it_began_gives_back_the_rest_and_ends_well(
    fault_dsn: str, fault_database: Database
) -> None:
    (org_id, _) = await make_orgs(fault_database)
    past = toy.DAWN.replace(year=2020)
    await toy.enqueue(
        fault_database, org_id, [NewJob("toy.slowly", past, {"name": f"job {n}", "millis": 300}) for n in range(40)]
    )
    worker = WorkerProcess(fault_dsn, lease_seconds=30, concurrency=4)
    await worker.ready()
    while not await toy.effects(fault_database, org_id):
        await asyncio.sleep(0.01)
    assert await worker.end() == 0
    done = await toy.effects(fault_database, org_id)
    async with fault_database.transaction(org_id) as tx:
        depth = {row["state"]: row["jobs"] for row in await jobs.depth(tx)}
    assert depth == {"waiting": 40 - len(done)}


async def test_a_job_that_always_fails_is_buried_with_its_reason_and_can_be_revived(
    fault_dsn: str, fault_database: Database
) -> None:
    org_id = (await toy.make_org(fault_database)).id
    await toy.enqueue(fault_database, org_id, [NewJob("toy.fail", toy.DAWN, {"name": "doomed"})])
    worker = WorkerProcess(fault_dsn)
    try:
        await worker.ready()
        for _ in range(2):
            async with asyncio.timeout(20):
                while not (rows := await _buried(fault_database, org_id)):
                    async with fault_database.transaction() as tx:
                        await tx.run("UPDATE directory.org SET clock_frozen_at = clock_frozen_at + interval '1 day'")
                    await asyncio.sleep(0.1)
            assert [(row["error"], row["attempts"]) for row in rows] == [("ValueError: doomed cannot succeed", 3)]
            async with fault_database.transaction(org_id) as tx:
                assert await jobs.revive(tx) == 1
    finally:
        await worker.end()


async def _buried(database: Database, org_id: int) -> list[Row]:
    async with database.transaction(org_id) as tx:
        return await jobs.buried(tx)
