"""Watching a clock's advance to its end, with progress; and walking it when no worker does."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from cauce.entrypoints.cli import output
from cauce.flows import clock, runner
from cauce.flows.context import Runtime
from cauce.kernel.clock import monotonic_seconds
from cauce.storage import jobs, orgclock
from cauce.storage.orgclock import Advance

LEASE_SECONDS = 10
"""Short, so that an advance whose terminal was closed can go on soon."""

_WAIT_FOR_WORKER_SECONDS = 2
_LOOK_SECONDS = 200 / 1000
_PARTS = 1_000


async def see_through(runtime: Runtime, org_id: int, advance_id: str) -> Advance:
    """Until the advance is done; this process walks when nobody has begun within two seconds, or who had it died."""
    runtime = replace(runtime, lease_seconds=LEASE_SECONDS)
    walking: asyncio.Task[int] | None = None
    begun_at = monotonic_seconds()
    shown = 0
    with output.progress("advancing", total=_PARTS) as forward:
        while True:
            async with runtime.db.transaction(org_id) as tx:
                advance = await orgclock.read_advance(tx, advance_id)
            parts = _parts_done(advance)
            forward(parts - shown)
            shown = parts
            if advance.done_at is not None:
                break
            if walking is not None and walking.done():
                walking.result()
                walking = None
            if walking is None and monotonic_seconds() - begun_at >= _WAIT_FOR_WORKER_SECONDS:
                walking = await _take_over(runtime, org_id)
            await asyncio.sleep(_LOOK_SECONDS)
    if walking is not None:
        await walking
        await _settle_after(runtime, org_id)
    return advance


async def _take_over(runtime: Runtime, org_id: int) -> asyncio.Task[int] | None:
    async with runtime.db.transaction(org_id) as tx:
        await jobs.reap(tx, [org_id])
    claimed = await runner.claim_jobs(runtime, [org_id], kinds=[clock.ADVANCE_JOB])
    return asyncio.create_task(runner.run_jobs(runtime, claimed)) if claimed else None


async def _settle_after(runtime: Runtime, org_id: int) -> None:
    """The event of the arrival leads to jobs too; without a worker nobody would see to them."""
    while await runner.relay_events(runtime, org_id):
        pass
    while await runner.run_jobs(runtime, await runner.claim_jobs(runtime, [org_id])):
        pass


def _parts_done(advance: Advance) -> int:
    whole = advance.target_at - advance.started_at
    return _PARTS if not whole else _PARTS * (advance.reached_at - advance.started_at) // whole
