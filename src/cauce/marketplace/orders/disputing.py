"""Disputes of orders' payments, as rows with a state: what the provider says of each, in whatever order it says it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cauce.kernel.machine import BEGIN, Machine, steps
from cauce.storage.database import Row, Tx
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__, "disputes.sql")

DISPUTE = Machine(
    "order dispute",
    ("open", "won", "lost", "closed"),
    (
        *steps("open", (BEGIN,), "open"),
        *steps("win", ("open", "lost"), "won"),
        *steps("lose", ("open", "won"), "lost"),
        *steps("close", ("open",), "closed"),
    ),
)
"""Some networks let a lost dispute be appealed, and a won one be contested again."""


@dataclass(frozen=True, slots=True)
class Told:
    """What one notice says of a dispute: minor units, instants; `moved` -1 when the provider took the money, 1 when it gave it back."""

    id: str
    ref: str
    amount_minor: int
    fee_minor: int
    reason: str
    state: str
    moved: int
    respond_by: datetime | None
    at: datetime


async def note(tx: Tx, channel_id: str, collection: Row, told: Told) -> tuple[Row | None, Row]:
    """Write down what a notice says; the row before and after. What is known already stays."""
    before = await tx.row(QUERIES.lock_by_ref, tx.org, channel_id, told.ref)
    after = await tx.row(
        QUERIES.note, tx.org, told.id, channel_id, told.ref, collection["order_id"], collection["id"],
        collection["currency"], told.amount_minor, told.fee_minor, told.reason, told.state, told.respond_by, told.at,
        told.at if told.moved < 0 else None, told.at if told.moved > 0 else None,
    )  # fmt: skip
    assert after is not None
    return before, after


async def collection_by_ref(tx: Tx, channel_id: str, ref: str) -> Row | None:
    """The collection that the channel knows by this number, not locked."""
    return await tx.row(QUERIES.collection_by_ref, tx.org, channel_id, ref) if ref else None


async def lock(tx: Tx, dispute_id: str) -> Row | None:
    """One dispute, locked."""
    return await tx.row(QUERIES.lock, tx.org, dispute_id)


async def booked(tx: Tx, dispute_id: str, refund_id: str, *, back: bool) -> None:
    """What the provider took is booked by this refund; or, `back`, what it gave back as well."""
    await tx.run(QUERIES.booked, tx.org, dispute_id, refund_id, back)


async def page(
    tx: Tx, *, before: str = "", state: str = "", order_ids: Sequence[str] = (), rows_max: int = 50
) -> list[Row]:
    """Disputes, newest first."""
    return await tx.rows(QUERIES.page, tx.org, before, state, list(order_ids), rows_max)
