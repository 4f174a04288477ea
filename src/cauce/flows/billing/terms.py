"""Beginning a paid term: the first period of a subscription, billed in advance with its one-time prices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from cauce.billing.catalog.rules import Plan
from cauce.billing.invoicing.rules import NewInvoice
from cauce.billing.subscriptions.rules import INCOMPLETE_END, Subscription, enter_period, period_of, wait_for
from cauce.flows.billing.bills import Bill, compose
from cauce.flows.billing.issue import Batch, load_billed, load_tariff
from cauce.flows.billing.revenue import monthly_revenue
from cauce.reports.billing_run import Surroundings
from cauce.storage.database import Tx


@dataclass(frozen=True, slots=True)
class Term:
    """A subscription as it would stand in its first period, what it is billed by, and its first bill."""

    subscription: Subscription
    around: Surroundings
    bill: Bill
    mrr_minor: int

    @property
    def amount_due_minor(self) -> int:
        """What is left to collect of the first bill when the customer's credit has paid its part."""
        return max(0, self.bill.priced.total_minor - self.around.credit_minor)

    @property
    def begins_active(self) -> bool:
        """Nothing to collect now: the bill is zero, or is sent with terms of payment."""
        return self.amount_due_minor == 0 or self.subscription.collection == "send_invoice"

    def issue(self, batch: Batch, at: datetime) -> NewInvoice:
        """Add the first invoice to the batch."""
        period = period_of(self.subscription, 0).period
        return batch.bill(self.subscription, self.around, self.bill, at, period=period)


async def first_terms(tx: Tx, anchored: Sequence[Subscription], *, one_time: bool = True) -> list[Term]:
    """The first period and bill of each anchored subscription, as its rows in the database say. Writes nothing."""
    arounds = await load_billed(tx, [one.id for one in anchored])
    tariff = await load_tariff(tx, anchored, [arounds[one.id] for one in anchored])
    terms = []
    for one in anchored:
        around = arounds[one.id]
        entered = enter_period(one, 0)
        bill = compose(one.id, around, tariff, advance=period_of(entered, 0), arrears=None, first=one_time)
        revenue = monthly_revenue(around.items, tariff.prices, entered.period_start, around.anchor_day)
        terms.append(Term(entered, around, bill, revenue))
    return terms


def active_from(term: Term, at: datetime) -> Subscription:
    """The subscription active in its first period."""
    return replace(
        term.subscription,
        status="active",
        mrr_minor=term.mrr_minor,
        pending_invoice_id=None,
        started_at=term.subscription.started_at or at,
        ended_at=None,
    )


def incomplete_until(term: Term, invoice: NewInvoice, plan: Plan, at: datetime) -> Subscription:
    """The subscription that waits for its first payment, for so many hours as the plan says."""
    waiting = replace(term.subscription, status="incomplete", pending_invoice_id=invoice.id, ended_at=None)
    return wait_for(waiting, INCOMPLETE_END, at + timedelta(hours=plan.policy.first_payment_hours))
