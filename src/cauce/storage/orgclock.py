"""What time it is for one organization.

A live organization has the wall clock. A sandbox has its own: running with an offset, or frozen at an instant and
advanced on purpose. *Due* means `due_at` is not after that time. An advance is a row, so that one at a time runs and
a killed one goes on; `flows.clock` walks it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import asyncpg

from cauce.kernel.errors import Conflict, InvalidRequest, NotFound
from cauce.kernel.ids import new_id
from cauce.storage.database import Row, Tx
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__, "orgclock.sql")

YEARS_AHEAD_MAX = 100
"""How far from its present a sandbox clock may be sent at once."""


class LiveClock(Conflict):
    """A live organization has the wall clock; only a sandbox's clock can be changed."""

    code = "live_clock"


class AdvanceInProgress(Conflict):
    """The clock is being advanced already; wait until it arrives."""

    code = "clock_advancing"


@dataclass(frozen=True, slots=True)
class Advance:
    """A clock's way: all instants but `done_at` (wall time) are org time."""

    id: str
    started_at: datetime
    target_at: datetime
    reached_at: datetime
    done_at: datetime | None
    steps: int
    error: str | None


async def org_now(tx: Tx, org_id: int | None = None) -> datetime:
    """The organization's time."""
    now: datetime | None = await tx.value(QUERIES.now_of, tx.org if org_id is None else org_id)
    if now is None:
        raise NotFound("there is no such organization")
    return now


async def freeze(tx: Tx, at: datetime | None = None) -> datetime:
    """Stop the sandbox's clock, now or at `at` (not before its present time); the frozen instant."""
    row = await _sandbox_clock(tx)
    target = row["now"] if at is None else _check_target(row["now"], at)
    await tx.run(QUERIES.freeze_at, tx.org, target)
    return target


async def unfreeze(tx: Tx) -> None:
    """Let the sandbox's clock run on from where it stands."""
    row = await _sandbox_clock(tx)
    await tx.run(QUERIES.run_from, tx.org, row["now"])


async def begin_advance(tx: Tx, target: datetime) -> Advance:
    """Write down that the clock shall go to `target`; it is frozen from now on. One at a time."""
    row = await _sandbox_clock(tx)
    _check_target(row["now"], target)
    await tx.run(QUERIES.freeze_at, tx.org, row["now"])
    advance_id = new_id("adv")
    try:
        await tx.run(QUERIES.begin_advance, tx.org, advance_id, row["now"], target)
    except asyncpg.UniqueViolationError as exc:
        raise AdvanceInProgress() from exc
    return await read_advance(tx, advance_id)


async def read_advance(tx: Tx, advance_id: str) -> Advance:
    """How far an advance has come."""
    row = await tx.row(QUERIES.advance_by_id, tx.org, advance_id)
    if row is None:
        raise NotFound(f"there is no clock advance {advance_id}")
    return Advance(**dict(row))


async def open_advance(tx: Tx) -> Advance | None:
    """The advance that is under way, if any."""
    row = await tx.row(QUERIES.open_advance, tx.org)
    return Advance(**dict(row)) if row else None


async def move(tx: Tx, advance_id: str, instant: datetime) -> None:
    """One step: the clock stands at `instant` from the commit on."""
    if not await tx.run(QUERIES.move_advance, tx.org, advance_id, instant):
        raise Conflict("the clock's advance has ended")
    await tx.run(QUERIES.freeze_at, tx.org, instant)


async def end_advance(tx: Tx, advance_id: str, error: str | None = None) -> None:
    """The advance arrived, or cannot go on."""
    await tx.run(QUERIES.end_advance, tx.org, advance_id, error)


async def _sandbox_clock(tx: Tx) -> Row:
    row = await tx.row(QUERIES.read, tx.org)
    if row is None:
        raise NotFound("there is no such organization")
    if row["mode"] != "sandbox":
        raise LiveClock()
    if await open_advance(tx) is not None:
        raise AdvanceInProgress()
    return row


def _check_target(now: datetime, target: datetime) -> datetime:
    if target < now:
        raise InvalidRequest("a clock only goes forward", param="to")
    if target.year > now.year + YEARS_AHEAD_MAX:
        raise InvalidRequest(f"a clock is advanced by at most {YEARS_AHEAD_MAX} years at once", param="to")
    return target
