"""A subscription in two figures: how it stands, what was paid for it; and what is open by bank transfer."""

from __future__ import annotations

from cauce.storage.database import Row, Tx
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__, "billing_story.sql")


async def status_of(tx: Tx, subscription_id: str) -> str | None:
    """The subscription's state."""
    status: str | None = await tx.value(QUERIES.status_of, tx.org, subscription_id)
    return status


async def invoices_of(tx: Tx, subscription_id: str) -> Row:
    """How many of its invoices are paid (`invoices`), and with how much (`paid_minor`)."""
    row = await tx.row(QUERIES.invoices_of, tx.org, subscription_id)
    assert row is not None
    return row


async def open_transfers(tx: Tx) -> list[Row]:
    """Open invoices that are paid by bank transfer (`id`, `due_minor`, `issued_on`, `external_id`), oldest first."""
    return await tx.rows(QUERIES.open_transfers, tx.org)
