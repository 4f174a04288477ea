"""Accounting months: opened by themselves, closed one after the other per book and holder, reopened by two persons.

A closed month takes no journal that took effect in it. Closing waits for every batch that is under way and moves the
border of the book's pools in the same transaction, so that no journal slips in behind the close. What must be true
before a month closes is a checklist; the ledger brings its own lines, flows add those of other slices.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from cauce.kernel.calendar.months import months_between
from cauce.kernel.errors import Conflict, InvalidRequest
from cauce.kernel.machine import Machine, Transition
from cauce.ledger.rules import Book
from cauce.ledger.verify import verify
from cauce.storage import audit, outbox
from cauce.storage.audit import Actor
from cauce.storage.database import Row, Tx
from cauce.storage.outbox import NewEvent
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__, "months.sql")


class State(StrEnum):
    """How far a month is."""

    OPEN = "open"
    CLOSING = "closing"
    CLOSED = "closed"


MACHINE = Machine(
    "accounting month",
    tuple(State),
    (
        Transition("M1", State.OPEN, "begin closing", State.CLOSING),
        Transition("M2", State.CLOSING, "give up closing", State.OPEN),
        Transition("M3", State.CLOSING, "close", State.CLOSED),
        Transition("M4", State.CLOSED, "reopen", State.OPEN),
    ),
)


class MonthNotReady(Conflict):
    """The month cannot be closed: lines of its checklist are neither green nor explained."""

    code = "month_not_ready"


class TwoPersonsNeeded(Conflict):
    """A month is reopened by two different persons, with a reason."""

    code = "two_persons_needed"


@dataclass(frozen=True, slots=True)
class MonthName:
    """Which month: of a book, of a holder's channel in the custody book, by its first day."""

    book: Book
    channel_id: str
    starts_on: date

    def __post_init__(self) -> None:
        if self.starts_on.day != 1:
            raise InvalidRequest("a month is named by its first day", param="month")
        if (self.book is Book.CUSTODY) != bool(self.channel_id):
            raise InvalidRequest("a custody book has a channel, the platform book has none", param="channel")

    def __str__(self) -> str:
        return ":".join(part for part in (self.book, self.channel_id, self.starts_on.strftime("%Y-%m")) if part)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a checklist. `may_be_explained`: a person may close over it by saying why."""

    name: str
    is_green: bool
    detail: str = ""
    may_be_explained: bool = True


def unmet(lines: Sequence[Line], explained: Mapping[str, str]) -> list[Line]:
    """The lines that stand in the way: not green, and not explained or not explainable."""
    return [
        line
        for line in lines
        if not line.is_green and not (line.may_be_explained and explained.get(line.name, "").strip())
    ]


async def months(tx: Tx, book: Book, channel_id: str = "") -> list[Row]:
    """The months of a book that anybody ever began to close, oldest first."""
    return await tx.rows(QUERIES.months, tx.org, book, channel_id)


async def is_closing(tx: Tx, name: MonthName) -> bool:
    """True when somebody began to close the month and it is not closed yet."""
    return bool((await _locked(tx, name))["state"] == State.CLOSING)


async def begin_closing(tx: Tx, name: MonthName, actor: Actor) -> None:
    """Say that the month is being closed; posting into it goes on until it is closed."""
    await _step(tx, name, "begin closing", actor.name)


async def give_up_closing(tx: Tx, name: MonthName) -> None:
    """Leave the month open after all."""
    await _step(tx, name, "give up closing", None)


async def own_lines(tx: Tx, name: MonthName, now: datetime) -> list[Line]:
    """What the ledger itself wants to be true at organization time `now`. Verifies the whole books: takes its time."""
    month = await _locked(tx, name)
    earlier = await tx.value(QUERIES.earlier_open, tx.org, name.book, name.channel_id, name.starts_on)
    last = await tx.value(QUERIES.last_closed, tx.org, name.book, name.channel_id)
    has_gap = last is not None and months_between(last, name.starts_on) > 1
    is_next = earlier is None and not has_gap
    unbalanced = await tx.rows(QUERIES.unbalanced, tx.org, name.book, name.channel_id)
    waiting = await tx.rows(QUERIES.waiting, tx.org, name.book, name.channel_id)
    unsealed = await tx.value(QUERIES.unsealed, tx.org, month["until_at"])
    found = await verify(tx)
    return [
        Line("month_is_over", month["until_at"] <= now, f"it ends at {month['until_at']}", may_be_explained=False),
        Line("earlier_months_closed", is_next, "" if is_next else "an earlier month is open", may_be_explained=False),
        Line("trial_balance_zero", not unbalanced, _amounts(unbalanced), may_be_explained=False),
        Line("nothing_in_transit_or_suspense", not waiting, _amounts(waiting)),
        Line("sealed", unsealed == 0, f"{unsealed} journals wait for their seal", may_be_explained=False),
        Line("verified", not found, "; ".join(map(str, found)), may_be_explained=False),
    ]


async def close(
    tx: Tx, name: MonthName, *, lines: Sequence[Line], explained: Mapping[str, str], actor: Actor, now: datetime
) -> None:
    """Close the month: from the commit on nothing that took effect in it is posted.

    `lines` is the whole checklist, `explained` says by line name why it may be closed over. Raises `MonthNotReady`.
    """
    open_lines = unmet(lines, explained)
    if open_lines:
        told = "; ".join(f"{line.name}: {line.detail}" if line.detail else line.name for line in open_lines)
        raise MonthNotReady(f"{name} cannot be closed: {told}", lines=[line.name for line in open_lines])
    month = await _locked(tx, name)
    MACHINE.step(month["state"], "close")
    await tx.value(QUERIES.stop_posting, tx.org)
    notes = [
        {"line": line.name, "detail": line.detail, "explained": explained[line.name], "by": actor.name}
        for line in lines
        if not line.is_green
    ]
    await tx.run(QUERIES.close, tx.org, name.book, name.channel_id, name.starts_on, actor.name, notes)
    await tx.value(QUERIES.move_border, tx.org, name.book, name.channel_id)
    await _tell(tx, "month.closed", [name], actor, now, {"notes": notes})


async def reopen(
    tx: Tx, name: MonthName, *, actor: Actor, approved_by: str, reason: str, now: datetime
) -> list[MonthName]:
    """Open a closed month and every later one of its book; the months that were opened. Raises `TwoPersonsNeeded`."""
    if not approved_by.strip() or approved_by == actor.name or not reason.strip():
        raise TwoPersonsNeeded()
    MACHINE.step((await _locked(tx, name))["state"], "reopen")
    later = await tx.rows(QUERIES.lock_later, tx.org, name.book, name.channel_id, name.starts_on)
    opened = [MonthName(name.book, name.channel_id, row["starts_on"]) for row in later]
    days = [month.starts_on for month in opened]
    await tx.run(QUERIES.reopen, tx.org, name.book, name.channel_id, days, actor.name, approved_by, reason)
    await tx.value(QUERIES.move_border, tx.org, name.book, name.channel_id)
    await _tell(tx, "month.reopened", opened, actor, now, {"approved_by": approved_by, "reason": reason})
    return opened


async def _tell(
    tx: Tx, event: str, names: Sequence[MonthName], actor: Actor, now: datetime, more: dict[str, object]
) -> None:
    for name in names:
        what = {
            "book": name.book.value,
            "channel_id": name.channel_id,
            "month": name.starts_on.strftime("%Y-%m"),
            **more,
        }
        await audit.record(tx, actor, event, str(name), after=what)
        await outbox.emit(tx, [NewEvent(event, str(name), now, what)], actor=actor.name)


async def _step(tx: Tx, name: MonthName, trigger: str, closing_by: str | None) -> None:
    state = MACHINE.step((await _locked(tx, name))["state"], trigger)
    await tx.run(QUERIES.set_state, tx.org, name.book, name.channel_id, name.starts_on, state, closing_by)


async def _locked(tx: Tx, name: MonthName) -> Row:
    """The month's row, made when nobody asked for it before, locked until the transaction ends."""
    await tx.run(QUERIES.make, tx.org, name.book, name.channel_id, name.starts_on)
    row = await tx.row(QUERIES.lock, tx.org, name.book, name.channel_id, name.starts_on)
    assert row is not None
    return row


def _amounts(rows: Sequence[Row]) -> str:
    return ", ".join(f"{row.get('code') or 'sum'} {row['balance_minor']} {row['currency']}" for row in rows)
