"""Recovery of debts: a case per subscription, retries and grace as due rows, a terminal action after the last try.

`open_cases` begins one, `missed` gives failed attempts their effect, `retry` and `end_grace` are the sweeps, `close`
ends a case when the debt is paid. While a retry is in flight the case has no due time, so nothing else is tried (H6).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import msgspec

from cauce.billing.catalog import service as catalog
from cauce.billing.catalog.rules import Plan
from cauce.billing.invoicing.rules import Invoice
from cauce.billing.payments import cases
from cauce.billing.payments import service as payments
from cauce.billing.payments.rules import DunningCase, Recovery, after_retry, open_case
from cauce.billing.subscriptions import service as subscriptions
from cauce.billing.subscriptions.rules import INCOMPLETE_END, UNPAID_END, Step, Subscription, end, wait_for
from cauce.flows.billing.access import follow_access
from cauce.flows.billing.final import bill_rest
from cauce.flows.billing.issue import Batch
from cauce.kernel.ids import new_id
from cauce.storage.database import Tx
from cauce.storage.outbox import NewEvent


@dataclass(frozen=True, slots=True)
class Miss:
    """A payment that did not come: the invoice, why, and when."""

    invoice: Invoice
    refusal: str
    message: str
    at: datetime


async def open_cases(
    tx: Tx, debts: Sequence[tuple[Subscription, str, datetime]], plans: Mapping[str, Plan], refusal: str = "no_method"
) -> list[NewEvent]:
    """Begin recoveries of (subscription, invoice, since); the events."""
    fresh, events = [], []
    paid = await cases.last_successes(tx, [subscription.customer_id for subscription, _, _ in debts])
    for subscription, invoice_id, at in debts:
        policy = msgspec.convert(msgspec.to_builtins(plans[subscription.plan_id].policy.dunning), Recovery)
        policy = replace(policy, timezone=subscription.timezone)
        case = open_case(
            new_id("dnc"), subscription.id, subscription.customer_id, subscription.currency, policy, refusal, at,
            paid.get(subscription.customer_id),
        )  # fmt: skip
        fresh.append(case)
        content = {
            "subscription": subscription.id,
            "invoice": invoice_id,
            "refusal": refusal,
            "next_try": case.due_at,
            "grace_ends": case.grace_at,
        }
        events.append(NewEvent("dunning.started", case.id, at, content, subscription.customer_id))
    await cases.insert(tx, fresh)
    return events


async def missed(tx: Tx, misses: Sequence[Miss], batch: Batch, actor: str) -> list[Miss]:
    """Failed payments: the subscription falls behind, the recovery begins or takes its next step (T14, T20, T24, T25).

    Those are given back by which a trial that is over would have become a paid term (T36): what they were for does not
    come about.
    """
    events = [_failed(miss) for miss in misses]
    latest = {miss.invoice.subscription_id: miss for miss in misses if miss.invoice.subscription_id is not None}
    locked = await subscriptions.lock(tx, latest)
    known = await cases.lock_open(tx, list(latest))
    plans = await catalog.read_plans(tx, {one.plan_id for one in locked.values()})
    steps: list[Step] = []
    debts: list[tuple[Subscription, str, datetime, str]] = []
    vain: list[Miss] = []
    for subscription_id, one in locked.items():
        miss = latest[subscription_id]
        after, trigger = _fall_behind(one, miss, plans[one.plan_id])
        if trigger:
            steps.append(Step(one, after, trigger, miss.at, miss.refusal))
        if trigger == "convert":
            vain.append(miss)
        if trigger and after.status == "past_due":
            event = NewEvent(
                "subscription.past_due",
                one.id,
                miss.at,
                {"invoice": miss.invoice.id, "refusal": miss.refusal},
                one.customer_id,
            )
            events.append(event)
        if after.status == "past_due" and subscription_id not in known:
            debts.append((after, miss.invoice.id, miss.at, miss.refusal))
    await subscriptions.save(tx, _too_late(locked.values(), latest, plans))
    await subscriptions.move(tx, steps, actor)
    for debt in debts:
        events += await open_cases(tx, [debt[:3]], plans, debt[3])
    at = max(miss.at for miss in misses)
    events += await follow_access(tx, [step.after for step in steps], plans, at)
    refusals = {one: (miss.refusal, miss.at) for one, miss in latest.items()}
    batch.events += events
    await next_steps(tx, [known[one] for one in known if one in locked], refusals, batch, actor)
    return vain


def _too_late(
    locked: Iterable[Subscription], latest: Mapping[str, Miss], plans: Mapping[str, Plan]
) -> list[Subscription]:
    """First payments that failed after their window closed: nothing is waited for any more, the lapse is due (T10)."""
    late = []
    for one in locked:
        miss = latest[one.id]
        window = timedelta(hours=plans[one.plan_id].policy.first_payment_hours)
        begun = miss.invoice.finalized_at or miss.at
        if one.status == "incomplete" and one.due_kind == INCOMPLETE_END and miss.at >= begun + window:
            late.append(wait_for(one, INCOMPLETE_END, miss.at))
    return late


def _failed(miss: Miss) -> NewEvent:
    content = {
        "subscription": miss.invoice.subscription_id,
        "refusal": miss.refusal,
        "message": miss.message,
        "amount_due": miss.invoice.amount_due_minor,
        "currency": miss.invoice.currency,
    }
    kind = "invoice.payment_action_required" if miss.refusal == "action_required" else "invoice.payment_failed"
    return NewEvent(kind, miss.invoice.id, miss.at, content, miss.invoice.customer_id)


def _fall_behind(one: Subscription, miss: Miss, plan: Plan) -> tuple[Subscription, str]:
    if one.status == "active":
        return replace(one, status="past_due"), "miss_payment"
    if one.pending_invoice_id != miss.invoice.id:
        return one, ""
    if one.status == "trialing" and plan.policy.trial_unpaid == "incomplete":
        until = miss.at + timedelta(hours=plan.policy.first_payment_hours)
        return wait_for(replace(one, status="incomplete"), INCOMPLETE_END, until), "end_trial"
    if one.status == "trialing":
        return replace(one, status="past_due", pending_invoice_id=None, started_at=miss.at), "end_trial"
    if one.status == "paused" and miss.refusal != "action_required":  # else he may still confirm it by the pay link
        return replace(one, pending_invoice_id=None, period_index=-1, period_start=None, period_end=None), "convert"
    return one, ""


async def reconsider(tx: Tx, subscription_ids: Sequence[str], at: datetime, batch: Batch, actor: str) -> None:
    """After answers came: recoveries whose retry is over, though part of the debt is left, take their next step."""
    known = await cases.lock_open(tx, subscription_ids)
    refusals = {one: (case.refusal, at) for one, case in known.items()}
    await next_steps(tx, list(known.values()), refusals, batch, actor)


async def next_steps(
    tx: Tx, known: Sequence[DunningCase], refusals: Mapping[str, tuple[str, datetime]], batch: Batch, actor: str
) -> None:
    """A retry failed: the next one is set, or the recovery is exhausted and the plan's last step follows.

    Only cases whose retry is under way (no due time) and of which no attempt is in flight any more are moved.
    """
    retried = [case for case in known if case.due_at is None]
    if not retried:
        return
    busy = await payments.in_flight_of_subscriptions(tx, [case.subscription_id for case in retried])
    over = [case for case in retried if case.subscription_id not in busy]
    paid = await cases.last_successes(tx, [case.customer_id for case in over])
    moved = [after_retry(case, *refusals[case.subscription_id], paid.get(case.customer_id)) for case in over]
    at = max(when for _, when in refusals.values())
    await cases.save(tx, moved, at)
    events = []
    for case in moved:
        refusal, when = refusals[case.subscription_id]
        content = {
            "subscription": case.subscription_id,
            "tries": case.tries,
            "refusal": refusal,
            "next_try": case.due_at,
        }
        events.append(NewEvent("dunning.step_executed", case.id, when, content, case.customer_id))
        if case.state == "exhausted":
            events.append(NewEvent("dunning.exhausted", case.id, when, content, case.customer_id))
    batch.events += events
    await exhaust(tx, [case for case in moved if case.state == "exhausted"], at, batch, actor)


async def exhaust(tx: Tx, exhausted: Sequence[DunningCase], at: datetime, batch: Batch, actor: str) -> None:
    """The terminal action of ended recoveries: unpaid and restricted, or canceled and owing the last use (T24, T25)."""
    if not exhausted:
        return
    locked = await subscriptions.lock(tx, [case.subscription_id for case in exhausted])
    ending = [case.subscription_id for case in exhausted if case.policy.terminal == "cancel"]
    locked |= await bill_rest(tx, [locked[one] for one in ending if locked[one].status == "past_due"], at, batch)
    steps, events = [], []
    for case in exhausted:
        one = locked[case.subscription_id]
        if one.status != "past_due":
            continue
        if case.policy.terminal == "cancel":
            after, kind = end(one, "canceled", at), "subscription.canceled"
        else:
            until = at + timedelta(days=case.policy.unpaid_days)
            after, kind = wait_for(replace(one, status="unpaid", mrr_minor=0), UNPAID_END, until), "subscription.unpaid"
        steps.append(Step(one, after, "exhaust", at, "dunning exhausted"))
        events.append(NewEvent(kind, one.id, at, {"reason": "dunning_exhausted"}, one.customer_id))
    await subscriptions.move(tx, steps, actor)
    plans = await catalog.read_plans(tx, {step.after.plan_id for step in steps})
    batch.events += events + await follow_access(tx, [step.after for step in steps], plans, at)


async def close(
    tx: Tx, known: Mapping[str, DunningCase], settled: Sequence[str], recovered: Mapping[str, int], at: datetime
) -> list[NewEvent]:
    """End the locked recoveries of subscriptions whose debt is paid; add what came in to those still open."""
    changed, events = [], []
    for subscription_id, case in known.items():
        amount = case.recovered_minor + recovered.get(subscription_id, 0)
        if subscription_id in settled:
            changed.append(replace(case, state="recovered", recovered_minor=amount, due_at=None, grace_at=None))
            content = {
                "subscription": subscription_id,
                "recovered": amount,
                "currency": case.currency,
                "tries": case.tries,
            }
            events.append(NewEvent("dunning.recovered", case.id, at, content, case.customer_id))
        elif amount != case.recovered_minor:
            changed.append(replace(case, recovered_minor=amount))
    await cases.save(tx, changed, at)
    return events
