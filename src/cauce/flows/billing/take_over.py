"""Taking over subscriptions that another system ran: their state, their paid-until date, their cards, their credit (A12).

Nobody is charged or written to by it: no event is told and nothing is due before the old system's next renewal, at
which the first own invoice continues the old anchor. A row that was taken over before is left as it is.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time

from cauce.billing.catalog import service as catalog
from cauce.billing.catalog.rules import Plan, Price, PriceKind
from cauce.billing.customers import service as customers
from cauce.billing.customers.rules import Customer, CustomerData
from cauce.billing.payments import service as payments
from cauce.billing.subscriptions import service as subscriptions
from cauce.billing.subscriptions.rules import (
    RENEW,
    Item,
    Step,
    Subscription,
    instant_of,
    move_trial,
    upcoming_day,
    wait_for,
)
from cauce.billing.subscriptions.trials import checked_end
from cauce.flows.billing.access import follow_access
from cauce.flows.billing.bills import row_of
from cauce.flows.billing.issue import Batch, write
from cauce.flows.billing.revenue import period_amount, revenue_of
from cauce.flows.billing.signup import Signup, choose_prices, draft_of, items_of
from cauce.flows.context import Context
from cauce.gateway.charging import SavedMethod
from cauce.kernel.errors import CauceError, InvalidRequest
from cauce.ledger.recipes import billing as recipes
from cauce.reports.billing_run import load_surroundings
from cauce.storage.database import Tx

SOURCE = "taken_over_from"
"""Metadata of a subscription that was taken over: its id in the system that ran before."""


@dataclass(frozen=True, slots=True)
class OldSubscription:
    """One subscription of the old system. `reference` is its id there; `paid_until` the first day that is not paid.

    `price_minor`: what he pays there per period before discount and tax, where it is not this plan's price: he keeps it.
    `anchor_day` when the old day of the month differs from that of `paid_until` (31 in February).
    """

    reference: str
    customer: CustomerData
    plan: str
    currency: str
    paid_until: date | None = None
    trial_end: datetime | None = None
    anchor_day: int | None = None
    quantities: Mapping[str, str] = field(default_factory=dict)
    credit_minor: int = 0
    price_minor: int | None = None
    channel_id: str = ""
    customer_ref: str = ""
    method: SavedMethod | None = None
    is_ended_there: bool = False  # the old system bills nothing any more, so what is due already is billed here


@dataclass(frozen=True, slots=True)
class TakenOver:
    """What became of one row: `subscription_id`, or why it was refused."""

    reference: str
    subscription_id: str | None
    refused: str = ""


LONG_AGO = date(1970, 1, 1)

Prepare = Callable[[Tx, OldSubscription], Awaitable[None]]


class _DryRun(Exception):
    """Nothing of a dry run is kept."""


async def take_over(
    context: Context, rows: Sequence[OldSubscription], *, dry_run: bool = False, prepare: Prepare | None = None
) -> list[TakenOver]:
    """Take rows over, each in a transaction of its own, so that a bad one does not hold up the others.

    `prepare` makes what a row needs (its plan), first thing in that transaction.
    """
    return [await _one(context, row, prepare, dry_run=dry_run) for row in rows]


async def _one(context: Context, row: OldSubscription, prepare: Prepare | None, *, dry_run: bool) -> TakenOver:
    taken = TakenOver(row.reference, None)
    try:
        async with context.transaction() as tx:
            if prepare is not None:
                await prepare(tx, row)
            taken = TakenOver(row.reference, await _take(tx, context, row))
            if dry_run:
                raise _DryRun
    except _DryRun:
        return replace(taken, subscription_id=None)
    except CauceError as refused:
        return TakenOver(row.reference, None, refused.message)
    return taken


async def _take(tx: Tx, context: Context, row: OldSubscription) -> str:
    if (row.paid_until is None) == (row.trial_end is None):
        raise InvalidRequest("a subscription is paid until a day, or in trial until an instant", param="paid_until")
    now, actor = await context.now(tx), context.actor.name
    plan_id, sold = await catalog.require_sold(tx, row.plan)
    plan = (await catalog.read_plans(tx, [plan_id]))[plan_id]
    command = Signup(row.customer, row.plan, row.currency, row.quantities)
    prices = choose_prices(sold, command)
    customer, _ = await customers.put(tx, row.customer, now=now, actor=actor)
    for known in await subscriptions.ids_of_customer(tx, customer.id):
        if (await subscriptions.read(tx, known)).metadata.get(SOURCE) == row.reference:
            return known
    one = await _place(tx, row, command, plan, prices, customer, now, actor)
    batch = Batch()
    if row.credit_minor:
        batch.add(recipes.credit_taken_over(one.id, customer.id, row.currency, now, amount_minor=row.credit_minor))
    if row.customer_ref:
        await payments.put_payer(tx, customer.id, row.channel_id, row.customer_ref)
    if row.method is not None:
        await payments.save_method(tx, customer.id, row.channel_id, row.customer_ref, row.method, now=now)
    await follow_access(tx, [one], {plan.id: plan}, now, adopt=True)
    await write(tx, batch, actor, context.cause)
    return one.id


async def _place(
    tx: Tx,
    row: OldSubscription,
    command: Signup,
    plan: Plan,
    prices: Sequence[Price],
    customer: Customer,
    now: datetime,
    actor: str,
) -> Subscription:
    draft = draft_of(command, plan, prices, customer, now)
    draft = replace(draft, metadata={SOURCE: row.reference}, anchor_day=row.anchor_day or draft.anchor_day)
    if row.trial_end is not None:
        ends = row.trial_end if row.is_ended_there and row.trial_end <= now else checked_end(row.trial_end, now)
        one = move_trial(replace(draft, status="trialing", trial_start=now), ends)
    else:
        assert row.paid_until is not None
        anchored = replace(draft, status="active", anchor_on=row.paid_until, anchor_time=time(0), started_at=now)
        one = wait_for(anchored, RENEW, instant_of(anchored, row.paid_until))
        told_at = instant_of(anchored, upcoming_day(anchored, row.paid_until))
        one = replace(one, upcoming_at=told_at if told_at > now else None)
        if one.due_at is None or (one.due_at <= now and not row.is_ended_there):
            raise InvalidRequest(
                "the period that was paid is over; bill it in the old system first", param="paid_until"
            )
    items = items_of(command, plan, prices, one.id)
    if one.status == "active":  # he pays already: introductory prices are for those who begin here
        items = [replace(item, phases_from=LONG_AGO) for item in items]
    await subscriptions.place(tx, one, _at_kept_price(items, prices, row.price_minor), now)
    if one.status == "active":
        revenue = await revenue_of(tx, await load_surroundings(tx, [one.id]), {one.id: one.anchor_on})
        one = replace(one, mrr_minor=revenue[one.id])
        await subscriptions.save(tx, [one])
    await subscriptions.record(tx, Step(None, one, "subscribe", now, "taken over"), actor)
    return one


def _at_kept_price(items: Sequence[Item], prices: Sequence[Price], price_minor: int | None) -> list[Item]:
    """The items so that a period costs `price_minor`: the difference to the list stands on the recurring ones, the first first."""
    if price_minor is None:
        return list(items)
    by_id = {price.id: price for price in prices}
    fees = [item for item in items if by_id[item.price_id].kind is PriceKind.RECURRING]
    if price_minor < 0 or not fees:
        raise InvalidRequest("a kept price is zero or more, of a plan with a recurring fee", param="price")
    amounts = {item.id: period_amount([row_of(item)], by_id) for item in fees}
    left, kept = price_minor - sum(amounts.values()), {}
    for item in fees:  # none of them falls below zero
        change = max(left, -amounts[item.id])
        kept[item.id] = replace(item, adjust_minor=item.adjust_minor + change)
        left -= change
    return [kept.get(item.id, item) for item in items]
