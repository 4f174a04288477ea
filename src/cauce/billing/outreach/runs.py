"""The slice's tables of automations and of what each did for one event."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cauce.billing.outreach.automations import GUARDED, RUNS_PER_CUSTOMER_MAX, Automation, from_plain, to_plain
from cauce.kernel.errors import NotFound
from cauce.storage.database import Row, Tx
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__, "runs.sql")


@dataclass(frozen=True, slots=True)
class Known:
    """A stored automation."""

    id: str
    name: str
    enabled: bool
    rule: Automation
    created_at: datetime
    changed_at: datetime


async def automations(tx: Tx) -> list[Known]:
    """Every automation, oldest first."""
    return [_known(row) for row in await tx.rows(QUERIES.automations, tx.org, "")]


async def read(tx: Tx, automation_id: str) -> Known:
    """One automation; `NotFound` otherwise."""
    row = await tx.row(QUERIES.automations, tx.org, automation_id) if automation_id else None
    if row is None:
        raise NotFound(f"there is no automation {automation_id}", param="automation")
    return _known(row)


async def put(tx: Tx, automation_id: str, name: str, enabled: bool, rule: Automation, now: datetime) -> None:
    """Keep an automation that was checked."""
    await tx.run(QUERIES.put_automation, tx.org, automation_id, name, enabled, to_plain(rule), now)


async def drop(tx: Tx, automation_id: str) -> None:
    """Remove an automation; what it did stays in its log."""
    await read(tx, automation_id)
    await tx.run(QUERIES.drop_automation, tx.org, automation_id)


async def begin(tx: Tx, wanted: Sequence[tuple[str, str, str]], now: datetime) -> list[Row]:
    """Begin runs of (automation, event, customer), each once; those that shall be done."""
    rows = await tx.rows(
        QUERIES.begin_runs,
        tx.org,
        [one[0] for one in wanted],
        [one[1] for one in wanted],
        [one[2] for one in wanted],
        now,
        RUNS_PER_CUSTOMER_MAX,
        now - GUARDED,
    )
    return [row for row in rows if row["state"] == "waiting"]


async def lock(tx: Tx, automation_id: str, event_id: str) -> Row | None:
    """A run, locked."""
    return await tx.row(QUERIES.lock_run, tx.org, automation_id, event_id)


async def note(tx: Tx, run: Row, state: str, done: int, line: str) -> None:
    """What an action came to."""
    await tx.run(QUERIES.note_run, tx.org, run["automation_id"], run["event_id"], state, done, [line])


async def runs(tx: Tx, automation_id: str, rows_max: int = 50) -> list[Row]:
    """What an automation did, newest first."""
    return await tx.rows(QUERIES.runs, tx.org, automation_id, rows_max)


def _known(row: Row) -> Known:
    return Known(
        row["id"], row["name"], row["enabled"], from_plain(row["content"]), row["created_at"], row["changed_at"]
    )
