"""Every name that work is stored under, and the flow that handles it. The one table to read to see what runs when.

Each half brings its own steps; this module joins them with what both share. A job kind that is not listed waits for
a newer worker; an event type that is not listed is told to webhook endpoints and done.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from cauce.channels.service import SEND_JOB
from cauce.flows import (
    automation_steps,
    clock,
    erasing,
    giving_up,
    inbound,
    instruct,
    missed_notices,
    notify,
    portal_mail,
)
from cauce.flows.billing import steps as billing
from cauce.flows.chat import steps as chat
from cauce.flows.context import Context, JobKind, Registry, SweepKind
from cauce.flows.holds import EXPIRY
from cauce.flows.instruct import Concluder
from cauce.flows.marketplace import steps as marketplace
from cauce.flows.outreach import steps as outreach
from cauce.gateway.reporting import Notice, NoticeKind
from cauce.webhooks.rules import ATTEMPTS_MAX as WEBHOOK_ATTEMPTS_MAX

JOBS: dict[str, JobKind] = {
    clock.ADVANCE_JOB: clock.ADVANCE,
    SEND_JOB: JobKind(instruct.send, step=automation_steps.instruction),
    instruct.ASK_JOB: JobKind(instruct.ask, in_company=True),
    giving_up.GIVE_UP_JOB: JobKind(giving_up.end_given_up),
    inbound.PROCESS_JOB: JobKind(inbound.process, in_company=True, when_buried=inbound.dead_lettered),
    missed_notices.READ_JOB: JobKind(missed_notices.read_due),
    erasing.FORGET_JOB: JobKind(erasing.forget_at_provider),
    portal_mail.LOGIN_LINK_JOB: JobKind(portal_mail.send_login_link, attempts_max=3),
    notify.FAN_OUT_JOB: JobKind(notify.fan_out),
    notify.DELIVER_JOB: JobKind(notify.deliver, attempts_max=WEBHOOK_ATTEMPTS_MAX),
}

SWEEPS: tuple[SweepKind, ...] = (instruct.ASK_SWEEP, missed_notices.READ_SWEEP, EXPIRY)

CONCLUDERS: dict[str, Concluder] = {}


def _joined(parts: Sequence[Mapping[str, JobKind]]) -> dict[str, JobKind]:
    names = [name for part in parts for name in part]
    assert len(names) == len(set(names)), "two halves use one name"
    return {name: kind for part in parts for name, kind in part.items()}


def _events() -> dict[str, tuple[str, ...]]:
    joined: dict[str, tuple[str, ...]] = {}
    for part in (billing.EVENT_FLOWS, marketplace.EVENT_FLOWS, outreach.EVENT_FLOWS):
        for event_type, kinds in part.items():
            joined[event_type] = (*joined.get(event_type, ()), *kinds)
    return joined


NoticeFlow = Callable[[Context, str, Notice], Awaitable[None]]


def _each_of(flows: Sequence[NoticeFlow]) -> NoticeFlow:
    """One after the other: each half looks whether the notice is about something of its own."""

    async def told(context: Context, channel_id: str, notice: Notice) -> None:
        for flow in flows:
            await flow(context, channel_id, notice)

    return told


def _notices() -> dict[NoticeKind, NoticeFlow]:
    joined: dict[NoticeKind, list[NoticeFlow]] = {}
    for part in (billing.NOTICES, marketplace.NOTICES, outreach.NOTICES, chat.NOTICES):
        for kind, flow in part.items():
            joined.setdefault(kind, []).append(flow)
    return {kind: flows[0] if len(flows) == 1 else _each_of(flows) for kind, flows in joined.items()}


REGISTRY = Registry(
    jobs=_joined((JOBS, billing.JOBS, marketplace.JOBS, outreach.JOBS, chat.JOBS)),
    sweeps=(*SWEEPS, *billing.SWEEPS, *marketplace.SWEEPS, *outreach.SWEEPS),
    events=_events(),
    every_event={notify.FAN_OUT_JOB: notify.is_wanted},
    concluders={**CONCLUDERS, **billing.CONCLUDERS, **marketplace.CONCLUDERS},
    unresolved=billing.UNRESOLVED,
    subject_locks=marketplace.SUBJECT_LOCKS,
    notices=_notices(),
    gathered=dict(outreach.GATHERED),
    mismatched=marketplace.MISMATCHED,
)
