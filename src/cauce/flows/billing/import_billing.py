"""Taking over from the engine of a provider (A10): its customers, prices and subscriptions; its invoices are compared.

Two engines never bill one customer. A subscription is tried here first, and nothing is kept; then the other engine is
told to end it with the period that is paid, and only when it has said so it is taken over, to be billed from that day.
A try that dies in between has ended it there and finds our mark on it when it is run again. What ends there because
the customer wants it so, owes money, or has something that has no twin here is told and left alone.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from cauce.billing.customers import service as customers
from cauce.billing.customers.rules import CustomerData
from cauce.billing.payments import service as payments
from cauce.billing.subscriptions import service as subscriptions
from cauce.flows.billing.foreign_plans import Chosen, ForeignMap, choose, make_plan
from cauce.flows.billing.take_over import SOURCE, OldSubscription, TakenOver, take_over
from cauce.flows.billing.take_over_files import Difference, differences
from cauce.flows.context import Context
from cauce.gateway.capabilities import Can
from cauce.gateway.importing import ForeignCustomer, ForeignStatus, ForeignSubscription
from cauce.gateway.outcome import Declined, Done
from cauce.kernel.calendar.months import add_days
from cauce.kernel.calendar.zones import local_date, zone_of
from cauce.kernel.errors import CauceError, NotFound
from cauce.kernel.ids import new_id
from cauce.storage.database import Tx
from cauce.storage.directory.orgs import read_org

_REFUSED = {
    ForeignStatus.IN_DEBT: "it is in debt there: collect or end it there first",
    ForeignStatus.PAUSED: "it is paused there: resume or end it there first",
}


@dataclass(slots=True)
class Imported:
    """What came of an import: customers made or known, subscriptions, what was left out and why, what differs."""

    customers: int = 0
    refused_customers: list[tuple[str, str]] = field(default_factory=list)
    taken: list[TakenOver] = field(default_factory=list)
    left: list[tuple[str, str]] = field(default_factory=list)
    different: list[Difference] = field(default_factory=list)


@dataclass(slots=True)
class _There:
    """What was read at the provider."""

    subscriptions: list[ForeignSubscription] = field(default_factory=list)
    products: dict[str, str] = field(default_factory=dict)
    open_invoices: dict[str, str] = field(default_factory=dict)
    last_totals: dict[str, int] = field(default_factory=dict)
    live: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class _Import:
    """One run: from which channel, by which map, and what is there."""

    context: Context
    channel_id: str
    gateway: Any
    given: ForeignMap
    there: _There
    dry_run: bool


class _DryRun(Exception):
    """Nothing of a dry run is kept."""


async def import_billing(
    context: Context, channel_id: str, given: ForeignMap, *, dry_run: bool = False, compare: bool = False
) -> Imported:
    """Take over what a channel's provider bills by itself; again: what was taken over is left as it is.

    `compare`: the next invoice here against the last one there. Raises `CapabilityMissing`, `CannotRead`.
    """
    channel, gateway = await context.gateway(channel_id)
    context.runtime.gateways.capabilities(channel).require(Can.IMPORTS_BILLING, what="taking over its subscriptions")
    run = _Import(context, channel_id, gateway, given, await _read(gateway), dry_run)
    done = Imported()
    async for one in gateway.foreign_customers():
        await _customer(run, one, done)
    for subscription in reversed(run.there.subscriptions):  # oldest first
        await _subscription(run, subscription, done)
    if compare and not dry_run:
        done.different = await differences(context, done.taken, run.there.last_totals)
    return done


async def _read(gateway: Any) -> _There:
    there = _There()
    async for one in gateway.foreign_subscriptions():
        there.subscriptions.append(one)
        if one.status is not ForeignStatus.ENDED:
            there.live[one.customer.ref] += 1
    async for ref, name in gateway.foreign_products():
        there.products[ref] = name
    async for invoice in gateway.foreign_invoices():
        if invoice.is_open:
            there.open_invoices.setdefault(invoice.subscription_ref, invoice.ref)
        there.last_totals.setdefault(invoice.subscription_ref, invoice.total.amount_minor)
    return there


def _external_id(run: _Import, one: ForeignCustomer) -> str:
    return one.metadata.get(run.given.external_id, "") or one.ref


async def _data(tx: Tx, run: _Import, one: ForeignCustomer) -> CustomerData:
    """The customer as he is told here; a new one lives in the organization's zone."""
    external_id = _external_id(run, one)
    try:
        zone = (await customers.find(tx, external_id)).timezone
    except NotFound:
        zone = (await read_org(tx, tx.org)).timezone
    country = one.country if len(one.country) == 2 else None
    return CustomerData(external_id, one.email or None, one.name or None, timezone=zone, country=country)


async def _customer(run: _Import, one: ForeignCustomer, done: Imported) -> None:
    """Make a customer with his card, unless he is known by the provider's id already."""
    try:
        async with run.context.transaction() as tx:
            if await payments.customer_of_payer(tx, run.channel_id, one.ref) is None:
                now = await run.context.now(tx)
                made, _ = await customers.put(tx, await _data(tx, run, one), now=now, actor=run.context.actor.name)
                await payments.put_payer(tx, made.id, run.channel_id, one.ref)
                if one.method is not None:
                    await payments.save_method(tx, made.id, run.channel_id, one.ref, one.method, now=now)
            done.customers += 1
            if run.dry_run:
                raise _DryRun
    except _DryRun:
        pass
    except CauceError as refused:
        done.refused_customers.append((one.ref, refused.message))


