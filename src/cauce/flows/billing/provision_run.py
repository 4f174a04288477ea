"""Asking the runner: first the pre hook, which may veto, then the operation; its answer is concluded once.

The row says that it is sent before the first byte leaves. Nobody knows what became of a call without an answer: the
same operation is asked again under the same id, later and later, and fails visibly after the last try.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from cauce.billing.catalog import service as catalog
from cauce.billing.provisioning import rules
from cauce.billing.provisioning import service as provisioning
from cauce.billing.provisioning.rules import Answer, End, Instance, Operation, Verb
from cauce.billing.provisioning.store import instance_of
from cauce.billing.subscriptions import service as subscriptions
from cauce.flows import automation_steps
from cauce.flows.billing import provision
from cauce.flows.billing.provision_telling import (
    PRE_SECONDS,
    SET_UP_WRONG,
    RunnerSilent,
    Told,
    answer_of,
    ask_pre,
    find_channel,
    told_of,
)
from cauce.flows.billing.renew import by_org
from cauce.flows.context import Context, JobKind, Runtime
from cauce.gateway.outcome import Declined, Done, Outcome
from cauce.gateway.reaching import InstanceAnswer, InstanceRequest, InstanceVerb
from cauce.storage import jobs
from cauce.storage.database import Row, Tx
from cauce.storage.jobs import Job, NewJob
from cauce.storage.outbox import NewEvent, emit

RUN_SECONDS = 30
"""So long an operation may take until nobody knows what became of it."""

TRIES_MAX = 10
"""So often an operation is asked before it fails: with the pauses of `storage.jobs`, for about an hour and a half."""


async def run(context: Context, job: Job) -> None:
    """The job of an operation."""
    instance_id, operation_id = job.payload["instance"], job.payload["operation"]
    async with context.transaction() as tx:
        now = await context.now(tx)
        begun = await provisioning.begin(tx, instance_id, operation_id, now)
        if begun is None:
            return
        operation, instance, events = begun
        await emit(tx, events, actor=context.actor.name, cause=context.cause)
        if not rules.must_be_asked(operation.verb, instance.state):
            await _conclude(context, tx, operation, End.DONE, now)
            return
        instance = await _with_channel(tx, instance)
        if instance.channel_id is None:
            why = f"no channel is called {instance.runner!r}; connect one, then try again"
            await _conclude(context, tx, operation, End.REFUSED, now, why=why)
            return
        told = await told_of(tx, context, instance_id)
    end, answer, why = await _ask(context, operation, instance, told)
    async with context.transaction() as tx:
        now = await context.now(tx)
        if end is None and operation.attempts < TRIES_MAX:
            await provisioning.note_failure(tx, operation_id, why)
        else:
            await _conclude(context, tx, operation, end or End.FAILED, now, answer=answer, why=why)
            return
    raise RunnerSilent(why)


RUN = JobKind(run, attempts_max=TRIES_MAX + 2, step=automation_steps.operation)


async def run_deletes(_runtime: Runtime, tx: Tx, rows: list[Row]) -> None:
    """The sweep: the data of those who did not come back go (J4)."""
    for org_id, group in by_org(rows):
        part = tx.within(org_id)
        due = {row["id"]: row["due_at"] for row in group}
        opened = await provisioning.expire(part, [instance_of(row) for row in group], due)
        await provision.send(part, opened.operations, max(due.values()))


async def retry(context: Context, instance_id: str) -> None:
    """Ask the runner once more what failed; `NothingToRetry` when nothing did."""
    async with context.transaction() as tx:
        now = await context.now(tx)
        operation = await provisioning.retry(tx, instance_id, now)
        await provision.send(tx, [operation], now)


async def _with_channel(tx: Tx, instance: Instance) -> Instance:
    if instance.channel_id is not None:
        return instance
    channel_id = await find_channel(tx, instance.runner)
    return instance if channel_id is None else await provisioning.use_channel(tx, instance, channel_id)


async def _ask(
    context: Context, operation: Operation, instance: Instance, told: Told
) -> tuple[End | None, Answer | None, str]:
    """(how it ended or None when nobody knows, the answer, why)."""
    verb = InstanceVerb(rules.sent_verb(operation.verb, instance.state).value)
    assert instance.channel_id is not None

    async def ask(stage: str, seconds: int) -> Outcome[InstanceAnswer]:
        request = InstanceRequest(operation.id, verb, stage, instance.id, told.payload, seconds)
        assert instance.channel_id is not None
        return await ask_pre(context, instance.channel_id, request)

    before = Answer()
    if not operation.asked:
        asked = await ask("pre", PRE_SECONDS)
        if isinstance(asked, Done):
            if asked.value.veto:
                return End.VETOED, None, asked.value.veto
            before = answer_of(asked.value)
        elif isinstance(asked, Declined):
            return (End.REFUSED if asked.refusal in SET_UP_WRONG else End.VETOED), None, asked.message
        elif told.plan.policy.instance.when_silent == "refuse":
            return None, None, f"the pre hook did not answer: {_reason(asked)}"
    done = await ask("post", RUN_SECONDS)
    if isinstance(done, Done):
        after = answer_of(done.value)
        fields = {**before.fields, **after.fields}
        return End.DONE, Answer(after.redirect_url or before.redirect_url, after.ref or before.ref, fields), ""
    if isinstance(done, Declined):
        nothing_there = instance.ready_at is None and operation.verb in (Verb.SUSPEND, Verb.DEPROVISION)
        return (End.DONE, Answer(), "") if nothing_there else (End.REFUSED, None, done.message)
    return None, None, _reason(done)


async def _conclude(
    context: Context,
    tx: Tx,
    operation: Operation,
    end: End,
    now: datetime,
    *,
    answer: Answer | None = None,
    why: str = "",
) -> None:
    instance, events = await provisioning.conclude(
        tx, operation.instance_id, operation.id, end, now, answer=answer, why=why
    )
    await emit(tx, events, actor=context.actor.name, cause=context.cause)
    if instance.state == "failed" and events:
        await _make_good(tx, instance, events, now)


async def _make_good(tx: Tx, instance: Instance, events: list[NewEvent], now: datetime) -> None:
    """What could not be made and was paid is given back, where the plan says so (J4)."""
    one = await subscriptions.read(tx, instance.subscription_id)
    plan = (await catalog.read_plans(tx, [one.plan_id]))[one.plan_id]
    if plan.policy.instance.on_failure == "refund" and one.status in ("active", "past_due"):
        content = {"instance": instance.id, "subscription": one.id, "reason": events[-1].data.get("reason", "")}
        await jobs.enqueue(tx, [NewJob(provision.COMPENSATE_JOB, now, content, key=f"object:{one.id}")])


def _reason(outcome: Any) -> str:
    return str(getattr(outcome, "reason", "")) or "the runner is still at it"
