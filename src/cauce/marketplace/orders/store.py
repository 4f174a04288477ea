"""The slice's tables: purchases, lines, collections. Everything is written set-wise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec

from cauce.marketplace.orders.digest import body_hash
from cauce.marketplace.orders.rules import Payer, PlannedOrder, next_step
from cauce.storage.database import Row, Tx
from cauce.storage.due_rows import sweep_over
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__)


@dataclass(frozen=True, slots=True)
class Freeze:
    """How long the channel keeps money frozen: its days (None: for ever) and how long before the end we warn."""

    days: int | None = None
    warn_days: int = 3


async def insert_orders(tx: Tx, planned: Sequence[PlannedOrder]) -> set[str]:
    """Write purchases; those whose external number is taken are left out. The ids that were written."""
    columns: list[list[Any]] = [[] for _ in range(19)]
    for one in planned:
        for column, value in zip(columns, _purchase(one), strict=True):
            column.append(value)
    return {row["id"] for row in await tx.rows(QUERIES.insert_orders, tx.org, *columns)}


def _purchase(one: PlannedOrder) -> tuple[Any, ...]:
    order = one.order
    paid_at = max(c.payment.paid_at or order.placed_at for c in one.collections) if one.is_paid else None
    step, due_at = next_step(
        order.release_on, order.release_days, order.placed_at, paid_at, order.deliver_at, order.cancel_at
    )
    return (
        one.id, order.external_id, order.channel_id, order.currency, order.total_minor,
        sum(c.amount_minor for c in one.collections if c.payment.ref), "paid" if paid_at else "created",
        order.rule_id, one.rule_version, order.release_on.value, order.release_days, step, due_at, order.placed_at,
        paid_at, order.deliver_at, order.cancel_at, body_hash(order), dict(order.metadata),
    )  # fmt: skip


async def insert_lines(tx: Tx, planned: Sequence[PlannedOrder]) -> None:
    """Write the lines of orders."""
    columns: list[list[Any]] = [[] for _ in range(8)]
    for one in planned:
        for number, line in enumerate(one.order.lines, 1):
            row = (
                one.id, number, line.seller_id, line.goods_kind.value, line.price_minor, line.freight_minor,
                line.description, line.subsidy_minor,
            )  # fmt: skip
            for column, value in zip(columns, row, strict=True):
                column.append(value)
    await tx.run(QUERIES.insert_lines, tx.org, *columns)


async def insert_collections(
    tx: Tx, planned: Sequence[PlannedOrder], freezes: Mapping[str, Freeze], at: datetime
) -> None:
    """Write the collections of orders; those that are paid already with their fee and the end of their freeze."""
    columns: list[list[Any]] = [[] for _ in range(20)]
    for one in planned:
        freeze = freezes[one.order.channel_id]
        for collection in one.collections:
            payment = collection.payment
            paid_at = (payment.paid_at or one.order.placed_at) if payment.ref else None
            ends_at, warn_at = freeze_end(freeze, paid_at)
            row = (
                collection.id, one.id, one.order.channel_id, collection.owner_id, collection.merchant_ref,
                "sub_merchant" if collection.owner_id else "provider", payment.method, one.order.currency,
                collection.amount_minor, payment.fee_minor if paid_at else 0,
                collection.amount_minor - payment.fee_minor if paid_at else 0, payment.ref,
                "paid" if paid_at else "created", paid_at, ends_at, warn_at, payment.from_balance_of,
                msgspec.to_builtins(payment.payer) if payment.payer else None, collection.subsidy_minor, collection.combined_id,
            )  # fmt: skip
            for column, value in zip(columns, row, strict=True):
                column.append(value)
    await tx.run(QUERIES.insert_collections, tx.org, *columns, at)


def payer_of(collection: Row) -> Payer:
    """What was said of the payer of a collection."""
    return msgspec.convert(collection["payer"], Payer) if collection["payer"] else Payer()


def freeze_end(freeze: Freeze, paid_at: datetime | None) -> tuple[datetime | None, datetime | None]:
    """When the channel releases by itself, and when we warn of it."""
    if freeze.days is None or paid_at is None:
        return None, None
    ends_at = paid_at + timedelta(days=freeze.days)
    return ends_at, max(ends_at - timedelta(days=freeze.warn_days), paid_at)


async def insert_parties(tx: Tx, rows: Sequence[tuple[str, str, str]]) -> None:
    """Who may get something of orders that keep a part: (order, role, party)."""
    await tx.run(
        QUERIES.insert_parties, tx.org, *([list(column) for column in zip(*rows, strict=True)] or [[], [], []])
    )


async def parties_of(tx: Tx, order_id: str) -> list[tuple[str, str]]:
    """(role, party) of everybody whom an order that keeps a part named."""
    return [(row["role"], row["party"]) for row in await tx.rows(QUERIES.parties_of, tx.org, order_id)]


async def same_number(tx: Tx, external_ids: Sequence[str]) -> dict[str, Row]:
    """Orders that have these external numbers, by number."""
    return {row["external_id"]: row for row in await tx.rows(QUERIES.same_number, tx.org, list(external_ids))}


async def read_order(tx: Tx, order_id: str) -> Row | None:
    """The order's row."""
    return await tx.row(QUERIES.order_row, tx.org, order_id)


