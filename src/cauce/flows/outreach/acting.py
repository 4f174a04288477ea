"""What automations do, action by action. Each is one transaction of its run; a program is run before it, outside any."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cauce.billing.customers import service as customers
from cauce.billing.entitlements import service as entitlements
from cauce.billing.outreach import runs, service
from cauce.billing.outreach.automations import ACTOR, Action
from cauce.billing.relations import knowing as relations
from cauce.billing.subscriptions import service as subscriptions
from cauce.channels import service as channels
from cauce.flows.billing.coupons import apply_coupon
from cauce.flows.context import Context
from cauce.flows.outreach.door import queue_message
from cauce.flows.outreach.mirror import named_jobs
from cauce.flows.outreach.reach import find_reach
from cauce.gateway.capabilities import Can
from cauce.gateway.outcome import Declined, Done, Outcome
from cauce.gateway.reaching import ProgramRequest
from cauce.kernel.calendar.zones import local_date, zone_of
from cauce.kernel.errors import CauceError, Conflict, InvalidRequest
from cauce.storage import jobs
from cauce.storage.database import Row, Tx
from cauce.storage.outbox import NewEvent, emit


class ProgramRefused(Conflict):
    """The program refuses, or may not be run."""

    code = "program_refused"


class ProgramSilent(CauceError):
    """Nobody knows whether the program did what it was told; it is told again under the same id."""

    code = "program_silent"
    http_status = 502


@dataclass(frozen=True, slots=True)
class Doing:
    """An action at work: its run, what it is about, and when."""

    tx: Tx
    context: Context
    action: Action
    run: Row
    about: Mapping[str, Any]
    now: datetime
    desks: tuple[str, ...] = ()

    @property
    def customer_id(self) -> str:
        """Whom the run is for."""
        return str(self.run["customer_id"])

    @property
    def subscription_id(self) -> str:
        """What the event was about; "" for none."""
        return str(self.about.get("subscription", ""))

    @property
    def actor(self) -> str:
        """Who does it."""
        return f"{ACTOR}:{self.run['automation_id']}"

    @property
    def key(self) -> str:
        """The same on every repeat of this action."""
        return operation_key(self.run)


def operation_key(run: Row) -> str:
    """The name of a run's next action, the same on every repeat."""
    return f"{run['automation_id']}:{run['event_id']}:{run['done']}"


async def act(doing: Doing) -> str:
    """Do it; the line that the run's log gets. Raises what refuses it."""
    return await _ACTIONS[doing.action.kind](doing)


async def prepare(context: Context, action: Action, run: Row, about: Mapping[str, Any]) -> tuple[str, ...]:
    """What comes before the transaction of an action: its program is run, its help desks are found (their channels)."""
    if action.kind == "command":
        await run_program(context, action, run, about)
    return (await find_reach(context)).desks if action.kind == "desk_event" else ()


async def run_program(context: Context, action: Action, run: Row, about: Mapping[str, Any]) -> None:
    """Run the program of a `command`, outside any transaction; `ProgramRefused` and `ProgramSilent` otherwise."""
    async with context.transaction() as tx:
        channel_id = await channel_of(tx, action.channel)
        known = await customers.read(tx, run["customer_id"])
    channel, gateway = await context.gateway(channel_id)
    context.runtime.gateways.capabilities(channel).require(Can.RUNS_PROGRAMS, what="an automation's command")
    payload: dict[str, object] = {
        "automation": run["automation_id"],
        "event": run["event_id"],
        "type": about.get("type", ""),
        "customer": {"id": known.id, "external_id": known.external_id},
        "subscription": about.get("subscription") or None,
    }
    outcome: Outcome[None] = await gateway.run_program(ProgramRequest(operation_key(run), payload))
    if isinstance(outcome, Declined):
        raise ProgramRefused(outcome.message)
    if not isinstance(outcome, Done):
        raise ProgramSilent(getattr(outcome, "reason", "") or "the program is not done")


async def channel_of(tx: Tx, name: str) -> str:
    """The channel that is meant, by its id or name; refused when there is none."""
    for row in await channels.list_channels(tx):
        if name in (row["id"], row["name"]):
            return str(row["id"])
    raise InvalidRequest(f"there is no channel {name!r}", param="channel")


