"""That an invoice with terms of payment will be due: told once, so many days before, as long as something is owed."""

from __future__ import annotations

from collections.abc import Sequence

from cauce.billing.invoicing import service as invoicing
from cauce.flows.billing.renew import by_org
from cauce.flows.context import Runtime
from cauce.storage.audit import SYSTEM
from cauce.storage.database import Row, Tx
from cauce.storage.outbox import NewEvent, emit


async def run(_runtime: Runtime, tx: Tx, rows: list[Row]) -> None:
    """The sweep, organization by organization."""
    for org_id, group in by_org(rows):
        await tell(tx.within(org_id), group)


async def tell(tx: Tx, due: Sequence[Row]) -> None:
    """Tell of locked invoices, each as of its instant."""
    events = [
        NewEvent("invoice.will_be_due", row["id"], row["due_at"], _content(row), row["customer_id"])
        for row in due
        if row["status"] == "open"
    ]
    await invoicing.forget_notices(tx, [row["id"] for row in due])
    await emit(tx, events, actor=SYSTEM.name)


def _content(row: Row) -> dict[str, object]:
    settled = row["credit_minor"] + row["paid_minor"] + row["credited_minor"] + row["lost_minor"]
    return {
        "number": row["number"],
        "subscription": row["subscription_id"],
        "currency": row["currency"],
        "amount_due": row["total_minor"] - settled,
        "due_on": row["payable_on"],
    }
