"""Merchants as pages show them: what each owns by the custody book, what is on its way to him, his payouts and statement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cauce.kernel.errors import NotFound
from cauce.storage.database import Row, Tx
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__, "merchants.sql")
LATEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Balance:
    """A merchant's money at one channel in one currency, in minor units.

    `available` can be paid out now; `frozen` and `pending` are his but cannot; `escrow` is the planned part of orders
    that are not released; `in_transit` is on its way to his bank; `reserved` waits for a second person.
    """

    merchant_id: str
    channel_id: str
    channel: str
    currency: str
    available_minor: int = 0
    reserved_minor: int = 0
    pending_minor: int = 0
    frozen_minor: int = 0
    escrow_minor: int = 0
    in_transit_minor: int = 0


async def page(tx: Tx, *, before: str = "", state: str = "", find: str = "", rows_max: int = 50) -> list[Row]:
    """Merchants, newest first; `find` is the beginning of the name, or the platform's own number."""
    return await tx.rows(QUERIES.merchant_page, tx.org, before, state, find, rows_max)


async def one(tx: Tx, merchant_id: str) -> Row:
    """A merchant; `NotFound` otherwise."""
    row = await tx.row(QUERIES.merchant_one, tx.org, merchant_id)
    if row is None:
        raise NotFound(f"there is no merchant {merchant_id}", param="merchant")
    return row


async def open_work(tx: Tx, merchant_id: str) -> Row:
    """Whether he has `orders`, `refunds` and `payouts` that are not over."""
    row = await tx.row(QUERIES.merchant_open_work, tx.org, merchant_id)
    assert row is not None
    return row


async def accounts(tx: Tx, merchant_id: str) -> list[Row]:
    """The merchant's accounts at channels."""
    return await tx.rows(QUERIES.merchant_accounts, tx.org, merchant_id)


async def instruments(tx: Tx, merchant_id: str) -> list[Row]:
    """Where the merchant's money is paid out to."""
    return await tx.rows(QUERIES.merchant_instruments, tx.org, merchant_id)


async def balances(tx: Tx, merchant_ids: Sequence[str], channels: Sequence[tuple[str, str]]) -> list[Balance]:
    """Every balance of these merchants; `channels` are (id, name) of all."""
    ids, names = list(merchant_ids), dict(channels)
    found: dict[tuple[str, str, str], dict[str, int]] = {}
    for query in (QUERIES.merchant_balances, QUERIES.merchant_in_transit, QUERIES.merchant_escrow):
        for row in await tx.rows(query, tx.org, ids):
            amounts = found.setdefault((row["merchant_id"], row["channel_id"], row["currency"]), {})
            amounts.update({name: value for name, value in row.items() if name.endswith("_minor")})
    return [
        Balance(merchant, channel, names.get(channel, channel), currency, **amounts)
        for (merchant, channel, currency), amounts in sorted(found.items())
        if any(amounts.values())
    ]


async def statement(tx: Tx, merchant_id: str, *, before: int = LATEST, rows_max: int = 50) -> list[Row]:
    """Movements of a merchant's withdrawable money, newest first, each with the balance after it."""
    return await tx.rows(QUERIES.merchant_statement, tx.org, merchant_id, before, rows_max)


async def payouts(tx: Tx, *, before: str = "", state: str = "", merchant_id: str = "", rows_max: int = 50) -> list[Row]:
    """Payouts, newest first."""
    return await tx.rows(QUERIES.payout_page, tx.org, before, state, merchant_id, rows_max)
