"""Lists of the marketplace by cursor, and an order's waterfall: who gets what, when, by which instruction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from cauce.kernel.errors import NotFound
from cauce.storage.database import Row, Tx
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__, "marketplace.sql")
ROWS_MAX = 500


@dataclass(frozen=True, slots=True)
class Waterfall:
    """An order's money: its collections, the parts of each with the split that carried them, every instruction."""

    collections: list[Row]
    parts: list[Row]
    instructions: list[Row]


async def orders(
    tx: Tx,
    *,
    before: tuple[datetime, str] | None = None,
    rows_max: int = 50,
    state: str | None = None,
    channel_id: str | None = None,
    seller_id: str | None = None,
    external_id: str | None = None,
) -> list[Row]:
    """Orders, newest first; `before` is (placed_at, id) of the last row of the page before."""
    at, order_id = before or (None, "")
    return await tx.rows(
        QUERIES.orders, tx.org, at, order_id, min(rows_max, ROWS_MAX), state, channel_id, seller_id, external_id
    )


async def waterfall(tx: Tx, order_id: str) -> Waterfall:
    """Who gets what of an order, when, by which instruction."""
    return Waterfall(
        await tx.rows(QUERIES.waterfall_collections, tx.org, order_id),
        await tx.rows(QUERIES.waterfall_parts, tx.org, order_id),
        await tx.rows(QUERIES.waterfall_instructions, tx.org, order_id),
    )


async def merchants(
    tx: Tx, *, after: str = "", rows_max: int = 50, state: str | None = None, search: str | None = None
) -> list[Row]:
    """Merchants in the order in which they were made; `search` is a name's beginning or an external id."""
    return await tx.rows(QUERIES.merchants, tx.org, after, min(rows_max, ROWS_MAX), state, search)


async def merchant_balances(tx: Tx, merchant_ids: Sequence[str]) -> list[Row]:
    """What merchants own at each channel: pending, withdrawable, frozen, external, and what of it is held."""
    return await tx.rows(QUERIES.merchant_balances, tx.org, list(merchant_ids))


async def payouts(
    tx: Tx, *, before: str | None = None, rows_max: int = 50, state: str | None = None, merchant_id: str | None = None
) -> list[Row]:
    """Payouts, newest first."""
    return await tx.rows(QUERIES.payouts, tx.org, before, min(rows_max, ROWS_MAX), state, merchant_id)


async def breaks(
    tx: Tx,
    channel_id: str | None = None,
    *,
    before: str | None = None,
    rows_max: int = ROWS_MAX,
    only_open: bool = True,
) -> list[Row]:
    """Breaks, newest first."""
    return await tx.rows(QUERIES.all_breaks, tx.org, before, min(rows_max, ROWS_MAX), channel_id, only_open)


async def runs(tx: Tx, *, before: str | None = None, rows_max: int = 50) -> list[Row]:
    """Reconciliation runs, newest first."""
    return await tx.rows(QUERIES.runs, tx.org, before, min(rows_max, ROWS_MAX))


async def one_run(tx: Tx, run_id: str) -> Row:
    """One reconciliation run; `NotFound` otherwise."""
    row = await tx.row(QUERIES.one_run, tx.org, run_id)
    if row is None:
        raise NotFound(f"there is no run {run_id}", param="run")
    return row


async def batches(
    tx: Tx, *, before: str | None = None, rows_max: int = 50, merchant_id: str | None = None
) -> list[Row]:
    """Settlement batches, newest first."""
    return await tx.rows(QUERIES.batches, tx.org, before, min(rows_max, ROWS_MAX), merchant_id)


async def order_days(tx: Tx, channel_id: str) -> tuple[datetime, datetime, list[date]]:
    """The first and last day (UTC midnight) on which something of this channel's orders happens, and all of them."""
    days = [row["day"] for row in await tx.rows(QUERIES.order_days, tx.org, channel_id)]
    assert days, "the channel has no orders"
    return datetime.combine(days[0], time(), UTC), datetime.combine(days[-1], time(), UTC), days


async def money_days(tx: Tx, channel_id: str) -> list[date]:
    """The days (UTC) on which money moved at a channel."""
    return [row["day"] for row in await tx.rows(QUERIES.money_days, tx.org, channel_id)]


async def job_sums(tx: Tx, channel_id: str) -> dict[str, int]:
    """What was paid out and refunded through a channel, in minor units."""
    row = await tx.row(QUERIES.job_sums, tx.org, channel_id)
    assert row is not None
    return dict(row)


async def kept_payments(tx: Tx, channel_id: str, *, rows_max: int) -> list[Row]:
    """The first payments of a channel of which nothing went back (`id`, `amount_minor`, `paid_at`)."""
    return await tx.rows(QUERIES.kept_payments, tx.org, channel_id, rows_max)


async def finished_refunds(tx: Tx, channel_id: str, *, rows_max: int) -> list[Row]:
    """The first refunds of a channel that reached their payers (`id`, `amount_minor`)."""
    return await tx.rows(QUERIES.finished_refunds, tx.org, channel_id, rows_max)


async def party_sums(tx: Tx, channel_id: str) -> Row:
    """Where the money that buyers paid through a channel is, by party, in minor units of its one currency."""
    row = await tx.row(QUERIES.party_sums, tx.org, channel_id)
    assert row is not None
    return row


async def trial_balance(tx: Tx) -> list[Row]:
    """The sum of every account per book and currency: zero in sound books."""
    return await tx.rows(QUERIES.trial_balance, tx.org)
