"""A crowd of workers to which things happen, and what must be true when they are through."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

import asyncpg

from cauce.kernel.clock import monotonic_seconds
from cauce.storage import jobs
from cauce.storage.database import Database
from cauce.storage.jobs import NewJob
from cauce.storage.sweeps import TRANSIENT
from tests.support import toy
from tests.support.worker_process import WorkerProcess

LEASE_SECONDS = 1
REAPED = "the worker did not finish in time"


class Crowd:
    """Worker processes over one database; whoever dies is replaced."""

    def __init__(self, dsn: str, size: int, chance: random.Random) -> None:
        self._dsn = dsn
        self._size = size
        self._chance = chance
        self._workers: list[WorkerProcess] = []
        self.deaths = 0
        self.freezes = 0

    async def fill(self, *, dying: bool = True) -> None:
        """Bring the crowd to its size; newcomers may be doomed to die at one of their next commits."""
        for worker in [one for one in self._workers if not one.is_alive()]:
            self._workers.remove(worker)
            await worker.end()
            self.deaths += 1
        while len(self._workers) < self._size:
            doomed = dying and self._chance.random() < 0.7
            worker = WorkerProcess(
                self._dsn,
                lease_seconds=LEASE_SECONDS,
                die_at=self._chance.randrange(1, 60) if doomed else 0,
                die_after=self._chance.random() < 0.5,
                concurrency=4,
            )
            self._workers.append(worker)
            with contextlib.suppress(AssertionError):  # it may be dead already
                await worker.ready()

    def strike(self) -> None:
        """kill -9 for one of them, at this very moment."""
        self._chance.choice(self._workers).kill()

    async def freeze_one(self, seconds: float) -> None:
        """SIGSTOP one of them for longer than a lease."""
        worker = self._chance.choice(self._workers)
        worker.freeze()
        self.freezes += 1
        await asyncio.sleep(seconds)
        worker.thaw()

    async def end(self) -> None:
        """Everybody home."""
        await asyncio.gather(*(worker.end() for worker in self._workers))


@asynccontextmanager
async def crowd(dsn: str, size: int, chance: random.Random) -> AsyncIterator[Crowd]:
    """A crowd for the block."""
    gathered = Crowd(dsn, size, chance)
    try:
        yield gathered
    finally:
        await gathered.end()


async def enqueue_load(
    database: Database, org_ids: Sequence[int], count: int, chance: random.Random
) -> dict[int, list[str]]:
    """`count` jobs for each organization, some under few keys, some slow; their names by organization."""
    names: dict[int, list[str]] = {}
    for org_id in org_ids:
        names[org_id] = [f"job {n}" for n in range(count)]
        new = [
            NewJob(
                chance.choice(["toy.once", "toy.once", "toy.slowly"]),
                toy.DAWN - timedelta(days=3650),
                {"name": name, "millis": chance.randrange(1, 30)},
                key=f"key {chance.randrange(4)}" if chance.random() < 0.4 else None,
            )
            for name in names[org_id]
        ]
        for start in range(0, count, 20):
            await toy.enqueue(database, org_id, new[start : start + 20])
    return names


async def left(database: Database, org_ids: Sequence[int]) -> int:
    """How many jobs are not done yet; survives a restart of the database."""
    while True:
        try:
            count = 0
            for org_id in org_ids:
                async with database.transaction(org_id) as tx:
                    count += sum(row["jobs"] for row in await jobs.depth(tx))
            return count
        except TRANSIENT:
            await asyncio.sleep(0.2)


async def until_none_is_left(database: Database, org_ids: Sequence[int], crowd: Crowd, seconds: int = 60) -> None:
    """Let the survivors finish."""
    deadline = monotonic_seconds() + seconds
    while count := await left(database, org_ids):
        assert monotonic_seconds() < deadline, f"{count} jobs are still not done: {await _rows(database, org_ids)}"
        await crowd.fill(dying=False)
        await asyncio.sleep(0.1)


async def _rows(database: Database, org_ids: Sequence[int]) -> list[dict[str, object]]:
    rows = []
    for org_id in org_ids:
        async with database.transaction(org_id) as tx:
            rows += [dict(row) for row in await jobs.page(tx)]
    return rows


async def prove_effects_once(database: Database, names: dict[int, list[str]]) -> None:
    """Every job had its effect exactly once, those of one key in order."""
    for org_id, wanted in names.items():
        counts = Counter(await toy.effects(database, org_id))
        assert {name: count for name, count in counts.items() if count != 1} == {}
        assert set(counts) == set(wanted)


async def prove_leases(dsn: str) -> int:
    """No lease was taken before the one before it had ended or run out; how many ran out."""
    connection = await asyncpg.connect(dsn)
    try:
        rows = await connection.fetch(toy.QUERIES.leases)
    finally:
        await connection.close()
    ran_out = 0
    holder: dict[int, int | None] = {}
    for row in rows:
        job_id = row["job_id"]
        if row["what"] == "taken":
            assert holder.get(job_id) is None, f"job {job_id} had two leases"
            holder[job_id] = row["token"]
        else:
            assert holder.get(job_id) == row["token"], f"job {job_id}: {row['what']} by somebody without its lease"
            if row["what"] == "ended":
                holder[job_id] = None
                if row["error"] == REAPED:
                    ran_out += 1
                    assert row["at"] >= row["leased_until"], f"job {job_id} was taken away too early"
    return ran_out
