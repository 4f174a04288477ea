"""Intercom's stand-in: a workspace that speaks its API, sends its notifications and shows a Messenger of our own.

`api` routes and limits, `contacts`, `companies`, `workspace` answer, `conversations` is the chat from both sides,
`webhooks` signs, `control` and `pages` are for tests and people.
"""

from __future__ import annotations

from cauce.providers.intercom.simulator.api import intercom_face

__all__ = ["intercom_face"]
