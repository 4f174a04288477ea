"""Every name that work is stored under, and the flow that handles it. The one table to read to see what runs when.

Each half brings its own steps; this module joins them. A job kind that is not listed waits for a newer worker; an
event type that is not listed is stored and done.
"""

from __future__ import annotations

from cauce.channels.service import SEND_JOB
from cauce.flows import clock, inbound, instruct, notify
from cauce.flows.context import JobKind, Registry, SweepKind
from cauce.webhooks.rules import ATTEMPTS_MAX as WEBHOOK_ATTEMPTS_MAX

JOBS: dict[str, JobKind] = {
    clock.ADVANCE_JOB: clock.ADVANCE,
    SEND_JOB: JobKind(instruct.send),
    instruct.ASK_JOB: JobKind(instruct.ask),
    inbound.PROCESS_JOB: JobKind(inbound.process),
    notify.FAN_OUT_JOB: JobKind(notify.fan_out),
    notify.DELIVER_JOB: JobKind(notify.deliver, attempts_max=WEBHOOK_ATTEMPTS_MAX),
}

SWEEPS: tuple[SweepKind, ...] = (SweepKind(instruct.ASK_SWEEP, instruct.ask_due),)

EVENT_FLOWS: dict[str, tuple[str, ...]] = {"*": (notify.FAN_OUT_JOB,)}

REGISTRY = Registry(JOBS, SWEEPS, EVENT_FLOWS)