async def lock_orders(tx: Tx, order_ids: Sequence[str]) -> list[Row]:
    """Orders, locked in order of id."""
    return await tx.rows(QUERIES.lock_orders, tx.org, list(order_ids))


async def lines_of(tx: Tx, order_ids: Sequence[str]) -> list[Row]:
    """The lines of these orders."""
    return await tx.rows(QUERIES.lines_of, tx.org, list(order_ids))


async def collections_of(tx: Tx, order_ids: Sequence[str], *, lock: bool = False) -> list[Row]:
    """The collections of these orders, locked in order of id when they will be changed."""
    query = QUERIES.lock_collections_of if lock else QUERIES.collections_of
    return await tx.rows(query, tx.org, list(order_ids))


async def orders_of_collections(tx: Tx, ids: Sequence[str]) -> list[str]:
    """The orders of these collections: whoever locks collections locks their orders first."""
    return [row["order_id"] for row in await tx.rows(QUERIES.orders_of_collections, tx.org, list(ids))]


async def lock_free_orders(tx: Tx, order_ids: Sequence[str]) -> set[str]:
    """Those of these orders that nobody has locked, locked: for who holds collections already and may not wait."""
    return {row["id"] for row in await tx.rows(QUERIES.lock_free_orders, tx.org, list(order_ids))}


async def lock_collections(tx: Tx, ids: Sequence[str]) -> list[Row]:
    """Collections, locked in order of id."""
    return await tx.rows(QUERIES.lock_collections, tx.org, list(ids))


async def collections_paid(tx: Tx, rows: Sequence[tuple[Any, ...]]) -> None:
    """Collections are paid: (id, ref, fee, paid_at, freeze_ends_at, due_at)."""
    await tx.run(QUERIES.collections_paid, tx.org, *_columns(rows, 6))


async def collections_cleared(tx: Tx, ids: Sequence[str]) -> list[Row]:
    """The money of these collections can be withdrawn at the provider; those (id, order_id) of which that is news."""
    return await tx.rows(QUERIES.collections_cleared, tx.org, list(ids))


async def collections_state(tx: Tx, rows: Sequence[tuple[Any, ...]]) -> None:
    """Collections that are not paid: (id, state, next_action, ref)."""
    await tx.run(QUERIES.collections_state, tx.org, *_columns(rows, 4))


async def move_escrow(tx: Tx, rows: Sequence[tuple[Any, ...]]) -> None:
    """What the escrow of collections changes by: (id, escrow, released, refunded, fee returned), signed minor units."""
    await tx.run(QUERIES.move_escrow, tx.org, *_columns(rows, 5))


async def orders_paid(tx: Tx, rows: Sequence[tuple[Any, ...]]) -> None:
    """Orders whose payments all arrived: (id, paid_at, next_step, due_at)."""
    await tx.run(QUERIES.orders_paid, tx.org, *_columns(rows, 4))


async def orders_step(tx: Tx, rows: Sequence[tuple[Any, ...]]) -> None:
    """Orders go on: (id, state, next_step, due_at, delivered_at, canceled_at, released_at)."""
    await tx.run(QUERIES.orders_step, tx.org, *_columns(rows, 7))


async def orders_collected(tx: Tx, amounts: Mapping[str, int]) -> None:
    """Add what payers paid of orders."""
    await tx.run(QUERIES.orders_collected, tx.org, list(amounts), list(amounts.values()))


async def orders_with_open_refunds(tx: Tx, order_ids: Sequence[str]) -> set[str]:
    """Those of these orders that have a refund whose end is not known yet."""
    return {row["order_id"] for row in await tx.rows(QUERIES.orders_with_open_refunds, tx.org, list(order_ids))}


async def orders_refunded(tx: Tx, amounts: Mapping[str, int]) -> None:
    """Add (or take back) what orders were refunded."""
    await tx.run(QUERIES.orders_refunded, tx.org, list(amounts), list(amounts.values()))