async def _message(doing: Doing) -> str:
    action = doing.action
    sent = await queue_message(
        doing.tx, doing.context, doing.customer_id, action.template, action.data, category=action.category,
        subject_id=doing.subscription_id,
    )  # fmt: skip
    return f"message {sent}" if sent else "message held back"


async def _tag(doing: Doing) -> str:
    await relations.tag(doing.tx, [doing.customer_id], doing.action.tag, doing.now, actor=doing.actor)
    return f"tag {doing.action.tag}"


async def _task(doing: Doing) -> str:
    known = await customers.read(doing.tx, doing.customer_id)
    due_on = local_date(doing.now, zone_of(known.timezone)) + timedelta(days=doing.action.days)
    todo = await relations.make_todo(
        doing.tx, doing.action.title, doing.now, actor=doing.actor, customer_id=known.id, owner=doing.action.owner,
        due_on=due_on,
    )  # fmt: skip
    return f"task {todo}"


async def _coupon(doing: Doing) -> str:
    tx, code = doing.tx, doing.action.coupon
    held = [doing.subscription_id] if doing.subscription_id else []
    held = held or await subscriptions.ids_of_customer(tx, doing.customer_id)
    if not held:
        raise InvalidRequest("the customer has no subscription for the coupon", param="coupon")
    await customers.lock(tx, [doing.customer_id])
    subscription = await subscriptions.lock_one(tx, held[-1])
    await emit(tx, await apply_coupon(tx, subscription, code, doing.now), actor=doing.actor)
    return f"coupon {code}"


async def _feature(doing: Doing) -> str:
    action = doing.action
    ends_at = doing.now + timedelta(days=action.days) if action.days else None
    await customers.lock(doing.tx, [doing.customer_id])
    grant_id, event = await entitlements.grant_by_hand(
        doing.tx, doing.customer_id, reason=doing.actor, actor=doing.actor, now=doing.now, feature=action.feature,
        value=action.value, ends_at=ends_at,
    )  # fmt: skip
    await emit(doing.tx, [event], actor=doing.actor)
    return f"feature {action.feature} {grant_id}"


async def _hold(doing: Doing) -> str:
    days = doing.action.days
    await service.hold_steps(doing.tx, doing.customer_id, doing.now + timedelta(days=days), reason=doing.actor)
    return f"hold {days}d"


async def _webhook(doing: Doing) -> str:
    content = {
        "name": doing.action.name,
        "event": doing.run["event_id"],
        "event_type": doing.about.get("type", ""),
        "subscription": doing.subscription_id,
    }
    told = NewEvent("automation.called", doing.run["automation_id"], doing.now, content, doing.customer_id)
    await emit(doing.tx, [told], actor=doing.actor)
    return f"webhook {doing.action.name}"


async def _desk_event(doing: Doing) -> str:
    if not doing.desks:
        return "desk_event: there is no help desk"
    told = named_jobs(doing.desks, doing.customer_id, doing.action.name, doing.key, doing.about, doing.now)
    await jobs.enqueue(doing.tx, told)
    return f"desk_event {doing.action.name}"


async def _command(doing: Doing) -> str:
    return f"command {doing.action.channel}"  # it ran before this transaction


_ACTIONS: dict[str, Callable[[Doing], Awaitable[str]]] = {
    "message": _message,
    "tag": _tag,
    "task": _task,
    "coupon": _coupon,
    "feature": _feature,
    "hold": _hold,
    "webhook": _webhook,
    "desk_event": _desk_event,
    "command": _command,
}


async def check_targets(tx: Tx, automation_segment: str, actions: tuple[Action, ...]) -> None:
    """Refuse an automation whose segment or channel does not exist."""
    if automation_segment:
        await relations.segment(tx, automation_segment)
    for action in actions:
        if action.kind == "command":
            await channel_of(tx, action.channel)


async def stored(tx: Tx, automation_id: str, event_id: str) -> tuple[Row, Action] | None:
    """A run, locked, with its next action; None when nothing is left to do."""
    one = await runs.lock(tx, automation_id, event_id)
    if one is None or one["state"] != "waiting":
        return None
    known = await runs.read(tx, automation_id)
    return (one, known.rule.actions[one["done"]]) if one["done"] < len(known.rule.actions) else None
