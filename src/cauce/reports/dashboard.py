"""The figures of the first page and the search over everything: what comes in, what is owed, what is kept for others."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cauce.storage.database import Row, Tx
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__, "dashboard.sql")
FOUND_MAX = 20


async def revenue(tx: Tx) -> list[Row]:
    """Per currency: monthly recurring revenue of paying subscriptions, how many pay, how many try."""
    return await tx.rows(QUERIES.revenue, tx.org)


async def collected(tx: Tx, since: datetime) -> list[Row]:
    """Per currency: what customers paid since that day, less what went back in that time."""
    return await tx.rows(QUERIES.collected, tx.org, since)


async def outstanding(tx: Tx) -> list[Row]:
    """Per currency: what open invoices still ask for, and how many they are."""
    return await tx.rows(QUERIES.outstanding, tx.org)


async def orders_volume(tx: Tx, since: datetime, until: datetime) -> list[Row]:
    """Per currency: what buyers paid for orders placed in that time, and how many orders."""
    return await tx.rows(QUERIES.orders_volume, tx.org, since, until)


async def in_custody(tx: Tx) -> list[Row]:
    """Per channel and currency: what the holder keeps for whom, by the custody book."""
    return await tx.rows(QUERIES.in_custody, tx.org)


async def waiting(tx: Tx) -> Row:
    """How many breaks, buried jobs, payouts and recoveries wait for somebody."""
    row = await tx.row(QUERIES.waiting, tx.org)
    assert row is not None
    return row


async def collected_per_day(tx: Tx, currency: str, since: datetime, until: datetime) -> list[Row]:
    """(day, amount_minor) that customers paid, every day of the time."""
    return await tx.rows(QUERIES.collected_per_day, tx.org, currency, since, until)


async def orders_per_day(tx: Tx, currency: str, since: datetime, until: datetime) -> list[Row]:
    """(day, amount_minor) of orders placed, every day of the time."""
    return await tx.rows(QUERIES.orders_per_day, tx.org, currency, since, until)


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found, by kind."""

    customers: list[Row]
    invoices: list[Row]
    orders: list[Row]
    merchants: list[Row]


async def find(tx: Tx, words: str) -> Found:
    """Customers by the beginning of a word, invoices and orders by their number, merchants by the beginning of the name."""
    first = words.lower().split(" ")[0]
    return Found(
        await tx.rows(QUERIES.find_customers, tx.org, first, FOUND_MAX),
        await tx.rows(QUERIES.find_invoices, tx.org, words, FOUND_MAX),
        await tx.rows(QUERIES.find_orders, tx.org, words, FOUND_MAX),
        await tx.rows(QUERIES.find_merchants, tx.org, words, FOUND_MAX),
    )
