"""Sign-up: customer, subscription, entitlement, first invoice, events and timers in one transaction.

With a trial nothing is charged; without one the first invoice is final at once and the subscription is `incomplete`
until it is paid (or active, when there is nothing to pay or the customer pays by terms).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from cauce.billing.catalog import service as catalog
from cauce.billing.catalog.rules import NoPriceInCurrency, Plan, Price, PriceKind, shared_interval
from cauce.billing.customers import service as customers
from cauce.billing.customers.rules import Customer, CustomerData
from cauce.billing.payments import service as payments
from cauce.billing.provisioning.rules import Asked
from cauce.billing.subscriptions import service as subscriptions
from cauce.billing.subscriptions.rules import (
    BadQuantity,
    Item,
    MethodRequired,
    Step,
    Subscription,
    begin_term,
)
from cauce.billing.subscriptions.trials import (
    begin_trial,
    checked_end,
    days_later,
    email_identity,
    notice_instants,
)
from cauce.flows.billing.access import follow_access
from cauce.flows.billing.aligning import align
from cauce.flows.billing.coupons import apply_coupon
from cauce.flows.billing.issue import Batch, write
from cauce.flows.billing.options import adjustments
from cauce.flows.billing.provision_asking import ask_to_begin
from cauce.flows.billing.terms import active_from, first_terms, incomplete_until
from cauce.flows.context import Context
from cauce.kernel.calendar.zones import zone_of
from cauce.kernel.errors import InvalidRequest
from cauce.kernel.ids import new_id
from cauce.storage.database import Tx
from cauce.storage.outbox import NewEvent

QUANTITY_MAX = Decimal(10) ** 12


@dataclass(frozen=True, slots=True)
class Signup:
    """Ask for a subscription. `quantities`: price key -> decimal string; `addons`: keys of add-on prices to include.

    `trial_days` None: the plan's; or `trial_end`, the exact instant at which the trial ends (V26). `timezone` (IANA) "": the customer's; its dates are local to it (V3). `again` is an operator's reason to allow a second trial.
    """

    customer: CustomerData
    plan: str
    currency: str
    quantities: Mapping[str, str] = field(default_factory=dict)
    addons: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    trial_days: int | None = None
    again: str = ""
    coupon: str = ""
    collection: str = "charge"
    net_days: int = 0
    timezone: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    trial_end: datetime | None = None


@dataclass(frozen=True, slots=True)
class SignedUp:
    """What came of it."""

    customer_id: str
    subscription_id: str
    status: str
    trial_end: datetime | None
    invoice_id: str | None


async def sign_up(context: Context, command: Signup) -> SignedUp:
    """Make the subscription, in a transaction of its own; the runner of instances is asked before."""
    wish = {"currency": command.currency, "quantities": dict(command.quantities), "options": dict(command.options)}
    asked = await ask_to_begin(context, command.plan, command.customer, wish)
    async with context.transaction() as tx:
        return await sign_up_within(tx, context, command, asked)


async def sign_up_within(tx: Tx, context: Context, command: Signup, asked: Asked | None = None) -> SignedUp:
    """The same inside the caller's transaction (which writes nothing after it)."""
    now, actor = await context.now(tx), context.actor.name
    plan_id, sold = await catalog.require_sold(tx, command.plan)
    plan = (await catalog.read_plans(tx, [plan_id]))[plan_id]
    prices = choose_prices(sold, command)
    customer, _ = await customers.put(tx, command.customer, now=now, actor=actor)
    draft = await align(tx, draft_of(command, plan, prices, customer, now), plan)
    items = items_of(command, plan, prices, draft.id)
    ends = trial_end_of(command, plan, draft, now)
    batch = Batch()
    passed = {draft.id: asked} if asked is not None else {}
    if ends is not None:
        return await _begin_trial(tx, command, plan, customer, draft, items, ends, batch, now, context, passed)
    return await _begin_paid(tx, command, plan, draft, items, batch, now, context, passed)


def trial_end_of(command: Signup, plan: Plan, draft: Subscription, now: datetime) -> datetime | None:
    """When the trial that begins now ends: the instant asked for, or after so many days; None: there is no trial."""
    if command.trial_end is not None:
        if command.trial_days is not None:
            raise InvalidRequest("a trial has days or an end, not both", param="trial_end")
        return checked_end(command.trial_end, now)
    days = plan.trial_days if command.trial_days is None else command.trial_days
    return days_later(draft, now, days) if days > 0 else None


async def _begin_trial(
    tx: Tx,
    command: Signup,
    plan: Plan,
    customer: Customer,
    draft: Subscription,
    items: Sequence[Item],
    ends: datetime,
    batch: Batch,
    now: datetime,
    context: Context,
    asked: Mapping[str, Asked],
) -> SignedUp:
    trialing = begin_trial(draft, now, ends)
    await subscriptions.place(tx, trialing, items, now)
    await subscriptions.record(tx, Step(None, trialing, "subscribe", now, command.again), context.actor.name)
    batch.events.append(created(trialing, plan, now))
    batch.events += await start_trial(tx, plan, customer, trialing, now, again=command.again)
    if command.coupon:
        batch.events += await apply_coupon(tx, trialing, command.coupon, now)
    batch.events += await follow_access(tx, [trialing], {plan.id: plan}, now, asked=asked)
    await write(tx, batch, context.actor.name, context.cause)
    return SignedUp(customer.id, trialing.id, trialing.status, trialing.trial_end, None)


