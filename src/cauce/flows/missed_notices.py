"""What a provider told us and we never heard: read from its own list, after an outage and every hour to be sure (M2).

Channels of live organizations are read by themselves from the day they are connected, at once when the server comes up
again; those of a sandbox when somebody says so. What is found goes the way of every notice: stored once under the
provider's own event id, so that one which did arrive, or is read twice, has one effect, and processed forward only. The
place up to which the list was read is kept, a day at a time. What is older than the list is lost to it and said so: the
outcomes of our own instructions are found by asking, the rest only by looking at the provider.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

import structlog

from cauce.channels import listing, store
from cauce.flows import inbound
from cauce.flows.context import Context, Runtime, SweepKind
from cauce.gateway.capabilities import Can
from cauce.gateway.errors import CannotRead
from cauce.kernel.errors import InvalidRequest
from cauce.reports.reconciliation import merchant_refs
from cauce.storage import audit, jobs
from cauce.storage.database import Row, Tx
from cauce.storage.jobs import Job, NewJob
from cauce.storage.orgclock import org_now
from cauce.storage.outbox import NewEvent, emit

READ_JOB = "notices.read_list"
EVERY = timedelta(hours=1)
OVERLAP = timedelta(hours=1)
"""A list may show late what happened before what it showed already."""

SETTLING = timedelta(minutes=10)
"""What happened just now is on its way to us: the hourly reading leaves it to the next."""

ACCOUNTS_EVERY = timedelta(days=1)
OUTAGE = timedelta(hours=3)
"""Whose list was not read for so long was away: merchants' accounts are read at once then, else once a day."""

_CHUNK = timedelta(days=1)
_THIS_SECOND = timedelta(seconds=1)  # a span ends before its end, and "until now" means what happened now too

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Read:
    """A span of a provider's list that was read; `missed` notices in it were new to us."""

    since: datetime
    until: datetime
    missed: int


async def read_regularly(context: Context, channel_id: str, *, on: bool = True) -> None:
    """Read a channel's list every hour from now on, or no longer. `capability_missing`."""
    await _opened(context, channel_id)
    async with context.transaction() as tx:
        now = await context.now(tx)
        await listing.begin(tx, channel_id, now, now if on else None)
        await audit.record(tx, context.actor, "channel.read_notices", channel_id, after={"hourly": on})


async def read_span(
    context: Context, channel_id: str, since: datetime | None = None, until: datetime | None = None
) -> Read:
    """Read the list by hand over a span, by default from where it was read to until now.

    `invalid_request` for a span that is empty, lies ahead or is older than the list; `capability_missing`; `CannotRead`
    when the provider does not answer, with what was read before kept.
    """
    gateway, kept = await _opened(context, channel_id)
    async with context.transaction() as tx:
        now = await context.now(tx)
        oldest = now - kept if kept else datetime.min.replace(tzinfo=now.tzinfo)
        begin = since or await _begin(tx, channel_id, oldest)
        end = until or now + _THIS_SECOND
        if begin < oldest:
            raise InvalidRequest(f"nothing before {oldest:%Y-%m-%d %H:%M} UTC is on the provider's list", param="since")
        if not begin < end <= now + _THIS_SECOND:
            raise InvalidRequest("a span begins before it ends, and ends by now", param="until")
        await audit.record(tx, context.actor, "channel.read_notices", channel_id, after={"since": begin, "until": end})
        if await listing.place(tx, channel_id) is None:
            await listing.begin(tx, channel_id, begin, None)
        refs = await _accounts(tx, channel_id)
    return await _read(context, gateway, channel_id, begin, end, refs)


async def lists_due(_runtime: Runtime, tx: Tx, rows: list[Row]) -> None:
    """The sweep over channels: a job for each, due again in an hour."""
    for org_id, group in groupby(sorted(rows, key=lambda row: row["org_id"]), key=lambda row: row["org_id"]):
        part, due = tx.within(org_id), list(group)
        reading = [
            NewJob(READ_JOB, row["due_at"], {"channel": row["channel_id"]}, key=f"list:{row['channel_id']}")
            for row in due
        ]
        await jobs.enqueue(part, reading)
        await listing.move_due(part, [row["channel_id"] for row in due], await org_now(part) + EVERY)


