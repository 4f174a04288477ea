"""The upcoming invoice of a subscription: what the run will book at its end of period, if nothing changes (G5).

It is shown to whoever asks, and told once a period by the event `invoice.upcoming`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from cauce.billing.subscriptions import service as subscriptions
from cauce.billing.subscriptions.rules import RENEW, TRIAL_END
from cauce.flows.billing.bills import Bill
from cauce.flows.billing.renew import by_org, preview_renewals
from cauce.flows.billing.terms import first_terms
from cauce.flows.context import Context, Runtime
from cauce.kernel.errors import Conflict
from cauce.storage.audit import SYSTEM
from cauce.storage.database import Row, Tx
from cauce.storage.outbox import NewEvent, emit


class NothingUpcoming(Conflict):
    """The subscription will not be invoiced as it stands."""

    code = "nothing_upcoming"


@dataclass(frozen=True, slots=True)
class Upcoming:
    """What will be invoiced when, and what of it the customer's credit will pay."""

    subscription_id: str
    at: datetime
    bill: Bill
    credit_used_minor: int

    @property
    def amount_due_minor(self) -> int:
        """What will be left to collect."""
        return max(0, self.bill.priced.total_minor - self.credit_used_minor)


async def upcoming_invoice(context: Context, subscription_id: str) -> Upcoming:
    """The next invoice; `NothingUpcoming` for a subscription that ends or rests."""
    async with context.transaction() as tx:
        one = await subscriptions.read(tx, subscription_id)
        if one.due_at is None or one.cancel_at_period_end or one.due_kind not in (RENEW, TRIAL_END):
            raise NothingUpcoming(status=one.status)
        if one.due_kind == TRIAL_END:
            (term,) = await first_terms(tx, [one])
            used = min(term.around.credit_minor, max(0, term.bill.priced.total_minor))
            return Upcoming(one.id, one.due_at, term.bill, used)
        invoices = await preview_renewals(tx, [one])
        if not invoices:
            raise NothingUpcoming(status=one.status)
        (invoice,) = invoices
        return Upcoming(one.id, one.due_at, Bill(invoice.priced), invoice.from_credit_minor)


async def run(_runtime: Runtime, tx: Tx, rows: list[Row]) -> None:
    """The sweep: tell the next invoice of claimed subscriptions, organization by organization."""
    for org_id, group in by_org(rows):
        await tell(tx.within(org_id), {row["key"]: row["due_at"] for row in group})


async def tell(tx: Tx, at: Mapping[str, datetime]) -> None:
    """Tell the next invoice of subscriptions, each as of its instant; one that owes nothing at its boundary says nothing."""
    locked = await subscriptions.lock(tx, at)
    invoices = await preview_renewals(tx, list(locked.values()))
    events = []
    for invoice in invoices:
        one = locked[invoice.subscription_id or ""]
        content = {
            "subscription": one.id,
            "renews_at": one.due_at,
            "period_start": invoice.period_start,
            "period_end": invoice.period_end,
            "currency": invoice.currency,
            "total": invoice.total_minor,
            "tax": invoice.priced.tax_minor,
            "amount_due": max(0, invoice.total_minor - invoice.from_credit_minor),
        }
        events.append(NewEvent("invoice.upcoming", one.id, at[one.id], content, one.customer_id))
    await subscriptions.mark_told(tx, at)
    await emit(tx, events, actor=SYSTEM.name)
