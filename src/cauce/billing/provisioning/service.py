"""Instances follow access: operations are opened set-wise, sent one after the other, concluded once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from cauce.billing.provisioning import rules, store
from cauce.billing.provisioning.machine import MACHINE
from cauce.billing.provisioning.rules import (
    Answer,
    Asked,
    End,
    Instance,
    NothingToRetry,
    Operation,
    Standing,
    Verb,
    Wanted,
)
from cauce.billing.provisioning.store import lock_instance, of_subscription, operations_of, read
from cauce.kernel.ids import new_id
from cauce.kernel.machine import BEGIN
from cauce.storage.database import Tx
from cauce.storage.outbox import NewEvent

__all__ = [
    "Opened",
    "begin",
    "conclude",
    "expire",
    "follow",
    "lock_instance",
    "mark_asked",
    "note_failure",
    "of_subscription",
    "operations_of",
    "read",
    "retry",
    "use_channel",
]


@dataclass(slots=True)
class Opened:
    """What a transaction opened: operations to be sent, events to be told."""

    operations: list[Operation] = field(default_factory=list)
    events: list[NewEvent] = field(default_factory=list)


async def follow(
    tx: Tx,
    standings: Sequence[Standing],
    at: datetime,
    asked: Mapping[str, Asked] | None = None,
    *,
    adopt: bool = False,
) -> Opened:
    """Bring instances to what their customers' standing says. `asked`: by subscription, the pre hook that let it pass.

    `adopt`: new ones run already and are only written down.
    """
    known = await store.lock_of_subscriptions(tx, [one.subscription_id for one in standings])
    opened, fresh, changed = Opened(), [], []
    for standing in standings:
        before = known.get(standing.subscription_id)
        after = rules.wanted(standing, before)
        verb = rules.verb_for(standing, before, after)
        passed = (asked or {}).get(standing.subscription_id)
        if before is None:
            if verb is not None:
                fresh.append(_adopted(standing, at) if adopt else _new(standing, passed, at, opened))
            continue
        assert after is not None
        now = _moved(before, standing, after, verb, at)
        if now != before:
            changed.append(now)
        if verb is not None:
            opened.operations.append(_operation(now.id, verb, passed, at))
    await store.insert(tx, fresh, at)
    await store.save(tx, changed)
    await store.insert_operations(tx, opened.operations)
    begun = "adopt" if adopt else "request"
    await store.write_history(tx, [(one.id, None, at, begun, BEGIN, one.state) for one in fresh])
    return opened


async def expire(tx: Tx, due: Sequence[Instance], at: Mapping[str, datetime]) -> Opened:
    """The data of these locked instances were kept long enough: have them removed. `at`: when each fell due."""
    opened = Opened([_operation(one.id, Verb.DEPROVISION, None, at[one.id]) for one in due])
    await store.save(tx, [replace(one, wanted=Wanted.DELETED, due_at=None) for one in due])
    await store.insert_operations(tx, opened.operations)
    return opened


async def begin(
    tx: Tx, instance_id: str, operation_id: str, now: datetime
) -> tuple[Operation, Instance, list[NewEvent]] | None:
    """An operation is about to be asked: locked, its instance too. None when its outcome is known."""
    instance = await store.lock_instance(tx, instance_id)
    operation = await store.lock_operation(tx, operation_id)
    if not operation.is_open:
        return None
    events: list[NewEvent] = []
    if rules.begins(operation.verb, instance.state):
        instance = await _step(tx, instance, operation_id, "start", now)
        events.append(_event("instance.provisioning", instance, now, {}))
    await tx.run(store.QUERIES.send_operation, tx.org, operation_id, now)
    return replace(operation, state="sent", attempts=operation.attempts + 1), instance, events


async def use_channel(tx: Tx, instance: Instance, channel_id: str) -> Instance:
    """From now on this channel runs the locked instance."""
    after = replace(instance, channel_id=channel_id)
    await store.save(tx, [after])
    return after


async def mark_asked(tx: Tx, operation_id: str) -> None:
    """The pre hook let this operation pass; it is not asked again."""
    await tx.run(store.QUERIES.mark_asked, tx.org, operation_id)


async def note_failure(tx: Tx, operation_id: str, reason: str) -> None:
    """A try came to nothing; the next one follows."""
    await tx.run(store.QUERIES.note_failure, tx.org, operation_id, reason)


async def conclude(
    tx: Tx, instance_id: str, operation_id: str, end: End, now: datetime, *, answer: Answer | None = None, why: str = ""
) -> tuple[Instance, list[NewEvent]]:
    """Give an operation its outcome, once: what comes later changes nothing."""
    instance = await store.lock_instance(tx, instance_id)
    operation = await store.lock_operation(tx, operation_id)
    if not operation.is_open:
        return instance, []
    await tx.run(store.QUERIES.conclude_operation, tx.org, operation_id, end.value, why, now)
    if end is not End.DONE:
        return await _failed(tx, instance, operation, end, why, now)
    step = rules.step_of(operation.verb, instance.state)
    instance = _told(instance, operation, answer or Answer(), now)
    if step is None and instance.state == "failed":  # it was never made, and is not by this
        return instance, []
    instance = replace(instance, failure="")
    if step is None:
        await store.save(tx, [instance])
        return instance, []
    trigger, kind = step
    instance = await _step(tx, instance, operation.id, trigger, now)
    content = {"redirect_url": instance.redirect_url, "verb": operation.verb.value}
    return instance, [_event(kind, instance, now, content)]


async def retry(tx: Tx, instance_id: str, now: datetime) -> Operation:
    """Ask the runner once more what failed last: under the same id where nobody knows whether it was done."""
    instance = await store.lock_instance(tx, instance_id)
    latest = next(iter(await store.operations_of(tx, instance_id, 1)), None)
    if latest is None or latest.is_open or latest.state == End.DONE:
        raise NothingToRetry(param="instance")
    await store.save(tx, [replace(instance, failure="")])
    if latest.state == End.FAILED:
        await tx.run(store.QUERIES.reopen_operation, tx.org, latest.id, now)
        return replace(latest, state="waiting", attempts=0, at=now, concluded_at=None)
    again = _operation(instance_id, latest.verb, None, now)
    await store.insert_operations(tx, [again])
    return again


def _new(standing: Standing, passed: Asked | None, at: datetime, opened: Opened) -> Instance:
    answer = passed.answer if passed else Answer()
    instance = Instance(
        id=passed.instance_id if passed else new_id("inst"),
        subscription_id=standing.subscription_id,
        customer_id=standing.customer_id,
        plan_id=standing.plan_id,
        runner=standing.runner,
        channel_id=None,
        state="requested",
        wanted=Wanted.RUNNING,
        ref=answer.ref,
        redirect_url=answer.redirect_url,
        fields=dict(answer.fields),
        failure="",
        due_at=None,
        ready_at=None,
        suspended_at=None,
        deleted_at=None,
        version=1,
        created_at=at,
    )
    opened.operations.append(_operation(instance.id, Verb.PROVISION, passed, at))
    opened.events.append(_event("instance.requested", instance, at, {"runner": standing.runner}))
    return instance


def _adopted(standing: Standing, at: datetime) -> Instance:
    return replace(_new(standing, None, at, Opened()), state="ready")


def _moved(before: Instance, standing: Standing, after: Wanted, verb: Verb | None, at: datetime) -> Instance:
    runner = standing.runner or before.runner
    return replace(
        before,
        wanted=after,
        plan_id=standing.plan_id if verb in (Verb.CHANGE, *rules.MAKING) else before.plan_id,
        runner=runner if verb in rules.MAKING else before.runner,
        channel_id=None if verb in rules.MAKING and runner != before.runner else before.channel_id,
        due_at=rules.delete_at(standing, before, after, at),
    )


def _operation(instance_id: str, verb: Verb, passed: Asked | None, at: datetime) -> Operation:
    if passed is not None and passed.verb is verb:
        return Operation(passed.operation_id, instance_id, verb, "waiting", True, 0, "", at)
    return Operation(new_id("op"), instance_id, verb, "waiting", False, 0, "", at)


def _told(instance: Instance, operation: Operation, answer: Answer, now: datetime) -> Instance:
    if operation.verb is Verb.DEPROVISION:
        return replace(instance, redirect_url="", fields={}, deleted_at=now)
    after = replace(
        instance,
        redirect_url=answer.redirect_url or instance.redirect_url,
        ref=answer.ref or instance.ref,
        fields={**instance.fields, **answer.fields},
    )
    if operation.verb is Verb.SUSPEND:
        return replace(after, suspended_at=now)
    if operation.verb is Verb.CHANGE:
        return after
    return replace(after, ready_at=after.ready_at or now, suspended_at=None, deleted_at=None)


async def _failed(
    tx: Tx, instance: Instance, operation: Operation, end: End, why: str, now: datetime
) -> tuple[Instance, list[NewEvent]]:
    instance = replace(instance, failure=why or end.value)
    if instance.state in ("requested", "provisioning"):
        instance = await _step(tx, instance, operation.id, "fail", now)
    else:
        await store.save(tx, [instance])
    return instance, [
        _event("instance.failed", instance, now, {"verb": operation.verb.value, "end": end.value, "reason": why})
    ]


async def _step(tx: Tx, instance: Instance, operation_id: str, trigger: str, now: datetime) -> Instance:
    after = replace(instance, state=MACHINE.step(instance.state, trigger))
    await store.save(tx, [after])
    await store.write_history(tx, [(after.id, operation_id, now, trigger, instance.state, after.state)])
    return after


def _event(kind: str, instance: Instance, at: datetime, content: Mapping[str, object]) -> NewEvent:
    told = {"subscription": instance.subscription_id, "status": instance.state, **content}
    return NewEvent(kind, instance.id, at, told, instance.customer_id)
