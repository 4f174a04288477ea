"""Closing and reopening an accounting month: seal, run the checklist, close; each step in a transaction of its own.

The ledger brings the lines that it can see. What other slices want to be true before a month closes stands in `LINES`,
one function each, so that the whole checklist is read in one place.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import date, datetime, timedelta

from cauce.channels.store import unknown_before
from cauce.flows.billing.exchange import value_month
from cauce.flows.billing.recognize import is_to_recognize, recognize_in
from cauce.kernel.calendar.zones import start_of_day, zone_of
from cauce.ledger import months, rates
from cauce.ledger.months import Line, MonthName
from cauce.ledger.rules import Book
from cauce.ledger.sealing import seal_all
from cauce.marketplace.reconciliation.closing import open_runs
from cauce.storage.audit import Actor
from cauce.storage.database import Database, Tx
from cauce.storage.directory.orgs import read_org
from cauce.storage.orgclock import org_now


def next_month(starts_on: date) -> date:
    """The first day after the month that begins on `starts_on`."""
    return date(starts_on.year + starts_on.month // 12, starts_on.month % 12 + 1, 1)


async def _billing_lines(tx: Tx, name: MonthName, now: datetime) -> list[Line]:
    """Of the platform's book: revenue of the month recognized (G13), other currencies valued at its end (G14)."""
    if name.book is not Book.PLATFORM:
        return []
    zone = zone_of((await read_org(tx, tx.org)).timezone)
    ends_on = next_month(name.starts_on)
    waits = await is_to_recognize(tx, ends_on)
    try:
        base, off = await rates.clearing_value(tx, start_of_day(ends_on, zone), ends_on - timedelta(days=1))
        told = f"fx_clearing is {off} {base} away from nothing at the closing rates" if off else ""
    except rates.NoRate as missing:
        told = missing.message
    said = "service of the month has not become revenue yet" if waits else ""
    return [Line("revenue_recognized", not waits, said), Line("currency_differences_posted", not told, told)]


async def _channel_lines(tx: Tx, name: MonthName, now: datetime) -> list[Line]:
    """That no attempt, refund or other command of the month has an outcome that nobody knows (O12)."""
    ends_at = start_of_day(next_month(name.starts_on), zone_of((await read_org(tx, tx.org)).timezone))
    doubtful = await unknown_before(tx, ends_at, name.channel_id)
    said = ", ".join(f"{many} {operation}" for operation, many in doubtful.items())
    return [Line("no_outcome_unknown", not doubtful, said and f"the outcome is not known of: {said}")]


async def _reconciliation_lines(tx: Tx, name: MonthName, now: datetime) -> list[Line]:
    """Of a holder's book: that every reconciliation run of the month is closed (O12)."""
    if name.book is not Book.CUSTODY:
        return []
    zone = zone_of((await read_org(tx, tx.org)).timezone)
    first, after = start_of_day(name.starts_on, zone), start_of_day(next_month(name.starts_on), zone)
    waiting = await open_runs(tx, name.channel_id, first, after)
    said = f"{waiting} reconciliation runs have differences that nobody has resolved" if waiting else ""
    return [Line("reconciliation_closed", not waiting, said)]


LINES: list[Callable[[Tx, MonthName, datetime], Awaitable[list[Line]]]] = [
    months.own_lines,
    _billing_lines,
    _channel_lines,
    _reconciliation_lines,
]


async def checklist(database: Database, org_id: int, name: MonthName) -> list[Line]:
    """Every line of the month's checklist as it stands now; seals what can be sealed first."""
    await seal_all(database, org_id)
    async with database.transaction(org_id) as tx:
        now = await org_now(tx)
        return [line for lines in LINES for line in await lines(tx, name, now)]


async def close_month(
    database: Database, org_id: int, name: MonthName, *, explained: Mapping[str, str], actor: Actor
) -> list[Line]:
    """Close the month over its checklist; the lines. `MonthNotReady` leaves it in closing, with the same lines to see.

    What was served in a month of the platform's book becomes revenue first, dated in that month (G13), and what was
    settled in other currencies is valued at its closing rates (G14).
    """
    async with database.transaction(org_id) as tx:
        if not await months.is_closing(tx, name):
            await months.begin_closing(tx, name, actor)
        ends_on = next_month(name.starts_on)
        is_over = start_of_day(ends_on, zone_of((await read_org(tx, org_id)).timezone)) <= await org_now(tx)
    if name.book is Book.PLATFORM and is_over:
        await recognize_in(database, org_id, ends_on, actor.name, "month.close")
        await _value_currencies(database, org_id, name, actor)
    lines = await checklist(database, org_id, name)
    async with database.transaction(org_id) as tx:
        await months.close(tx, name, lines=lines, explained=explained, actor=actor, now=await org_now(tx))
    return lines


async def _value_currencies(database: Database, org_id: int, name: MonthName, actor: Actor) -> None:
    async with database.transaction(org_id) as tx:
        await months.is_closing(tx, name)  # holds the month: it is valued once at a time
        zone = zone_of((await read_org(tx, org_id)).timezone)
        await value_month(
            tx, name.starts_on.strftime("%Y-%m"), start_of_day(next_month(name.starts_on), zone), actor.name
        )


async def reopen_month(
    database: Database, org_id: int, name: MonthName, *, actor: Actor, approved_by: str, reason: str
) -> list[MonthName]:
    """Open the month and all later ones again, by two persons; the months that were opened."""
    async with database.transaction(org_id) as tx:
        return await months.reopen(tx, name, actor=actor, approved_by=approved_by, reason=reason, now=await org_now(tx))
