"""The slice's tables: rules and their versions, allocations, splits, reversals. Everything is written set-wise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from cauce.marketplace.splits.planning import Part
from cauce.storage.database import Row, Tx
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__)


async def insert_rule(tx: Tx, rule_id: str, name: str, content: Mapping[str, Any], actor: str, at: datetime) -> int:
    """The next version of a rule, as a draft; its number."""
    return int(await tx.value(QUERIES.insert_rule, tx.org, rule_id, name, dict(content), actor, at))


async def lock_rule(tx: Tx, rule_id: str, version: int) -> Row | None:
    """One version of a rule, locked."""
    return await tx.row(QUERIES.rule_version, tx.org, rule_id, version)


async def activate(tx: Tx, rule_id: str, version: int, actor: str) -> None:
    """This version is the active one; the one before is superseded."""
    await tx.run(QUERIES.supersede, tx.org, rule_id)
    await tx.run(QUERIES.activate, tx.org, rule_id, version, actor)


async def active_rules(tx: Tx, rule_ids: Sequence[str]) -> list[Row]:
    """The active versions of these rules."""
    return await tx.rows(QUERIES.active_rules, tx.org, list(rule_ids))


async def rule_versions(tx: Tx, wanted: Sequence[tuple[str, int]]) -> list[Row]:
    """Certain versions of rules."""
    return await tx.rows(QUERIES.rule_versions, tx.org, [one[0] for one in wanted], [one[1] for one in wanted])


async def list_rules(tx: Tx) -> list[Row]:
    """Every version of every rule, newest first."""
    return await tx.rows(QUERIES.rules, tx.org)


async def insert_allocations(tx: Tx, plans: Sequence[tuple[str, str, Sequence[Part]]]) -> None:
    """Write the parts of collections: (collection, order, parts)."""
    columns: list[list[Any]] = [[] for _ in range(7)]
    for collection_id, order_id, parts in plans:
        for position, part in enumerate(parts, 1):
            row = (collection_id, position, order_id, part.party, part.amount_minor, part.is_rest, part.role)
            for column, value in zip(columns, row, strict=True):
                column.append(value)
    await tx.run(QUERIES.insert_allocations, tx.org, *columns)


async def allocations_of(tx: Tx, collection_ids: Sequence[str]) -> dict[str, list[Row]]:
    """The parts of these collections, in their order."""
    found: dict[str, list[Row]] = {}
    for row in await tx.rows(QUERIES.allocations_of, tx.org, list(collection_ids)):
        found.setdefault(row["collection_id"], []).append(row)
    return found


async def bear_fee(tx: Tx, rows: Sequence[tuple[str, int, int]]) -> None:
    """Parts that the provider's fee makes smaller: (collection, position, by how much)."""
    await tx.run(QUERIES.bear_fee, tx.org, *_columns(rows, 3))


async def restore_amounts(tx: Tx, order_ids: Sequence[str]) -> None:
    """Orders go back to paid: where nothing was divided, the parts are again what was planned."""
    await tx.run(QUERIES.restore_amounts, tx.org, list(order_ids))


async def close_parts(tx: Tx, rows: Sequence[tuple[str, int]]) -> None:
    """Parts that the provider refused: (collection, position)."""
    await tx.run(QUERIES.close_parts, tx.org, *_columns(rows, 2))


async def add_reversed(tx: Tx, rows: Sequence[tuple[str, int, int]]) -> None:
    """Parts that were taken back: (collection, position, amount)."""
    await tx.run(QUERIES.add_reversed, tx.org, *_columns(rows, 3))


async def add_parked(tx: Tx, rows: Sequence[tuple[str, int, int]]) -> None:
    """What lies in escrow of parts that came back: (collection, position, amount), signed."""
    await tx.run(QUERIES.add_parked, tx.org, *_columns(rows, 3))


async def add_recovered(tx: Tx, rows: Sequence[tuple[str, int, int]]) -> None:
    """What of parts went to repay advances: (collection, position, amount), signed."""
    await tx.run(QUERIES.add_recovered, tx.org, *_columns(rows, 3))


async def parked(tx: Tx, collection_ids: Sequence[str]) -> list[Row]:
    """The parts of these collections of which something came back and lies in escrow."""
    return await tx.rows(QUERIES.parked, tx.org, list(collection_ids))


async def waiting_of_orders(tx: Tx, order_ids: Sequence[str]) -> dict[str, int]:
    """How much in the escrow of orders waits: what came back and is sent again, what is kept for a later split."""
    rows = await tx.rows(QUERIES.waiting_of_orders, tx.org, list(order_ids))
    return {row["order_id"]: row["waiting_minor"] for row in rows}


