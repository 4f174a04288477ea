"""The worker's loop: find who has due work, do it in chunks, sleep until woken or a second has passed.

Any number of workers run side by side. A stop signal lets running jobs end and begins nothing new; kill -9 at any
line costs nothing but the time of a lease.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Sequence

import asyncpg
import structlog

from cauce.flows import runner
from cauce.flows.context import Runtime
from cauce.storage import jobs, outbox, sweeps
from cauce.storage.database import Connection
from cauce.storage.sweeps import TRANSIENT

log = structlog.get_logger(__name__)

POLL_MILLIS = 1_000
IN_FLIGHT_MAX = 1_000
_ORGS_PER_CHUNK = 200
_RECONNECT_SECONDS = 2
_jitter = random.SystemRandom()


class Worker:
    """Works until `stop` is called. `concurrency` bounds the jobs of one chunk that run at the same time."""

    def __init__(self, runtime: Runtime, *, concurrency: int = 16, poll_millis: int = POLL_MILLIS) -> None:
        self._runtime = runtime
        self._concurrency = concurrency
        self._poll_millis = poll_millis
        self._stopping = asyncio.Event()
        self._woken = asyncio.Event()
        self._in_flight = 0
        self._chunks: set[asyncio.Task[None]] = set()

    def stop(self) -> None:
        """Finish what runs, begin nothing new."""
        self._stopping.set()
        self._woken.set()

    async def run(self) -> None:
        """Work until stopped. A lost database is waited for."""
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
                    await self._sleep(self._poll_millis * _jitter.randrange(75, 125) // 100)
            await asyncio.gather(*self._chunks)
        finally:
            listener.cancel()

    async def _round(self) -> bool:
        async with self._runtime.scheduler.transaction() as tx:
            with_events = await outbox.find_orgs(tx)
            with_jobs = await jobs.find_orgs(tx)
            with_rows = [(kind, await sweeps.find_orgs(tx, kind.sweep)) for kind in self._runtime.registry.sweeps]
        done = 0
        for org_id in with_events:
            done += await runner.relay_events(self._runtime, org_id)
        for orgs in _parts(with_jobs):
            done += await self._begin_jobs(orgs)
        for kind, due_orgs in sorted(with_rows, key=lambda pair: pair[0].sweep.rank):
            for orgs in _parts(due_orgs):
                if self._stopping.is_set():
                    return True
                done += await runner.sweep_chunk(self._runtime, kind, orgs)
        return done > 0

    async def _begin_jobs(self, orgs: Sequence[int]) -> int:
        room = min(IN_FLIGHT_MAX - self._in_flight, runner.CHUNK_JOBS)
        if room <= 0:  # wait for one chunk to end instead of turning in circles
            await asyncio.wait(self._chunks, return_when=asyncio.FIRST_COMPLETED)
            return 1
        claimed = await runner.claim_jobs(self._runtime, orgs, room)
        if claimed:
            self._in_flight += len(claimed)
            chunk = asyncio.create_task(self._run_chunk(claimed))
            self._chunks.add(chunk)
            chunk.add_done_callback(self._chunks.discard)
        return len(claimed)

    async def _run_chunk(self, claimed: Sequence[jobs.Job]) -> None:
        try:
            await runner.run_jobs(self._runtime, claimed, concurrency=self._concurrency)
        except TRANSIENT as exc:  # the leases run out and somebody does them again
            log.warning("worker.chunk_lost", reason=str(exc), jobs=len(claimed))
        finally:
            self._in_flight -= len(claimed)
            self._woken.set()

    async def _sleep(self, millis: int) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._woken.wait(), timeout=millis / 1_000)

    async def _listen(self) -> None:
        while True:
            with contextlib.suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
                async with self._runtime.db.connection() as connection:
                    ended = asyncio.Event()
                    connection.add_termination_listener(lambda _connection, ended=ended: ended.set())
                    await connection.add_listener(jobs.CHANNEL, self._on_notify)
                    await ended.wait()
            await asyncio.sleep(_RECONNECT_SECONDS)

    def _on_notify(self, _connection: Connection, _pid: int, _channel: str, _payload: object) -> None:
        self._woken.set()


def _parts(orgs: Sequence[int]) -> list[Sequence[int]]:
    return [orgs[start : start + _ORGS_PER_CHUNK] for start in range(0, len(orgs), _ORGS_PER_CHUNK)]
