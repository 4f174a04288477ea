"""What of outreach runs when: sweeps, jobs, event follow-ups, notices."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from cauce.billing.outreach.schedule import STEP
from cauce.billing.outreach.service import SEND_JOB
from cauce.flows.automation_steps import always
from cauce.flows.context import JobKind, SweepKind
from cauce.flows.outreach import automate, due, follow, heard, mirror, send, writing
from cauce.flows.outreach.subjects import FOLLOWED
from cauce.gateway.reporting import NoticeKind

JOBS: dict[str, JobKind] = {
    SEND_JOB: JobKind(send.send, timeout_seconds=900, step=always("message.send")),
    follow.FOLLOW_JOB: JobKind(follow.follow),
    automate.RUN_JOB: JobKind(automate.run),
    writing.WRITE_JOB: JobKind(writing.write_chunk),
    mirror.CONTACT_JOB: JobKind(mirror.tell_contact),
    mirror.TELL_JOB: JobKind(mirror.tell_event),
    mirror.NAMED_JOB: JobKind(mirror.tell_named),
}

SWEEPS: tuple[SweepKind, ...] = (SweepKind(STEP, due.run),)

EVENT_FLOWS: dict[str, tuple[str, ...]] = {}

GATHERED: dict[str, frozenset[str]] = {follow.FOLLOW_JOB: FOLLOWED}

NOTICES: dict[NoticeKind, Callable[..., Awaitable[None]]] = {
    NoticeKind.CONTACT: heard.contact_told,
}