async def read_due(context: Context, job: Job) -> None:
    """The job of one channel: read on from its place. A provider that does not answer is asked again in an hour."""
    channel_id = str(job.payload["channel"])
    channel, gateway = await context.gateway(channel_id)
    capabilities = context.runtime.gateways.capabilities(channel)
    async with context.transaction() as tx:
        if Can.LISTS_NOTICES not in capabilities.can:
            await listing.move_due(tx, [channel_id], None)
            return
        place = await listing.place(tx, channel_id)
        if place is None or await store.is_stopped(tx, channel_id):
            return
        now = await context.now(tx)
        since = place["read_to"] - OVERLAP
        kept = _kept(capabilities)
        if kept:
            await _say_lost(context, tx, channel_id, now - kept, now)
            since = max(since, now - kept)
        refs: tuple[str, ...] | None = None
        if now - place["read_to"] >= OUTAGE or now - place["accounts_read_to"] >= ACCOUNTS_EVERY:
            refs = await _accounts(tx, channel_id)
            since = min(since, max(place["accounts_read_to"] - OVERLAP, now - kept if kept else since))
    try:
        await _read(context, gateway, channel_id, since, now - SETTLING, refs)
    except CannotRead as failed:
        log.warning("notices.list_unread", channel=channel_id, reason=str(failed))


async def _say_lost(context: Context, tx: Tx, channel_id: str, oldest: datetime, now: datetime) -> None:
    lost_from = await listing.note_lost(tx, channel_id, oldest)
    if lost_from is not None:
        await store.lock_channel(tx, channel_id)
        span = {"since": lost_from.isoformat(), "until": oldest.isoformat()}
        await emit(tx, [NewEvent("provider.notices_lost", channel_id, now, span)], actor=context.actor.name)


async def _accounts(tx: Tx, channel_id: str) -> tuple[str, ...]:
    """The provider's ids of the merchants' accounts that have lists of their own there."""
    return tuple(sorted(set((await merchant_refs(tx, channel_id)).values())))


async def _read(
    context: Context, gateway: Any, channel_id: str, since: datetime, until: datetime, accounts: Sequence[str] | None
) -> Read:
    """Read the channel's own list, and where `accounts` is given theirs."""
    total = 0
    for begin, end in _parts(since, until):
        missed = 0
        for ref in ("", *(accounts or ())):
            async for page in gateway.listed_notices(begin, end, ref):
                missed += await inbound.keep(context, channel_id, page)
        total += missed
        async with context.transaction() as tx:
            now = await context.now(tx)
            await listing.note_read(tx, channel_id, begin, end, missed, now, with_accounts=accounts is not None)
            if missed:
                await store.lock_channel(tx, channel_id)
                content = {"since": begin.isoformat(), "until": end.isoformat(), "notices": missed}
                await emit(
                    tx, [NewEvent("provider.notices_missed", channel_id, now, content)], actor=context.actor.name
                )
    return Read(since, until, total)


def _parts(since: datetime, until: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The span in parts of a day at most, oldest first."""
    while since < until:
        end = min(since + _CHUNK, until)
        yield since, end
        since = end


async def _opened(context: Context, channel_id: str) -> tuple[Any, timedelta | None]:
    channel, gateway = await context.gateway(channel_id)
    capabilities = context.runtime.gateways.capabilities(channel)
    capabilities.require(Can.LISTS_NOTICES, what="reading notices that were missed")
    return gateway, _kept(capabilities)


def _kept(capabilities: Any) -> timedelta | None:
    limit = capabilities.notices_kept_days
    return timedelta(days=limit.value) if limit else None


async def _begin(tx: Tx, channel_id: str, oldest: datetime) -> datetime:
    place = await listing.place(tx, channel_id)
    return max(place["read_to"] - OVERLAP, oldest) if place else oldest


READ_SWEEP = SweepKind(listing.DUE, lists_due)
