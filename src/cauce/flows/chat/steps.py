"""What of the chat runs when."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from cauce.flows.chat import talking, unread
from cauce.flows.context import JobKind
from cauce.gateway.reporting import NoticeKind

JOBS: dict[str, JobKind] = {talking.UNREAD_JOB: JobKind(unread.tell_unread)}

NOTICES: dict[NoticeKind, Callable[..., Awaitable[None]]] = {NoticeKind.CONVERSATION: talking.told_outside}
