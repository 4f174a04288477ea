"""Writing bills: many invoices with their numbers, lines, journals and events, set-wise in the caller's transaction.

`Batch` gathers what a flow decides; `write` puts it into the database in the one lock order of the product: own rows,
number series, ledger. A flow writes one batch per transaction and organization.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import partial

from cauce.billing.catalog import service as catalog
from cauce.billing.catalog.rules import Price
from cauce.billing.customers import grants
from cauce.billing.customers import service as customers
from cauce.billing.invoicing import service as invoicing
from cauce.billing.invoicing.rules import DUE_NOTICE_DAYS, NewInvoice
from cauce.billing.subscriptions import service as subscriptions
from cauce.billing.subscriptions.rules import Subscription, instant_of, local_day, payable_on, period_of
from cauce.billing.subscriptions.running import counts_from
from cauce.flows.billing.bills import Bill, Tariff
from cauce.flows.billing.conventions import conventions
from cauce.flows.billing.granting import GrantBook
from cauce.flows.billing.granting import settle as settle_grants
from cauce.flows.billing.late_usage import add_late_usage
from cauce.kernel.calendar.months import add_days
from cauce.kernel.calendar.periods import Period
from cauce.kernel.ids import new_id
from cauce.ledger.posting import ITEMS_MAX, post
from cauce.ledger.recipes import billing as recipes
from cauce.ledger.refusals import PeriodClosed
from cauce.ledger.rules import Code, Item, Journal, require_posted
from cauce.pricing.percentage import PercentagePrice
from cauce.pricing.policy import PricingPolicy
from cauce.pricing.proration import Basis
from cauce.reports import billing_run
from cauce.reports.billing_run import Surroundings, Weighing, load_surroundings
from cauce.storage.database import Row, Tx
from cauce.storage.outbox import NewEvent, emit

_Stretch = tuple[str, str, date, date]
"""Subscription, meter, and the local days between which its use counts, the second excluded."""


@dataclass(slots=True)
class Batch:
    """What one transaction writes for one organization, in the order in which it happened.

    `credit_given`: what credit notes of the batch gave a customer, and its invoices may use.
    """

    invoices: list[NewInvoice] = field(default_factory=list)
    journals: list[Item] = field(default_factory=list)
    events: list[NewEvent] = field(default_factory=list)
    discount_ids: list[str] = field(default_factory=list)
    pending: list[tuple[str, str]] = field(default_factory=list)
    begun: list[tuple[str, date]] = field(default_factory=list)
    credit_left: dict[tuple[str, str], int] = field(default_factory=dict)
    credit_given: dict[tuple[str, str], int] = field(default_factory=dict)
    grants: GrantBook = field(default_factory=GrantBook)

    def add(self, journal: Journal | None) -> None:
        """One more journal, unless it has no legs."""
        if journal is not None:
            self.journals.append(journal)

    def bill(
        self,
        subscription: Subscription,
        around: Surroundings,
        bill: Bill,
        at: datetime,
        *,
        reason: str = "cycle",
        period: Period | None = None,
    ) -> NewInvoice:
        """One more invoice of a subscription, issued at `at`; what was granted for use pays it, then the customer's credit.

        `period`: the one that begins with it, with what the plan grants for it.
        """
        key, invoice_id = (subscription.customer_id, subscription.currency), new_id("in")
        granted = self.grants.pay(key, around.grants, invoice_id, bill.priced, at)
        left = self.credit_left.setdefault(key, around.credit_minor + self.credit_given.get(key, 0))
        total = bill.priced.total_minor - granted
        used = total if total < 0 else min(left, total)
        self.credit_left[key] = left - used
        issued_on = local_day(subscription, at)
        payable = payable_on(subscription, issued_on)
        invoice = NewInvoice(
            id=invoice_id,
            customer_id=subscription.customer_id,
            subscription_id=subscription.id,
            term=subscription.term,
            reason=reason,
            currency=subscription.currency,
            priced=bill.priced,
            credit_used_minor=used,
            granted_minor=granted,
            issued_at=at,
            issued_on=issued_on,
            payable_on=payable,
            period_start=period.start if period else None,
            period_end=period.end if period else None,
            collection=subscription.collection,
            snapshot=around.snapshot,
            due_at=_collect_at(subscription, total - used, at, payable),
            notice_at=_notice_at(subscription, total - used, around.due_notice_days, issued_on, payable),
        )
        self.invoices.append(invoice)
        if period is not None:
            self.grants.begun.append((subscription, invoice_id, period, at))
        self.discount_ids += bill.discount_ids
        self.pending += [(line, invoice.id) for line in bill.pending_ids]
        self.begun += bill.begun
        self.add(finalized(invoice))
        return invoice


def finalized(invoice: NewInvoice) -> Journal | None:
    """The journal of an issued invoice."""
    return recipes.invoice_finalized(
        invoice.id,
        invoice.customer_id,
        invoice.currency,
        invoice.issued_at,
        total_minor=invoice.total_minor,
        tax_minor=invoice.priced.tax_minor,
        deferred_minor=invoice.deferred_minor,
        credit_used_minor=invoice.credit_used_minor,
        granted_used_minor=invoice.granted_minor,
    )


async def write(tx: Tx, batch: Batch, actor: str, cause: str | None = None) -> None:
    """Write the batch: discounts and pending lines used, lines, events, invoices, then the ledger, last.

    Whoever issues waits for the number series from the first number to the commit. So all that needs no number is
    written before it: of several workers one writes the rest of its chunk while the others decide theirs.
    """
    journals, told_of_grants = await settle_grants(tx, batch.grants, batch.events)
    batch.journals += journals
    batch.events += told_of_grants
    over = await subscriptions.use_discounts(tx, batch.discount_ids)
    batch.events += _removed(over, batch.invoices)
    await subscriptions.begin_phases(tx, batch.begun)
    await invoicing.invoice_pending(tx, batch.pending)
    await invoicing.write_lines(tx, batch.invoices)
    numbered = {invoice.id for invoice in batch.invoices}
    await emit(tx, [one for one in batch.events if one.object_id not in numbered], actor=actor, cause=cause)
    issued = await invoicing.issue(tx, batch.invoices)
    credit_used = [
        NewEvent(
            "customer.credit_changed",
            one.customer_id,
            one.issued_at,
            {"invoice": one.id, "currency": one.currency, "change": -one.credit_used_minor},
            one.customer_id,
        )
        for one in batch.invoices
        if one.credit_used_minor
    ]
    told = [one for one in batch.events if one.object_id in numbered]
    await emit(tx, issued + credit_used + told, actor=actor, cause=cause)
    assert len(batch.journals) <= ITEMS_MAX
    posted = await post(tx, batch.journals)
    if any(one.code is Code.CLOSED_PERIOD for one in posted):
        raise PeriodClosed("the month of that day is closed; name a day of an open month", param="at")
    require_posted(posted)


def _removed(over: Sequence[Row], invoices: Sequence[NewInvoice]) -> list[NewEvent]:
    by_subscription = {one.subscription_id: one for one in invoices}
    return [
        NewEvent(
            "discount.removed",
            row["id"],
            invoice.issued_at,
            {"coupon": row["coupon_id"], "subscription": row["subscription_id"], "invoice": invoice.id},
            invoice.customer_id,
        )
        for row in over
        if (invoice := by_subscription.get(row["subscription_id"])) is not None
    ]


async def load_billed(tx: Tx, subscription_ids: Sequence[str]) -> dict[str, Surroundings]:
    """What subscriptions are billed by, for a bill that will be written: whoever has credit is locked before it is read.

    So two bills of one customer never spend the same credit. What was used late of billed periods becomes pending lines.
    """
    await add_late_usage(tx, subscription_ids)
    arounds = await load_surroundings(tx, subscription_ids)
    rich = [one for one in subscription_ids if arounds[one].credit_minor]
    if rich:
        await customers.lock(tx, {arounds[one].customer_id for one in rich})
        arounds |= await load_surroundings(tx, rich)
    left = await grants.lock_left(tx, {around.customer_id for around in arounds.values()})
    for one, around in arounds.items() if left else ():
        if found := left.get((around.customer_id, around.currency)):
            arounds[one] = replace(around, grants=tuple(found))
    return arounds


async def load_tariff(
    tx: Tx,
    subscribed: Sequence[Subscription],
    arounds: Iterable[Surroundings],
    more_prices: Iterable[str] = (),
    *,
    until: Mapping[str, date] | None = None,
    stop: datetime | None = None,
) -> Tariff:
    """What the subscriptions are billed by: their prices, the tax rates, the meters and what daily sums cannot say.

    Use counts to the end of the running period, or to its local day in `until`; a level holds as long, or to `stop`.
    """
    around_list = list(arounds)
    price_ids = {item.price_id for around in around_list for item in around.items} | set(more_prices)
    prices = await catalog.read_prices(tx, price_ids)
    aggregations = await billing_run.aggregations(tx)
    apart = {key for key, kind in aggregations.items() if kind in ("unique", "weighted")}
    single = {price.meter_key or "" for price in prices.values() if isinstance(price.model, PercentagePrice)}
    distinct: list[_Stretch] = []
    each: list[_Stretch] = []
    weighed: list[Weighing] = []
    for one, around in zip(subscribed, around_list, strict=True) if apart or single else ():
        if one.period_start is None or one.period_end is None:
            continue
        since = counts_from(one) or one.period_start
        end = min((until or {}).get(one.id, one.period_end), one.period_end)
        meters = {prices[item.price_id].meter_key or "" for item in around.items}
        each += [(one.id, meter, since, end) for meter in meters & single]
        for meter in meters & apart:
            if aggregations[meter] == "unique":
                distinct.append((one.id, meter, since, end))
            else:
                full = period_of(one, one.period_index).full
                weighed.append(Weighing(one.id, meter, since, end, full.start, full.end, one.timezone))
    values = await billing_run.distinct_values(tx, distinct)
    levels = await billing_run.weighted(tx, weighed, stop)
    events = await billing_run.event_values(tx, each)
    policy = (await conventions(tx)).policy
    return Tariff(
        prices,
        await catalog.tax_rates(tx),
        aggregations,
        {(subscription_id, meter): count for (subscription_id, meter, _), count in values.items()},
        {(subscription_id, meter): level for (subscription_id, meter, _), level in levels.items()},
        {(subscription_id, meter): found for (subscription_id, meter, _), found in events.items()},
        policy,
        _clocks(subscribed, policy, prices),
    )


def _clocks(
    subscribed: Sequence[Subscription], policy: PricingPolicy, prices: Mapping[str, Price]
) -> dict[str, Callable[[date], datetime]]:
    """When the days of each subscription begin, where anything of it is counted by seconds."""
    by_seconds = policy.basis is Basis.SECOND or any(one.rules.basis is Basis.SECOND for one in prices.values())
    return {one.id: partial(instant_of, one) for one in subscribed} if by_seconds else {}


def _collect_at(subscription: Subscription, due_minor: int, at: datetime, payable: date) -> datetime | None:
    if due_minor <= 0:
        return None
    if subscription.collection == "charge":
        return at
    return instant_of(subscription, add_days(payable, 1))  # overdue when its last day is over


def _notice_at(
    subscription: Subscription, due_minor: int, notice_days: int | None, issued_on: date, payable: date
) -> datetime | None:
    """When it is told that a sent invoice will be due; not at all where its terms are no longer than the notice."""
    days = DUE_NOTICE_DAYS if notice_days is None else notice_days
    if due_minor <= 0 or subscription.collection == "charge" or not days or add_days(payable, -days) <= issued_on:
        return None
    return instant_of(subscription, add_days(payable, -days))
