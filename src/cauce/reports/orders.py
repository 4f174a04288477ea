"""Orders as pages show them: the list, and one with its lines, collections and who gets what of them by which instruction."""

from __future__ import annotations

from cauce.kernel.errors import NotFound
from cauce.storage.database import Row, Tx
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__, "orders.sql")


async def page(
    tx: Tx,
    *,
    before: str = "",
    state: str = "",
    channel_id: str = "",
    number: str = "",
    merchant_id: str = "",
    rows_max: int = 50,
) -> list[Row]:
    """Orders with channel and sellers, newest first; `number` is the platform's own."""
    return await tx.rows(QUERIES.order_page, tx.org, before, state, channel_id, number, merchant_id, rows_max)


async def one(tx: Tx, order_id: str) -> Row:
    """An order with its channel; `NotFound` otherwise."""
    row = await tx.row(QUERIES.order_one, tx.org, order_id)
    if row is None:
        raise NotFound(f"there is no order {order_id}", param="order")
    return row


async def lines(tx: Tx, order_id: str) -> list[Row]:
    """What was sold, by whom."""
    return await tx.rows(QUERIES.order_lines, tx.org, order_id)


async def collections(tx: Tx, order_id: str) -> list[Row]:
    """What payers paid, what is parked of it and what went out."""
    return await tx.rows(QUERIES.order_collections, tx.org, order_id)


async def parts(tx: Tx, order_id: str) -> list[Row]:
    """The waterfall: each party's part, with the split and instruction that carry it."""
    return await tx.rows(QUERIES.order_parts, tx.org, order_id)


async def refunds(tx: Tx, order_id: str) -> list[Row]:
    """Refunds of an order."""
    return await tx.rows(QUERIES.order_refunds, tx.org, order_id)


async def subsidies(tx: Tx, order_id: str) -> list[Row]:
    """What the platform added to an order's payments, took back with refunds, or gave up."""
    return await tx.rows(QUERIES.order_subsidies, tx.org, order_id)


async def refund_lines(tx: Tx, order_id: str) -> list[Row]:
    """Which lines of an order refunds are of, where they said so."""
    return await tx.rows(QUERIES.order_refund_lines, tx.org, order_id)


async def kept_parts(tx: Tx, order_id: str) -> list[Row]:
    """What an order kept and somebody divided since, with who, why and by which rule."""
    return await tx.rows(QUERIES.order_kept_parts, tx.org, order_id)


async def parties(tx: Tx, order_id: str) -> list[Row]:
    """Whom an order that keeps a part named: they alone may get something of it."""
    return await tx.rows(QUERIES.order_parties, tx.org, order_id)


async def instructions(tx: Tx, order_id: str) -> list[Row]:
    """Everything that was asked of the channel for an order, its collections, splits and refunds."""
    return await tx.rows(QUERIES.order_instructions, tx.org, order_id)


async def channel_names(tx: Tx) -> list[Row]:
    """(id, name) of every channel, oldest first."""
    return await tx.rows(QUERIES.channel_names, tx.org)
