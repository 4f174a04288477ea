"""The billing run without its effects: what would be billed up to an instant, decided by the very code that bills.

One renewal per subscription is looked at: the next one. Those that end, change or stand apart at their boundary are
counted, not priced. It reads a chunk at a time and keeps nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from cauce.billing.subscriptions import service as subscriptions
from cauce.billing.subscriptions.rules import Subscription
from cauce.flows.billing import boundary
from cauce.flows.billing.issue import Batch, load_billed, load_tariff
from cauce.flows.billing.renew import decide, leaves
from cauce.flows.context import Context
from cauce.storage.database import Tx

CHUNK = 2_000
_BEGIN = (datetime(1970, 1, 1, tzinfo=UTC), "")


class _Undone(Exception):
    """Nothing that the boundary would settle is kept."""


@dataclass(slots=True)
class RunPreview:
    """Invoices of plain renewals, their totals and taxes in minor units per currency; `apart`: those not priced here."""

    until: datetime
    invoices: Counter[str] = field(default_factory=Counter)
    total_minor: Counter[str] = field(default_factory=Counter)
    tax_minor: Counter[str] = field(default_factory=Counter)
    credit_used_minor: Counter[str] = field(default_factory=Counter)
    apart: int = 0


async def preview_run(context: Context, until: datetime) -> RunPreview:
    """What the run would bill of the next renewals that are due at the latest at `until`."""
    found, after = RunPreview(until), _BEGIN
    while True:
        due: list[Subscription] = []
        try:
            async with context.transaction() as tx:
                due += await subscriptions.renewing_until(tx, until, after, CHUNK)
                await _add(tx, due, found)
                raise _Undone
        except _Undone:
            pass
        if len(due) < CHUNK:
            return found
        after = (boundary.due_of(due[-1]), due[-1].id)


async def _add(tx: Tx, due: Sequence[Subscription], found: RunPreview) -> None:
    changing = set(await boundary.waiting_changes(tx, due))
    straight = [one for one in due if not leaves(one) and one.id not in changing]
    found.apart += len(due) - len(straight)
    arounds = await load_billed(tx, [one.id for one in straight])
    tariff = await load_tariff(tx, straight, [arounds[one.id] for one in straight])
    batch = Batch()
    for one in straight:
        decide(one, arounds[one.id], tariff, batch)
    for invoice in batch.invoices:
        found.invoices[invoice.currency] += 1
        found.total_minor[invoice.currency] += invoice.total_minor
        found.tax_minor[invoice.currency] += invoice.priced.tax_minor
        found.credit_used_minor[invoice.currency] += invoice.from_credit_minor
