"""The end of a pause that was asked for (T34): the rest of the period that then runs is billed and the anchor kept, or, where
the plan says so, a new period begins that day.

Where the plan gives no credit for a pause, the days that were paid are still there: until their end nothing is billed. A
fixed term that ended meanwhile is complete. Who owes comes back behind, and his debt is collected.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from cauce.billing.catalog import service as catalog
from cauce.billing.catalog.rules import Plan
from cauce.billing.invoicing import service as invoicing
from cauce.billing.invoicing.rules import NewInvoice
from cauce.billing.payments import cases
from cauce.billing.payments import service as payments
from cauce.billing.payments.rules import NO_METHOD
from cauce.billing.provisioning.rules import Verb
from cauce.billing.subscriptions import service as subscriptions
from cauce.billing.subscriptions.machine import MACHINE
from cauce.billing.subscriptions.rules import (
    Step,
    Subscription,
    begin_term,
    local_day,
    period_of,
    renews_at_end,
    schedule_of,
)
from cauce.billing.subscriptions.running import await_debt, periods_left
from cauce.flows.billing.access import follow_access
from cauce.flows.billing.bills import Tariff, compose
from cauce.flows.billing.boundary import due_of
from cauce.flows.billing.cancel import Moved, load
from cauce.flows.billing.completing import complete
from cauce.flows.billing.issue import Batch, load_billed, load_tariff, write
from cauce.flows.billing.part_discounts import for_part, single_use
from cauce.flows.billing.provision_asking import ask
from cauce.flows.billing.recover import open_cases
from cauce.flows.billing.renew import by_org
from cauce.flows.billing.revenue import monthly_revenue
from cauce.flows.billing.terms import active_from, first_terms
from cauce.flows.context import Context, Runtime
from cauce.kernel.calendar.periods import Period, SchedulePeriod
from cauce.kernel.errors import Conflict
from cauce.reports.billing_run import Surroundings
from cauce.storage.audit import SYSTEM
from cauce.storage.database import Row, Tx
from cauce.storage.outbox import NewEvent


async def resume_now(context: Context, subscription_id: str) -> Moved:
    """End a requested pause; what is billed from today, the plan says."""
    await ask(context, subscription_id, Verb.RESTORE, {})
    async with context.transaction() as tx:
        one, _, now = await load(tx, context, subscription_id)
        MACHINE.targets(one.status, "resume")
        if one.pause_reason != "requested":
            raise Conflict("a trial that ended without a payment method resumes when one is added")
        (after,) = await resume(tx, [replace(one, due_at=now)], context.actor.name)
        return Moved(one.id, after.status, False)


async def run(_runtime: Runtime, tx: Tx, rows: list[Row]) -> None:
    """The sweep of pauses that end, organization by organization."""
    for org_id, group in by_org(rows):
        await resume(tx.within(org_id), [subscriptions.subscription_of(row) for row in group])


async def resume(tx: Tx, due: Sequence[Subscription], actor: str = SYSTEM.name) -> list[Subscription]:
    """Resume locked subscriptions at their due time, all in one."""
    plans = await catalog.read_plans(tx, {one.plan_id for one in due})
    owing = await _owing(tx, due)
    batch = Batch()
    steps = await _returns(tx, due, plans, batch)
    steps = [
        replace(step, after=replace(step.after, status="past_due")) if step.after.id in owing else step
        for step in steps
    ]
    await subscriptions.move(tx, steps, actor)
    known = await cases.lock_open(tx, list(owing))
    debts = [(step.after, owing[step.after.id], step.at) for step in steps if step.after.id in owing]
    for one, invoice_id, at in debts:
        content = {"invoice": invoice_id, "refusal": known[one.id].refusal if one.id in known else NO_METHOD}
        batch.events.append(NewEvent("subscription.past_due", one.id, at, content, one.customer_id))
    batch.events += await open_cases(tx, [debt for debt in debts if debt[0].id not in known], plans)
    over = [step for step in steps if step.after.due_at is None and step.after.status == "active"]
    going = [step.after for step in steps if step not in over]
    batch.events += await follow_access(tx, going, plans, steps[-1].at)
    await complete(tx, [(replace(one.after, version=one.after.version + 1), one.at) for one in over], batch, actor)
    await write(tx, batch, actor)
    return [step.after for step in steps]


async def _returns(tx: Tx, due: Sequence[Subscription], plans: Mapping[str, Plan], batch: Batch) -> list[Step]:
    """How each comes back, with its invoice in the batch and its events."""
    arounds = await load_billed(tx, [one.id for one in due])
    tariff = await load_tariff(tx, due, [arounds[one.id] for one in due])
    anew = [one for one in due if _begins_anew(one, plans[one.plan_id])]
    steps = await _new_periods(tx, anew, batch)
    for one in due:
        if one not in anew:
            steps.append(_goes_on(one, plans[one.plan_id], arounds[one.id], tariff, batch))
    return steps


def _has_paid_days(one: Subscription, plan: Plan) -> bool:
    """Whether days are left that were paid before the pause and not credited."""
    end = one.period_end
    return plan.policy.pause.credit == "none" and end is not None and local_day(one, due_of(one)) < end


def _begins_anew(one: Subscription, plan: Plan) -> bool:
    if plan.policy.pause.resume != "new_period" or _has_paid_days(one, plan):
        return False
    return periods_left(one) != 0


async def _new_periods(tx: Tx, anew: Sequence[Subscription], batch: Batch) -> list[Step]:
    """These begin a period, whole, at their instant: a new term with as many periods as the old one had left."""
    anchored = [replace(begin_term(one, due_of(one)), periods_max=periods_left(one)) for one in anew]
    steps = []
    for one, term in zip(anew, await first_terms(tx, anchored, one_time=False) if anew else [], strict=True):
        after = replace(_awake(active_from(term, due_of(one))), term=one.term + 1)
        invoice = replace(term, subscription=after).issue(batch, due_of(one))
        steps.append(_step(one, after, invoice, batch))
    return steps


def _goes_on(one: Subscription, plan: Plan, around: Surroundings, tariff: Tariff, batch: Batch) -> Step:
    """In the period that runs, of which the rest is billed unless it was paid; or nowhere, where the term is over."""
    at, piece = due_of(one), _rest(one, due_of(one))
    revenue = monthly_revenue(around.items, tariff.prices, piece.period.start, around.anchor_day)
    if one.periods_max is not None and piece.index >= one.periods_max:
        return _step(one, await_debt(replace(_awake(one), status="active")), None, batch)
    if _has_paid_days(one, plan):
        return _step(one, _in_period(replace(_awake(one), mrr_minor=revenue), one, at), None, batch)
    entered = replace(
        _awake(one), period_index=piece.index, period_start=piece.period.start, period_end=piece.period.end,
        mrr_minor=revenue,
    )  # fmt: skip
    after = _in_period(entered, one, at)
    is_billed = one.period_start is not None and one.period_end is not None and piece.index == one.period_index
    if is_billed:  # its first bill had the discounts of the whole period
        around = for_part(around, piece.period, period_of(one, piece.index).period)
    bill = compose(one.id, around, tariff, advance=piece, arrears=None, since=at)
    if is_billed:
        bill = replace(bill, discount_ids=single_use(around, bill.discount_ids))
    return _step(one, after, batch.bill(after, around, bill, at, reason="resume", period=piece.period), batch)


def _awake(one: Subscription) -> Subscription:
    return replace(one, status="active", pause_reason="", paused_on=None, resume_at=None)


def _in_period(after: Subscription, before: Subscription, at: datetime) -> Subscription:
    """Due at the end of its period; what was told of the next invoice before the pause is not told again."""
    renewing = renews_at_end(after)
    if after.period_index != before.period_index:
        return renewing
    return replace(renewing, upcoming_at=max(before.upcoming_at, at) if before.upcoming_at is not None else None)


def _step(one: Subscription, after: Subscription, invoice: NewInvoice | None, batch: Batch) -> Step:
    content = {"invoice": invoice.id if invoice is not None else None}
    batch.events.append(NewEvent("subscription.resumed", one.id, due_of(one), content, one.customer_id))
    return Step(one, after, "resume", due_of(one))


async def _owing(tx: Tx, due: Sequence[Subscription]) -> dict[str, str]:
    """Subscription -> an open invoice of it that was asked for in vain; one that is not due yet, or under way, is no debt."""
    opened = await invoicing.lock_open_of(tx, [one.id for one in due])
    busy = await payments.in_flight(tx, [one.id for one in opened])
    return {
        one.subscription_id: one.id
        for one in opened
        if one.subscription_id and one.due_at is None and one.amount_due_minor and one.id not in busy
    }


def _rest(one: Subscription, at: datetime) -> SchedulePeriod:
    """What is left of the period that runs at `at`; all of it on its first day."""
    day = local_day(one, at)
    running = schedule_of(one).containing(max(day, one.anchor_on))
    return SchedulePeriod(running.index, Period(max(day, running.period.start), running.period.end), running.full)
