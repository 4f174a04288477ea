"""The billing run: subscriptions whose period ends are billed for the next one, a chunk at a time, set-wise.

A chunk is one transaction: claim with the subscriptions whole, load what they are billed by in one query, decide in
the pure pricing, write invoices, lines, numbers, journals and events at once, and move the periods. Whoever ends,
pauses or changes at the boundary leaves the straight way in `boundary`. A chunk that fails is halved by the sweep until
the poison subscription stands alone and is parked.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from cauce.billing.invoicing.rules import NewInvoice
from cauce.billing.subscriptions import service as subscriptions
from cauce.billing.subscriptions.rules import Entered, Step, Subscription, enter_period, entered, is_complete, period_of
from cauce.billing.subscriptions.running import ending_periods
from cauce.flows.billing import boundary
from cauce.flows.billing.bills import Tariff, compose
from cauce.flows.billing.issue import Batch, load_billed, load_tariff, write
from cauce.flows.billing.revenue import monthly_revenue
from cauce.flows.context import Runtime
from cauce.reports.billing_run import Surroundings
from cauce.storage.audit import SYSTEM
from cauce.storage.database import Row, Tx
from cauce.storage.outbox import NewEvent


async def run(_runtime: Runtime, tx: Tx, rows: list[Row]) -> None:
    """The sweep: renew claimed subscriptions, organization by organization."""
    for org_id, group in by_org(rows):
        await renew(tx.within(org_id), [subscriptions.subscription_of(row) for row in group])


async def renew(tx: Tx, due: Sequence[Subscription], actor: str = SYSTEM.name) -> None:
    """Bill locked subscriptions for the period that begins at their due time, and the usage of the one that ends."""
    batch = Batch()
    entered, steps = await _pass(tx, due, batch, actor)
    await subscriptions.advance(tx, entered)
    await subscriptions.move(tx, steps, actor)
    await write(tx, batch, actor)


async def _pass(tx: Tx, due: Sequence[Subscription], batch: Batch, actor: str) -> tuple[list[Entered], list[Step]]:
    """Take subscriptions through their boundary: what is billed goes into the batch. The periods that the plain ones enter,
    and the steps of those whose revenue changes with it, are left to be written; who ends or changes has done so."""
    waiting = await boundary.waiting_changes(tx, due)
    straight = [one for one in due if not leaves(one) and one.id not in waiting]
    special = [one for one in due if leaves(one) or one.id in waiting]
    arounds = await load_billed(tx, [one.id for one in straight])
    tariff = await load_tariff(tx, straight, [arounds[one.id] for one in straight])
    renewed = [(one, decide(one, arounds[one.id], tariff, batch)) for one in straight]
    steps = [step for one, after in renewed if (step := _into_phase(one, arounds[one.id], tariff, after))]
    moved = {step.after.id for step in steps}
    if special:
        await boundary.pass_boundary(tx, special, waiting, batch, actor)
    return [after for one, after in renewed if one.id not in moved], steps


def leaves(subscription: Subscription) -> bool:
    """True when the subscription does not simply go on: it ends here."""
    return subscription.cancel_at_period_end or is_complete(subscription)


def decide(subscription: Subscription, around: Surroundings, tariff: Tariff, batch: Batch) -> Entered:
    """One plain renewal, added to the batch; the period entered. Dated by its due time, however late it runs."""
    assert subscription.due_at is not None
    at = subscription.due_at
    after = entered(subscription, subscription.period_index + 1)
    advance = period_of(subscription, after.period_index)
    arrears, counted = ending_periods(subscription)
    bill = compose(subscription.id, around, tariff, advance=advance, arrears=arrears, counted=counted)
    invoice = batch.bill(subscription, around, bill, at, period=advance.period)
    content = {"invoice": invoice.id, "period_start": after.period_start, "period_end": after.period_end}
    batch.events.append(NewEvent("subscription.renewed", subscription.id, at, content, subscription.customer_id))
    return after


def _into_phase(one: Subscription, around: Surroundings, tariff: Tariff, after: Entered) -> Step | None:
    """The renewal as a step of its own, when the recurring revenue changes with it because a phase of a price ended."""
    if not any(tariff.prices[item.price_id].phases for item in around.items):
        return None
    revenue = monthly_revenue(around.items, tariff.prices, after.period_start, around.anchor_day)
    if revenue == one.mrr_minor or (one.status != "active" and not one.mrr_minor):
        return None
    assert one.due_at is not None
    return Step(one, replace(enter_period(one, after.period_index), mrr_minor=revenue), "renew", one.due_at)


class _Seen(Exception):
    """A preview has seen what it wanted; what it wrote on the way is undone."""


async def preview_renewals(tx: Tx, due: Sequence[Subscription]) -> list[NewInvoice]:
    """The upcoming invoices: the very ones that the run would write for these subscriptions, changes that wait for the
    boundary made (G5); none for one that ends there and owes nothing."""
    batch = Batch()
    with contextlib.suppress(_Seen):
        async with tx.savepoint():
            await _pass(tx, due, batch, SYSTEM.name)
            raise _Seen
    return batch.invoices


def by_org(rows: Sequence[Row]) -> Iterator[tuple[int, list[Row]]]:
    """Rows by organization, in order of its number, so that two workers lock in the same order."""
    for org_id, group in groupby(sorted(rows, key=lambda row: int(row["org_id"])), key=lambda row: int(row["org_id"])):
        yield org_id, list(group)
