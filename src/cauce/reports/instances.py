"""Instances as pages and the API show them, and as their runners are told of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cauce.kernel.errors import NotFound
from cauce.storage.database import Row, Tx
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__, "instances.sql")


async def runs_at(tx: Tx, origin: str) -> bool:
    """Whether an instance of this organization is ready at a site like `https://ana.example.com`."""
    return bool(await tx.value(QUERIES.instance_at, tx.org, origin, f"{origin}/"))


async def page(
    tx: Tx,
    *,
    before: str = "",
    status: str = "",
    customer_id: str = "",
    subscription_id: str = "",
    only_failed: bool = False,
    rows_max: int = 50,
) -> list[Row]:
    """Instances, newest first; `only_failed`: those whose latest operation failed."""
    return await tx.rows(
        QUERIES.instance_page, tx.org, before, status, customer_id, subscription_id, "", only_failed, rows_max
    )


async def one(tx: Tx, instance_id: str) -> Row:
    """One instance; `NotFound` otherwise."""
    row = await tx.row(QUERIES.instance_page, tx.org, "", "", "", "", instance_id, False, 1)
    if row is None:
        raise NotFound(f"there is no instance {instance_id}", param="instance")
    return row


async def of_subscription(tx: Tx, subscription_id: str) -> Row | None:
    """The instance of a subscription, if it has one."""
    return next(iter(await page(tx, subscription_id=subscription_id, rows_max=1)), None)


async def subject(tx: Tx, instance_id: str) -> tuple[Row, list[Row]]:
    """What a runner is told of an instance: one row of it, its subscription, customer and plan; and the items."""
    row = await tx.row(QUERIES.subject, tx.org, instance_id)
    if row is None:
        raise NotFound(f"there is no instance {instance_id}", param="instance")
    return row, await tx.rows(QUERIES.items, tx.org, row["subscription_id"])


async def instance_of(tx: Tx, subscription_id: str) -> dict[str, Any] | None:
    """Which instance a command on this subscription concerns, and by which channel or name it is run; None when it has none."""
    row = await tx.row(QUERIES.wanted_runner, tx.org, subscription_id)
    return dict(row) if row else None


async def invoices_of_term(tx: Tx, subscription_id: str) -> list[str]:
    """Invoices above zero of the running term, in order."""
    return [row["id"] for row in await tx.rows(QUERIES.paid_invoices, tx.org, subscription_id)]


async def held_by(tx: Tx, customer_ids: Sequence[str]) -> list[Row]:
    """Subscriptions of these customers with what they give by the state of their bill."""
    return await tx.rows(QUERIES.held_by, tx.org, list(customer_ids))
