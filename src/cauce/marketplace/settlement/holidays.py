"""Holidays by market: data of the organization, read by the payout schedules that count business days."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from cauce.kernel.calendar.business import BusinessCalendar
from cauce.kernel.errors import InvalidRequest
from cauce.marketplace.settlement.rules import Schedule
from cauce.storage.database import Row, Tx
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__, "holidays.sql")
DAYS_MAX = 5_000
_MARKET = re.compile(r"[a-z0-9-]{0,32}")
_WORDS = {"": False, "no": False, "false": False, "0": False, "yes": True, "true": True, "1": True}


@dataclass(frozen=True, slots=True)
class Holiday:
    """A day on which a market's banks are closed, or (`works`) open although it is a weekend."""

    day: date
    works: bool = False
    name: str = ""


def parse_holidays(text: str) -> list[Holiday]:
    """Days from a CSV with the columns `day` (as 2026-10-01) and, if wanted, `name` and `works` (yes or no)."""
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    if "day" not in (reader.fieldnames or ()):
        raise InvalidRequest("the file has no column day", param="file")
    found = []
    for number, row in enumerate(reader, 2):
        try:
            works = _WORDS[(row.get("works") or "").strip().lower()]
            found.append(
                Holiday(date.fromisoformat((row["day"] or "").strip()), works, (row.get("name") or "").strip())
            )
        except (KeyError, ValueError) as exc:
            raise InvalidRequest(f"line {number} is no day like 2026-10-01 with works yes or no", param="file") from exc
        if len(found) > DAYS_MAX:
            raise InvalidRequest(f"a calendar has at most {DAYS_MAX} days", param="file")
    return found


def check_market(market: str) -> str:
    """The market, if it is a short name."""
    if not _MARKET.fullmatch(market):
        raise InvalidRequest("a market is up to 32 small letters, digits and -", param="market")
    return market


async def set_holidays(tx: Tx, market: str, days: Sequence[Holiday], removed: Sequence[date] = ()) -> None:
    """Add or change days of a market, and forget others."""
    check_market(market)
    by_day = {one.day: one for one in days}
    columns = [list(by_day), [one.works for one in by_day.values()], [one.name for one in by_day.values()]]
    await tx.run(QUERIES.remove_holidays, tx.org, market, list(removed))
    await tx.run(QUERIES.set_holidays, tx.org, market, *columns)


async def holidays(tx: Tx, market: str | None = None) -> list[Row]:
    """The days of a market, or of all, in order."""
    return await tx.rows(QUERIES.holidays, tx.org, market)


async def with_calendars(tx: Tx, schedules: Mapping[str, Schedule]) -> dict[str, Schedule]:
    """The schedules, those that count business days with the calendar of their market."""
    if not any(one.business_days for one in schedules.values()):
        return dict(schedules)
    closed: dict[str, set[date]] = {}
    works: dict[str, set[date]] = {}
    for row in await holidays(tx):
        (works if row["works"] else closed).setdefault(row["market"], set()).add(row["day"])
    found = {}
    for key, one in schedules.items():
        calendar = BusinessCalendar(
            holidays=frozenset(closed.get(one.market, ())), working_days=frozenset(works.get(one.market, ()))
        )
        found[key] = replace(one, calendar=calendar) if one.business_days else one
    return found


async def move_closed(tx: Tx, schedules: Mapping[str, Schedule]) -> int:
    """Settlements that are due on a day that is closed by now wait for the next open one; how many."""
    moved = []
    for row in await tx.rows(QUERIES.standings_due, tx.org):
        schedule = schedules.get(row["schedule_id"], schedules[""])
        due_at = schedule.on_open_day(row["due_at"])
        if due_at != row["due_at"]:
            moved.append((row["merchant_id"], row["channel_id"], row["currency"], due_at))
    if moved:
        await tx.run(QUERIES.move_standings, tx.org, *[list(column) for column in zip(*moved, strict=True)])
    return len(moved)
