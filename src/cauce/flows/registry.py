"""Every name that work is stored under, and the flow that handles it. The one table to read to see what runs when.

Each half brings its own steps; this module joins them. A job kind that is not listed waits for a newer worker; an
event type that is not listed is stored and done.
"""

from __future__ import annotations

from cauce.channels.service import SEND_JOB
from cauce.flows import clock, inbound, instruct
from cauce.flows.context import JobKind, Registry, SweepKind

JOBS: dict[str, JobKind] = {
    clock.ADVANCE_JOB: JobKind(clock.run_advance),
    SEND_JOB: JobKind(instruct.send),
    instruct.ASK_JOB: JobKind(instruct.ask),
    inbound.PROCESS_JOB: JobKind(inbound.process),
}

SWEEPS: tuple[SweepKind, ...] = (SweepKind(instruct.ASK_SWEEP, instruct.ask_due),)

EVENT_FLOWS: dict[str, tuple[str, ...]] = {}

REGISTRY = Registry(JOBS, SWEEPS, EVENT_FLOWS)
