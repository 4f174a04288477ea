"""An organization's time: frozen, running, sent forward in due order, and never back."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from cauce.flows import clock, runner
from cauce.flows.context import Context, JobKind, Registry, Runtime, SweepKind
from cauce.kernel.clock import wall_now
from cauce.kernel.errors import InvalidRequest
from cauce.storage import jobs, orgclock, outbox
from cauce.storage.database import Database
from cauce.storage.directory.orgs import Mode, Org
from cauce.storage.jobs import Job, NewJob
from cauce.storage.orgclock import Advance, AdvanceInProgress, LiveClock
from tests.support import toy

RANKS = (10, 20, 30, 40, 50)


async def now(database: Database, org: Org) -> datetime:
    async with database.transaction(org.id) as tx:
        return await orgclock.org_now(tx)


async def walk(runtime: Runtime, org: Org) -> None:
    """What a worker does with the job of an advance."""
    claimed = await runner.claim_jobs(runtime, [org.id], kinds=[clock.ADVANCE_JOB])
    assert len(claimed) == 1
    await runner.run_jobs(runtime, claimed)


async def advance(runtime: Runtime, org: Org, target: datetime) -> Advance:
    begun = await clock.begin_advance(runtime.context(org.id), target)
    await walk(runtime, org)
    async with runtime.db.transaction(org.id) as tx:
        ended = await orgclock.read_advance(tx, begun.id)
    assert ended.done_at is not None
    assert ended.error is None
    return ended


async def test_a_live_organization_has_the_wall_clock_and_nobody_changes_it(runtime: Runtime) -> None:
    live = await toy.make_org(runtime.db, Mode.LIVE)
    assert abs(await now(runtime.db, live) - wall_now()) < timedelta(seconds=10)
    for change in (orgclock.freeze, orgclock.unfreeze):
        with pytest.raises(LiveClock):
            async with runtime.db.transaction(live.id) as tx:
                await change(tx)
    with pytest.raises(LiveClock):
        await clock.begin_advance(runtime.context(live.id), toy.DAWN)


async def test_a_frozen_clock_stands_and_a_running_one_runs_on_and_never_back(database: Database, org: Org) -> None:
    odd = toy.DAWN + timedelta(microseconds=400_001)
    async with database.transaction(org.id) as tx:
        await orgclock.freeze(tx, odd)
    assert await now(database, org) == await now(database, org) == odd
    for _ in range(5):
        async with database.transaction(org.id) as tx:
            await orgclock.unfreeze(tx)
        running = await now(database, org)
        assert odd <= running < odd + timedelta(seconds=30)
        async with database.transaction(org.id) as tx:
            odd = await orgclock.freeze(tx)
        assert odd >= running


async def test_a_clock_only_goes_forward_and_not_out_of_the_world(runtime: Runtime, org: Org) -> None:
    for target in (toy.at(seconds=-1), toy.DAWN.replace(year=2030 + orgclock.YEARS_AHEAD_MAX + 1)):
        with pytest.raises(InvalidRequest):
            async with runtime.db.transaction(org.id) as tx:
                await orgclock.freeze(tx, target)
        with pytest.raises(InvalidRequest):
            await clock.begin_advance(runtime.context(org.id), target)
    assert await now(runtime.db, org) == toy.DAWN


async def test_an_advance_runs_everything_in_due_order_and_arrives(runtime: Runtime, org: Org) -> None:
    hours = [7, 3, 22, 1, 14, 9, 23]
    await toy.add_timers(runtime.db, org.id, [(f"timer {n}", toy.at(hours=n)) for n in hours])
    await toy.add_timers(runtime.db, org.id, [("with job", toy.at(hours=5))], then_job="toy.once")
    await toy.add_timers(runtime.db, org.id, [("too late", toy.at(hours=25))])
    await toy.enqueue(runtime.db, org.id, [NewJob("toy.once", toy.at(hours=n), {"name": f"job {n}"}) for n in (2, 14)])
    ended = await advance(runtime, org, toy.at(days=1))
    assert await toy.effects(runtime.db, org.id) == [
        "timer 1", "job 2", "timer 3", "with job", "with job", "timer 7", "timer 9", "job 14", "timer 14",
        "timer 22", "timer 23",
    ]  # fmt: skip
    assert (ended.reached_at, ended.started_at) == (toy.at(days=1), toy.DAWN)
    assert await now(runtime.db, org) == toy.at(days=1)
    async with runtime.db.transaction(org.id) as tx:
        rows = await tx.rows(toy.QUERIES.effects, org.id)
        assert all(row["due_at"] == row["org_time"] for row in rows)  # each at its very instant
        (event,) = await outbox.page(tx, event_type="clock.advanced")
    assert event["object_id"] == ended.id


async def test_at_one_instant_ranks_go_first_to_last_and_effects_before_the_next_rank(
    runtime: Runtime, dsn: str, org: Org
) -> None:
    sweeps = [SweepKind(toy.ranked(rank), toy.process_timers) for rank in reversed(RANKS)]
    for rank in (30, 50, 10, 40, 20):
        await toy.add_timers(runtime.db, org.id, [(f"rank {rank}", toy.at(hours=1))], rank=rank, then_job="event")
    async with toy.toy_runtime(dsn, runtime.db, registry=toy.registry(sweeps=sweeps)) as ranked:
        await advance(ranked, org, toy.at(hours=1))
    done = await toy.effects(runtime.db, org.id)
    assert [name for name in done if name.startswith("rank")] == [f"rank {rank}" for rank in RANKS]
    assert [name.split()[0] for name in done] == ["rank", "event"] * len(RANKS)


async def test_two_advances_at_once_are_one_advance_and_one_refusal(runtime: Runtime, org: Org) -> None:
    begun = await asyncio.gather(
        *(clock.begin_advance(runtime.context(org.id), toy.at(days=n + 1)) for n in range(6)), return_exceptions=True
    )
    assert sum(isinstance(one, Advance) for one in begun) == 1
    assert sum(isinstance(one, AdvanceInProgress) for one in begun) == 5
    for change in (orgclock.freeze, orgclock.unfreeze):
        with pytest.raises(AdvanceInProgress):
            async with runtime.db.transaction(org.id) as tx:
                await change(tx)
    await walk(runtime, org)
    async with runtime.db.transaction(org.id) as tx:
        assert await orgclock.open_advance(tx) is None


async def test_an_advance_broken_off_anywhere_goes_on_where_it_stood(runtime: Runtime, org: Org) -> None:
    timers = [(f"t{n:03}", toy.at(minutes=n)) for n in range(1, 121)]
    await toy.add_timers(runtime.db, org.id, timers)
    begun = await clock.begin_advance(runtime.context(org.id), toy.at(hours=2))
    breaks = 0
    while True:
        claimed = await runner.claim_jobs(runtime, [org.id], kinds=[clock.ADVANCE_JOB])
        if not claimed:  # the last break came when it had just arrived
            break
        running = asyncio.create_task(runner.run_jobs(runtime, claimed))
        await asyncio.wait([running], timeout=0.05)
        if running.done():
            break
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        breaks += 1
    assert breaks > 0
    assert await toy.effects(runtime.db, org.id) == [name for name, _ in timers]
    async with runtime.db.transaction(org.id) as tx:
        assert (await orgclock.read_advance(tx, begun.id)).reached_at == toy.at(hours=2)


async def test_a_failing_job_is_tried_on_the_organizations_clock_during_the_advance(runtime: Runtime, org: Org) -> None:
    await toy.enqueue(runtime.db, org.id, [NewJob("toy.fail", toy.at(hours=1), {"name": "doomed"})])
    await advance(runtime, org, toy.at(days=2))
    async with runtime.db.transaction(org.id) as tx:
        (row,) = await jobs.buried(tx)
    assert row["attempts"] == 3
    assert toy.at(hours=1) < row["try_at"] < toy.at(hours=2)


async def test_a_poison_row_does_not_stop_the_clock(runtime: Runtime, dsn: str, org: Org) -> None:
    async def process(_runtime: Runtime, tx: object, rows: list[object]) -> None:
        raise ValueError("poison")

    await toy.add_timers(runtime.db, org.id, [("bad", toy.at(hours=1))])
    poisoned = toy.registry(sweeps=[SweepKind(toy.TOY_SWEEP, process)])  # type: ignore[arg-type]
    async with toy.toy_runtime(dsn, runtime.db, registry=poisoned) as bad:
        await advance(bad, org, toy.at(hours=2))


async def test_an_advance_that_cannot_go_on_says_why_and_lets_the_clock_go(
    runtime: Runtime, dsn: str, org: Org, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def again(context: Context, job: Job) -> None:
        async with context.transaction() as tx:
            await jobs.enqueue(tx, [NewJob("toy.again", job.due_at, {})])
            await context.finish_job(tx)

    monkeypatch.setattr(clock, "ROUNDS_MAX", 20)
    monkeypatch.setattr(clock, "_TRY_AGAIN_SECONDS", 0)
    endless = Registry({**toy.JOBS, "toy.again": JobKind(again)}, (), {})
    async with toy.toy_runtime(dsn, runtime.db, registry=endless) as looping:
        await toy.enqueue(runtime.db, org.id, [NewJob("toy.again", toy.at(hours=1), {})])
        begun = await clock.begin_advance(looping.context(org.id), toy.at(hours=3))
        await walk(looping, org)
        await walk(looping, org)  # the retry finds it ended
    async with runtime.db.transaction(org.id) as tx:
        ended = await orgclock.read_advance(tx, begun.id)
    assert ended.error is not None
    assert ended.error.startswith("NeverQuiet")
    assert ended.reached_at == toy.at(hours=1)


async def test_ten_years_of_days_pass_in_order(runtime: Runtime, org: Org) -> None:
    months = [datetime(2030 + n // 12, n % 12 + 1, 15, tzinfo=UTC) for n in range(120)]
    await toy.add_timers(runtime.db, org.id, [(f"{month:%Y-%m}", month) for month in reversed(months)])
    ended = await advance(runtime, org, toy.DAWN.replace(year=2040))
    assert await toy.effects(runtime.db, org.id) == [f"{month:%Y-%m}" for month in months]
    assert ended.steps == 121


async def test_while_a_clock_advances_the_scheduler_says_so(
    database: Database, scheduler: Database, runtime: Runtime, org: Org
) -> None:
    await clock.begin_advance(runtime.context(org.id), toy.at(days=1))
    async with scheduler.transaction() as tx:
        assert await orgclock.find_advancing(tx) == {org.id}
    await walk(runtime, org)
    async with scheduler.transaction() as tx:
        assert await orgclock.find_advancing(tx) == set()