async def start_trial(
    tx: Tx, plan: Plan, customer: Customer, trialing: Subscription, now: datetime, *, again: str
) -> list[NewEvent]:
    """Use up the one trial of the customer, his cards and his address (D2), and set the notices; `again`: an operator's reason."""
    methods = (await payments.methods_of(tx, [customer.id])).get(customer.id, [])
    if plan.policy.force_card and not any(method.usable for method in methods):
        raise MethodRequired(param="payment_method")
    identities = [
        f"customer:{customer.id}",
        *(f"card:{method.fingerprint}" for method in methods if method.fingerprint),
    ]
    if customer.email:
        identities.append(email_identity(customer.email))
    await subscriptions.use_trial(tx, plan.product_id, trialing.id, identities, now, allow_again=bool(again))
    notices = notice_instants(trialing, plan.policy.notice_days, now)
    await subscriptions.put_timers(tx, [(trialing.id, kind, at) for kind, at in notices])
    return [NewEvent("subscription.trial_started", trialing.id, now, {"trial_end": trialing.trial_end}, customer.id)]


async def _begin_paid(
    tx: Tx,
    command: Signup,
    plan: Plan,
    draft: Subscription,
    items: Sequence[Item],
    batch: Batch,
    now: datetime,
    context: Context,
    asked: Mapping[str, Asked],
) -> SignedUp:
    # The rows are written first, because a bill is composed of what the database holds; the state follows from the bill.
    provisional = replace(begin_term(draft, now), status="incomplete")
    await subscriptions.place(tx, provisional, items, now)
    batch.events.append(created(provisional, plan, now))
    if command.coupon:
        batch.events += await apply_coupon(tx, provisional, command.coupon, now)
    (term,) = await first_terms(tx, [provisional])
    invoice = term.issue(batch, now)
    if term.begins_active:
        after = active_from(term, now)
        batch.events.append(NewEvent("subscription.activated", after.id, now, {"plan": plan.id}, after.customer_id))
    else:
        after = incomplete_until(term, invoice, plan, now)
    await subscriptions.save(tx, [after])
    await subscriptions.record(tx, Step(None, after, "subscribe", now), context.actor.name)
    batch.events += await follow_access(tx, [after], {plan.id: plan}, now, asked=asked)
    await write(tx, batch, context.actor.name, context.cause)
    return SignedUp(after.customer_id, after.id, after.status, None, invoice.id)


def choose_prices(sold: Sequence[Price], command: Signup) -> list[Price]:
    """The base prices of the plan in the currency, and the add-ons asked for; they share one interval."""
    in_currency = [price for price in sold if price.currency == command.currency]
    chosen = [price for price in in_currency if price.role == "base" or price.key in command.addons]
    if not any(price.role == "base" for price in chosen):
        raise NoPriceInCurrency(f"plan {command.plan} has no price in {command.currency}", param="currency")
    unknown = (set(command.addons) | set(command.quantities)) - {price.key for price in chosen}
    if unknown:
        raise InvalidRequest(
            f"plan {command.plan} has no price {sorted(unknown)[0]} in {command.currency}", param="prices"
        )
    shared_interval([price.interval for price in chosen if price.interval is not None])
    return chosen


def quantity_of(text: str) -> Decimal:
    """A quantity from a decimal string: zero or more, finite, no float."""
    try:
        quantity = Decimal(text) if isinstance(text, str) else Decimal("NaN")
    except InvalidOperation:
        quantity = Decimal("NaN")
    if not quantity.is_finite() or not 0 <= quantity <= QUANTITY_MAX:
        raise BadQuantity(f"{text!r} is not a quantity", param="quantity")
    return quantity


def draft_of(command: Signup, plan: Plan, prices: Sequence[Price], customer: Customer, now: datetime) -> Subscription:
    """The subscription that the command asks for, anchored now, not written yet."""
    if command.collection not in ("charge", "send_invoice"):
        raise InvalidRequest("collection is charge or send_invoice", param="collection")
    interval = shared_interval([price.interval for price in prices if price.interval is not None])
    one_time = all(price.kind is PriceKind.ONE_TIME for price in prices)
    blank = Subscription(
        id=new_id("sub"),
        customer_id=customer.id,
        plan_id=plan.id,
        product_id=plan.product_id,
        status="incomplete",
        currency=command.currency,
        timezone=zone_of(command.timezone).key if command.timezone else customer.timezone,
        term=1,
        interval_unit=interval.unit.value,
        interval_count=interval.count,
        anchor_on=now.date(),
        anchor_day=plan.policy.anchor_day,
        anchor_time=now.time().replace(microsecond=0),
        created_at=now,
        collection=command.collection,
        net_days=command.net_days,
        periods_max=1 if one_time else plan.policy.periods_max,
        metadata=dict(command.metadata),
    )
    return begin_term(blank, now)


def items_of(command: Signup, plan: Plan, prices: Sequence[Price], subscription_id: str) -> list[Item]:
    """Its items with quantities and the cost of chosen options."""
    added, percent = adjustments(plan, command.options)
    items: list[Item] = []
    for price in prices:
        first = price.kind is PriceKind.RECURRING and not any(item.adjust_minor or item.options for item in items)
        items.append(
            Item(
                new_id("si"),
                subscription_id,
                price.id,
                quantity_of(command.quantities.get(price.key, "1")),
                dict(command.options) if first else {},
                added if first else 0,
                percent if first else Decimal(0),
            )
        )
    return items


def created(subscription: Subscription, plan: Plan, now: datetime) -> NewEvent:
    """The event of a subscription that begins, in trial or paid."""
    content = {
        "customer": subscription.customer_id,
        "plan": plan.key,
        "status": subscription.status,
        "currency": subscription.currency,
    }
    return NewEvent("subscription.created", subscription.id, now, content, subscription.customer_id)
