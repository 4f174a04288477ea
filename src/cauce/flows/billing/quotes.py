"""Quotes: a subscription made on behalf of a customer, who approves or rejects it, or lets it lapse (T01-T05).

The draft holds the plan version, prices, quantities, options and the coupon that were offered, so nothing that changes in
the catalogue meanwhile changes what the customer approves. Nothing is billed and no access given before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from cauce.billing.catalog import service as catalog
from cauce.billing.catalog.rules import Plan
from cauce.billing.customers import service as customers
from cauce.billing.customers.rules import CustomerData
from cauce.billing.provisioning.rules import Asked
from cauce.billing.subscriptions import service as subscriptions
from cauce.billing.subscriptions.machine import MACHINE
from cauce.billing.subscriptions.rules import (
    QUOTE_DAYS,
    QUOTE_END,
    Step,
    Subscription,
    begin_term,
    end,
    wait_for,
)
from cauce.billing.subscriptions.trials import begin_trial, checked_end, days_later
from cauce.flows.billing.access import follow_access
from cauce.flows.billing.aligning import align
from cauce.flows.billing.cancel import Moved, load
from cauce.flows.billing.coupons import apply_coupon
from cauce.flows.billing.issue import Batch, write
from cauce.flows.billing.provision_asking import ask_for_plan
from cauce.flows.billing.signup import SignedUp, Signup, choose_prices, created, draft_of, items_of, start_trial
from cauce.flows.billing.terms import Term, active_from, first_terms, incomplete_until
from cauce.flows.context import Context
from cauce.kernel.errors import Conflict, InvalidRequest
from cauce.reports import subscriptions as report
from cauce.storage.database import Tx
from cauce.storage.outbox import NewEvent

VALID_DAYS_MAX = 365
_TRIAL_DAYS, _TRIAL_END, _AGAIN = "quoted_trial_days", "quoted_trial_end", "quoted_trial_again"


class QuoteLapsed(Conflict):
    """The offer is no longer good."""

    code = "quote_lapsed"


@dataclass(frozen=True, slots=True)
class Offered:
    """A quote as it would be approved now: a trial until `trial_end` comes first (None: none), then `first`, the first bill.

    `trial_days` 0: no trial, or one that ends at an instant that was agreed on.
    """

    trial_days: int
    first: Term
    trial_end: datetime | None = None


async def send_quote(context: Context, command: Signup, *, valid_days: int = QUOTE_DAYS) -> SignedUp:
    """Make a draft that the customer approves within `valid_days` (1 to 365). A coupon is redeemed for it now."""
    if not 1 <= valid_days <= VALID_DAYS_MAX:
        raise InvalidRequest(f"a quote is good for 1 to {VALID_DAYS_MAX} days", param="valid_days")
    async with context.transaction() as tx:
        now = await context.now(tx)
        plan_id, sold = await catalog.require_sold(tx, command.plan)
        plan = (await catalog.read_plans(tx, [plan_id]))[plan_id]
        prices = choose_prices(sold, command)
        customer, _ = await customers.put(tx, command.customer, now=now, actor=context.actor.name)
        draft = replace(await align(tx, draft_of(command, plan, prices, customer, now), plan), status="draft")
        lapses, kept = now + timedelta(days=valid_days), _kept(draft, plan, command, now)
        if command.trial_end is not None:  # what is offered with it is good until then
            lapses = min(lapses, command.trial_end)
        draft = wait_for(draft, QUOTE_END, lapses)
        if command.again:
            kept[_AGAIN] = command.again
        draft = replace(draft, metadata=kept)
        await subscriptions.place(tx, draft, items_of(command, plan, prices, draft.id), now)
        await subscriptions.record(tx, Step(None, draft, "quote", now, command.again), context.actor.name)
        content = {"plan": plan.key, "lapses_at": draft.due_at}
        batch = Batch(events=[NewEvent("quote.sent", draft.id, now, content, customer.id)])
        if command.coupon:
            batch.events += await apply_coupon(tx, draft, command.coupon, now)
        await write(tx, batch, context.actor.name, context.cause)
        return SignedUp(customer.id, draft.id, draft.status, None, None)


def _kept(draft: Subscription, plan: Plan, command: Signup, now: datetime) -> dict[str, Any]:
    """The draft's metadata with the trial that is offered: days from the approval on, or an instant."""
    if command.trial_end is None:
        days = plan.trial_days if command.trial_days is None else command.trial_days
        return {**draft.metadata, _TRIAL_DAYS: days}
    if command.trial_days is not None:
        raise InvalidRequest("a trial has days or an end, not both", param="trial_end")
    return {**draft.metadata, _TRIAL_END: checked_end(command.trial_end, now).isoformat()}


