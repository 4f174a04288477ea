"""The slice's tables: access per subscription, grants by hand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from cauce.billing.entitlements.rules import Access, Level
from cauce.storage.database import Row, Tx
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__)


async def lock(tx: Tx, subscription_ids: Sequence[str]) -> dict[str, Access]:
    """What these subscriptions give now, locked."""
    rows = await tx.rows(QUERIES.lock_access, tx.org, sorted(set(subscription_ids)))
    return {row["subscription_id"]: access_of(row) for row in rows}


async def put(tx: Tx, accesses: Sequence[Access], at: datetime) -> None:
    """Write what these subscriptions give."""
    if accesses:
        await tx.run(
            QUERIES.put_access,
            tx.org,
            [one.subscription_id for one in accesses],
            [one.customer_id for one in accesses],
            [one.product_id for one in accesses],
            [one.plan_id for one in accesses],
            [one.level.value for one in accesses],
            [one.features for one in accesses],
            [one.limits for one in accesses],
            at,
        )


async def of_customer(tx: Tx, customer_id: str) -> list[Access]:
    """What a customer's subscriptions give."""
    return [access_of(row) for row in await tx.rows(QUERIES.access_of_customer, tx.org, customer_id)]


def access_of(row: Row) -> Access:
    """An access from its row."""
    return Access(
        row["subscription_id"],
        row["customer_id"],
        row["product_id"],
        row["plan_id"],
        Level(row["level"]),
        row["features"],
        row["limits"],
    )
