"""What of outreach runs when: sweeps, jobs, event follow-ups, notices."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from cauce.billing.outreach.service import SEND_JOB
from cauce.flows.automation_steps import always
from cauce.flows.context import JobKind, SweepKind
from cauce.flows.outreach import send
from cauce.gateway.reporting import NoticeKind

JOBS: dict[str, JobKind] = {
    SEND_JOB: JobKind(send.send, timeout_seconds=900, step=always("message.send")),
}

SWEEPS: tuple[SweepKind, ...] = ()

EVENT_FLOWS: dict[str, tuple[str, ...]] = {}

NOTICES: dict[NoticeKind, Callable[..., Awaitable[None]]] = {}
