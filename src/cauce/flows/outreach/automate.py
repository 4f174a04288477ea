"""Automations at work: an event begins a run, a job does its actions one transaction each, so a killed one goes on.

An action that is refused ends its run visibly; the customer's other runs go on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cauce.billing.customers import service as customers
from cauce.billing.entitlements import service as entitlements
from cauce.billing.outreach import runs, service, wording
from cauce.billing.outreach.automations import ACTOR, Action, Automation, check, is_own_doing, to_plain
from cauce.billing.outreach.rules import first_false
from cauce.billing.subscriptions import service as subscriptions
from cauce.flows.billing.coupons import apply_coupon
from cauce.flows.context import Context
from cauce.flows.outreach.composing import event_data, known_of
from cauce.flows.outreach.door import queue_message
from cauce.flows.outreach.subjects import OCCASIONS, subject_of
from cauce.kernel.errors import CauceError, InvalidRequest
from cauce.kernel.ids import new_id
from cauce.reports import outreach as reports
from cauce.reports.outreach import FIELDS
from cauce.storage import audit, jobs
from cauce.storage.database import Row, Tx
from cauce.storage.jobs import Job, NewJob
from cauce.storage.outbox import Event, NewEvent, emit

RUN_JOB = "outreach.automate"
DRY_RUN_DAYS_MAX = 30
DRY_RUN_EVENTS_MAX = 5_000


@dataclass(frozen=True, slots=True)
class WouldRun:
    """One event in a dry run, and why the automation would not have run for it ("" when it would)."""

    customer_id: str
    event_id: str
    event_type: str
    occurred_at: datetime
    reason: str


async def save(context: Context, automation_id: str, name: str, enabled: bool, rule: Automation) -> str:
    """Make an automation ("" for the id) or change one; its id."""
    if not name.strip():
        raise InvalidRequest("an automation has a name", param="name")
    async with context.transaction() as tx:
        check(rule, events=OCCASIONS, fields=FIELDS, templates=await wording.template_keys(tx))
        if automation_id:
            await runs.read(tx, automation_id)
        id = automation_id or new_id("aut")
        await runs.put(tx, id, name.strip(), enabled, rule, await context.now(tx))
        await audit.record(tx, context.actor, "automation.put", id, after={"name": name, **to_plain(rule)})
    return id


async def drop(context: Context, automation_id: str) -> None:
    """Remove an automation."""
    async with context.transaction() as tx:
        await runs.drop(tx, automation_id)
        await audit.record(tx, context.actor, "automation.drop", automation_id)


async def begin_runs(tx: Tx, events: Sequence[Event], now: datetime) -> None:
    """Begin the runs that these events lead to."""
    known = [one for one in await runs.automations(tx) if one.enabled]
    heard = [
        (one, event)
        for event in events
        for one in known
        if event.type in one.rule.events and not is_own_doing(event.actor)
    ]
    if not heard:
        return
    facts = await reports.facts(tx, [subject_of(event) for _, event in heard], now)
    wanted = [
        (one.id, event.public_id, event.customer_id or "")
        for one, event in heard
        if subject_of(event) in facts
        and first_false(one.rule.conditions, known_of(None, event_data(event), facts[subject_of(event)])) is None
    ]
    begun = await runs.begin(tx, wanted, now)
    numbers = {event.public_id: event for event in events}
    await jobs.enqueue(
        tx,
        [
            NewJob(
                RUN_JOB,
                now,
                {
                    "automation": row["automation_id"],
                    "event": row["event_id"],
                    "subscription": subject_of(numbers[row["event_id"]])[1],
                },
                key=f"automation:{row['customer_id']}",
            )
            for row in begun
        ],
    )


async def run(context: Context, job: Job) -> None:
    """The job of one run: its next actions, one transaction each."""
    automation_id, event_id = job.payload["automation"], job.payload["event"]
    while True:
        try:
            async with context.transaction() as tx:
                if not await _do_next(tx, context, automation_id, event_id, job.payload["subscription"]):
                    return
        except CauceError as refused:
            if refused.retryable or refused.http_status >= 500:
                raise
            await _fail(context, automation_id, event_id, refused)
            return


async def _do_next(tx: Tx, context: Context, automation_id: str, event_id: str, subscription_id: str) -> bool:
    """Do one action; False when the run is over."""
    one = await runs.lock(tx, automation_id, event_id)
    if one is None or one["state"] != "waiting":
        return False
    known = await runs.read(tx, automation_id)
    now, place = await context.now(tx), one["done"]
    if place >= len(known.rule.actions):
        return False
    action = known.rule.actions[place]
    line = await _act(tx, context, action, one, subscription_id, now)
    is_last = place + 1 == len(known.rule.actions)
    await runs.note(tx, one, "completed" if is_last else "waiting", place + 1, line)
    if is_last:
        content = {"automation": known.id, "name": known.name, "event": event_id}
        told = NewEvent("automation.completed", known.id, now, content, one["customer_id"])
        await emit(tx, [told], actor=f"{ACTOR}:{known.id}")
    return not is_last


async def _act(tx: Tx, context: Context, action: Action, one: Row, subscription_id: str, now: datetime) -> str:
    customer_id, actor = one["customer_id"], f"{ACTOR}:{one['automation_id']}"
    match action.kind:
        case "message":
            sent = await queue_message(
                tx,
                context,
                customer_id,
                action.template,
                action.data,
                category=action.category,
                subject_id=subscription_id,
            )
            return f"message {sent}" if sent else "message held back"
        case "coupon":
            held = [subscription_id] if subscription_id else await subscriptions.ids_of_customer(tx, customer_id)
            if not held:
                raise InvalidRequest("the customer has no subscription for the coupon", param="coupon")
            await customers.lock(tx, [customer_id])
            subscription = await subscriptions.lock_one(tx, held[-1])
            await emit(tx, await apply_coupon(tx, subscription, action.coupon, now), actor=actor)
            return f"coupon {action.coupon}"
        case "feature":
            ends_at = now + timedelta(days=action.days) if action.days else None
            await customers.lock(tx, [customer_id])
            grant_id, event = await entitlements.grant_by_hand(
                tx,
                customer_id,
                reason=actor,
                actor=actor,
                now=now,
                feature=action.feature,
                value=action.value,
                ends_at=ends_at,
            )
            await emit(tx, [event], actor=actor)
            return f"feature {action.feature} {grant_id}"
        case _:
            await service.hold_steps(tx, customer_id, now + timedelta(days=action.days), reason=actor)
            return f"hold {action.days}d"


async def _fail(context: Context, automation_id: str, event_id: str, refused: CauceError) -> None:
    async with context.transaction() as tx:
        one = await runs.lock(tx, automation_id, event_id)
        if one is None or one["state"] != "waiting":
            return
        await runs.note(tx, one, "failed", one["done"], f"{refused.code}: {refused.message}")
        content = {"event": event_id, "reason": refused.code}
        told = NewEvent("automation.failed", automation_id, await context.now(tx), content, one["customer_id"])
        await emit(tx, [told], actor=f"{ACTOR}:{automation_id}")


async def dry_run(context: Context, rule: Automation, days: int) -> list[WouldRun]:
    """For which events of the last days an automation would have run, as things stand now; nothing is written."""
    if not 1 <= days <= DRY_RUN_DAYS_MAX:
        raise InvalidRequest(f"days is 1 to {DRY_RUN_DAYS_MAX}", param="days")
    async with context.transaction() as tx:
        check(rule, events=OCCASIONS, fields=FIELDS, templates=await wording.template_keys(tx))
        now = await context.now(tx)
        events = await reports.events_since(tx, rule.events, now - timedelta(days=days), DRY_RUN_EVENTS_MAX)
        facts = await reports.facts(tx, [subject_of(event) for event in events], now)
    found = []
    for event in events:
        known = facts.get(subject_of(event))
        if known is None:
            continue
        failed = first_false(rule.conditions, known_of(None, event_data(event), known))
        reason = "loop_guard" if is_own_doing(event.actor) else f"condition:{failed.field}" if failed else ""
        found.append(WouldRun(event.customer_id or "", event.public_id, event.type, event.occurred_at, reason))
    return found
