"""The slice's tables: schedules, standings, batches, payouts. Everything is written set-wise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from cauce.marketplace.settlement.rules import Credit
from cauce.storage.database import Row, Tx
from cauce.storage.due_rows import sweep_over
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__)


async def insert_schedule(
    tx: Tx, schedule_id: str, name: str, content: Mapping[str, Any], at: datetime, *, is_default: bool
) -> None:
    """A payout schedule; the default one takes the place of the one before."""
    if is_default:
        await tx.run(QUERIES.clear_default, tx.org)
    await tx.run(QUERIES.insert_schedule, tx.org, schedule_id, name, dict(content), is_default, at)


async def schedules(tx: Tx) -> list[Row]:
    """Every payout schedule."""
    return await tx.rows(QUERIES.schedules, tx.org)


async def standings(tx: Tx, credits: Sequence[Credit]) -> dict[Credit, Row]:
    """The standings of these merchants that exist."""
    rows = await tx.rows(QUERIES.standings, tx.org, *_columns(credits, 3))
    return {Credit(row["merchant_id"], row["channel_id"], row["currency"]): row for row in rows}


async def schedule_standings(tx: Tx, rows: Sequence[tuple[str, str, str, datetime | None]]) -> None:
    """When merchants are settled next, unless it is settled already: (merchant, channel, currency, due)."""
    await tx.run(QUERIES.schedule_standings, tx.org, *_columns(rows, 4))


async def assign_schedule(tx: Tx, credit: Credit, schedule_id: str, due_at: datetime | None) -> None:
    """Give a merchant a schedule of his own, and his next run by it."""
    await tx.run(QUERIES.assign_schedule, tx.org, *credit, schedule_id, due_at)


async def pause_merchant(tx: Tx, merchant_id: str, reason: str, at: datetime, *, by: str) -> bool:
    """No payout of a merchant goes out until it is ended; whether none stood before."""
    return bool(await tx.run(QUERIES.pause_merchant, tx.org, merchant_id, reason, at, by))


async def resume_merchant(tx: Tx, merchant_id: str) -> bool:
    """A merchant's pause is over; whether it stood."""
    return bool(await tx.run(QUERIES.resume_merchant, tx.org, merchant_id))


async def merchant_pauses(tx: Tx, merchant_ids: Sequence[str] | None = None) -> list[Row]:
    """Which merchants are paid nothing out, since when, by whom and why."""
    wanted = None if merchant_ids is None else list(merchant_ids)
    return await tx.rows(QUERIES.merchant_pauses, tx.org, wanted)


async def pause_channel(tx: Tx, channel_id: str, reason: str, at: datetime, *, by: str) -> None:
    """No payout of a channel goes out while this reason stands."""
    await tx.run(QUERIES.pause_channel, tx.org, channel_id, reason, at, by)


async def resume_channel(tx: Tx, channel_id: str, reason: str) -> bool:
    """This reason to pause a channel is over; whether it stood."""
    return bool(await tx.run(QUERIES.resume_channel, tx.org, channel_id, reason))


async def channel_pauses(tx: Tx, channel_ids: Sequence[str] | None = None) -> list[Row]:
    """Why which channels pay nothing out."""
    wanted = None if channel_ids is None else list(channel_ids)
    return await tx.rows(QUERIES.channel_pauses, tx.org, wanted)


async def standings_ran(tx: Tx, rows: Sequence[tuple[str, datetime | None, datetime]]) -> None:
    """Standings were settled: (key, next due, this run)."""
    await tx.run(QUERIES.standings_ran, tx.org, *_columns(rows, 3))


async def insert_batches(tx: Tx, rows: Sequence[tuple[Any, ...]]) -> set[str]:
    """Settlement batches, one per merchant, channel, currency and day; the ids that were written."""
    return {row["id"] for row in await tx.rows(QUERIES.insert_batches, tx.org, *_columns(rows, 10))}


async def told_until(tx: Tx, credits: Sequence[Credit]) -> dict[Credit, datetime]:
    """Until when each merchant has a statement; those who never had one are left out."""
    rows = await tx.rows(QUERIES.told_until, tx.org, *_columns(credits, 3))
    return {Credit(row["merchant_id"], row["channel_id"], row["currency"]): row["until_at"] for row in rows}


async def insert_payouts(tx: Tx, rows: Sequence[tuple[Any, ...]]) -> None:
    """Payouts, in the order of the query's columns after the organization."""
    await tx.run(QUERIES.insert_payouts, tx.org, *_columns(rows, 14))


async def lock_payouts(tx: Tx, ids: Sequence[str]) -> list[Row]:
    """Payouts, locked in order of id."""
    return await tx.rows(QUERIES.lock_payouts, tx.org, list(ids))


async def awaiting_approval(tx: Tx, merchant_ids: Sequence[str]) -> dict[Credit, int]:
    """What settlements asked for these merchants and nobody has approved or withdrawn yet, minor units."""
    rows = await tx.rows(QUERIES.awaiting_approval, tx.org, list(merchant_ids))
    return {Credit(row["merchant_id"], row["channel_id"], row["currency"]): row["amount_minor"] for row in rows}


async def update_payouts(tx: Tx, rows: Sequence[tuple[Any, ...]]) -> None:
    """What payouts became: (id, state, ref, fee, failure, paid_at, submitted_at, approved_by)."""
    await tx.run(QUERIES.update_payouts, tx.org, *_columns(rows, 8))


async def instruments_used(tx: Tx, instruments: Mapping[str, str]) -> set[str]:
    """Those of these instruments (id -> merchant) that a payout has reached before."""
    if not instruments:
        return set()
    merchants = sorted(set(instruments.values()))
    rows = await tx.rows(QUERIES.instruments_used, tx.org, merchants, list(instruments))
    return {row["instrument_id"] for row in rows}


async def payouts_by_ref(tx: Tx, channel_id: str, refs: Sequence[str]) -> dict[str, str]:
    """From the provider's payout numbers to ours."""
    return {row["ref"]: row["id"] for row in await tx.rows(QUERIES.payouts_by_ref, tx.org, channel_id, list(refs))}


def _columns(rows: Sequence[tuple[Any, ...]], width: int) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(width)]


DUE = sweep_over(
    "settlement.due",
    45,
    "settlement.standing",
    key=("key",),
    columns=("merchant_id", "channel_id", "currency", "schedule_id", "last_run_at"),
    ties=(),
)
"""Merchants who are settled now."""


async def instruments_in_use(tx: Tx, instrument_ids: Sequence[str]) -> set[str]:
    """Those of these instruments to which a payout is on its way."""
    return {row["instrument_id"] for row in await tx.rows(QUERIES.instruments_in_use, tx.org, list(instrument_ids))}
