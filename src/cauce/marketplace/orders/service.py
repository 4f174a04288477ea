"""Taking orders and moving them forward: written in bulk, paid, refunded, released; always in the caller's transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from cauce.marketplace.orders import store
from cauce.marketplace.orders.digest import is_same
from cauce.marketplace.orders.rules import (
    OrderNumberTaken,
    PlannedOrder,
    ReleaseOn,
    UnknownOrder,
    next_step,
)
from cauce.marketplace.orders.store import Freeze, freeze_end
from cauce.storage.database import Row, Tx
from cauce.storage.outbox import NewEvent, emit

__all__ = ["Freeze", "Paid", "Written", "mark_paid", "read_order", "write_orders"]


@dataclass(frozen=True, slots=True)
class Written:
    """What became of one order: its id, whether it is new, or why it was refused."""

    id: str
    is_new: bool = True
    refused: Exception | None = None


@dataclass(frozen=True, slots=True)
class Paid:
    """One collection's final, positive answer."""

    collection_id: str
    ref: str
    fee_minor: int
    paid_at: datetime
    available_at: datetime | None = None  # when the provider lets the money be withdrawn, where it says so


async def write_orders(
    tx: Tx, planned: Sequence[PlannedOrder], freezes: Mapping[str, Freeze], *, at: datetime, actor: str
) -> dict[str, Written]:
    """Write orders with lines and collections, all at once; by planned id what became of each.

    An order whose external number exists is the same order when its body is the same, else `OrderNumberTaken`.
    """
    written = await store.insert_orders(tx, planned)
    fresh = [one for one in planned if one.id in written]
    if fresh:
        await store.insert_lines(tx, fresh)
        await store.insert_collections(tx, fresh, freezes, at)
        await emit(tx, [event for one in fresh for event in _made(one, at)], actor=actor)
    found = {one.id: Written(one.id) for one in fresh}
    known = [one for one in planned if one.id not in written]
    taken = await store.same_number(tx, [one.order.external_id for one in known]) if known else {}
    for one in known:
        row = taken[one.order.external_id]
        same = is_same(one.order, row["body_hash"])
        refused = None if same else OrderNumberTaken(param="external_id")
        found[one.id] = Written(row["id"], is_new=False, refused=refused)
    return found


def _made(one: PlannedOrder, at: datetime) -> list[NewEvent]:
    order = one.order
    data = {"external_id": order.external_id, "amount": order.total_minor, "currency": order.currency}
    events = [NewEvent("order.created", one.id, order.placed_at, data)]
    if one.is_paid:
        collected = sum(collection.amount_minor for collection in one.collections)
        events.append(NewEvent("order.paid", one.id, at, {"collected": collected, "currency": order.currency}))
    return events


async def read_order(tx: Tx, order_id: str) -> Row:
    """The order's row; `UnknownOrder` otherwise."""
    row = await store.read_order(tx, order_id)
    if row is None:
        raise UnknownOrder(f"there is no order {order_id}", param="order")
    return row


async def mark_paid(
    tx: Tx, rows: Sequence[Row], paid: Mapping[str, Paid], freezes: Mapping[str, Freeze], *, actor: str
) -> list[Row]:
    """Locked collections `rows` are paid; orders of which nothing is awaited any more become paid. Those orders' rows."""
    columns = []
    for row in rows:
        one = paid[row["id"]]
        freeze_ends_at, warn_at = freeze_end(freezes[row["channel_id"]], one.paid_at)
        columns.append((row["id"], one.ref, one.fee_minor, one.paid_at, freeze_ends_at, warn_at or one.available_at))
    await store.collections_paid(tx, columns)
    await emit(
        tx,
        [NewEvent("collection.paid", row["id"], paid[row["id"]].paid_at, {"order": row["order_id"]}) for row in rows],
        actor=actor,
    )
    collected: dict[str, int] = {}
    for row in rows:
        collected[row["order_id"]] = collected.get(row["order_id"], 0) + row["amount_minor"]
    order_ids = sorted(collected)
    locked = await store.lock_orders(tx, order_ids)
    await store.orders_collected(tx, collected)
    orders = [order for order in locked if order["state"] == "created"]
    left = await store.escrow_left(tx, [order["id"] for order in orders])
    complete = [order for order in orders if not left[order["id"]]["waits"]]
    await _complete(tx, complete, actor=actor)
    return complete


async def _complete(tx: Tx, orders: Sequence[Row], *, actor: str) -> None:
    if not orders:
        return
    of_order: dict[str, list[Row]] = {}
    for row in await store.collections_of(tx, [order["id"] for order in orders]):
        if row["paid_at"] is not None:
            of_order.setdefault(row["order_id"], []).append(row)
    rows, events = [], []
    for order in orders:
        mine = of_order[order["id"]]
        collected, paid_at = sum(row["amount_minor"] for row in mine), max(row["paid_at"] for row in mine)
        step = next_step(
            ReleaseOn(order["release_on"]), order["release_days"], order["placed_at"], paid_at, order["deliver_at"],
            order["cancel_at"],
        )  # fmt: skip
        rows.append((order["id"], paid_at, *step))
        events.append(
            NewEvent("order.paid", order["id"], paid_at, {"collected": collected, "currency": order["currency"]})
        )
    await store.orders_paid(tx, rows)
    await emit(tx, events, actor=actor)
