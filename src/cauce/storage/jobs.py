"""Side effects that wait: enqueued in the transaction of their cause, leased, retried, buried visibly.

A worker claims jobs in chunks. Each claim carries a lease: a token and an end in wall time. Every transaction of the
job begins by proving that the lease still holds (`guard`), so a worker that was stopped and wakes up too late can
change nothing. Jobs with the same key run one after the other, in the order of enqueueing; whoever must wait for
another steps aside as `blocked` and is called up when that one ends. A job that keeps failing is buried with its
reason and waits for a person.
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

_jitter = random.SystemRandom()


class LeaseLost(Conflict):
    """The job's lease ended before this transaction: another worker has it now."""

    code = "lease_lost"


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job to enqueue, due at org time `due_at`, by which its effects are dated.

    `dedupe`: dropped when one of that kind and value waits and was not begun; that one is then tried no later than
    this one would have been.
    """

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
    key: str | None = None
    lease_seconds: int = LEASE_SECONDS

    def guard(self) -> Guard:
        """What every transaction of this job runs first."""

        async def prove_lease(tx: Tx) -> None:
            if not await tx.value(QUERIES.guard, self.org_id, self.id, self.lease_token, self.lease_seconds):
                raise LeaseLost()

        return prove_lease


async def enqueue(tx: Tx, jobs: Sequence[NewJob]) -> None:
    """Write the jobs with the caller's transaction; workers are woken after its commit."""
    if not jobs:
        return
    wanted = _without_twins(jobs)
    kinds, keys = [job.kind for job in wanted], [job.key for job in wanted]
    payloads, due_at = [job.payload for job in wanted], [job.due_at for job in wanted]
    dedupe = [job.dedupe for job in wanted]
    if any(value is not None for value in dedupe):
        await tx.run(QUERIES.enqueue_deduped, tx.org, kinds, keys, dedupe, payloads, due_at)
    else:
        await tx.run(QUERIES.enqueue, tx.org, kinds, keys, payloads, due_at)
    tx.wake_workers()


async def find_orgs(scheduler_tx: Tx, kinds: Sequence[str]) -> list[int]:
    """Organizations with due jobs of the known `kinds`, seen by the scheduler role without any lock."""
    return [row["org_id"] for row in await scheduler_tx.rows(QUERIES.find, list(kinds))]


async def find_expired(scheduler_tx: Tx) -> list[int]:
    """Organizations with leases that ran out."""
    return [row["org_id"] for row in await scheduler_tx.rows(QUERIES.find_expired)]


async def claim(
    tx: Tx,
    orgs: Sequence[int],
    kinds: Sequence[str],
    jobs_max: int,
    *,
    per_org_max: int | None = None,
    lease_seconds: int = LEASE_SECONDS,
) -> list[Job]:
    """Lease up to `jobs_max` free jobs of the known `kinds`, in due order; jobs of unknown kinds wait for a newer worker.

    At most `per_org_max` of one organization, so that one with a backlog does not keep the others waiting.
    """
    while True:
        rows = await tx.rows(QUERIES.claim, list(orgs), list(kinds), jobs_max, per_org_max or jobs_max, lease_seconds)
        jobs = [Job(**dict(row), lease_seconds=lease_seconds) for row in rows if row["lease_token"] is not None]
        if jobs or not rows:
            return sorted(jobs, key=lambda job: (job.due_at, job.id))
        # Every candidate stepped aside behind an earlier one of its key; the next ones may be free.


CLAIM_RACE = (asyncpg.UniqueViolationError, asyncpg.DeadlockDetectedError)
"""Raised when two workers met at one key: by `claim`, rarely by `complete`, which waits for a claim that blocks another
job behind its own. Do it again."""


async def reap(tx: Tx, orgs: Sequence[int]) -> int:
    """Let jobs whose lease ran out wait again."""
    return await tx.run(QUERIES.reap, list(orgs))


async def complete(tx: Tx, jobs: Sequence[Job]) -> int:
    """Remove finished jobs and call up whoever waited for them; how many still had their lease."""
    count = await tx.run(QUERIES.complete, *_leases(jobs))
    await _promote(tx, jobs)
    return count


async def prove(tx: Tx, jobs: Sequence[Job]) -> set[int]:
    """What `Job.guard` proves, for several jobs in one transaction: the numbers of those that still have their lease."""
    if not jobs:
        return set()
    rows = await tx.rows(QUERIES.prove, *_leases(jobs), max(job.lease_seconds for job in jobs))
    return {row["id"] for row in rows}


