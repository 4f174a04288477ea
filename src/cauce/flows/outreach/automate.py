"""Automations at work: an event begins a run, a job does its actions one transaction each, so a killed one goes on.

An action that is refused ends its run visibly; the customer's other runs go on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cauce.billing.customers import service as customers
from cauce.billing.outreach import runs, wording
from cauce.billing.outreach.automations import ACTOR, Automation, check, is_own_doing, to_plain
from cauce.billing.outreach.rules import first_false
from cauce.flows.context import Context
from cauce.flows.outreach import acting
from cauce.flows.outreach.audience import members_of
from cauce.flows.outreach.composing import event_data, known_of
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
        await acting.check_targets(tx, rule.segment, rule.actions)
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
    belongs = await members_of(tx, {one.rule.segment for one in known}, [customer for _, _, customer in wanted])
    segments = {one.id: one.rule.segment for one in known}
    wanted = [one for one in wanted if not segments[one[0]] or one[2] in belongs[segments[one[0]]]]
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
                    "type": numbers[row["event_id"]].type,
                    "at": numbers[row["event_id"]].occurred_at.isoformat(),
                },
                key=f"automation:{row['customer_id']}",
            )
            for row in begun
        ],
    )


async def run(context: Context, job: Job) -> None:
    """The job of one run: its next actions, one transaction each; what leaves this machine comes before its transaction."""
    automation_id, event_id = job.payload["automation"], job.payload["event"]
    while True:
        try:
            async with context.transaction() as tx:
                found = await acting.stored(tx, automation_id, event_id)
            if found is None:
                return
            before, action = found
            desks = await acting.prepare(context, action, before, job.payload)
            async with context.transaction() as tx:
                if not await _do_next(tx, context, before, job.payload, desks):
                    return
        except CauceError as refused:
            if refused.retryable or refused.http_status >= 500:
                raise
            await _fail(context, automation_id, event_id, refused)
            return


async def _do_next(tx: Tx, context: Context, before: Row, about: Mapping[str, Any], desks: tuple[str, ...]) -> bool:
    """Do one action; False when the run is over, or another worker has done it meanwhile."""
    found = await acting.stored(tx, before["automation_id"], before["event_id"])
    if found is None or found[0]["done"] != before["done"]:
        return False
    one, action = found
    known = await runs.read(tx, one["automation_id"])
    now, place = await context.now(tx), one["done"]
    line = await acting.act(acting.Doing(tx, context, action, one, about, now, desks))
    is_last = place + 1 >= len(known.rule.actions)
    await runs.note(tx, one, "completed" if is_last else "waiting", place + 1, line)
    if is_last:
        content = {"automation": known.id, "name": known.name, "event": one["event_id"]}
        told = NewEvent("automation.completed", known.id, now, content, one["customer_id"])
        await emit(tx, [told], actor=f"{ACTOR}:{known.id}")
    return not is_last


async def _fail(context: Context, automation_id: str, event_id: str, refused: CauceError) -> None:
    async with context.transaction() as tx:
        one = await runs.lock(tx, automation_id, event_id)
        if one is None or one["state"] != "waiting":
            return
        await runs.note(tx, one, "failed", one["done"], f"{refused.code}: {refused.message}")
        content = {"event": event_id, "reason": refused.code}
        told = NewEvent("automation.failed", automation_id, await context.now(tx), content, one["customer_id"])
        await emit(tx, [told], actor=f"{ACTOR}:{automation_id}")


async def why_not(context: Context, rule: Automation, customer: str) -> str:
    """Why an automation would not run for a customer as things stand ("" when it would); his id or external id."""
    async with context.transaction() as tx:
        known = await (customers.read if customer.startswith("cus_") else customers.find)(tx, customer)
        facts = await reports.facts(tx, [(known.id, "")], await context.now(tx))
        members = await members_of(tx, {rule.segment}, [known.id])
    if rule.segment and known.id not in members[rule.segment]:
        return "segment"
    failed = first_false(rule.conditions, known_of(None, {}, facts[known.id, ""]))
    return f"condition:{failed.field}" if failed else ""


async def dry_run(context: Context, rule: Automation, days: int) -> list[WouldRun]:
    """For which events of the last days an automation would have run, as things stand now; nothing is written."""
    if not 1 <= days <= DRY_RUN_DAYS_MAX:
        raise InvalidRequest(f"days is 1 to {DRY_RUN_DAYS_MAX}", param="days")
    async with context.transaction() as tx:
        check(rule, events=OCCASIONS, fields=FIELDS, templates=await wording.template_keys(tx))
        await acting.check_targets(tx, rule.segment, rule.actions)
        now = await context.now(tx)
        events = await reports.events_since(tx, rule.events, now - timedelta(days=days), DRY_RUN_EVENTS_MAX)
        facts = await reports.facts(tx, [subject_of(event) for event in events], now)
        people = [event.customer_id or "" for event in events]
        members = (await members_of(tx, {rule.segment}, people)).get(rule.segment)
    found = []
    for event in events:
        known = facts.get(subject_of(event))
        if known is None:
            continue
        failed = first_false(rule.conditions, known_of(None, event_data(event), known))
        reason = "loop_guard" if is_own_doing(event.actor) else f"condition:{failed.field}" if failed else ""
        if not reason and members is not None and event.customer_id not in members:
            reason = "segment"
        found.append(WouldRun(event.customer_id or "", event.public_id, event.type, event.occurred_at, reason))
    return found
