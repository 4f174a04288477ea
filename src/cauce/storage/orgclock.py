"""What time it is for one organization.

A live organization has the wall clock. A sandbox has its own: running with an offset, or frozen at an instant and
advanced on purpose. *Due* means `due_at` is not after that time. An advance is a row, so that one at a time runs and
a killed one goes on; `flows.clock` walks it. While it walks, nobody else works for that organization: the order of
what happens is the walk's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from cauce.kernel.errors import Conflict, InvalidRequest, NotFound
from cauce.kernel.ids import new_id
from cauce.storage.database import Row, Tx
from cauce.storage.sql import load_queries
from cauce.storage.sweeps import Sweep

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


@dataclass(frozen=True, slots=True)
class Survey:
    """What an advance finds where it stands. `rows_at` answers for each sweep that was asked about."""

    advance: Advance
    unrelayed: bool
    leased: bool
    jobs_at: datetime | None
    rows_at: tuple[datetime | None, ...]

    @property
    def next_at(self) -> datetime | None:
        """The earliest instant at which a job or row is due."""
        return min((at for at in (self.jobs_at, *self.rows_at) if at is not None), default=None)


async def org_now(tx: Tx, org_id: int | None = None) -> datetime:
    """The organization's time."""
    now: datetime | None = await tx.value(QUERIES.now_of, tx.org if org_id is None else org_id)
    if now is None:
        raise NotFound("there is no such organization")
    return now


async def is_frozen(tx: Tx) -> bool:
    """Whether the organization's clock stands."""
    return bool(await tx.value(QUERIES.is_frozen, tx.org))


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
    await tx.run(QUERIES.begin_advance, tx.org, advance_id, row["now"], target)
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


async def latest_advance(tx: Tx) -> Advance | None:
    """The advance that was begun last, done or not."""
    row = await tx.row(QUERIES.latest_advance, tx.org)
    return Advance(**dict(row)) if row else None


async def find_advancing(scheduler_tx: Tx) -> set[int]:
    """Organizations whose clock is under way: only the walk itself works for them."""
    return {row["org_id"] for row in await scheduler_tx.rows(QUERIES.find_advancing)}


async def survey(
    tx: Tx, advance_id: str, sweeps: Sequence[Sweep], *, except_kinds: Sequence[str] = (), flush: bool = True
) -> Survey:
    """What is due, for every sweep at once; jobs of `except_kinds` do not count.

    Without `flush` the transaction's commit is not waited for on disk: for one that at most moves the clock, and whose
    move nobody outside the database is told before something else is committed.
    """
    question = _survey(tuple(sweep.next_due for sweep in sweeps))
    row = await tx.row(question, tx.org, advance_id, list(except_kinds), "on" if flush else "off")
    if row is None:
        raise NotFound(f"there is no clock advance {advance_id}")
    facts = dict(row)
    facts.pop("commits")
    rest = {name: facts.pop(name) for name in ("unrelayed", "leased", "jobs_at", "rows_at")}
    return Survey(Advance(**facts), rest["unrelayed"], rest["leased"], rest["jobs_at"], tuple(rest["rows_at"]))


@lru_cache
def _survey(questions: tuple[str, ...]) -> str:
    each = ",".join(f"(\n{question}\n)" for question in questions)
    return QUERIES.survey.replace("/* sweeps */", each)


async def move(tx: Tx, advance_id: str, instant: datetime) -> None:
    """One step: the clock stands at `instant` from the commit on."""
    if not await tx.run(QUERIES.move_advance, tx.org, advance_id, instant):
        raise Conflict("the clock's advance has ended")


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
