"""The worker's loop: find who has due work, do it in chunks, sleep until woken or a second has passed.

Any number of workers run side by side. A stop signal lets running jobs end, gives back what was not begun and begins
nothing new; kill -9 at any line costs nothing but the time of a lease.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Sequence

import asyncpg
import structlog

from cauce.entrypoints.worker.holding import Holding
from cauce.flows import clock, housekeeping, runner
from cauce.flows.context import Runtime, SweepKind
from cauce.kernel.clock import monotonic_seconds, wall_now
from cauce.storage import jobs, orgclock, outbox, sweeps
from cauce.storage.database import Connection, Tx
from cauce.storage.sweeps import TRANSIENT

log = structlog.get_logger(__name__)

POLL_MILLIS = 1_000
STOP_SECONDS = 20
HOUSEKEEPING_SECONDS = 600
_ORGS_PER_CHUNK = 200
_GATHER_SECONDS = 15 / 1_000
_RECONNECT_SECONDS = 1
_random = random.SystemRandom()


class Worker:
    """Works until `stop` is called. `concurrency` bounds the jobs that run at the same time, see `runner.Gates`."""

    def __init__(self, runtime: Runtime, *, concurrency: int = 16, poll_millis: int = POLL_MILLIS) -> None:
        self._runtime = runtime
        self._gates = runner.Gates(concurrency)
        self._holding = Holding(concurrency)
        self._poll_millis = poll_millis
        self._stopping = asyncio.Event()
        self._woken = asyncio.Event()
        self._sweeps_busy = False
        self._swept_at_millis = 0
        self._chunks: set[asyncio.Task[None]] = set()
        self._tidied_at = monotonic_seconds() - HOUSEKEEPING_SECONDS * _random.random()

    def stop(self) -> None:
        """Finish what runs, begin nothing new."""
        self._stopping.set()
        self._woken.set()

    async def run(self, *, stop_seconds: int = STOP_SECONDS) -> None:
        """Work until stopped; what still runs `stop_seconds` later is broken off and given back. A lost database is waited for."""
        listener = asyncio.create_task(self._listen())
        try:
            while not self._stopping.is_set():
                self._woken.clear()
                try:
                    busy = await self._round()
                except TRANSIENT as exc:
                    log.warning("worker.database_unavailable", reason=str(exc))
                    await self._sleep(_RECONNECT_SECONDS * 1_000)
                    continue
                if not busy:
                    await self._sleep(self._poll_millis * _random.randrange(75, 125) // 100)
                    await asyncio.sleep(_GATHER_SECONDS)  # one look for a burst of wake-ups
        finally:
            listener.cancel()
            await self._wind_up(stop_seconds)

    async def _wind_up(self, stop_seconds: int) -> None:
        if not self._chunks:
            return
        _, late = await asyncio.wait(self._chunks, timeout=stop_seconds)
        for chunk in late:
            chunk.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    async def _round(self) -> bool:
        """One look at everything; whether anything was done."""
        registry = self._runtime.registry
        async with self._runtime.scheduler.transaction() as tx:
            advancing = await orgclock.find_advancing(tx)
            with_events = await outbox.find_orgs(tx)
            expired = await jobs.find_expired(tx)
            with_jobs = await jobs.find_orgs(tx, list(registry.jobs))
            with_rows = await self._find_rows(tx)
        done = 0
        for orgs in _parts(expired):
            done += await self._piece(self._reap(orgs))
            with_jobs += [org_id for org_id in orgs if org_id not in with_jobs]
        for org_id in with_events:
            if org_id not in advancing:
                done += await self._piece(runner.relay_events(self._runtime, org_id))
        for orgs in _parts([org_id for org_id in with_jobs if org_id not in advancing]):
            done += await self._piece(self._begin_jobs(orgs, None))
        for orgs in _parts([org_id for org_id in with_jobs if org_id in advancing]):
            done += await self._piece(self._begin_jobs(orgs, [clock.ADVANCE_JOB]))
        for kind, due in with_rows:
            for orgs in _parts([org_id for org_id in due if org_id not in advancing]):
                swept = await self._piece(runner.sweep_chunk(self._runtime, kind, orgs))
                self._sweeps_busy |= swept > 0
                done += swept
        await self._tidy_up()
        return done > 0

    async def _find_rows(self, tx: Tx) -> list[tuple[SweepKind, list[int]]]:
        """Who has due rows, sweep by sweep: looked for at every turn while there are any, else once in a while.

        Workers are woken for jobs and events many times a second; rows fall due by the clock and can wait for it.
        """
        now_millis = int(monotonic_seconds() * 1_000)
        if not self._sweeps_busy and now_millis - self._swept_at_millis < self._poll_millis:
            return []
        self._swept_at_millis, self._sweeps_busy = now_millis, False
        return [(kind, await sweeps.find_orgs(tx, kind.sweep)) for kind in _by_rank(self._runtime.registry.sweeps)]

    async def _piece(self, work: Awaitable[int]) -> int:
        """A piece that fails is told and left for the next round: it must not keep the others from theirs."""
        if self._stopping.is_set():
            if asyncio.iscoroutine(work):
                work.close()
            return 0
        try:
            return await work
        except TRANSIENT:
            raise
        except Exception as exc:
            log.error("worker.piece_failed", reason=f"{type(exc).__name__}: {exc}", exc_info=exc)
            return 0

    async def _reap(self, orgs: Sequence[int]) -> int:
        async with self._runtime.db.transaction(list(orgs)) as tx:
            return await jobs.reap(tx, orgs)

    async def _begin_jobs(self, orgs: Sequence[int], kinds: Sequence[str] | None) -> int:
        room = min(self._holding.room, runner.CHUNK_JOBS)
        if room <= 0:  # wait for one chunk to end instead of turning in circles
            await asyncio.wait(self._chunks, return_when=asyncio.FIRST_COMPLETED)
            return 1
        claimed = await runner.claim_jobs(self._runtime, orgs, room, kinds=kinds)
        if claimed:
            self._holding.take(len(claimed))
            chunk = asyncio.create_task(self._run_chunk(claimed))
            self._chunks.add(chunk)
            chunk.add_done_callback(self._chunks.discard)
        return len(claimed)

    async def _run_chunk(self, claimed: Sequence[jobs.Job]) -> None:
        begun_at = monotonic_seconds()
        try:
            await runner.run_jobs(self._runtime, claimed, gates=self._gates, stopping=self._stopping)
        except TRANSIENT as exc:  # the leases run out and somebody does them again
            log.warning("worker.chunk_lost", reason=str(exc), jobs=len(claimed))
        except Exception as exc:
            log.error("worker.chunk_failed", reason=f"{type(exc).__name__}: {exc}", jobs=len(claimed), exc_info=exc)
        finally:
            self._holding.give_back(len(claimed), int((monotonic_seconds() - begun_at) * 1_000))
            self._woken.set()

    async def _tidy_up(self) -> None:
        if monotonic_seconds() - self._tidied_at >= HOUSEKEEPING_SECONDS:
            self._tidied_at = monotonic_seconds()
            await self._piece(housekeeping.tidy_up(self._runtime, wall_now()))

    async def _sleep(self, millis: int) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._woken.wait(), timeout=millis / 1_000)

    async def _listen(self) -> None:
        """Be woken by NOTIFY. A lost connection is made again; until then polling finds the work."""
        database = self._runtime.listening or self._runtime.db
        while True:
            with contextlib.suppress(asyncpg.PostgresError, *TRANSIENT):
                async with database.connection() as connection:
                    ended = asyncio.Event()
                    connection.add_termination_listener(lambda _connection, ended=ended: ended.set())
                    await connection.add_listener(jobs.CHANNEL, self._on_notify)
                    self._woken.set()  # what was said before is lost
                    try:
                        await ended.wait()
                    finally:
                        await connection.remove_listener(jobs.CHANNEL, self._on_notify)
            await asyncio.sleep(_RECONNECT_SECONDS)

    def _on_notify(self, _connection: Connection, _pid: int, _channel: str, _payload: object) -> None:
        self._woken.set()


def _by_rank(kinds: Sequence[SweepKind]) -> list[SweepKind]:
    return sorted(kinds, key=lambda kind: kind.sweep.rank)


def _parts(orgs: Sequence[int]) -> list[list[int]]:
    """In an order of no meaning, so that nobody's backlog is always first."""
    mixed = list(orgs)
    _random.shuffle(mixed)
    return [mixed[start : start + _ORGS_PER_CHUNK] for start in range(0, len(mixed), _ORGS_PER_CHUNK)]