async def escrow_left(tx: Tx, order_ids: Sequence[str]) -> dict[str, Row]:
    """What is still parked for orders, and whether a payment is still awaited."""
    return {row["order_id"]: row for row in await tx.rows(QUERIES.escrow_left, tx.org, list(order_ids))}


async def freeze_move_due(tx: Tx, rows: Sequence[tuple[str, datetime | None]]) -> None:
    """When to look at the freeze of collections again."""
    await tx.run(QUERIES.freeze_move_due, tx.org, *_columns(rows, 2))


def _columns(rows: Sequence[tuple[Any, ...]], width: int) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(width)]


async def insert_refunds(tx: Tx, rows: Sequence[tuple[Any, ...]], requested_by: str, at: datetime) -> set[str]:
    """Refunds; those whose number is taken are left out. The ids that were written."""
    found = await tx.rows(QUERIES.insert_refunds, tx.org, *_columns(rows, 12), requested_by, at)
    return {row["id"] for row in found}


async def lock_refunds(tx: Tx, ids: Sequence[str]) -> list[Row]:
    """Refunds, locked in order of id."""
    return await tx.rows(QUERIES.lock_refunds, tx.org, list(ids))


async def lock_open_refunds(tx: Tx, attempt_keys: Sequence[str]) -> list[Row]:
    """Refunds that are not final, of every collection that one of these attempts refunds, locked in order of id."""
    return await tx.rows(QUERIES.lock_open_refunds, tx.org, list(attempt_keys))


async def replan_refunds(tx: Tx, rows: Sequence[tuple[str, Mapping[str, Any], int]]) -> None:
    """What refunds that are still open take now: (id, taken, the fee that is expected back)."""
    await tx.run(QUERIES.replan_refunds, tx.org, *_columns(rows, 3))


async def order_of_refund(tx: Tx, refund_id: str) -> str | None:
    """The order of a refund, to be locked before it."""
    order_id: str | None = await tx.value(QUERIES.order_of_refund, tx.org, refund_id)
    return order_id


async def update_refunds(tx: Tx, rows: Sequence[tuple[Any, ...]]) -> None:
    """What refunds became: (id, state, open reversals, finished_at, attempt key)."""
    await tx.run(QUERIES.update_refunds, tx.org, *_columns(rows, 5))


async def refunds_of(tx: Tx, order_ids: Sequence[str]) -> list[Row]:
    """Every refund of these orders."""
    return await tx.rows(QUERIES.refunds_of, tx.org, list(order_ids))


async def funding_refunds(tx: Tx, order_ids: Sequence[str]) -> list[Row]:
    """Refunds of these orders that wait for money: the collection and what they will take."""
    return await tx.rows(QUERIES.funding_refunds, tx.org, list(order_ids))


async def begin_import(tx: Tx, import_id: str, source: str, at: datetime) -> Row:
    """The import of these files: a new one, or the one that was begun, locked."""
    row = await tx.row(QUERIES.begin_import, tx.org, import_id, source, at)
    assert row is not None
    return row


async def import_progress(
    tx: Tx, import_id: str, span: tuple[int, int], accepted: int, refused: int, done_at: datetime | None
) -> bool:
    """An import has read `span` (from, to) of its rows; False when it does not stand where the span begins."""
    return bool(await tx.run(QUERIES.import_progress, tx.org, import_id, *span, accepted, refused, done_at))


async def restart_import(tx: Tx, import_id: str) -> Row:
    """Forget how far an import has come and what it refused."""
    row = await tx.row(QUERIES.restart_import, tx.org, import_id)
    assert row is not None
    return row


async def insert_refused(tx: Tx, import_id: str, rows: Sequence[tuple[str, str, str]]) -> None:
    """Orders that were refused: (external id, code, message)."""
    await tx.run(QUERIES.insert_refused, tx.org, import_id, *_columns(rows, 3))


async def refused_of(tx: Tx, import_id: str, *, after: str = "", rows_max: int = 1_000) -> list[Row]:
    """What an import refused, and why, in order of the external ids."""
    return await tx.rows(QUERIES.refused_of, tx.org, import_id, after, rows_max)


async def refused_counts(tx: Tx, import_id: str) -> list[Row]:
    """How many orders an import refused for which reason (`code`, `orders`), the most frequent first."""
    return await tx.rows(QUERIES.refused_counts, tx.org, import_id)


DUE = sweep_over("orders.due", 25, "orders.purchase", columns=("next_step",), ties=())
"""Orders whose next step is due: collect, deliver, release, cancel."""

FREEZE = sweep_over(
    "orders.freeze", 25, "orders.collection", columns=("order_id", "freeze_ends_at", "escrow_minor"), ties=()
)
"""Collections whose freeze ends soon, or has ended."""
