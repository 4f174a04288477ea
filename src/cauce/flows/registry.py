"""Every name that work is stored under, and the flow that handles it. The one table to read to see what runs when.

Each half brings its own steps; this module joins them with what both share. A job kind that is not listed waits for
a newer worker; an event type that is not listed is told to webhook endpoints and done.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cauce.channels.service import SEND_JOB
from cauce.flows import automation_steps, clock, erasing, inbound, instruct, notify, portal_mail
from cauce.flows.billing import steps as billing
from cauce.flows.chat import steps as chat
from cauce.flows.context import JobKind, Registry, SweepKind
from cauce.flows.holds import EXPIRY
from cauce.flows.instruct import Concluder
from cauce.flows.marketplace import steps as marketplace
from cauce.flows.outreach import steps as outreach
from cauce.webhooks.rules import ATTEMPTS_MAX as WEBHOOK_ATTEMPTS_MAX

JOBS: dict[str, JobKind] = {
    clock.ADVANCE_JOB: clock.ADVANCE,
    SEND_JOB: JobKind(instruct.send, step=automation_steps.instruction),
    instruct.ASK_JOB: JobKind(instruct.ask, in_company=True),
    inbound.PROCESS_JOB: JobKind(inbound.process, in_company=True),
    erasing.FORGET_JOB: JobKind(erasing.forget_at_provider),
    portal_mail.LOGIN_LINK_JOB: JobKind(portal_mail.send_login_link, attempts_max=3),
    notify.FAN_OUT_JOB: JobKind(notify.fan_out),
    notify.DELIVER_JOB: JobKind(notify.deliver, attempts_max=WEBHOOK_ATTEMPTS_MAX),
}

SWEEPS: tuple[SweepKind, ...] = (instruct.ASK_SWEEP, EXPIRY)

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


REGISTRY = Registry(
    jobs=_joined((JOBS, billing.JOBS, marketplace.JOBS, outreach.JOBS, chat.JOBS)),
    sweeps=(*SWEEPS, *billing.SWEEPS, *marketplace.SWEEPS, *outreach.SWEEPS),
    events=_events(),
    every_event={notify.FAN_OUT_JOB: notify.is_wanted},
    concluders={**CONCLUDERS, **billing.CONCLUDERS, **marketplace.CONCLUDERS},
    unresolved=billing.UNRESOLVED,
    subject_locks=marketplace.SUBJECT_LOCKS,
    notices={**billing.NOTICES, **outreach.NOTICES, **chat.NOTICES},
    gathered=dict(outreach.GATHERED),
)
