"""Runs what waits: relays events, runs jobs, sweeps due rows. The worker loops over it; a clock advance walks it.

Nothing here decides anything. Each function does one bounded piece for some organizations and says how much it did,
so that any number of processes can call it at the same time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog

from cauce.flows.context import JobKind, Runtime, SweepKind
from cauce.kernel.errors import CauceError
from cauce.storage import jobs, outbox, sweeps
from cauce.storage.database import Row, Tx
from cauce.storage.jobs import Job, LeaseLost, NewJob
from cauce.storage.orgclock import org_now

log = structlog.get_logger(__name__)

CHUNK_JOBS = 500
CHUNK_EVENTS = 500
CLAIM_TRIES = 5


async def relay_events(runtime: Runtime, org_id: int) -> int:
    """Turn unrelayed events into the jobs that want them, and mark them; how many events."""
    async with runtime.db.transaction(org_id) as tx:
        events = await outbox.take(tx, CHUNK_EVENTS)
        if not events:
            return 0
        wanted = runtime.registry.events
        follow_ups = [
            NewJob(kind, event.occurred_at, {"event_id": event.id}, key=f"{kind}:{event.object_id}")
            for event in events
            for kind in (*wanted.get(event.type, ()), *wanted.get("*", ()))
        ]
        await jobs.enqueue(tx, follow_ups)
        await outbox.mark(tx, events)
    return len(events)


async def claim_jobs(
    runtime: Runtime, orgs: Sequence[int], jobs_max: int = CHUNK_JOBS, *, except_kinds: frozenset[str] = frozenset()
) -> list[Job]:
    """Lease free jobs of these organizations; expired leases are let go first."""
    kinds = [kind for kind in runtime.registry.jobs if kind not in except_kinds]
    for _ in range(CLAIM_TRIES):
        try:
            async with runtime.db.transaction(list(orgs)) as tx:
                await jobs.reap(tx, orgs)
                return await jobs.claim(tx, orgs, kinds, jobs_max, lease_seconds=runtime.lease_seconds)
        except jobs.CLAIM_RACE:
            continue
    return []


async def run_jobs(runtime: Runtime, claimed: Sequence[Job], *, concurrency: int = 16) -> int:
    """Run leased jobs side by side, then remove the finished ones set-wise; how many ended well."""
    gate = asyncio.Semaphore(concurrency)

    async def one(job: Job) -> Job | None:
        async with gate:
            return job if await _attempt(runtime, job) else None

    if not claimed:
        return 0
    keeper = asyncio.create_task(_keep_leases(runtime, claimed))
    running = {asyncio.create_task(one(job)) for job in claimed}
    finished = 0
    try:
        while running:
            done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            finished += await _complete(runtime, [job for job in (task.result() for task in done) if job is not None])
    finally:
        keeper.cancel()
        for task in running:
            task.cancel()
    return finished


async def sweep_chunk(runtime: Runtime, kind: SweepKind, orgs: Sequence[int]) -> int:
    """One chunk of one sweep; how many rows it took."""

    async def process(tx: Tx, rows: list[Row]) -> None:
        await kind.process(runtime, tx, rows)

    return await sweeps.run_chunk(runtime.db, kind.sweep, orgs, process)


async def _complete(runtime: Runtime, finished: Sequence[Job]) -> int:
    if finished:
        async with runtime.db.transaction(sorted({job.org_id for job in finished})) as tx:
            await jobs.complete(tx, finished)
    return len(finished)


async def _attempt(runtime: Runtime, job: Job) -> bool:
    kind = runtime.registry.jobs[job.kind]
    context = runtime.context(job.org_id).for_job(job)
    try:
        await kind.handler(context, job)
    except LeaseLost:
        log.warning("job.lease_lost", job=job.id, kind=job.kind)
        return False
    except asyncio.CancelledError:
        raise
    except Exception as exc:  # noqa: BLE001 - whatever it was, the job waits for its next try with the reason
        await _record_failure(runtime, job, kind, exc)
        return False
    return True


async def _record_failure(runtime: Runtime, job: Job, kind: JobKind, failure: Exception) -> None:
    reason = failure.message if isinstance(failure, CauceError) else f"{type(failure).__name__}: {failure}"
    async with runtime.db.transaction(job.org_id) as tx:
        was_buried = await jobs.fail(tx, job, reason, await org_now(tx), attempts_max=kind.attempts_max)
    level = log.error if was_buried else log.warning
    level("job.buried" if was_buried else "job.failed", job=job.id, kind=job.kind, reason=reason, exc_info=failure)


async def _keep_leases(runtime: Runtime, claimed: Sequence[Job]) -> None:
    while True:
        await asyncio.sleep(runtime.lease_seconds / 3)
        async with runtime.db.transaction(sorted({job.org_id for job in claimed})) as tx:
            await jobs.renew(tx, claimed, lease_seconds=runtime.lease_seconds)
