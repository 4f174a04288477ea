"""The end of trials: with a method the first invoice is issued and collected, without one the plan's policy decides.

Set-wise like the billing run: ten thousand trials that end in one second are a few chunks. A converted trial stays
`trialing` until its first payment is known (T13, T14); access is full meanwhile.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from cauce.billing.catalog import service as catalog
from cauce.billing.catalog.rules import Plan, TrialEnd
from cauce.billing.subscriptions import service as subscriptions
from cauce.billing.subscriptions.rules import RETENTION_END, Step, Subscription, end, local_day, pause
from cauce.billing.subscriptions.running import retention_end
from cauce.flows.billing.access import follow_access
from cauce.flows.billing.boundary import due_of
from cauce.flows.billing.downgrade import move_to_free_plan
from cauce.flows.billing.issue import Batch, write
from cauce.flows.billing.recover import open_cases
from cauce.flows.billing.renew import by_org
from cauce.flows.billing.terms import Term, active_from, first_terms
from cauce.flows.context import Runtime
from cauce.storage.audit import SYSTEM
from cauce.storage.database import Row, Tx
from cauce.storage.outbox import NewEvent


@dataclass(slots=True)
class _Outcome:
    """What a chunk of ending trials comes to."""

    batch: Batch = field(default_factory=Batch)
    steps: list[Step] = field(default_factory=list)
    waiting: list[Subscription] = field(default_factory=list)
    unpaid: list[tuple[Subscription, str, datetime]] = field(default_factory=list)

    def tell(self, kind: str, one: Subscription, at: datetime, **content: object) -> None:
        """One more event of a subscription."""
        self.batch.events.append(NewEvent(kind, one.id, at, content, one.customer_id))


async def run(_runtime: Runtime, tx: Tx, rows: list[Row]) -> None:
    """The sweep: end claimed trials, organization by organization."""
    for org_id, group in by_org(rows):
        await end_trials(tx.within(org_id), [subscriptions.subscription_of(row) for row in group])


async def end_trials(tx: Tx, due: Sequence[Subscription], actor: str = SYSTEM.name) -> None:
    """End the trials of locked subscriptions at their due time (T13-T18, T30)."""
    plans = await catalog.read_plans(tx, {one.plan_id for one in due})
    due = [
        await move_to_free_plan(tx, one, plans)
        if plans[one.plan_id].policy.trial_end is TrialEnd.DOWNGRADE_TO_FREE and not one.cancel_at_period_end
        else one
        for one in due
    ]
    plans |= await catalog.read_plans(tx, {one.plan_id for one in due} - set(plans))
    outcome = _Outcome()
    before = {one.id: one for one in due}
    for term in await first_terms(tx, due):
        _decide(before[term.subscription.id], term, plans[before[term.subscription.id].plan_id], outcome)
    await subscriptions.save(tx, outcome.waiting)
    await subscriptions.move(tx, outcome.steps, actor)
    await subscriptions.drop_timers(tx, [one.id for one in due])
    outcome.batch.events += await open_cases(tx, outcome.unpaid, plans)
    after = [step.after for step in outcome.steps]
    if after:
        outcome.batch.events += await follow_access(tx, after, plans, max(due_of(one) for one in due))
    await write(tx, outcome.batch, actor)


def _decide(one: Subscription, term: Term, plan: Plan, outcome: _Outcome) -> None:
    at, policy = due_of(one), plan.policy
    if one.cancel_at_period_end:
        _step(outcome, one, end(one, "canceled", at), "end_term", at, one.cancel_reason)
        outcome.tell("subscription.canceled", one, at, reason=one.cancel_reason)
    elif term.begins_active:
        invoice = term.issue(outcome.batch, at)
        _step(outcome, one, active_from(term, at), "end_trial", at)
        outcome.tell("subscription.trial_converted", one, at, invoice=invoice.id)
        outcome.tell("subscription.activated", one, at, plan=plan.key)
    elif term.around.has_method:
        invoice = term.issue(outcome.batch, at)
        outcome.waiting.append(replace(term.subscription, pending_invoice_id=invoice.id, mrr_minor=0))
    elif policy.trial_end is TrialEnd.CREATE_INVOICE:
        invoice = term.issue(outcome.batch, at)
        unpaid = replace(active_from(term, at), status="past_due")
        _step(outcome, one, unpaid, "end_trial", at)
        outcome.unpaid.append((unpaid, invoice.id, at))
        outcome.tell("subscription.trial_expired", one, at, policy=policy.trial_end.value)
        outcome.tell("subscription.past_due", one, at, invoice=invoice.id)
    elif policy.trial_end is TrialEnd.CANCEL:
        _step(outcome, one, end(one, "canceled", at), "end_trial", at, "trial ended without a payment method")
        outcome.tell("subscription.trial_expired", one, at, policy=policy.trial_end.value)
        outcome.tell("subscription.canceled", one, at, reason="trial_expired")
    else:
        until = retention_end(at, policy.retention_days)
        paused = pause(one, "trial_ended", local_day(one, at), RETENTION_END, until)
        _step(outcome, one, paused, "end_trial", at)
        outcome.tell("subscription.trial_expired", one, at, policy=policy.trial_end.value, retained_until=until)
        outcome.tell("subscription.paused", one, at, reason="trial_ended")


def _step(
    outcome: _Outcome, before: Subscription, after: Subscription, trigger: str, at: datetime, reason: str = ""
) -> None:
    outcome.steps.append(Step(before, after, trigger, at, reason))
