"""The upcoming invoice of a subscription: what the run will book at its end of period, if nothing changes (G5)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cauce.billing.subscriptions import service as subscriptions
from cauce.billing.subscriptions.rules import RENEW, TRIAL_END
from cauce.flows.billing.bills import Bill
from cauce.flows.billing.renew import preview_renewal
from cauce.flows.billing.terms import first_terms
from cauce.flows.context import Context
from cauce.kernel.errors import Conflict


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
        batch = await preview_renewal(tx, one)
        if not batch.invoices:
            raise NothingUpcoming(status=one.status)
        (invoice,) = batch.invoices
        return Upcoming(one.id, one.due_at, Bill(invoice.priced), invoice.credit_used_minor)
