"""Every name that work is stored under, and the flow that handles it. The one table to read to see what runs when.

A job kind that is not listed here waits for a newer worker; an event type that is not listed is stored and done.
"""

from __future__ import annotations

from cauce.flows import clock
from cauce.flows.context import JobKind, Registry, SweepKind

JOBS: dict[str, JobKind] = {
    clock.ADVANCE_JOB: JobKind(clock.run_advance),
}

SWEEPS: tuple[SweepKind, ...] = ()

EVENT_FLOWS: dict[str, tuple[str, ...]] = {}

REGISTRY = Registry(JOBS, SWEEPS, EVENT_FLOWS)
