"""Events that never reached us, read from Stripe's own list: after an outage, and regularly to be sure."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime

from cauce.gateway.errors import CannotRead
from cauce.gateway.reporting import Notice
from cauce.providers.stripe import inbound, limits
from cauce.providers.stripe.wire import AskingFailed, Wire


async def listed(wire: Wire, since: datetime, until: datetime, account: str) -> AsyncIterator[tuple[Notice, ...]]:
    """Events of `account` ("" is our own) from `since` until before `until` (whole seconds), a page at a time, newest first.

    All of them, delivered or not: one whose endpoint was switched off meanwhile was never sent at all. Types that no
    endpoint should be enabled for are left out. What is older than 30 days is on no list.
    """
    scope = {"created": {"gte": int(since.timestamp()), "lt": int(until.timestamp())}}
    page: list[Notice] = []
    try:
        async for event in wire.pages("events.list", "/v1/events", scope, account=account):
            if event["type"] in inbound.ENABLED_EVENTS:
                of_account = {"account": account} if account else {}  # its own list does not name it again
                page.append(inbound.normalized({**event, **of_account}))
            if len(page) == limits.PAGE_LENGTH.value:
                yield tuple(page)
                page = []
    except AskingFailed as failed:
        raise CannotRead(f"the list of events could not be read: {failed.outcome}") from failed
    if page:
        yield tuple(page)