async def renew(tx: Tx, jobs: Sequence[Job], *, lease_seconds: int = LEASE_SECONDS) -> set[int]:
    """Prolong the leases of jobs that are still being worked on; the numbers of those it could.

    A job that is inside a transaction at this moment is passed over: waiting for several could end in a deadlock.
    """
    return {row["id"] for row in await tx.rows(QUERIES.renew, *_leases(jobs), lease_seconds)}


async def release(tx: Tx, jobs: Sequence[Job]) -> int:
    """Give back claimed jobs that were not begun (graceful stop); the attempt does not count."""
    return await tx.run(QUERIES.release, *_leases(jobs))


async def fail(
    tx: Tx, job: Job, error: str, now: datetime, *, attempts_max: int = ATTEMPTS_MAX, at_once: bool = False
) -> bool:
    """Retry later with jitter (or `at_once`), or bury after the last attempt; True when buried. `now` is org time."""
    if job.attempts >= attempts_max:
        buried = bool(await tx.run(QUERIES.bury, job.org_id, job.id, job.lease_token, error))
        await _promote(tx, [job])
        return buried
    try_at = job.due_at if at_once else now + retry_delay(job.attempts)
    await tx.run(QUERIES.retry_later, job.org_id, job.id, job.lease_token, error, try_at)
    return False


async def postpone(tx: Tx, job: Job, reason: str, try_at: datetime) -> None:
    """Try this leased job again at org time `try_at`, in its place; for a flow that counts its tries itself."""
    await tx.run(QUERIES.postpone, job.org_id, job.id, job.lease_token, reason, try_at)


async def call_up(tx: Tx, job_id: int) -> int:
    """Let a job that was put off be tried now, in its place; how many (0: there is none that waits)."""
    return await tx.run(QUERIES.call_up, tx.org, job_id)


def retry_delay(attempts: int) -> timedelta:
    """Doubling from five seconds to six hours, jittered."""
    return jittered(timedelta(seconds=min(RETRY_FIRST_SECONDS * 2 ** (attempts - 1), RETRY_LONGEST_SECONDS)))


def jittered(delay: timedelta) -> timedelta:
    """The delay, spread by a quarter either way so that failures do not march in step."""
    return delay * _jitter.randrange(750, 1250) / 1000


async def page(
    tx: Tx,
    *,
    states: Sequence[str] = ("waiting", "blocked", "leased", "buried"),
    after_id: int = 0,
    rows_max: int = 100,
) -> list[Row]:
    """Jobs in some of the states, in order of enqueueing."""
    return await tx.rows(QUERIES.list, tx.org, after_id, rows_max, list(states))


async def buried(tx: Tx, *, after_id: int = 0, rows_max: int = 100) -> list[Row]:
    """Jobs that were given up, with their reasons."""
    return await page(tx, states=("buried",), after_id=after_id, rows_max=rows_max)


async def revive(tx: Tx, job_id: int | None = None) -> int:
    """Let one buried job (or all of the organization) try again; how many."""
    if job_id is None:
        count = await tx.run(QUERIES.revive_all, tx.org)
    else:
        count = await tx.run(QUERIES.revive, tx.org, [job_id])
    tx.wake_workers()
    return count


async def depth(tx: Tx) -> list[Row]:
    """How many jobs of each kind and state there are."""
    return await tx.rows(QUERIES.depth, tx.org)


async def next_due(tx: Tx) -> datetime | None:
    """The org time at which the earliest waiting job is due."""
    due_at: datetime | None = await tx.value(QUERIES.next_due, tx.org)
    return due_at


async def _promote(tx: Tx, ended: Sequence[Job]) -> None:
    keys = sorted({(job.org_id, job.key) for job in ended if job.key is not None})
    if keys and await tx.value(QUERIES.promote, [org_id for org_id, _ in keys], [key for _, key in keys]):
        tx.wake_workers()


def _without_twins(jobs: Sequence[NewJob]) -> list[NewJob]:
    """One statement cannot meet the same dedupe value twice; the twin that is due first stands for both."""
    kept: dict[object, NewJob] = {}
    for place, job in enumerate(jobs):
        name = place if job.dedupe is None else (job.kind, job.dedupe)
        known = kept.get(name)
        if known is None or job.due_at < known.due_at:
            kept[name] = job
    return list(kept.values())


def _leases(jobs: Sequence[Job]) -> tuple[list[int], list[int], list[int]]:
    return [job.org_id for job in jobs], [job.id for job in jobs], [job.lease_token for job in jobs]
