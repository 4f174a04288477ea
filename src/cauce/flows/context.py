"""What every flow is handed: the database, the organization it works for, who caused it, and the doors to providers.

`Runtime` is made once per process by the composition root. `Context` is made per request or job: it knows the one
organization, and opens transactions that carry the job's lease. A provider is only ever called outside them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Protocol

from cauce.gateway.provider import Channel
from cauce.gateway.reporting import NoticeKind
from cauce.storage import jobs, orgclock
from cauce.storage.audit import SYSTEM, Actor
from cauce.storage.database import Database, Guard, Row, Tx
from cauce.storage.idempotency import Once
from cauce.storage.jobs import ATTEMPTS_MAX, LEASE_SECONDS, Job
from cauce.storage.sealing import Sealer
from cauce.storage.sweeps import Sweep


class Gateways(Protocol):
    """Opens channels: reads and unseals a channel's row and connects its provider."""

    async def open(self, org_id: int, channel_id: str) -> tuple[Channel, Any]:
        """The channel and the gateway object that speaks for it."""
        ...

    def forget(self, org_id: int, channel_id: str) -> None:
        """Open the channel anew the next time: with its settings and secrets as they stand, and a new session."""
        ...

    def capabilities(self, channel: Channel) -> Any:
        """What the channel's provider can do."""
        ...


class SandboxClocks(Protocol):
    """The simulators' clocks of one sandbox organization."""

    async def next_timer_at(self, org_id: int) -> datetime | None:
        """When the simulators do something next, in org time."""
        ...

    async def set(self, org_id: int, instant: datetime) -> datetime | None:
        """Bring the simulators to `instant`; everything due there has been sent when this returns.

        The answer is when they do something next.
        """
        ...


@dataclass(frozen=True, slots=True)
class Posted:
    """What came of a webhook call: the status and the first part of the answer, or no status and the reason."""

    status: int | None
    answer: str


class Poster(Protocol):
    """Sends one webhook. Refuses addresses that are not public; follows no redirects."""

    async def post(self, url: str, headers: Mapping[str, str], body: bytes, *, loopback_allowed: bool) -> Posted:
        """POST `body`; never raises for what the other side does."""
        ...


JobHandler = Callable[["Context", Job], Awaitable[None]]
RowProcessor = Callable[["Runtime", Tx, list[Row]], Awaitable[None]]


COMPANY_MAX = 100
"""Jobs that one worker runs side by side of kinds that do their work together: as many as its HTTP client has connections."""


@dataclass(frozen=True, slots=True)
class JobKind:
    """How jobs of one kind are done.

    `timeout_seconds` (wall time; None: none) ends a try that hangs. `retries_at_once`: what moves the clock cannot wait
    for it, so the next try follows at once. `step`: which step of the business it is, see `flows.automation` ("": none).
    `in_company`: what a job does to the database it does `together` with others of its kind, so that many at once cost
    no more than few; then `COMPANY_MAX` run side by side, whatever the worker's concurrency. `when_buried`: tells it, with
    the reason, in the transaction in which such a job is given up.
    """

    handler: JobHandler
    attempts_max: int = ATTEMPTS_MAX
    timeout_seconds: int | None = 600
    retries_at_once: bool = False
    step: Callable[[Job], str] | None = None
    in_company: bool = False
    when_buried: Callable[[Tx, Job, str, datetime], Awaitable[None]] | None = None


@dataclass(frozen=True, slots=True)
class SweepKind:
    """A slice's sweep and the flow that handles its rows. `step`: which step of the business a row is."""

    sweep: Sweep
    process: RowProcessor
    step: Callable[[Row], str] | None = None


SubjectLock = Callable[[Tx, list[str]], Awaitable[object]]
"""Locks the objects with these ids, in order of id."""


@dataclass(frozen=True, slots=True)
class Registry:
    """Every name that work is stored under, and what handles it.

    `events` maps a type to job kinds; `every_event` names kinds that want all of them, a chunk at a time, and says
    whether the organization has any use for them at present; `gathered` gives a kind a chunk's events of some types.
    `concluders` maps the purpose of an instruction to the
    flow that gives its outcome effect, `subject_locks` to what locks the objects concerned before any of them does;
    `unresolved` likewise to what tells an outcome that is not known, once. `notices` maps kinds of notice that answer no
    instruction to a flow. `mismatched` is told of refusals that open a case, whatever their purpose.
    """

    jobs: Mapping[str, JobKind]
    sweeps: tuple[SweepKind, ...]
    events: Mapping[str, tuple[str, ...]]
    concluders: Mapping[str, Callable[..., Awaitable[None]]] = field(default_factory=dict)
    subject_locks: Mapping[str, SubjectLock] = field(default_factory=dict)
    unresolved: Mapping[str, Callable[..., Awaitable[None]]] = field(default_factory=dict)
    notices: Mapping[NoticeKind, Callable[..., Awaitable[None]]] = field(default_factory=dict)
    gathered: Mapping[str, frozenset[str]] = field(default_factory=dict)
    every_event: Mapping[str, Callable[[Tx], Awaitable[bool]]] = field(default_factory=dict)
    mismatched: Callable[..., Awaitable[None]] | None = None


@dataclass(frozen=True, slots=True)
class Runtime:
    """What one process works with."""

    db: Database
    scheduler: Database
    sealer: Sealer
    gateways: Gateways
    registry: Registry
    sandbox_clocks: SandboxClocks | None = None
    poster: Poster | None = None
    public_url: str = "http://127.0.0.1:8420"
    lease_seconds: int = LEASE_SECONDS
    listening: Database | None = None  # for LISTEN, when `db` goes through a pooler

    def context(self, org_id: int, *, actor: Actor = SYSTEM, cause: str | None = None) -> Context:
        """A context for one organization."""
        return Context(self, org_id, actor, cause)


@dataclass(frozen=True, slots=True)
class Context:
    """One piece of work for one organization."""

    runtime: Runtime
    org_id: int
    actor: Actor = SYSTEM
    cause: str | None = None
    guard: Guard | None = field(default=None, repr=False)
    once: Once | None = field(default=None, repr=False)
    job: Job | None = field(default=None, repr=False)

    @property
    def db(self) -> Database:
        """The application's pool."""
        return self.runtime.db

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Tx]:
        """A transaction in this organization; for a job it first proves the lease.

        For a request with an Idempotency-Key the first one carries the record, so it must carry the effect too.
        """
        async with self.runtime.db.transaction(self.org_id, guard=self.guard) as tx:
            tx.cause = self.cause
            if self.once is not None:
                await self.once.begin(tx)
            yield tx
            if self.once is not None:
                await self.once.end(tx)

    async def now(self, tx: Tx) -> datetime:
        """The organization's time."""
        return await orgclock.org_now(tx)

    async def gateway(self, channel_id: str) -> tuple[Channel, Any]:
        """The channel and its gateway object."""
        return await self.runtime.gateways.open(self.org_id, channel_id)

    def for_job(self, job: Job) -> Context:
        """The same context under a job's lease."""
        return replace(self, guard=job.guard(), job=job, cause=f"job:{job.kind}")

    async def finish_job(self, tx: Tx) -> None:
        """End the job with this transaction, its last: then its effect happens once, wherever the worker dies.

        A job that does not call this ends after its handler returns; what a try had done before a crash is then done
        again by the next.
        """
        assert self.job is not None, "only a job can be finished"
        await jobs.complete(tx, [self.job])
