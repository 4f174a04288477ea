"""One try of one job: run the handler, and when it fails, write down why and when it is tried again.

A job whose worker died takes part in its count of tries too: one that kills every worker is buried like one that
raises every time.
"""

from __future__ import annotations

import asyncio
from enum import Enum, auto

import structlog

from cauce.flows import automation
from cauce.flows.context import JobKind, Runtime
from cauce.kernel.errors import CauceError
from cauce.storage import jobs
from cauce.storage.jobs import Job, LeaseLost
from cauce.storage.orgclock import org_now
from cauce.storage.sweeps import TRANSIENT

log = structlog.get_logger(__name__)

TRANSIENT_TRIES = 3
"""So often a job whose failure says nothing about it (a lost connection, a deadlock) is tried again without delay;
after that, when its lease has run out: in wall time, also where the organization's clock stands."""

_RECORD_TRIES = 3


class JobTimedOut(CauceError):
    """The job took longer than its kind may."""

    code = "job_timed_out"


class WorkersDied(CauceError):
    """Every worker that had this job died or stopped before it ended."""

    code = "workers_died"


class Ending(Enum):
    """How a try ended."""

    WELL = auto()
    FAILED = auto()
    NOT_BEGUN = auto()


async def attempt(runtime: Runtime, job: Job) -> Ending:
    """Try the job once; whatever its handler raises is recorded and ends here."""
    kind = runtime.registry.jobs[job.kind]
    if job.attempts > kind.attempts_max:
        await _record_failure(runtime, job, kind, WorkersDied())
        return Ending.FAILED
    try:
        await _run(runtime, job, kind)
    except LeaseLost:
        log.warning("job.lease_lost", job=job.id, kind=job.kind)
        return Ending.FAILED
    except Exception as exc:  # noqa: BLE001 - whatever it was, the job waits for its next try with the reason
        await _record_failure(runtime, job, kind, exc)
        return Ending.FAILED
    return Ending.WELL


async def _run(runtime: Runtime, job: Job, kind: JobKind) -> None:
    context = runtime.context(job.org_id).for_job(job)
    limit = asyncio.timeout(kind.timeout_seconds)
    try:
        async with limit:
            if not await automation.hold_job(context, job, kind.step):
                await kind.handler(context, job)
    except TimeoutError as exc:
        if not limit.expired():
            raise
        raise JobTimedOut(f"the job took longer than {kind.timeout_seconds} seconds") from exc


async def _record_failure(runtime: Runtime, job: Job, kind: JobKind, failure: Exception) -> None:
    reason = failure.message if isinstance(failure, CauceError) else f"{type(failure).__name__}: {failure}"
    transient = isinstance(failure, TRANSIENT)
    if transient and TRANSIENT_TRIES < job.attempts < kind.attempts_max:
        log.warning("job.left_to_its_lease", job=job.id, kind=job.kind, reason=reason)
        return
    soon = kind.retries_at_once or transient
    was_buried = False
    for last in (False,) * (_RECORD_TRIES - 1) + (True,):
        try:
            async with runtime.db.transaction(job.org_id) as tx:
                now = await org_now(tx)
                was_buried = await jobs.fail(tx, job, reason, now, attempts_max=kind.attempts_max, at_once=soon)
                if was_buried and kind.when_buried is not None:
                    await kind.when_buried(tx, job, reason, now)
            break
        except jobs.CLAIM_RACE:  # a twin of the same dedupe value was enqueued at this moment
            if last:
                raise
        except TRANSIENT as exc:  # the lease runs out and another worker takes it
            log.warning("job.failure_not_recorded", job=job.id, kind=job.kind, reason=str(exc))
            break
    level = log.error if was_buried else log.warning
    level("job.buried" if was_buried else "job.failed", job=job.id, kind=job.kind, reason=reason, exc_info=failure)