def _trial_end(draft: Subscription, now: datetime) -> datetime | None:
    """When the trial ends that an approval `now` begins; None: it begins none."""
    if _TRIAL_END in draft.metadata:
        return datetime.fromisoformat(draft.metadata[_TRIAL_END])
    days: int = draft.metadata.get(_TRIAL_DAYS, 0)
    return days_later(draft, now, days) if days else None


async def read_offer(tx: Tx, draft: Subscription, now: datetime) -> Offered:
    """What a draft comes to when it is approved `now`: the very bill that its approval (or its trial's end) issues."""
    ends = _trial_end(draft, now)
    (term,) = await first_terms(tx, [begin_trial(draft, now, ends) if ends else begin_term(draft, now)])
    return Offered(draft.metadata.get(_TRIAL_DAYS, 0), term, ends)


async def approve_quote(context: Context, subscription_id: str) -> Moved:
    """The customer approves: the trial or the paid term begins now (T02, T03); the runner of instances is asked before.

    `QuoteLapsed` once its time is over; `TrialUsed` and `MethodRequired` as for any sign-up.
    """
    asked = await _ask(context, subscription_id)
    async with context.transaction() as tx:
        one, plan, now = await load(tx, context, subscription_id)
        _require_open(one, "approve", now)
        batch = Batch(events=[NewEvent("quote.approved", one.id, now, {"plan": plan.key}, one.customer_id)])
        kept = {name: value for name, value in one.metadata.items() if name not in (_TRIAL_DAYS, _TRIAL_END, _AGAIN)}
        ends, again = _trial_end(one, now), str(one.metadata.get(_AGAIN, ""))
        if ends is not None:
            after = begin_trial(replace(one, metadata=kept), now, ends)
            batch.events.append(created(after, plan, now))
            customer = await customers.read(tx, one.customer_id)
            batch.events += await start_trial(tx, plan, customer, after, now, again=again)
        else:
            (term,) = await first_terms(tx, [begin_term(replace(one, metadata=kept), now)])
            invoice = term.issue(batch, now)
            after = active_from(term, now) if term.begins_active else incomplete_until(term, invoice, plan, now)
            batch.events.append(created(after, plan, now))
            if term.begins_active:
                told = {"plan": plan.id}
                batch.events.append(NewEvent("subscription.activated", one.id, now, told, one.customer_id))
        return await _move(tx, context, plan, one, after, "approve", batch, now, asked=asked)


async def reject_quote(context: Context, subscription_id: str, *, reason: str = "") -> Moved:
    """The customer says no, or the quote is withdrawn (T04); `reason` in his own words."""
    async with context.transaction() as tx:
        one, plan, now = await load(tx, context, subscription_id)
        MACHINE.targets(one.status, "reject")
        batch = Batch(events=[NewEvent("quote.rejected", one.id, now, {"reason": reason}, one.customer_id)])
        return await _move(tx, context, plan, one, end(one, "canceled", now), "reject", batch, now, reason=reason)


def _require_open(one: Subscription, trigger: str, now: datetime) -> None:
    MACHINE.targets(one.status, trigger)
    if one.due_at is not None and one.due_at <= now:
        raise QuoteLapsed(param="quote")


async def _ask(context: Context, subscription_id: str) -> dict[str, Asked]:
    async with context.db.transaction(context.org_id) as tx:
        one = await subscriptions.read(tx, subscription_id)
        _require_open(one, "approve", await context.now(tx))
        plan = (await catalog.read_plans(tx, [one.plan_id]))[one.plan_id]
        customer = await customers.read(tx, one.customer_id)
        items = await report.items(tx, one.id)
    wish = {
        "currency": one.currency,
        "quantities": {row["key"]: f"{row['quantity'].normalize():f}" for row in items},
        "options": next((row["options"] for row in items if row["options"]), {}),
    }
    data = CustomerData(customer.external_id, email=customer.email, name=customer.name, locale=customer.locale)
    passed = await ask_for_plan(context, plan, data, wish)
    return {} if passed is None else {one.id: passed}


async def _move(
    tx: Tx,
    context: Context,
    plan: Plan,
    one: Subscription,
    after: Subscription,
    trigger: str,
    batch: Batch,
    now: datetime,
    *,
    reason: str = "",
    asked: Mapping[str, Asked] | None = None,
) -> Moved:
    steps: Sequence[Step] = [Step(one, after, trigger, now, reason)]
    await subscriptions.move(tx, steps, context.actor.name)
    batch.events += await follow_access(tx, [after], {plan.id: plan}, now, asked=asked or {})
    await write(tx, batch, context.actor.name, context.cause)
    return Moved(one.id, after.status, False, 0, batch.invoices[0].id if batch.invoices else None)
