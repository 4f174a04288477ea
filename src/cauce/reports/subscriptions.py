"""Subscriptions as pages show them, and the plans that are on sale."""

from __future__ import annotations

from collections.abc import Sequence

from cauce.kernel.errors import NotFound
from cauce.storage.database import Row, Tx
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__, "subscriptions.sql")


async def page(
    tx: Tx, *, before: str = "", status: str = "", plan: str = "", customer_id: str = "", rows_max: int = 50
) -> list[Row]:
    """Subscriptions with customer and plan, newest first."""
    return await tx.rows(QUERIES.subscription_page, tx.org, before, status, plan, customer_id, rows_max)


async def one(tx: Tx, subscription_id: str) -> Row:
    """A subscription with its customer, plan and access level; `NotFound` otherwise."""
    row = await tx.row(QUERIES.subscription_one, tx.org, subscription_id)
    if row is None:
        raise NotFound(f"there is no subscription {subscription_id}", param="subscription")
    return row


async def items(tx: Tx, subscription_id: str) -> list[Row]:
    """What is subscribed to, with quantities and prices."""
    return await tx.rows(QUERIES.subscription_items, tx.org, subscription_id)


async def history(tx: Tx, subscription_id: str, rows_max: int = 50) -> list[Row]:
    """The steps of the state machine that were taken, newest first."""
    return await tx.rows(QUERIES.subscription_history, tx.org, subscription_id, rows_max)


async def waiting_changes(tx: Tx, subscription_ids: Sequence[str]) -> dict[str, Row]:
    """The change that waits, by subscription: `due_on` is its day in the subscription's zone, `plan` its new plan's name."""
    rows = await tx.rows(QUERIES.waiting_changes, tx.org, list(subscription_ids))
    return {row["subscription_id"]: row for row in rows}


async def plan_keys(tx: Tx) -> list[Row]:
    """(key, name) of every plan, by key."""
    return await tx.rows(QUERIES.plan_keys, tx.org)


async def plans_on_sale(tx: Tx) -> list[tuple[Row, list[Row]]]:
    """The newest version of each published plan with its prices."""
    plans = [row for row in await tx.rows(QUERIES.plans_on_sale, tx.org) if row["state"] == "published"]
    prices = await _prices(tx, [row["id"] for row in plans])
    return [(row, [price for price in prices if price["plan_id"] == row["id"]]) for row in plans]


async def _prices(tx: Tx, plan_ids: Sequence[str]) -> list[Row]:
    return await tx.rows(QUERIES.prices_on_sale, tx.org, list(plan_ids))


async def of_older_versions(tx: Tx, plan_key: str, newest_id: str, after: str, rows_max: int) -> list[str]:
    """Ids after `after` of subscriptions of a plan's other versions whose contract has not ended, in order."""
    return [row["id"] for row in await tx.rows(QUERIES.of_older_versions, tx.org, plan_key, newest_id, after, rows_max)]


async def migrations(tx: Tx, plan_key: str, *, before: str, rows_max: int) -> list[Row]:
    """What became of moves to newer versions of a plan, newest first."""
    return await tx.rows(QUERIES.migrations, tx.org, plan_key, before, rows_max)
