"""Changes whose invoice is not paid yet: nothing of the subscription has changed, and nothing will if it is not paid (F6)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from cauce.billing.subscriptions.store import QUERIES
from cauce.storage.database import Row, Tx


async def hold(
    tx: Tx,
    change_id: str,
    subscription_id: str,
    content: dict[str, Any],
    now: datetime,
    *,
    invoice_id: str,
    due_at: datetime,
) -> None:
    """Keep a change until its invoice is paid, at the latest until `due_at`; one per subscription."""
    await tx.run(QUERIES.hold_change, tx.org, change_id, subscription_id, content, due_at, now, invoice_id)


async def of_invoices(tx: Tx, invoice_ids: Sequence[str]) -> list[Row]:
    """The changes that wait for these invoices, locked."""
    return await tx.rows(QUERIES.awaiting_of_invoices, tx.org, list(invoice_ids)) if invoice_ids else []


async def of_subscription(tx: Tx, subscription_id: str) -> Row | None:
    """The change of a subscription that waits for its payment, locked; or None."""
    return await tx.row(QUERIES.awaiting_of, tx.org, subscription_id)


async def leave_to_payment(tx: Tx, change_id: str) -> None:
    """The change has no time left, but its payment is under way: what comes of that decides."""
    await tx.run(QUERIES.leave_change, tx.org, change_id)
