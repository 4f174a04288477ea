"""The sweeps of recovery: a retry that is due, a grace that is over.

A retry charges every open invoice of the subscription again, unless the refusal says that this method must not be
tried (then the step only tells the customer, and counts). A new card or a payment by hand comes first at one instant.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from cauce.billing.catalog import service as catalog
from cauce.billing.invoicing import service as invoicing
from cauce.billing.payments import cases
from cauce.billing.payments import service as payments
from cauce.billing.payments.rules import DunningCase, may_charge
from cauce.billing.subscriptions import service as subscriptions
from cauce.billing.subscriptions.rules import Step
from cauce.flows.billing.access import follow_access
from cauce.flows.billing.collect import charge
from cauce.flows.billing.issue import Batch, write
from cauce.flows.billing.recover import Miss, missed
from cauce.flows.billing.renew import by_org
from cauce.flows.context import Runtime
from cauce.storage.audit import SYSTEM
from cauce.storage.database import Row, Tx
from cauce.storage.outbox import NewEvent


async def run_retries(_runtime: Runtime, tx: Tx, rows: list[Row]) -> None:
    """The sweep of retries, organization by organization."""
    for org_id, group in by_org(rows):
        await retry(tx.within(org_id), [cases.case_of(row) for row in group])


async def retry(tx: Tx, due: Sequence[DunningCase], *, forced: bool = False, actor: str = SYSTEM.name) -> None:
    """Try again for locked cases; `forced`: a new method was added, so the last refusal no longer counts."""
    at_of = {case.subscription_id: _at(case) for case in due}
    await cases.save(tx, [replace(case, due_at=None) for case in due], max(at_of.values()))
    opened = await invoicing.lock_open_of(tx, list(at_of))
    chargeable = {case.subscription_id for case in due if forced or may_charge(case.refusal)}
    tried = [one for one in opened if one.subscription_id in chargeable and one.collection == "charge"]
    batch = Batch()
    due_at = {one.id: at_of[one.subscription_id or ""] for one in opened}
    without = await charge(tx, tried, due_at, batch) if tried else []
    untried = {one.id for one in opened} - {one.id for one in tried} | {one.id for one in without}
    refusal = {case.subscription_id: case.refusal for case in due}
    misses = [
        Miss(
            one,
            refusal[one.subscription_id or ""] or "no_method",
            "not tried: the method must be replaced",
            due_at[one.id],
        )
        for one in opened
        if one.id in untried
    ]
    if misses:
        await missed(tx, misses, batch, actor)
    await write(tx, batch, actor)


async def run_grace(_runtime: Runtime, tx: Tx, rows: list[Row]) -> None:
    """The sweep of ended graces, organization by organization."""
    for org_id, group in by_org(rows):
        await end_grace(tx.within(org_id), {row["subscription_id"]: row["due_at"] for row in group})


async def end_grace(tx: Tx, due: dict[str, datetime], actor: str = SYSTEM.name) -> None:
    """Access of subscriptions whose grace is over is read-only from now on (T23)."""
    at = max(due.values())
    known = await cases.lock_open(tx, list(due))
    await cases.save(tx, [replace(case, grace_at=None, restricted=True) for case in known.values()], at)
    locked = await subscriptions.lock(tx, known)
    behind = [one for one in locked.values() if one.status == "past_due"]
    await subscriptions.move(tx, [Step(one, one, "end_grace", due[one.id]) for one in behind], actor)
    plans = await catalog.read_plans(tx, {one.plan_id for one in behind})
    batch = Batch()
    batch.events += await follow_access(tx, behind, plans, at)
    await write(tx, batch, actor)


async def run_notices(_runtime: Runtime, tx: Tx, rows: list[Row]) -> None:
    """The sweep of cards that expire soon: tell it, and set the next notice (C5)."""
    for org_id, group in by_org(rows):
        part = tx.within(org_id)
        events = []
        await payments.next_notices(part, [(row["id"], row["expires_on"], row["due_at"]) for row in group])
        for row in group:
            content = {"brand": row["brand"], "last4": row["last4"], "expires_on": row["expires_on"]}
            events.append(NewEvent("payment_method.expiring", row["id"], row["due_at"], content, row["customer_id"]))
        await write(part, Batch(events=events), SYSTEM.name)


def _at(case: DunningCase) -> datetime:
    assert case.due_at is not None
    return case.due_at
