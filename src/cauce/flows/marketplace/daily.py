"""Reconciliation by itself: once in each of the organization's days the statements of the day before are fetched and compared.

A live organization's channels begin with the first merchant who is connected to them; a sandbox's when somebody says
so. A statement that is not to be had yet is fetched on the following days until it comes. When nothing is on its way to
the provider, its balances are held against the custody book too (K4).
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, timedelta
from itertools import groupby

import structlog

from cauce.channels import store as channel_store
from cauce.flows.context import Context, Runtime
from cauce.flows.marketplace.mirror import check_mirror
from cauce.flows.marketplace.parked import check_parked
from cauce.flows.marketplace.reconcile import fetch_statements, reconcile
from cauce.flows.marketplace.terms import terms_of
from cauce.gateway.capabilities import Can
from cauce.kernel.calendar.zones import local_date, zone_of
from cauce.kernel.errors import InvalidRequest
from cauce.marketplace.reconciliation import daily as store
from cauce.marketplace.reconciliation.store import missing_statements
from cauce.reports.compliance import overdue
from cauce.storage import audit, jobs
from cauce.storage.database import Row, Tx
from cauce.storage.directory.orgs import read_org
from cauce.storage.jobs import Job, NewJob
from cauce.storage.outbox import NewEvent, emit

DAILY_JOB = "reconciliation.daily"
DAYS_BACK = 2
"""A provider's day is not the organization's, and may end later: the day before the last is fetched again."""

DAYS_MISSING_MAX = 31
LOOKS = 3
"""So often the balances are read when they differ: business goes on between two reads."""

log = structlog.get_logger(__name__)


async def reconcile_daily(context: Context, channel_id: str, hour: int | None = store.HOUR_DEFAULT) -> None:
    """Reconcile a channel every day at `hour` of the organization's clock; None: no longer. `capability_missing`."""
    if hour is not None and not 0 <= hour <= 23:
        raise InvalidRequest("an hour is 0 to 23", param="hour")
    terms = (await terms_of(context.runtime, context.org_id, {channel_id}))[channel_id]
    terms.capabilities.require(Can.REPORTS, what="daily reconciliation")
    async with context.transaction() as tx:
        zone = zone_of((await read_org(tx, tx.org)).timezone)
        due_at = store.next_at(await context.now(tx), hour, zone) if hour is not None else None
        await store.set_daily(tx, channel_id, store.HOUR_DEFAULT if hour is None else hour, due_at)
        await audit.record(tx, context.actor, "reconciliation.daily", channel_id, after={"hour": hour})


async def begin_daily(context: Context, tx: Tx, channel_ids: Collection[str]) -> None:
    """Channels of a live organization that report are reconciled daily unless somebody said otherwise."""
    org = await read_org(tx, tx.org)
    if not org.livemode:
        return
    terms = await terms_of(context.runtime, context.org_id, channel_ids)
    reports = sorted(one for one, each in terms.items() if Can.REPORTS in each.capabilities.can)
    due_at = store.next_at(await context.now(tx), store.HOUR_DEFAULT, zone_of(org.timezone))
    await store.begin_daily(tx, reports, store.HOUR_DEFAULT, due_at)


async def daily_due(_runtime: Runtime, tx: Tx, rows: list[Row]) -> None:
    """The sweep over channels: a job for each, for the local day that ended last; due again at the same hour tomorrow."""
    for org_id, group in groupby(sorted(rows, key=lambda row: row["org_id"]), key=lambda row: row["org_id"]):
        part, due = tx.within(org_id), list(group)
        zone = zone_of((await read_org(part, org_id)).timezone)
        await jobs.enqueue(
            part,
            [
                NewJob(
                    DAILY_JOB,
                    row["due_at"],
                    {"channel": row["key"], "day": (local_date(row["due_at"], zone) - timedelta(days=1)).isoformat()},
                    key=f"reconcile:{row['key']}",
                )
                for row in due
            ],
        )
        await store.move_due(part, [(row["key"], store.next_at(row["due_at"], row["hour"], zone)) for row in due])


async def reconcile_day(context: Context, job: Job) -> None:
    """The job of one channel and day; the same again finds nothing new."""
    channel_id, day = str(job.payload["channel"]), date.fromisoformat(job.payload["day"])
    days = {day - timedelta(days=n) for n in range(DAYS_BACK)}
    async with context.transaction() as tx:
        days |= {row["day"] for row in (await missing_statements(tx, channel_id, day))[:DAYS_MISSING_MAX]}
    await fetch_statements(context, channel_id, sorted(days))
    found = await reconcile(context, channel_id, min(days), day + timedelta(days=1))
    log.info("reconciliation.daily", channel=channel_id, day=str(day), breaks=found.breaks)
    await _mirror(context, channel_id)
    await _tell_overdue(context, channel_id)


async def _tell_overdue(context: Context, channel_id: str) -> None:
    """Tell once a day what has taken too long (K14)."""
    async with context.transaction() as tx:
        now = await context.now(tx)
        late = await overdue(tx, now)
        if late:
            data = {"count": len(late), "first": f"{late[0].subject}: {late[0].problem}"}
            await emit(tx, [NewEvent("compliance.overdue", channel_id, now, data)], actor=context.actor.name)


async def _mirror(context: Context, channel_id: str) -> None:
    terms = (await terms_of(context.runtime, context.org_id, {channel_id}))[channel_id]
    if Can.REPORTS_PARKED in terms.capabilities.can:
        async with context.transaction() as tx:
            is_stopped = await channel_store.is_stopped(tx, channel_id)
        if not is_stopped:
            await check_parked(context, channel_id)
    if Can.REPORTS_BALANCES not in terms.capabilities.can:
        return
    for _ in range(LOOKS):
        async with context.transaction() as tx:
            if await channel_store.is_stopped(tx, channel_id) or await channel_store.any_open(tx, channel_id):
                return  # nothing is asked of it; or what is on its way is in one of the two and not yet in the other
        if not await check_mirror(context, channel_id):
            return
