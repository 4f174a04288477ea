"""Runs what waits: relays events, claims and runs jobs, sweeps due rows. The worker loops over it; a clock advance walks it.

Nothing here decides anything. Each function does one bounded piece for some organizations and says how much it did,
so that any number of processes can call it at the same time.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Coroutine, Mapping, Sequence

import structlog

from cauce.flows import automation
from cauce.flows.attempt import Ending, attempt
from cauce.flows.context import COMPANY_MAX, JobKind, Runtime, SweepKind
from cauce.kernel.clock import monotonic_seconds
from cauce.kernel.errors import CauceError
from cauce.storage import jobs, outbox, sweeps
from cauce.storage.database import Guard, Row, Tx
from cauce.storage.jobs import Job, NewJob
from cauce.storage.orgclock import org_now
from cauce.storage.sweeps import TRANSIENT

log = structlog.get_logger(__name__)

CHUNK_JOBS = 500
CHUNK_EVENTS = 500
CLAIM_TRIES = 5
_RENEWALS_PER_LEASE = 200
_shuffle = random.SystemRandom().shuffle


class Gates:
    """How many jobs one worker runs at the same time: `concurrency`, and `COMPANY_MAX` of kinds that run in company."""

    def __init__(self, concurrency: int = 16) -> None:
        self._apart = asyncio.Semaphore(concurrency)
        self._in_company = asyncio.Semaphore(COMPANY_MAX)

    def of(self, kind: JobKind) -> asyncio.Semaphore:
        """The gate that a job of this kind goes through."""
        return self._in_company if kind.in_company else self._apart


class ClaimsCollided(CauceError):
    """Several workers met at the same keys again and again; the jobs are claimed in the next round."""

    code = "claims_collided"


async def relay_events(runtime: Runtime, org_id: int, *, guard: Guard | None = None) -> int:
    """Turn unrelayed events into the jobs that want them, and mark them; how many events."""
    async with runtime.db.transaction(org_id, guard=guard) as tx:
        return await relay_within(runtime, tx)


async def relay_within(runtime: Runtime, tx: Tx) -> int:
    """The same inside a transaction of the organization."""
    events = await outbox.take(tx, CHUNK_EVENTS)
    if not events:
        return 0
    wanted = runtime.registry.events
    follow_ups = [
        NewJob(kind, event.occurred_at, {"event_id": event.id}, key=f"{kind}:{event.object_id}")
        for event in events
        for kind in wanted.get(event.type, ())
    ]
    # What wants every event gets them a relayed chunk at a time, in order, now: an event may be dated ahead.
    now, numbers = await org_now(tx), [event.id for event in events]
    for kind, is_wanted in runtime.registry.every_event.items():
        if await is_wanted(tx):
            follow_ups.append(NewJob(kind, now, {"event_ids": numbers}, key=kind))
    for kind, types in runtime.registry.gathered.items():
        chosen = [event.id for event in events if event.type in types]
        follow_ups += [NewJob(kind, now, {"event_ids": chosen}, key=kind)] if chosen else []
    await jobs.enqueue(tx, follow_ups)
    await outbox.mark(tx, events)
    return len(events)


async def claim_jobs(
    runtime: Runtime,
    orgs: Sequence[int],
    jobs_max: int = CHUNK_JOBS,
    *,
    kinds: Sequence[str] | None = None,
    guard: Guard | None = None,
) -> list[Job]:
    """Lease free jobs of these organizations, evenly; of every registered kind or of some."""
    known = list(runtime.registry.jobs if kinds is None else kinds)
    for _ in range(CLAIM_TRIES):
        try:
            async with runtime.db.transaction(list(orgs), guard=guard) as tx:
                return await _claim_evenly(runtime, tx, orgs, known, jobs_max)
        except jobs.CLAIM_RACE:
            continue
    raise ClaimsCollided()


async def _claim_evenly(
    runtime: Runtime, tx: Tx, orgs: Sequence[int], kinds: Sequence[str], jobs_max: int
) -> list[Job]:
    claimed: list[Job] = []
    asked = list(orgs)
    while asked and len(claimed) < jobs_max:
        room = jobs_max - len(claimed)
        share = max(room // len(asked), 1)
        part = await jobs.claim(tx, asked, kinds, room, per_org_max=share, lease_seconds=runtime.lease_seconds)
        claimed += part
        taken = Counter(job.org_id for job in part)
        asked = [org_id for org_id in asked if taken[org_id] >= share and len(orgs) > 1]
    return claimed


async def run_jobs(
    runtime: Runtime,
    claimed: Sequence[Job],
    *,
    gates: Gates | None = None,
    stopping: asyncio.Event | None = None,
) -> int:
    """Run leased jobs side by side, as many as `gates` let, and remove the finished set-wise; how many ended well.

    Once `stopping` is set, jobs that were not begun are given back; when this is cancelled, so are those that run.
    """
    if not claimed:
        return 0
    gates = gates or Gates()

    async def one(job: Job) -> tuple[Job, Ending]:
        async with gates.of(runtime.registry.jobs[job.kind]):
            if stopping is not None and stopping.is_set():
                return job, Ending.NOT_BEGUN
            return job, await attempt(runtime, job)

    tasks = {asyncio.create_task(one(job)): job for job in _order(claimed)}
    running = set(tasks)
    keeper = asyncio.create_task(_keep_leases(runtime, tasks))
    finished = 0
    try:
        while running:
            done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            finished += await _to_its_end(_end(runtime, [task.result() for task in done]))
    finally:
        keeper.cancel()
        if running:
            await _abandon(runtime, {task: tasks[task] for task in running})
    return finished


async def sweep_chunk(runtime: Runtime, kind: SweepKind, orgs: Sequence[int], *, guard: Guard | None = None) -> int:
    """One chunk of one sweep; how many rows it took."""

    async def process(tx: Tx, rows: list[Row]) -> None:
        going = await automation.hold_rows(tx, kind, rows)
        if going:
            await kind.process(runtime, tx, going)

    return await sweeps.run_chunk(runtime.db, kind.sweep, orgs, process, guard=guard)


def _order(claimed: Sequence[Job]) -> list[Job]:
    """First tries in their order, then repeated ones in none: one that kills its worker must not always be ahead of
    the same others and use up their tries with its own."""
    first = [job for job in claimed if job.attempts <= 1]
    repeated = [job for job in claimed if job.attempts > 1]
    _shuffle(repeated)
    return first + repeated


async def _to_its_end(ending: Coroutine[None, None, int]) -> int:
    """Cancelled meanwhile, it still goes to its end: else a job that went well would keep its lease."""
    task = asyncio.create_task(ending)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


async def _end(runtime: Runtime, ended: Sequence[tuple[Job, Ending]]) -> int:
    well = [job for job, ending in ended if ending is Ending.WELL]
    back = [job for job, ending in ended if ending is Ending.NOT_BEGUN]
    await _complete(runtime, well)
    await _give_back(runtime, back)
    return len(well)


async def _complete(runtime: Runtime, well: Sequence[Job]) -> None:
    for last in (False,) * (CLAIM_TRIES - 1) + (True,):
        if not well:
            return
        try:
            async with runtime.db.transaction(sorted({job.org_id for job in well})) as tx:
                await jobs.complete(tx, well)
            return
        except jobs.CLAIM_RACE:
            if last:
                raise


async def _give_back(runtime: Runtime, unfinished: Sequence[Job]) -> None:
    if unfinished:
        async with runtime.db.transaction(sorted({job.org_id for job in unfinished})) as tx:
            await jobs.release(tx, unfinished)


async def _abandon(runtime: Runtime, tasks: dict[asyncio.Task[tuple[Job, Ending]], Job]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    try:
        await _give_back(runtime, list(tasks.values()))
    except TRANSIENT as exc:  # the leases run out instead
        log.warning("jobs.not_given_back", reason=str(exc), jobs=len(tasks))


async def _keep_leases(runtime: Runtime, tasks: Mapping[asyncio.Task[tuple[Job, Ending]], Job]) -> None:
    """Prolong the leases of what is not done, three times within a lease; what was inside a transaction, soon again."""
    while True:
        await asyncio.sleep(runtime.lease_seconds / 3)
        again_until = monotonic_seconds() + runtime.lease_seconds / 3
        kept: set[int] = set()
        while monotonic_seconds() < again_until:
            todo = [job for task, job in tasks.items() if not task.done() and job.id not in kept]
            if not todo:
                break
            try:
                async with runtime.db.transaction(sorted({job.org_id for job in todo})) as tx:
                    kept |= await jobs.renew(tx, todo, lease_seconds=runtime.lease_seconds)
            except TRANSIENT as exc:
                log.warning("jobs.leases_not_renewed", reason=str(exc), jobs=len(todo))
            await asyncio.sleep(runtime.lease_seconds / _RENEWALS_PER_LEASE)
