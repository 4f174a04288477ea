"""Advancing a sandbox's clock: instant by instant in due order, resumable at any line.

One step: everything due at the present instant is done (jobs, events, then sweeps by rank until nothing is left);
the clock then jumps to the earliest due row, job or simulator timer, never past the target. The way is written down
in `storage.clock_advance`, so a killed advance goes on where it stood when another worker takes its job.
"""

from __future__ import annotations

import asyncio
from datetime import datetime

from cauce.flows import runner
from cauce.flows.context import Context, Runtime
from cauce.storage import jobs, orgclock, outbox, sweeps
from cauce.storage.jobs import Job, NewJob
from cauce.storage.orgclock import Advance
from cauce.storage.outbox import NewEvent

ADVANCE_JOB = "clock.advance"
_NOT_ITSELF = frozenset({ADVANCE_JOB})
_WAIT_SECONDS = 20 / 1000


async def begin_advance(context: Context, target: datetime) -> Advance:
    """Send the sandbox's clock towards `target`; a worker walks it there."""
    async with context.transaction() as tx:
        advance = await orgclock.begin_advance(tx, target)
        await jobs.enqueue(tx, [NewJob(ADVANCE_JOB, advance.started_at, {"advance_id": advance.id}, key=ADVANCE_JOB)])
    return advance


async def run_advance(context: Context, job: Job) -> None:
    """The job: walk until the target is reached."""
    advance_id = job.payload["advance_id"]
    while True:
        async with context.transaction() as tx:
            advance = await orgclock.read_advance(tx, advance_id)
        if advance.done_at is not None:
            return
        await _settle_simulators(context, advance.reached_at)
        await until_quiet(context.runtime, context.org_id, advance.reached_at)
        if advance.reached_at >= advance.target_at:
            await _arrive(context, advance)
            return
        instant = min(await _next_instant(context) or advance.target_at, advance.target_at)
        async with context.transaction() as tx:
            await orgclock.move(tx, advance.id, max(instant, advance.reached_at))


async def until_quiet(runtime: Runtime, org_id: int, instant: datetime) -> None:
    """Do everything of this organization that is due at `instant`, in rank order, until nothing is left."""
    while True:
        if await _run_effects(runtime, org_id, instant):
            continue
        if not await _sweep_once(runtime, org_id):
            return


async def _run_effects(runtime: Runtime, org_id: int, instant: datetime) -> bool:
    relayed = await runner.relay_events(runtime, org_id)
    claimed = await runner.claim_jobs(runtime, [org_id], except_kinds=_NOT_ITSELF)
    await runner.run_jobs(runtime, claimed)
    if relayed or claimed:
        return True
    async with runtime.db.transaction(org_id) as tx:
        waiting = await jobs.unfinished_until(tx, instant, tuple(_NOT_ITSELF)) or await outbox.unrelayed(tx)
    if waiting:  # another worker has it, or its kind is unknown here
        await asyncio.sleep(_WAIT_SECONDS)
    return bool(waiting)


async def _sweep_once(runtime: Runtime, org_id: int) -> bool:
    for kind in sorted(runtime.registry.sweeps, key=lambda kind: kind.sweep.rank):
        if await runner.sweep_chunk(runtime, kind, [org_id]):
            return True
    return False


async def _next_instant(context: Context) -> datetime | None:
    async with context.transaction() as tx:
        instants = [await jobs.next_due(tx)]
        instants += [await sweeps.next_due(tx, kind.sweep) for kind in context.runtime.registry.sweeps]
    if context.runtime.sandbox_clocks is not None:
        instants.append(await context.runtime.sandbox_clocks.next_timer_at(context.org_id))
    return min((instant for instant in instants if instant is not None), default=None)


async def _settle_simulators(context: Context, instant: datetime) -> None:
    if context.runtime.sandbox_clocks is not None:
        await context.runtime.sandbox_clocks.set(context.org_id, instant)


async def _arrive(context: Context, advance: Advance) -> None:
    async with context.transaction() as tx:
        await orgclock.end_advance(tx, advance.id)
        arrived = NewEvent(
            "clock.advanced", advance.id, advance.target_at, {"from": advance.started_at, "to": advance.target_at}
        )
        await outbox.emit(tx, [arrived], actor=context.actor.name, cause=context.cause)
