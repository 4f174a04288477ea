"""Telling the outside world: events become deliveries, deliveries become signed HTTP calls, retried for three days.

Deliveries of one object to one endpoint run in order. The address is resolved and checked right before each call,
and the call goes to the very address that was checked.
"""

from __future__ import annotations

from dataclasses import asdict

import msgspec

from cauce.flows.context import Context, Posted
from cauce.kernel.clock import wall_now
from cauce.kernel.errors import CauceError, NotFound
from cauce.storage import audit, jobs, outbox
from cauce.storage.database import Tx
from cauce.storage.directory.orgs import read_org
from cauce.storage.jobs import Job, NewJob
from cauce.storage.outbox import NewEvent
from cauce.webhooks import rules, service, store

FAN_OUT_JOB = "webhooks.fan_out"
DELIVER_JOB = "webhooks.deliver"
_OK = range(200, 300)


class EndpointFailed(CauceError):
    """The webhook endpoint did not take the delivery."""

    code = "webhook_endpoint_failed"
    http_status = 502


async def is_wanted(tx: Tx) -> bool:
    """Whether any endpoint listens: where none does, events lead to no deliveries."""
    return await store.has_listener(tx)


async def fan_out(context: Context, job: Job) -> None:
    """The job that a chunk of events leads to: one delivery per event and endpoint that wants it, all at once."""
    async with context.transaction() as tx:
        events = {event.id: event for event in await outbox.read_events(tx, job.payload["event_ids"])}
        told = [(event.id, event.type, event.object_id) for event in events.values()]
        fresh = await store.fan_out(tx, told, job.due_at)
        now = await context.now(tx)
        await jobs.enqueue(
            tx,
            [
                NewJob(
                    DELIVER_JOB,
                    now,
                    {"delivery_id": row["id"]},
                    key=f"webhook:{row['endpoint_id']}:{events[row['event_id']].object_id}",
                )
                for row in fresh
            ],
        )


async def deliver(context: Context, job: Job) -> None:
    """One attempt. A failure waits in its place, so that later events of the object wait behind it."""
    delivery_id = job.payload["delivery_id"]
    async with context.transaction() as tx:
        delivery = await store.read_delivery(tx, delivery_id)
        if delivery is None or delivery["state"] != "waiting" or delivery["endpoint_state"] != "enabled":
            return
        event = await outbox.read_event(tx, delivery["event_id"])
        secrets = await service.secrets_of(tx, context.runtime.sealer, delivery["endpoint_id"])
        org = await read_org(tx, context.org_id)
    assert event is not None
    shown = rules.event_body(asdict(event), org=org.public_id, livemode=org.livemode)
    body = msgspec.json.encode(shown, enc_hook=str)
    headers = dict(rules.signed_headers(secrets, event.public_id, wall_now(), body))
    assert context.runtime.poster is not None
    posted = await context.runtime.poster.post(delivery["url"], headers, body, loopback_allowed=not org.livemode)
    await _conclude(context, job, delivery["endpoint_id"], delivery_id, posted)


async def _conclude(context: Context, job: Job, endpoint_id: str, delivery_id: str, posted: Posted) -> None:
    """Record an attempt; a failure is raised after its commit, so that the job waits for its next try."""
    went_well = posted.status is not None and posted.status in _OK
    is_last = job.attempts >= rules.ATTEMPTS_MAX
    async with context.transaction() as tx:
        now = await context.now(tx)
        state = "delivered" if went_well else "failed" if is_last else "waiting"
        await store.record_attempt(tx, delivery_id, posted.status, posted.answer, state, now)
        if went_well:
            await store.mark_well(tx, endpoint_id)
            return
        since = await store.mark_failing(tx, endpoint_id, now)
        given_up = is_last or rules.is_given_up(since, now)
        if given_up:
            await store.set_state(tx, endpoint_id, "disabled")
            gone = NewEvent("endpoint.disabled", endpoint_id, now, {"failing_since": since})
            await outbox.emit(tx, [gone], actor="system", cause=context.cause)
    if not given_up:
        raise EndpointFailed(posted.answer or f"the endpoint answered {posted.status}")


async def send_test(context: Context, endpoint_id: str) -> None:
    """Tell an endpoint of a test: an event of its own (`endpoint.tested`), signed, logged and retried like any other.

    `not_found`; `endpoint_disabled` where it is switched off.
    """
    async with context.transaction() as tx:
        endpoint = await store.lock_endpoint(tx, endpoint_id)
        if endpoint["state"] != "enabled":
            raise rules.EndpointOff(param="endpoint")
        test = NewEvent("endpoint.tested", endpoint_id, await context.now(tx), {"url": endpoint["url"]})
        await outbox.emit(tx, [test], actor=context.actor.name, cause=context.cause)


async def enable(context: Context, endpoint_id: str) -> int:
    """Let a switched-off endpoint hear again, first what waits for it; how many deliveries do. `not_found`."""
    async with context.transaction() as tx:
        endpoint = await store.lock_endpoint(tx, endpoint_id)
        if endpoint["state"] == "enabled":
            return 0
        await store.set_state(tx, endpoint_id, "enabled")
        waiting = await store.wait_again(tx, endpoint_id)
        objects = {one.id: one.object_id for one in await outbox.read_events(tx, [row["event_id"] for row in waiting])}
        now = await context.now(tx)
        await jobs.enqueue(
            tx,
            [
                NewJob(DELIVER_JOB, now, {"delivery_id": row["id"]}, key=f"webhook:{endpoint_id}:{objects[row['event_id']]}")
                for row in waiting
            ],
        )  # fmt: skip
        await audit.record(tx, context.actor, "endpoint.enable", endpoint_id, after={"waiting": len(waiting)})
    return len(waiting)


async def replay(context: Context, delivery_id: str) -> None:
    """Send one delivery again, whatever became of it before; `NotFound` when there is no such delivery."""
    async with context.transaction() as tx:
        row = await store.replay(tx, delivery_id)
        if row is None:
            raise NotFound(f"there is no webhook delivery {delivery_id}")
        event = await outbox.read_event(tx, row["event_id"])
        assert event is not None
        key = f"webhook:{row['endpoint_id']}:{event.object_id}"
        again = NewJob(DELIVER_JOB, await context.now(tx), {"delivery_id": delivery_id}, key=key)
        await jobs.enqueue(tx, [again])
