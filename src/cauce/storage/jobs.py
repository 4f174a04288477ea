"""Side effects that wait: enqueued in the transaction of their cause, leased, retried, buried visibly.

A worker claims jobs in chunks. Each claim carries a lease: a token and an end in wall time. Every transaction of the
job begins by proving that the lease still holds (`guard`), so a worker that was stopped and wakes up too late can
change nothing. Jobs with the same key run one after the other, in the order of enqueueing. A job that keeps failing
is buried with its reason and waits for a person.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import asyncpg

from cauce.kernel.errors import Conflict
from cauce.storage.database import Guard, Row, Tx
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__, "jobs.sql")

LEASE_SECONDS = 60
ATTEMPTS_MAX = 12
RETRY_FIRST_SECONDS = 5
RETRY_LONGEST_SECONDS = 6 * 3600
CHANNEL = "cauce_jobs"
"""The NOTIFY channel that wakes workers; polling finds whatever it misses."""

_FIND_ROWS_MAX = 5_000
_jitter = random.SystemRandom()


class LeaseLost(Conflict):
    """The job's lease ended before this transaction: another worker has it now."""

    code = "lease_lost"


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job to enqueue, due at org time `due_at`. `dedupe`: dropped when one of that kind and value already waits."""

    kind: str
    due_at: datetime
    payload: dict[str, Any] = field(default_factory=dict)
    key: str | None = None
    dedupe: str | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """A leased job."""

    org_id: int
    id: int
    kind: str
    payload: dict[str, Any]
    due_at: datetime
    attempts: int
    lease_token: int

    def guard(self) -> Guard:
        """What every transaction of this job runs first."""

        async def prove_lease(tx: Tx) -> None:
            if not await tx.value(QUERIES.guard, self.org_id, self.id, self.lease_token):
                raise LeaseLost()

        return prove_lease


async def enqueue(tx: Tx, jobs: Sequence[NewJob]) -> None:
    """Write the jobs with the caller's transaction; workers are woken after its commit."""
    if not jobs:
        return
    await tx.run(
        QUERIES.enqueue,
        tx.org,
        [job.kind for job in jobs],
        [job.key for job in jobs],
        [job.dedupe for job in jobs],
        [job.payload for job in jobs],
        [job.due_at for job in jobs],
    )
    tx.wake_workers()


async def find_orgs(scheduler_tx: Tx) -> list[int]:
    """Organizations with due jobs or expired leases, seen by the scheduler role without any lock."""
    return [row["org_id"] for row in await scheduler_tx.rows(QUERIES.find, _FIND_ROWS_MAX)]


async def claim(
    tx: Tx, orgs: Sequence[int], kinds: Sequence[str], jobs_max: int, *, lease_seconds: int = LEASE_SECONDS
) -> list[Job]:
    """Lease up to `jobs_max` free jobs of the known `kinds`, in due order; jobs of unknown kinds wait for a newer worker."""
    rows = await tx.rows(QUERIES.claim, list(orgs), list(kinds), jobs_max, lease_seconds)
    jobs = [Job(**dict(row)) for row in rows]
    return sorted(jobs, key=lambda job: (job.due_at, job.id))


CLAIM_RACE = asyncpg.UniqueViolationError
"""Raised by `claim` when two workers met at one key; claim again."""


async def reap(tx: Tx, orgs: Sequence[int]) -> int:
    """Let jobs whose lease ran out wait again."""
    return await tx.run(QUERIES.reap, list(orgs))


async def complete(tx: Tx, jobs: Sequence[Job]) -> int:
    """Remove finished jobs; how many still had their lease."""
    return await tx.run(QUERIES.complete, *_leases(jobs))


async def renew(tx: Tx, jobs: Sequence[Job], *, lease_seconds: int = LEASE_SECONDS) -> int:
    """Prolong the leases of jobs that are still being worked on."""
    return await tx.run(QUERIES.renew, *_leases(jobs), lease_seconds)


async def release(tx: Tx, jobs: Sequence[Job]) -> int:
    """Give back claimed jobs that were not begun (graceful stop); the attempt does not count."""
    return await tx.run(QUERIES.release, *_leases(jobs))


async def fail(tx: Tx, job: Job, error: str, now: datetime, *, attempts_max: int = ATTEMPTS_MAX) -> bool:
    """Retry later with jitter, or bury after the last attempt; True when buried. `now` is org time."""
    if job.attempts >= attempts_max:
        await tx.run(QUERIES.bury, job.org_id, job.id, job.lease_token, error)
        return True
    due_at = max(now, job.due_at) + retry_delay(job.attempts)
    await tx.run(QUERIES.retry_later, job.org_id, job.id, job.lease_token, error, due_at)
    return False


def retry_delay(attempts: int) -> timedelta:
    """Doubling from five seconds to six hours, spread by a quarter either way so that failures do not march in step."""
    seconds = min(RETRY_FIRST_SECONDS * 2 ** (attempts - 1), RETRY_LONGEST_SECONDS)
    return timedelta(milliseconds=_jitter.randrange(seconds * 750, seconds * 1250))


async def buried(tx: Tx, *, after_id: int = 0, rows_max: int = 100) -> list[Row]:
    """Jobs that were given up, with their reasons."""
    return await tx.rows(QUERIES.buried, tx.org, after_id, rows_max)


async def revive(tx: Tx, job_id: int | None = None) -> int:
    """Let one buried job (or all of the organization) try again."""
    count = await tx.run(QUERIES.revive, tx.org, job_id)
    tx.wake_workers()
    return count


async def depth(tx: Tx) -> list[Row]:
    """How many jobs of each kind and state there are."""
    return await tx.rows(QUERIES.depth, tx.org)


async def next_due(tx: Tx) -> datetime | None:
    """The org time at which the earliest waiting job is due."""
    due_at: datetime | None = await tx.value(QUERIES.next_due, tx.org)
    return due_at


async def unfinished_until(tx: Tx, instant: datetime, except_kinds: Sequence[str] = ()) -> int:
    """Jobs due by `instant` (org time) that have not ended, buried ones apart."""
    return int(await tx.value(QUERIES.unfinished_until, tx.org, instant, list(except_kinds)))


def _leases(jobs: Sequence[Job]) -> tuple[list[int], list[int], list[int]]:
    return [job.org_id for job in jobs], [job.id for job in jobs], [job.lease_token for job in jobs]
