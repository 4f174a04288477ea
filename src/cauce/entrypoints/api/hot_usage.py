"""`POST /v1/usage/events`: what was used, in batches; each event counts once by its source and id, however often it comes."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Annotated

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cauce.billing.usage.rules import BadUsage, UsageEvent
from cauce.entrypoints.api.hot import Asked, Described, Key, Text, caller_of, decoded
from cauce.entrypoints.api.replay import answer_once
from cauce.entrypoints.api.resources import PLAIN_TEXT
from cauce.flows.billing.usage import record_usage
from cauce.flows.context import Context

EVENTS_MAX = 500


class Event(Asked, frozen=True):
    """One thing that was used. `value` is a whole number or a decimal string; `customer` an external id.

    `corrects` names an earlier event of the same source: that one counts no more, this one instead. With `value` null
    nothing takes its place. Of a period that is billed already, the next invoice brings the difference.
    """

    event_id: Key
    meter: Key
    customer: Key
    occurred_at: Annotated[datetime, msgspec.Meta(tz=True)]
    value: int | Annotated[str, msgspec.Meta(max_length=40)] | None = 1
    source: Annotated[str, msgspec.Meta(min_length=1, max_length=100, pattern=PLAIN_TEXT)] = "api"
    unique_value: Text = ""
    corrects: Annotated[str, msgspec.Meta(max_length=255, pattern=PLAIN_TEXT)] = ""


class UsageEvents(Asked, frozen=True):
    """Up to 500 events, taken all or none."""

    events: Annotated[list[Event], msgspec.Meta(min_length=1, max_length=EVENTS_MAX)]


class UsageBatch(msgspec.Struct, frozen=True):
    """How many events were new, and how many were known already."""

    recorded: int
    known: int
    object: str = "usage_batch"


_DECODER = msgspec.json.Decoder(UsageEvents)


async def record(request: Request) -> Response:
    """Record usage; a batch that comes again, wholly or in part, changes nothing."""
    caller = await caller_of(request, "usage:write", "billing:write")
    asked = decoded(_DECODER, await request.body())
    events = [_event(one) for one in asked.events]

    async def work(context: Context) -> object:
        done = await record_usage(context, events)
        return UsageBatch(done.fresh, done.known)

    return await answer_once(request, caller.context, work, status=200)


def _event(one: Event) -> UsageEvent:
    value = _decimal(0 if one.value is None else one.value)
    counts = one.value is not None
    return UsageEvent(
        one.source,
        one.event_id,
        one.meter,
        one.customer,
        value,
        one.occurred_at,
        one.unique_value,
        one.corrects,
        counts,
    )


def _decimal(value: int | str) -> Decimal:
    try:
        return Decimal(value)
    except InvalidOperation as exc:
        raise BadUsage(f"{value!r} is no decimal", param="value") from exc


described = [
    Described(
        Route("/v1/usage/events", record, methods=["POST"]), "Record usage", "usage", UsageBatch, body=UsageEvents
    )
]
