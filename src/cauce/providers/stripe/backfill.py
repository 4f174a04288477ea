"""Events that never reached us, read from Stripe's own list: after an outage, and now and then to be sure."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime

from cauce.gateway.reporting import Notice
from cauce.providers.stripe import inbound
from cauce.providers.stripe.wire import Wire


async def missed(wire: Wire, since: datetime) -> AsyncIterator[Notice]:
    """Undelivered events since `since`, oldest first; `AskingFailed` when the list cannot be read.

    Stripe lists events for 30 days; what is older can only be found by asking for each object.
    """
    scope = {"delivery_success": False, "created": {"gte": int(since.timestamp())}}
    found = [event async for event in wire.pages("events.list", "/v1/events", scope)]
    for event in reversed(found):
        yield inbound.normalized(event)
