"""Advancing a sandbox's clock: instant by instant in due order, resumable at any line.

One step: everything due at the present instant is done (events, jobs, then sweeps by rank, from the start again after
each, until nothing is left); the clock then jumps to the earliest due row, job or simulator timer, never past the
target. The way is written down in `storage.clock_advance`, so a killed advance goes on where it stood when another
worker takes its job. Each transaction of the walk proves the lease of that job: two walkers cannot both walk.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime

from cauce.flows import runner
from cauce.flows.context import Context, JobKind, SweepKind
from cauce.kernel.errors import CauceError
from cauce.storage import jobs, orgclock, outbox
from cauce.storage.database import Tx
from cauce.storage.jobs import ATTEMPTS_MAX, Job, LeaseLost, NewJob
from cauce.storage.orgclock import Advance, Survey
from cauce.storage.outbox import NewEvent
from cauce.storage.sweeps import TRANSIENT

ADVANCE_JOB = "clock.advance"
_WAIT_SECONDS_MIN = 2 / 1000
_WAIT_SECONDS_MAX = 20 / 1000
_TRY_AGAIN_SECONDS = 1
_WAITS_A_REAP = 50
ROUNDS_MAX = 100_000
"""So many rounds at one instant mean that its work makes new work for the same instant without end."""


class NeverQuiet(CauceError):
    """What is due at this instant makes more that is due at this instant, without end."""

    code = "clock_never_quiet"


async def begin_advance(context: Context, target: datetime) -> Advance:
    """Send the sandbox's clock towards `target`; a worker walks it there."""
    async with context.transaction() as tx:
        advance = await orgclock.begin_advance(tx, target)
        await jobs.enqueue(tx, [NewJob(ADVANCE_JOB, advance.started_at, {"advance_id": advance.id}, key=ADVANCE_JOB)])
    return advance


async def run_advance(context: Context, job: Job) -> None:
    """The job: walk until the target is reached. What stops it for good is written into the advance."""
    walk = _Walk(context, job.payload["advance_id"], _by_rank(context))
    try:
        await walk.run()
    except (LeaseLost, *TRANSIENT):
        raise
    except Exception as exc:
        if job.attempts >= ATTEMPTS_MAX or isinstance(exc, NeverQuiet):
            async with context.transaction() as tx:
                await orgclock.end_advance(tx, walk.advance_id, f"{type(exc).__name__}: {exc}")
        await asyncio.sleep(_TRY_AGAIN_SECONDS)
        raise


def _by_rank(context: Context) -> tuple[SweepKind, ...]:
    return tuple(sorted(context.runtime.registry.sweeps, key=lambda kind: kind.sweep.rank))


ADVANCE = JobKind(run_advance, attempts_max=1_000, timeout_seconds=None, retries_at_once=True)
"""How the registry shall run it: as long as it takes, and never waiting for the clock that it moves."""


