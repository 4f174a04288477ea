"""The slice's tables: endpoints and deliveries."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from cauce.kernel.errors import NotFound
from cauce.storage.database import Row, Tx
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__)
LATEST = "~"


async def insert_endpoint(tx: Tx, endpoint_id: str, url: str, event_types: Sequence[str], now: datetime) -> None:
    """A new endpoint."""
    await tx.run(QUERIES.insert_endpoint, tx.org, endpoint_id, url, list(event_types), now)


async def list_endpoints(tx: Tx) -> list[Row]:
    """Every endpoint."""
    return await tx.rows(QUERIES.endpoints, tx.org)


async def read_endpoint(tx: Tx, endpoint_id: str) -> Row:
    """One endpoint; `NotFound` otherwise."""
    row = await tx.row(QUERIES.endpoint, tx.org, endpoint_id)
    if row is None:
        raise NotFound(f"there is no webhook endpoint {endpoint_id}")
    return row


async def lock_endpoint(tx: Tx, endpoint_id: str) -> Row:
    """One endpoint, locked; `NotFound` otherwise."""
    row = await tx.row(QUERIES.lock_endpoint, tx.org, endpoint_id)
    if row is None:
        raise NotFound(f"there is no webhook endpoint {endpoint_id}")
    return row


async def delete_endpoint(tx: Tx, endpoint_id: str) -> None:
    """Remove an endpoint with its deliveries."""
    if not await tx.run(QUERIES.delete_endpoint, tx.org, endpoint_id):
        raise NotFound(f"there is no webhook endpoint {endpoint_id}")


async def set_state(tx: Tx, endpoint_id: str, state: str) -> None:
    """Enable or disable an endpoint."""
    await tx.run(QUERIES.set_state, tx.org, endpoint_id, state)


async def fan_out(tx: Tx, events: Sequence[tuple[int, str, str]], now: datetime) -> list[Row]:
    """Deliveries of events (number, type, object) to the endpoints that want them; the new ones, in the order of the events."""
    numbers, types, objects = ([one[place] for one in events] for place in range(3))
    return await tx.rows(QUERIES.fan_out, tx.org, numbers, types, now, objects)


async def wait_again(tx: Tx, endpoint_id: str) -> list[Row]:
    """What one endpoint did not take waits for it again, in the order of the events."""
    rows = await tx.rows(QUERIES.wait_again, tx.org, endpoint_id)
    return sorted(rows, key=lambda row: int(row["event_id"]))


async def read_delivery(tx: Tx, delivery_id: str) -> Row | None:
    """A delivery with its endpoint's address."""
    return await tx.row(QUERIES.delivery, tx.org, delivery_id)


async def record_attempt(tx: Tx, delivery_id: str, status: int | None, answer: str, state: str, now: datetime) -> None:
    """What one attempt came to."""
    await tx.run(QUERIES.record_attempt, tx.org, delivery_id, status, answer, state, now)


async def mark_failing(tx: Tx, endpoint_id: str, now: datetime) -> datetime:
    """The endpoint failed; since when it has been failing without a break."""
    since: datetime = await tx.value(QUERIES.mark_failing, tx.org, endpoint_id, now)
    return since


async def has_listener(tx: Tx) -> bool:
    """Whether any endpoint takes deliveries."""
    return bool(await tx.value(QUERIES.has_listener, tx.org))


async def mark_well(tx: Tx, endpoint_id: str) -> None:
    """The endpoint took a delivery."""
    await tx.run(QUERIES.mark_well, tx.org, endpoint_id)


async def replay(tx: Tx, delivery_id: str) -> Row | None:
    """Let a delivery wait again."""
    return await tx.row(QUERIES.replay, tx.org, delivery_id)


async def deliveries(tx: Tx, *, endpoint_id: str | None = None, before: str = LATEST, rows_max: int = 50) -> list[Row]:
    """The delivery log, newest first."""
    return await tx.rows(QUERIES.deliveries, tx.org, endpoint_id, before, rows_max)
