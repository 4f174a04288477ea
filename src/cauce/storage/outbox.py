"""Events: what happened, written in the transaction in which it happened, numbered per object.

An event is never changed. Its number stands in a list beside it until it is relayed; there is no cursor, because ids are
not in the order of commits. What the relay does with events (webhooks, messages, follow-up jobs) is decided in `flows`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cauce.kernel.events import CATALOGUE
from cauce.kernel.ids import new_id
from cauce.storage.database import Row, Tx
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__, "outbox.sql")
LATEST = 2**63 - 1
"""The cursor before the newest event."""


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event to emit. `object_id` is the public id whose row the caller has locked; `previous` the changed fields' old values."""

    type: str
    object_id: str
    occurred_at: datetime
    data: dict[str, Any] = field(default_factory=dict)
    customer_id: str | None = None
    previous: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """An event as it was stored."""

    id: int
    public_id: str
    type: str
    object_id: str
    customer_id: str | None
    sequence: int
    data: dict[str, Any]
    previous: dict[str, Any] | None
    actor: str
    cause: str | None
    occurred_at: datetime


async def emit(tx: Tx, events: Sequence[NewEvent], *, actor: str, cause: str | None = None) -> None:
    """Write events with the caller's transaction, all at once, in order; `cause` None: what led to the transaction."""
    if not events:
        return
    for event in events:
        assert event.type in CATALOGUE, f"{event.type} is not in kernel.events.CATALOGUE"
    await tx.run(
        QUERIES.emit,
        tx.org,
        [new_id("evt") for _ in events],
        [event.type for event in events],
        [event.object_id for event in events],
        [event.customer_id for event in events],
        [event.data for event in events],
        [event.previous for event in events],
        actor,
        cause or tx.cause,
        [event.occurred_at for event in events],
    )
    tx.wake_workers()


async def find_orgs(scheduler_tx: Tx) -> list[int]:
    """Organizations with events that were not relayed yet."""
    return [row["org_id"] for row in await scheduler_tx.rows(QUERIES.find)]


async def take(tx: Tx, events_max: int) -> list[Event]:
    """The first unrelayed events of this organization, at most `events_max`; none while another relay is at them.

    One relay at a time for an organization: two of them side by side could hand on an object's events in the wrong
    order.
    """
    if not await tx.value(QUERIES.lock_relay, tx.org):
        return []
    return [Event(**dict(row)) for row in await tx.rows(QUERIES.take, tx.org, events_max)]


async def read_event(tx: Tx, event_id: int) -> Event | None:
    """One event by its number."""
    row = await tx.row(QUERIES.read_event, tx.org, event_id)
    return Event(**dict(row)) if row else None


async def read_events(tx: Tx, event_ids: Sequence[int]) -> list[Event]:
    """Events by their numbers, in that order."""
    return [Event(**dict(row)) for row in await tx.rows(QUERIES.read_events, tx.org, list(event_ids))]


async def mark(tx: Tx, events: Sequence[Event]) -> None:
    """These events are relayed once the transaction commits."""
    await tx.run(QUERIES.mark, tx.org, [event.id for event in events])


async def events_of(tx: Tx, object_id: str) -> list[Row]:
    """Everything that happened to one object, in order."""
    return await tx.rows(QUERIES.of_object, tx.org, object_id)


async def timeline(tx: Tx, customer_id: str, *, before: int = LATEST, rows_max: int = 50) -> list[Row]:
    """What happened to a customer, newest first."""
    return await tx.rows(QUERIES.of_customer, tx.org, customer_id, before, rows_max)


async def page(tx: Tx, *, before: int = LATEST, rows_max: int = 50, event_type: str | None = None) -> list[Row]:
    """Events of the organization, or those of one type, newest first."""
    if event_type is None:
        return await tx.rows(QUERIES.page, tx.org, before, rows_max)
    return await tx.rows(QUERIES.page_of_type, tx.org, before, rows_max, event_type)
