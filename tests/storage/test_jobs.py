"""Jobs: leased, ordered by key, retried, buried, revived, deduplicated, claimed evenly."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from cauce.flows import runner
from cauce.flows.context import Context, JobKind, Registry, Runtime
from cauce.kernel.clock import monotonic_seconds
from cauce.storage import jobs
from cauce.storage.database import Database
from cauce.storage.directory.orgs import Mode, Org
from cauce.storage.jobs import Job, LeaseLost, NewJob
from tests.support import toy
from tests.support.waiting import until_blocked

KINDS = ("toy.once", "toy.nothing", "toy.fail")


def new(name: str, *, kind: str = "toy.nothing", hours: int = 0, **more: Any) -> NewJob:
    return NewJob(kind, toy.at(hours=hours), {"name": name}, **more)


async def claim(database: Database, *orgs: Org, most: int = 100, lease_seconds: int = 60, **more: Any) -> list[Job]:
    ids = [org.id for org in orgs]
    async with database.transaction(ids) as tx:
        return await jobs.claim(tx, ids, KINDS, most, lease_seconds=lease_seconds, **more)


async def complete(database: Database, *done: Job) -> int:
    async with database.transaction([job.org_id for job in done]) as tx:
        return await jobs.complete(tx, done)


async def states(database: Database, org: Org) -> dict[str, str]:
    async with database.transaction(org.id) as tx:
        return {row["payload"]["name"]: row["state"] for row in await jobs.page(tx)}


def names(claimed: list[Job]) -> list[str]:
    return [job.payload["name"] for job in claimed]


async def let_leases_run_out(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute(
        "UPDATE storage.job SET leased_until = clock_timestamp() - interval '1 ms' WHERE state = 'leased'"
    )
    await connection.close()


async def test_a_job_is_there_only_when_its_transaction_commits(database: Database, org: Org) -> None:
    with pytest.raises(ZeroDivisionError):
        async with database.transaction(org.id) as tx:
            await jobs.enqueue(tx, [new("never")])
            raise ZeroDivisionError
    await toy.enqueue(database, org.id, [new("surely")])
    assert names(await claim(database, org)) == ["surely"]


async def test_a_job_is_due_by_its_organizations_clock_and_in_that_order(database: Database, org: Org) -> None:
    await toy.enqueue(database, org.id, [new("tomorrow", hours=24), new("now"), new("earlier", hours=-1)])
    assert names(await claim(database, org)) == ["earlier", "now"]


async def test_a_claimed_job_is_nobody_elses(database: Database, org: Org) -> None:
    await toy.enqueue(database, org.id, [new(str(n)) for n in range(10)])
    first, second = await claim(database, org, most=4), await claim(database, org)
    assert len(first) == 4
    assert len(second) == 6
    assert not set(names(first)) & set(names(second))
    assert len({job.lease_token for job in first + second}) == 10


async def test_claims_at_the_same_moment_never_share_a_job(database: Database, org: Org) -> None:
    await toy.enqueue(database, org.id, [new(str(n), key=str(n % 7) if n % 2 else None) for n in range(200)])

    async def work() -> list[str]:
        mine: list[str] = []
        while True:
            try:
                claimed = await claim(database, org, most=9)
            except jobs.CLAIM_RACE:
                continue
            if not claimed:
                if not await states(database, org):
                    return mine
                await asyncio.sleep(0.005)
                continue
            mine += names(claimed)
            while claimed:
                with contextlib.suppress(*jobs.CLAIM_RACE):
                    await complete(database, *claimed)
                    break

    done = [name for part in await asyncio.gather(*(work() for _ in range(6))) for name in part]
    assert sorted(done, key=int) == [str(n) for n in range(200)]


async def test_jobs_of_one_key_run_one_after_the_other_in_order(database: Database, org: Org) -> None:
    await toy.enqueue(
        database, org.id, [new("a1", key="a"), new("a2", key="a"), new("a3", key="a"), new("b1", key="b")]
    )
    first = await claim(database, org)
    assert names(first) == ["a1", "b1"]
    assert await states(database, org) == {"a1": "leased", "a2": "blocked", "a3": "blocked", "b1": "leased"}
    await complete(database, *first)
    second = await claim(database, org)
    assert names(second) == ["a2"]
    await complete(database, *second)
    assert names(await claim(database, org)) == ["a3"]


async def test_a_job_behind_one_that_waits_for_its_retry_waits_too(database: Database, org: Org) -> None:
    await toy.enqueue(database, org.id, [new("head", key="a"), new("behind", key="a"), new("free")])
    head, free = await claim(database, org)
    async with database.transaction(org.id) as tx:
        assert not await jobs.fail(tx, head, "not today", toy.DAWN)
    assert free.payload["name"] == "free"
    assert await claim(database, org) == []
    assert await states(database, org) == {"head": "waiting", "behind": "blocked", "free": "leased"}


async def test_a_buried_job_lets_those_behind_it_go(database: Database, org: Org) -> None:
    await toy.enqueue(database, org.id, [new("head", key="a"), new("behind", key="a")])
    (head,) = await claim(database, org)
    async with database.transaction(org.id) as tx:
        assert await jobs.fail(tx, head, "hopeless", toy.DAWN, attempts_max=1)
        (row,) = await jobs.buried(tx)
    assert (row["payload"]["name"], row["error"], row["attempts"]) == ("head", "hopeless", 1)
    assert names(await claim(database, org)) == ["behind"]


async def test_a_blocked_job_is_called_up_even_when_it_was_blocked_while_the_other_ended(
    database: Database, org: Org
) -> None:
    await toy.enqueue(database, org.id, [new("head", key="a")])
    (head,) = await claim(database, org)
    await toy.enqueue(database, org.id, [new("behind", key="a")])
    async with database.transaction(org.id) as claiming:
        assert await jobs.claim(claiming, [org.id], KINDS, 10) == []
        ending = asyncio.create_task(complete(database, head))
        await until_blocked(database)
        assert not ending.done()  # it waits for the claim, and sees what that has blocked
    await ending
    assert names(await claim(database, org)) == ["behind"]


async def test_a_long_queue_behind_one_key_hides_nobody(database: Database, org: Org) -> None:
    await toy.enqueue(database, org.id, [new(f"a{n}", key="a") for n in range(50)] + [new("free", hours=0)])
    assert names(await claim(database, org, most=10)) == ["a0"]
    assert names(await claim(database, org, most=10)) == ["free"]


async def test_no_organization_waits_for_the_backlog_of_another(runtime: Runtime, database: Database, org: Org) -> None:
    other = await toy.make_org(database)
    await toy.enqueue(database, org.id, [new(str(n)) for n in range(300)])
    await toy.enqueue(database, other.id, [new("mine", hours=-1), new("mine too", hours=-1)])
    claimed = await runner.claim_jobs(runtime, [org.id, other.id], 100)
    assert len(claimed) == 100
    assert {"mine", "mine too"} <= set(names(claimed))


async def test_the_scheduler_finds_whose_jobs_are_due_and_nothing_else(
    database: Database, scheduler: Database, org: Org
) -> None:
    live, later, idle = [
        await toy.make_org(database, Mode.LIVE),
        await toy.make_org(database),
        await toy.make_org(database),
    ]
    await toy.enqueue(database, org.id, [new("due")])
    await toy.enqueue(database, later.id, [new("tomorrow", hours=24)])
    await toy.enqueue(database, live.id, [NewJob("toy.nothing", toy.DAWN - timedelta(days=3650), {})])
    async with scheduler.transaction() as tx:
        assert sorted(await jobs.find_orgs(tx, KINDS)) == sorted([org.id, live.id])
        assert await jobs.find_orgs(tx, ["unknown"]) == []
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with scheduler.transaction() as tx:
            await tx.rows("SELECT payload FROM storage.job")
    assert idle.id not in (org.id, live.id)


async def test_a_transaction_under_a_lost_lease_changes_nothing(
    runtime: Runtime, database: Database, dsn: str, org: Org
) -> None:
    await toy.enqueue(database, org.id, [new("stalled", kind="toy.once")])
    (stale,) = await claim(database, org)
    await let_leases_run_out(dsn)
    context = runtime.context(org.id).for_job(stale)
    with pytest.raises(LeaseLost):
        await toy.do_once(context, stale)
    async with database.transaction(org.id) as tx:
        assert await jobs.reap(tx, [org.id]) == 1
    (fresh,) = await claim(database, org)
    with pytest.raises(LeaseLost):
        await toy.do_once(context, stale)
    assert (fresh.attempts, fresh.id) == (2, stale.id)
    await toy.do_once(runtime.context(org.id).for_job(fresh), fresh)
    assert await toy.effects(database, org.id) == ["stalled"]
    assert await complete(database, stale) == 0


async def test_a_lease_is_not_taken_while_its_transaction_is_open(
    runtime: Runtime, database: Database, dsn: str, org: Org
) -> None:
    await toy.enqueue(database, org.id, [new("slow")])
    (job,) = await claim(database, org)
    async with runtime.context(org.id).for_job(job).transaction():
        async with database.transaction(org.id) as tx:  # what the keeper does; the row is locked, and that is enough
            assert await jobs.renew(tx, [job]) == set()
        async with database.transaction(org.id) as tx:
            assert await jobs.reap(tx, [org.id]) == 0
    await let_leases_run_out(dsn)
    async with database.transaction(org.id) as tx:
        assert await jobs.renew(tx, [job]) == set()
        assert await jobs.reap(tx, [org.id]) == 1


async def test_failures_are_retried_with_growing_pauses_then_buried_with_their_reason_and_revived(
    runtime: Runtime, database: Database, org: Org
) -> None:
    await toy.enqueue(database, org.id, [new("doomed", kind="toy.fail")])
    for attempt in range(1, 4):
        async with database.transaction(org.id) as tx:
            await tx.run(
                "UPDATE directory.org SET clock_frozen_at = clock_frozen_at + interval '1 day' WHERE id = $1", org.id
            )
        claimed = await claim(database, org)
        assert [job.attempts for job in claimed] == [attempt]
        assert claimed[0].due_at == toy.DAWN  # effects are dated by it, however late
        assert await runner.run_jobs(runtime, claimed) == 0
        assert await claim(database, org) == []
    async with database.transaction(org.id) as tx:
        (row,) = await jobs.buried(tx)
        assert row["error"] == "ValueError: doomed cannot succeed"
        assert await jobs.revive(tx, row["id"] + 1) == 0
        assert await jobs.revive(tx, row["id"]) == 1
    (again,) = await claim(database, org)
    assert again.attempts == 1


async def test_pauses_double_from_five_seconds_to_six_hours_within_a_quarter() -> None:
    for attempts, seconds in ((1, 5), (2, 10), (5, 80), (30, 6 * 3600)):
        delays = {jobs.retry_delay(attempts) for _ in range(20)}
        assert len(delays) > 1
        assert all(timedelta(seconds=seconds * 3 / 4) <= one <= timedelta(seconds=seconds * 5 / 4) for one in delays)


async def test_a_job_whose_workers_all_died_is_buried_without_another_try(
    runtime: Runtime, database: Database, dsn: str, org: Org
) -> None:
    await toy.enqueue(database, org.id, [new("killer", kind="toy.fail")])
    for _ in range(3):
        await claim(database, org)
        await let_leases_run_out(dsn)
        async with database.transaction(org.id) as tx:
            assert await jobs.reap(tx, [org.id]) == 1
    claimed = await claim(database, org)
    assert await runner.run_jobs(runtime, claimed) == 0
    async with database.transaction(org.id) as tx:
        (row,) = await jobs.buried(tx)
    assert "died" in row["error"]


async def test_a_hanging_job_is_ended_after_its_time(runtime: Runtime, database: Database, org: Org, dsn: str) -> None:
    async def hang(_context: Context, _job: Job) -> None:
        await asyncio.sleep(3600)

    await toy.enqueue(database, org.id, [new("hanging")])
    hanging = Registry({"toy.nothing": JobKind(hang, timeout_seconds=1, attempts_max=1)}, (), {})
    async with toy.toy_runtime(dsn, database, registry=hanging) as impatient:
        assert await runner.run_jobs(impatient, await claim(database, org)) == 0
    async with database.transaction(org.id) as tx:
        (row,) = await jobs.buried(tx)
    assert row["error"] == "the job took longer than 1 seconds"


async def test_a_dedupe_value_waits_once_and_may_be_enqueued_again_when_it_was_begun(
    database: Database, org: Org
) -> None:
    await toy.enqueue(database, org.id, [new("one", dedupe="x", hours=2), new("two", dedupe="x", hours=1)])
    await toy.enqueue(database, org.id, [new("three", dedupe="x")])
    (begun,) = await claim(database, org)
    assert begun.payload["name"] == "two"  # due first of those in one call, and tried as early as the third wished
    await toy.enqueue(database, org.id, [new("four", dedupe="x")])
    assert names(await claim(database, org)) == ["four"]


async def test_a_begun_job_comes_back_beside_its_twin(database: Database, dsn: str, org: Org) -> None:
    for leave in ("retry", "reap", "release"):
        await toy.enqueue(database, org.id, [new("old", dedupe=leave)])
        (old,) = await claim(database, org)
        await toy.enqueue(database, org.id, [new("young", dedupe=leave)])
        if leave == "reap":
            await let_leases_run_out(dsn)
        async with database.transaction(org.id) as tx:
            if leave == "retry":
                await jobs.fail(tx, old, "again", toy.DAWN, at_once=True)
            elif leave == "reap":
                assert await jobs.reap(tx, [org.id]) == 1
            else:
                await jobs.release(tx, [old])
        both = await claim(database, org)
        assert sorted(names(both)) == ["old", "young"]
        assert await complete(database, *both) == 2


async def test_whoever_runs_a_deduplicated_job_sees_what_the_dropped_one_was_for(database: Database, org: Org) -> None:
    await toy.enqueue(database, org.id, [new("batch", dedupe="x")])
    async with database.transaction(org.id) as tx:
        await jobs.enqueue(tx, [new("dropped", dedupe="x")])
        assert await claim(database, org) == []  # not before this transaction is seen
    assert names(await claim(database, org)) == ["batch"]


async def test_released_jobs_are_free_at_once_and_the_try_does_not_count(
    runtime: Runtime, database: Database, org: Org
) -> None:
    await toy.enqueue(database, org.id, [new(str(n)) for n in range(40)])
    stopping = asyncio.Event()
    stopping.set()
    assert await runner.run_jobs(runtime, await claim(database, org), stopping=stopping) == 0
    assert {job.attempts for job in await claim(database, org)} == {1}


async def test_broken_off_jobs_are_given_back(runtime: Runtime, database: Database, org: Org) -> None:
    await toy.enqueue(database, org.id, [NewJob("toy.slowly", toy.DAWN, {"name": "long", "millis": 60_000})])
    claimed = await runner.claim_jobs(runtime, [org.id])
    running = asyncio.create_task(runner.run_jobs(runtime, claimed))
    await asyncio.sleep(0.2)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert (await states(database, org)) == {"long": "waiting"}
    assert await toy.effects(database, org.id) == []


async def test_a_job_waits_for_a_worker_that_knows_its_kind(runtime: Runtime, database: Database, org: Org) -> None:
    await toy.enqueue(database, org.id, [NewJob("of.tomorrow", toy.DAWN, {"name": "new"}), new("old")])
    assert names(await runner.claim_jobs(runtime, [org.id])) == ["old"]
    assert (await states(database, org))["new"] == "waiting"


async def test_another_organizations_job_cannot_be_touched(database: Database, org: Org) -> None:
    other = await toy.make_org(database)
    await toy.enqueue(database, org.id, [new("mine", key="a")])
    (mine,) = await claim(database, org)
    async with database.transaction(other.id) as tx:
        assert await jobs.complete(tx, [mine]) == 0
        assert await jobs.renew(tx, [mine]) == set()
        assert await jobs.page(tx) == []
    assert await complete(database, mine) == 1


async def test_depth_and_next_due_tell_what_waits(database: Database, org: Org) -> None:
    await toy.enqueue(database, org.id, [new("a", hours=3), new("b", hours=5), new("c", kind="toy.fail", hours=9)])
    async with database.transaction(org.id) as tx:
        assert await jobs.next_due(tx) == toy.at(hours=3)
        depth = [(row["kind"], row["state"], row["jobs"]) for row in await jobs.depth(tx)]
    assert depth == [("toy.fail", "waiting", 1), ("toy.nothing", "waiting", 2)]


async def test_a_postponed_job_keeps_its_place_and_its_tries(database: Database, org: Org) -> None:
    await toy.enqueue(database, org.id, [new("first", key="a"), new("second", key="a")])
    (first,) = await claim(database, org)
    async with database.transaction(org.id) as tx:
        await jobs.postpone(tx, first, "busy", toy.at(hours=1))
    assert await claim(database, org) == []
    async with database.transaction(org.id) as tx:
        await tx.run("UPDATE directory.org SET clock_frozen_at = $2 WHERE id = $1", org.id, toy.at(hours=1))
    (again,) = await claim(database, org)
    assert (again.payload["name"], again.attempts) == ("first", 1)


async def test_a_job_that_is_always_in_some_transaction_keeps_its_lease(
    runtime: Runtime, database: Database, dsn: str, org: Org
) -> None:
    tries = 0

    async def busy(context: Context, _job: Job) -> None:
        nonlocal tries
        tries += 1
        until = monotonic_seconds() + 2.5
        while monotonic_seconds() < until:
            async with context.transaction() as tx:
                await tx.value("SELECT pg_sleep(0.01)")

    await toy.enqueue(database, org.id, [new("busy")])
    known = Registry({"toy.nothing": JobKind(busy)}, (), {})
    async with toy.toy_runtime(dsn, database, registry=known, lease_seconds=1) as short:
        assert await runner.run_jobs(short, await claim(database, org, lease_seconds=1)) == 1
    assert tries == 1
    assert await states(database, org) == {}
