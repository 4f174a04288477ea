"""Schedules, and the standing of each merchant: when what he was credited is settled next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from cauce.kernel.errors import NotFound
from cauce.kernel.ids import new_id
from cauce.marketplace.settlement import store
from cauce.marketplace.settlement.holidays import Holiday, move_closed, set_holidays, with_calendars
from cauce.marketplace.settlement.rules import DEFAULT, Credit, Schedule, parse_schedule
from cauce.marketplace.settlement.store import (
    channel_pauses,
    merchant_pauses,
    pause_channel,
    pause_merchant,
    resume_channel,
    resume_merchant,
)
from cauce.storage.database import Tx

__all__ = [
    "Credit",
    "assign_schedule",
    "change_holidays",
    "channel_pauses",
    "create_schedule",
    "merchant_pauses",
    "note_credits",
    "pause_channel",
    "pause_merchant",
    "read_schedules",
    "resume_channel",
    "resume_merchant",
]


async def create_schedule(
    tx: Tx, name: str, document: Mapping[str, Any], *, at: datetime, is_default: bool = False
) -> str:
    """A payout schedule; its id. Refused when it cannot be understood."""
    parse_schedule(document)
    schedule_id = new_id("pos")
    await store.insert_schedule(tx, schedule_id, name, document, at, is_default=is_default)
    return schedule_id


async def assign_schedule(tx: Tx, credit: Credit, schedule_id: str, *, at: datetime) -> None:
    """Give a merchant a schedule of his own; his next run is by it, whatever the one before had said. `NotFound`."""
    found = await read_schedules(tx)
    if schedule_id not in found or not schedule_id:
        raise NotFound(f"there is no payout schedule {schedule_id}", param="schedule")
    schedule = found[schedule_id]
    row = (await store.standings(tx, [credit])).get(credit)
    ran_at = row["last_run_at"] if row is not None else None
    due_at = schedule.next_after(at)
    if ran_at is not None and due_at is not None and due_at.date() <= ran_at.date():
        due_at = schedule.next_after(ran_at + timedelta(days=1) - timedelta(seconds=1))  # once a day
    await store.assign_schedule(tx, credit, schedule_id, due_at)


async def read_schedules(tx: Tx) -> dict[str, Schedule]:
    """Every schedule by id, with the holidays of its market; under "" the default one."""
    found = {"": DEFAULT}
    for row in await store.schedules(tx):
        found[row["id"]] = parse_schedule(row["content"])
        if row["is_default"]:
            found[""] = found[row["id"]]
    return await with_calendars(tx, found)


async def change_holidays(tx: Tx, market: str, days: Sequence[Holiday], removed: Sequence[date] = ()) -> int:
    """Change the holidays of a market; how many settlements that were due on a closed day wait for the next open one."""
    await set_holidays(tx, market, days, removed)
    return await move_closed(tx, await read_schedules(tx))


async def note_credits(tx: Tx, credits: Mapping[Credit, datetime]) -> None:
    """Merchants' withdrawable money grew at these instants: the run that pays it is due, unless an earlier one is."""
    if not credits:
        return
    known = await store.standings(tx, list(credits))
    waiting = [credit for credit in credits if credit not in known or known[credit]["due_at"] is None]
    if not waiting:
        return
    schedules = await read_schedules(tx)
    rows = []
    for credit in sorted(waiting):
        row = known.get(credit)
        schedule = schedules.get(row["schedule_id"] if row else "", schedules[""])
        run_at, ran_at = schedule.next_run(credits[credit]), row["last_run_at"] if row else None
        if ran_at is not None and run_at is not None and run_at.date() <= ran_at.date():
            run_at = schedule.next_after(ran_at + timedelta(days=1) - timedelta(seconds=1))  # once a day
        rows.append((*credit, run_at))
    await store.schedule_standings(tx, rows)