@dataclass(slots=True)
class _Walk:
    context: Context
    advance_id: str
    sweeps: tuple[SweepKind, ...]
    settled_at: datetime | None = None  # where the simulators have done what was due
    timer_at: datetime | None = None  # when they do something next, as they said
    timer_known: bool = False  # nobody has asked anything of them since
    rounds: int = 0
    waits: int = 0

    async def run(self) -> None:
        """Look, do one thing, look again; move on when nothing is left."""
        while True:
            found, claimed = await self._look()
            if found.advance.done_at is not None:
                return
            here = found.advance.reached_at
            if claimed:
                self.timer_known = False
                await runner.run_jobs(self.context.runtime, claimed)
                progress: bool | None = True
            elif await self._settle_simulators(here):
                continue
            else:
                progress = await self._do_one(found, here)
            if progress is None:
                if await self._go_on(found, here):
                    return
            elif not progress:  # another worker has it, or its kind is unknown here
                self.waits += 1
                if self.waits % _WAITS_A_REAP == 0:  # its holder may have died with its lease
                    async with self.context.transaction() as tx:
                        await jobs.reap(tx, [self.context.org_id])
                await asyncio.sleep(min(_WAIT_SECONDS_MIN * 2 ** min(self.waits, 10), _WAIT_SECONDS_MAX))
            else:
                self.waits = 0

    async def _look(self) -> tuple[Survey, list[Job]]:
        """What there is to do. In the same transaction events are relayed and due jobs claimed; without simulators to
        ask, a quiet instant is left behind in it too."""
        for _ in range(runner.CLAIM_TRIES):
            try:
                async with self.context.transaction() as tx:
                    return await self._look_within(tx)
            except jobs.CLAIM_RACE:  # met another worker
                continue
        raise runner.ClaimsCollided()

    async def _look_within(self, tx: Tx) -> tuple[Survey, list[Job]]:
        clocks = self.context.runtime.sandbox_clocks
        found = await self._survey(tx, flush=clocks is not None)
        while found.unrelayed and await runner.relay_within(self.context.runtime, tx):
            found = await self._survey(tx, flush=True)
        here, target = found.advance.reached_at, found.advance.target_at
        if found.advance.done_at is not None or found.unrelayed:
            return found, []
        if found.jobs_at is not None and found.jobs_at <= here:
            settled = clocks is None or self.settled_at == here
            return found, await self._claim(tx) if settled else []
        onward = min(found.next_at or target, target)
        if clocks is not None or found.leased or onward <= here:
            return found, []
        await orgclock.move(tx, self.advance_id, onward)
        tx.after_commit(self._begin_instant)
        return replace(found, advance=replace(found.advance, reached_at=onward)), []

    def _begin_instant(self) -> None:
        self.rounds = 0

    async def _survey(self, tx: Tx, *, flush: bool) -> Survey:
        self.rounds += 1
        if self.rounds > ROUNDS_MAX:
            raise NeverQuiet()
        kinds = [kind.sweep for kind in self.sweeps]
        return await orgclock.survey(tx, self.advance_id, kinds, except_kinds=(ADVANCE_JOB,), flush=flush)

    async def _claim(self, tx: Tx) -> list[Job]:
        runtime = self.context.runtime
        kinds = [kind for kind in runtime.registry.jobs if kind != ADVANCE_JOB]
        return await jobs.claim(
            tx, [self.context.org_id], kinds, runner.CHUNK_JOBS, lease_seconds=runtime.lease_seconds
        )

    async def _do_one(self, found: Survey, here: datetime) -> bool | None:
        """One piece of what is due; False when others hold it, None when all is quiet."""
        runtime, org_id, guard = self.context.runtime, self.context.org_id, self.context.guard
        if found.unrelayed or found.leased or (found.jobs_at is not None and found.jobs_at <= here):
            return False
        for kind, due_at in zip(self.sweeps, found.rows_at, strict=True):
            if due_at is not None and due_at <= here:
                return await runner.sweep_chunk(runtime, kind, [org_id], guard=guard) > 0
        return None

    async def _settle_simulators(self, here: datetime) -> bool:
        clocks = self.context.runtime.sandbox_clocks
        if clocks is None or self.settled_at == here:
            return False
        self.timer_at = await clocks.set(self.context.org_id, here)
        self.settled_at, self.timer_known = here, True
        return True

    async def _next_timer(self) -> datetime | None:
        clocks = self.context.runtime.sandbox_clocks
        if clocks is not None and not self.timer_known:
            self.timer_at = await clocks.next_timer_at(self.context.org_id)
            self.timer_known = True
        return self.timer_at

    async def _go_on(self, found: Survey, here: datetime) -> bool:
        """All is quiet here: to the next instant, or True when this is the target."""
        target, timer_at = found.advance.target_at, await self._next_timer()
        if timer_at is not None and timer_at <= here:
            self.settled_at = None
            return False
        if here >= target:
            await self._arrive(found.advance)
            return True
        async with self.context.transaction() as tx:
            onward = min(at for at in (found.next_at, timer_at, target) if at is not None)
            await orgclock.move(tx, self.advance_id, max(onward, here))
        self._begin_instant()
        return False

    async def _arrive(self, advance: Advance) -> None:
        async with self.context.transaction() as tx:
            await orgclock.end_advance(tx, advance.id)
            way = {"from": advance.started_at, "to": advance.target_at}
            arrived = NewEvent("clock.advanced", advance.id, advance.target_at, way)
            await outbox.emit(tx, [arrived], actor=self.context.actor.name, cause=self.context.cause)