async def divide_kept(tx: Tx, less: Sequence[tuple[str, int, int]], added: Sequence[tuple[Any, ...]]) -> None:
    """Kept parts shrink (collection, position, by how much) and others stand in their place, in the query's order."""
    await tx.run(QUERIES.shrink_kept, tx.org, *_columns(less, 3))
    await tx.run(QUERIES.add_parts, tx.org, *_columns(added, 7))


async def insert_kept_parts(
    tx: Tx,
    order_id: str,
    parts: Sequence[tuple[Any, ...]],
    *,
    rule_id: str,
    rule_version: int | None,
    reason: str,
    by: str,
    at: datetime,
) -> None:
    """Who got what of what an order kept: (collection, position, role, party, amount)."""
    columns = _columns(parts, 5)
    await tx.run(QUERIES.insert_kept_parts, tx.org, order_id, *columns, rule_id, rule_version, reason, by, at)


async def mark_brought(tx: Tx, collection_ids: Sequence[str]) -> None:
    """The platform's parts of these collections were booked without a split."""
    await tx.run(QUERIES.mark_brought, tx.org, list(collection_ids))


async def end_kept(tx: Tx, collection_ids: Sequence[str]) -> None:
    """The freeze of these collections is over: what was kept is their owner's."""
    await tx.run(QUERIES.end_kept, tx.org, list(collection_ids))


async def insert_splits(tx: Tx, rows: Sequence[tuple[Any, ...]], at: datetime) -> None:
    """Requests to channels, in the order of the query's columns after the organization."""
    await tx.run(QUERIES.insert_splits, tx.org, *_columns(rows, 14), at)


async def submit_planned(tx: Tx, rows: Sequence[tuple[str, int]]) -> None:
    """Finishes that waited are sent now: (id, what is left for the order's own merchant)."""
    await tx.run(QUERIES.submit_planned, tx.org, *_columns(rows, 2))


async def lock_splits(tx: Tx, ids: Sequence[str]) -> list[Row]:
    """Splits, locked in order of id."""
    return await tx.rows(QUERIES.lock_splits, tx.org, list(ids))


async def known_splits(tx: Tx, ids: Sequence[str]) -> set[str]:
    """Those of these ids that are splits."""
    return {row["id"] for row in await tx.rows(QUERIES.known_splits, tx.org, list(ids))}


async def splits_of(tx: Tx, order_ids: Sequence[str]) -> list[Row]:
    """Every split of these orders."""
    return await tx.rows(QUERIES.splits_of, tx.org, list(order_ids))


async def update_splits(tx: Tx, rows: Sequence[tuple[Any, ...]]) -> None:
    """What splits became: (id, state, ref, applied_at)."""
    await tx.run(QUERIES.update_splits, tx.org, *_columns(rows, 4))


async def open_splits(tx: Tx, order_ids: Sequence[str]) -> dict[str, int]:
    """How many splits of orders have no outcome yet; orders without any are left out."""
    return {row["order_id"]: row["open"] for row in await tx.rows(QUERIES.open_splits, tx.org, list(order_ids))}


async def insert_reversals(tx: Tx, rows: Sequence[tuple[Any, ...]], at: datetime) -> None:
    """Reversals: (id, order, collection, position, split, refund, party, amount)."""
    await tx.run(QUERIES.insert_reversals, tx.org, *_columns(rows, 8), at)


async def lock_reversals(tx: Tx, ids: Sequence[str]) -> list[Row]:
    """Reversals, locked in order of id."""
    return await tx.rows(QUERIES.lock_reversals, tx.org, list(ids))


async def reversals_of_refunds(tx: Tx, refund_ids: Sequence[str]) -> dict[str, list[Row]]:
    """Every reversal of these refunds, by refund; refunds without any are left out."""
    found: dict[str, list[Row]] = {}
    for row in await tx.rows(QUERIES.reversals_of_refunds, tx.org, list(refund_ids)):
        found.setdefault(row["refund_id"], []).append(row)
    return found


async def taken_back(tx: Tx, collection_ids: Sequence[str]) -> list[Row]:
    """What was asked back of the splits of these collections and not refused, and how often, by split and party."""
    return await tx.rows(QUERIES.taken_back, tx.org, list(collection_ids))


async def open_reversals(tx: Tx, order_ids: Sequence[str]) -> list[Row]:
    """Reversals of these orders without an answer."""
    return await tx.rows(QUERIES.open_reversals, tx.org, list(order_ids))


async def update_reversals(tx: Tx, rows: Sequence[tuple[Any, ...]]) -> None:
    """What reversals became: (id, state, ref, finished_at)."""
    await tx.run(QUERIES.update_reversals, tx.org, *_columns(rows, 4))


def _columns(rows: Sequence[tuple[Any, ...]], width: int) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(width)]
