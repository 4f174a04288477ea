"""What ends by itself: quotes, unpaid first invoices, exhausted debts, retention; and notices that are due.

A first payment that is still in flight when its window closes is waited for: its outcome decides (T10), and a refusal
ends the subscription at once (`recover.missed`). Looking again day by day only guards against an outcome that was lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from cauce.billing.catalog import service as catalog
from cauce.billing.customers import service as customers
from cauce.billing.entitlements import service as entitlements
from cauce.billing.invoicing import service as invoicing
from cauce.billing.payments import service as payments
from cauce.billing.subscriptions import service as subscriptions
from cauce.billing.subscriptions.rules import (
    INCOMPLETE_END,
    QUOTE_END,
    RETENTION_END,
    UNPAID_END,
    Step,
    Subscription,
    end,
    wait_for,
)
from cauce.flows.billing.access import follow_access
from cauce.flows.billing.boundary import due_of
from cauce.flows.billing.correct import take_back
from cauce.flows.billing.granting import expire
from cauce.flows.billing.issue import Batch, write
from cauce.flows.billing.provision import follow_customers
from cauce.flows.billing.renew import by_org
from cauce.flows.context import Runtime
from cauce.storage.audit import SYSTEM
from cauce.storage.database import Row, Tx
from cauce.storage.outbox import NewEvent

LOOK_AGAIN = timedelta(days=1)
"""How long a lapse waits for a payment under way before it looks again."""

_LAPSES = {
    QUOTE_END: ("lapse", "expired", "quote.expired"),
    INCOMPLETE_END: ("lapse", "expired", "subscription.expired"),
    UNPAID_END: ("give_up", "canceled", "subscription.canceled"),
}
_RETENTION = ("forget", "canceled", "subscription.canceled")


async def run(_runtime: Runtime, tx: Tx, rows: list[Row]) -> None:
    """The sweep of lapses, organization by organization."""
    for org_id, group in by_org(rows):
        await lapse(tx.within(org_id), [subscriptions.subscription_of(row) for row in group])


async def lapse(tx: Tx, due: Sequence[Subscription], actor: str = SYSTEM.name) -> None:
    """End locked subscriptions whose time is over (T05, T10, T27, T37)."""
    busy = await payments.in_flight_of_subscriptions(tx, [one.id for one in due])
    waiting = [one for one in due if one.id in busy]
    await subscriptions.save(tx, [wait_for(one, one.due_kind or "", due_of(one) + LOOK_AGAIN) for one in waiting])
    ended = [one for one in due if one.id not in busy]
    batch = Batch()
    steps = []
    for one in ended:
        trigger, status, event = _LAPSES.get(one.due_kind or "", _RETENTION)
        at = due_of(one)
        steps.append(Step(one, end(one, status, at), trigger, at, one.due_kind or ""))
        batch.events.append(NewEvent(event, one.id, at, {"reason": one.due_kind}, one.customer_id))
    await subscriptions.move(tx, steps, actor)
    first = [one.id for one in ended if one.pending_invoice_id is not None]
    for invoice in await invoicing.lock_open_of(tx, first) if first else []:
        at = due_of(next(one for one in ended if one.id == invoice.subscription_id))
        await take_back(tx, invoice, "not paid in time", batch, at, actor)
    plans = await catalog.read_plans(tx, {one.plan_id for one in ended})
    if steps:
        kept_enough = {one.id for one in ended if one.due_kind in (RETENTION_END, INCOMPLETE_END)}
        after = [step.after for step in steps]
        batch.events += await follow_access(tx, after, plans, steps[-1].at, forgotten=kept_enough)
    await write(tx, batch, actor)


async def run_timers(_runtime: Runtime, tx: Tx, rows: list[Row]) -> None:
    """The sweep of notices before an instant: each is told once, if it is still true (D3)."""
    for org_id, group in by_org(rows):
        part = tx.within(org_id)
        locked = await subscriptions.lock(part, {row["subscription_id"] for row in group})
        events = []
        for row in group:
            one = locked.get(row["subscription_id"])
            if (
                one is not None
                and one.status == "trialing"
                and one.trial_end is not None
                and not one.cancel_at_period_end
            ):
                content = {"trial_end": one.trial_end, "notice": row["kind"]}
                events.append(NewEvent("subscription.trial_will_end", one.id, row["due_at"], content, one.customer_id))
        await subscriptions.drop_timer_kinds(part, [(row["subscription_id"], row["kind"]) for row in group])
        await write(part, Batch(events=events), SYSTEM.name)


async def run_grants(_runtime: Runtime, tx: Tx, rows: list[Row]) -> None:
    """The sweep of grants by hand that end (I7)."""
    for org_id, group in by_org(rows):
        part = tx.within(org_id)
        at: datetime = max(row["due_at"] for row in group)
        await customers.lock(part, {row["customer_id"] for row in group})
        events = await entitlements.end_grants(part, [row["id"] for row in group], at)
        events += await follow_customers(part, {row["customer_id"] for row in group}, at)
        await write(part, Batch(events=events), SYSTEM.name)


async def run_credit(_runtime: Runtime, tx: Tx, rows: list[Row]) -> None:
    """The sweep of granted credit that lapses."""
    for org_id, group in by_org(rows):
        part = tx.within(org_id)
        journals, events = await expire(part, group)
        await write(part, Batch(journals=list(journals), events=events), SYSTEM.name)
