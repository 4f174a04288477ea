"""Objects by their ids, many at a time, with the columns that the API shows wherever it refers to one."""

from __future__ import annotations

from collections.abc import Sequence

from cauce.storage.database import Row, Tx
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__, "resources.sql")


async def customers(tx: Tx, ids: Sequence[str]) -> list[Row]:
    """Customers; unknown ids are left out."""
    return await tx.rows(QUERIES.customers_of_ids, tx.org, list(ids))


async def subscriptions(tx: Tx, ids: Sequence[str]) -> list[Row]:
    """Subscriptions with plan and access; unknown ids are left out."""
    return await tx.rows(QUERIES.subscriptions_of_ids, tx.org, list(ids))


async def invoices(tx: Tx, ids: Sequence[str]) -> list[Row]:
    """Invoices without their lines; unknown ids are left out."""
    return await tx.rows(QUERIES.invoices_of_ids, tx.org, list(ids))


async def merchants(tx: Tx, ids: Sequence[str]) -> list[Row]:
    """Merchants; unknown ids are left out."""
    return await tx.rows(QUERIES.merchants_of_ids, tx.org, list(ids))


async def orders(tx: Tx, ids: Sequence[str]) -> list[Row]:
    """Orders; unknown ids are left out."""
    return await tx.rows(QUERIES.orders_of_ids, tx.org, list(ids))


async def order_ids(tx: Tx, external_ids: Sequence[str]) -> dict[str, str]:
    """From the platform's own order numbers to ids; unknown ones are left out."""
    rows = await tx.rows(QUERIES.order_ids, tx.org, list(external_ids))
    return {row["external_id"]: row["id"] for row in rows}


async def prices_of_plans(tx: Tx, plan_ids: Sequence[str]) -> list[Row]:
    """The prices of plan versions, archived ones included."""
    return await tx.rows(QUERIES.prices_of_plans, tx.org, list(plan_ids))


async def entitlements(tx: Tx, customers_named: Sequence[str]) -> list[Row]:
    """What each customer (or member, I6) may use, by id or external id: access of subscriptions and grants by hand now.

    One row per subscription or grant; a customer without either has one row of nothing.
    """
    return await tx.rows(QUERIES.entitlements_of_many, tx.org, list(customers_named))