async def _subscription(run: _Import, one: ForeignSubscription, done: Imported) -> None:
    if one.is_ours or (one.status is ForeignStatus.ENDED and not one.by_us):
        return
    chosen = choose(one, run.given)
    reason = _why_not(run, one) or (chosen if isinstance(chosen, str) else "")
    known = await _known(run, one)
    if known is None and reason:
        done.left.append((one.ref, reason))
        return
    if known is None:
        assert isinstance(chosen, Chosen)
        (tried,) = await _take(run, one, chosen, dry_run=True)
        if tried.refused or run.dry_run:
            (done.left.append((one.ref, tried.refused)) if tried.refused else done.taken.append(tried))
            return
    elif run.dry_run:
        done.taken.append(TakenOver(one.ref, known))
        return
    ended = await _end_there(run, one)
    if isinstance(ended, str):
        done.left.append((one.ref, ended))
    elif known is not None:
        done.taken.append(TakenOver(one.ref, known))
    else:
        assert isinstance(chosen, Chosen)
        (taken,) = await _take(run, ended, chosen, dry_run=False)
        (done.left.append((one.ref, taken.refused)) if taken.refused else done.taken.append(taken))


def _why_not(run: _Import, one: ForeignSubscription) -> str:
    """Why a subscription is left where it is; "" when it is taken over."""
    balance = one.customer.balance
    if one.period_end is None:
        return "it has no period"
    if one.ends_there and not one.by_us:
        return f"it ends there by itself on {one.period_end.date()}"
    if one.status in _REFUSED and not one.by_us:
        return _REFUSED[one.status]
    if one.peculiar:
        return f"{one.peculiar}: take it over by a file (docs/take-over.md)"
    if one.ref in run.there.open_invoices:
        return f"invoice {run.there.open_invoices[one.ref]} is open there: collect or void it there first"
    if balance is not None and balance.amount_minor < 0:
        return "the customer owes something beside his invoices there"
    if balance is not None and run.there.live[one.customer.ref] > 1:
        return (
            f"the customer has {balance} to his credit there and several subscriptions: settle the credit there first"
        )
    if balance is not None and balance.currency != one.currency:
        return f"the customer has {balance} to his credit there, in another currency"
    return ""


async def _known(run: _Import, one: ForeignSubscription) -> str | None:
    """The subscription here that this one was taken over as, or None."""
    async with run.context.transaction() as tx:
        try:
            customer = await customers.find(tx, _external_id(run, one.customer))
        except NotFound:
            return None
        held = await subscriptions.lock(tx, await subscriptions.ids_of_customer(tx, customer.id))
    return next((id for id, mine in held.items() if mine.metadata.get(SOURCE) == one.ref), None)


async def _end_there(run: _Import, one: ForeignSubscription) -> ForeignSubscription | str:
    """The subscription as it ends there, or why that is not certain."""
    if one.status is ForeignStatus.ENDED or (one.ends_there and one.by_us):
        return one
    match await run.gateway.end_foreign(new_id("imp"), one.ref):
        case Done(value=ForeignSubscription() as ended) if ended.ends_there and ended.by_us:
            return ended
        case Declined(message=message):
            return f"it could not be ended there: {message}"
    return "nobody knows whether it ends there: run the import again"


async def _take(run: _Import, one: ForeignSubscription, chosen: Chosen, *, dry_run: bool) -> list[TakenOver]:
    async with run.context.transaction() as tx:
        data = await _data(tx, run, one.customer)
    row = _row(run, one, chosen, data)

    async def prepare(tx: Tx, _row: OldSubscription) -> None:
        await make_plan(tx, run.context, chosen, run.there.products)

    return await take_over(run.context, [row], dry_run=dry_run, prepare=prepare)


def _row(run: _Import, one: ForeignSubscription, chosen: Chosen, data: CustomerData) -> OldSubscription:
    assert one.period_end is not None
    zone = zone_of(data.timezone or "UTC")
    paid_until = local_date(one.period_end, zone)
    # Who was in trial when it ended there is in trial here, however late the import comes.
    in_trial = one.trial_end is not None and one.trial_end >= one.period_end
    balance, method = one.customer.balance, one.method or one.customer.method
    return OldSubscription(
        reference=one.ref,
        customer=data,
        plan=chosen.plan,
        currency=one.currency,
        paid_until=None if in_trial else paid_until,
        trial_end=one.trial_end if in_trial else None,
        anchor_day=_anchor_day(paid_until, one.anchor_at, zone),
        quantities=chosen.quantities,
        credit_minor=balance.amount_minor if balance is not None else 0,
        price_minor=None if chosen.price is not None else _paid_there(one),
        channel_id=run.channel_id,
        customer_ref=one.customer.ref,
        method=method,
        is_ended_there=one.by_us,
    )


def _anchor_day(paid_until: date, anchor_at: datetime | None, zone: ZoneInfo) -> int | None:
    """The remembered day of the month where the month of `paid_until` is too short for it."""
    if anchor_at is None or add_days(paid_until, 1).day != 1:
        return None
    day = local_date(anchor_at, zone).day
    return day if day > paid_until.day else None


def _paid_there(one: ForeignSubscription) -> int | None:
    """What a period costs there, in minor units, where its prices are plain; he keeps it."""
    if any(item.price.peculiar or not item.price.unit_amount for item in one.items):
        return None
    exact = sum((Fraction(item.price.unit_amount) * item.quantity for item in one.items), Fraction(0))
    return int(exact) if exact.denominator == 1 else None
