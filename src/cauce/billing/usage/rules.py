"""Meters and events as values: what may be recorded, and how a batch of events adds up per day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from cauce.kernel.errors import InvalidRequest

EVENTS_MAX = 1_000
"""The most events of one call."""

FUTURE_MAX = timedelta(hours=1)
"""How far ahead of the organization's time an event's clock may be."""

_VALUE_MAX = Decimal(10) ** 18


class BadUsage(InvalidRequest):
    """A usage event cannot be accepted."""

    code = "bad_usage_event"


class UnknownMeter(InvalidRequest):
    """There is no such meter."""

    code = "unknown_meter"


class Aggregation(StrEnum):
    """How a meter counts the events of a period."""

    COUNT = "count"
    SUM = "sum"
    MAX = "max"
    UNIQUE = "unique"
    LATEST = "latest"


@dataclass(frozen=True, slots=True)
class UsageEvent:
    """One thing that was used. (source, event_id) is its identity for ever; `customer` is an external id.

    `value` is a decimal; for a `unique` meter it is `unique_value` that counts.
    """

    source: str
    event_id: str
    meter: str
    customer: str
    value: Decimal
    occurred_at: datetime
    unique_value: str = ""


@dataclass(frozen=True, slots=True)
class PlacedEvent:
    """An event with whose subscription it counts for, on which of its local days."""

    event: UsageEvent
    customer_id: str
    subscription_id: str | None
    day: date


def check(event: UsageEvent, now: datetime) -> None:
    """Refuse events without identity, from the future, or with a value that is no number."""
    if not 1 <= len(event.source) <= 100 or not 1 <= len(event.event_id) <= 255:
        raise BadUsage("source and event_id have 1 to 100 and 1 to 255 characters", param="event_id")
    if not isinstance(event.value, Decimal) or not event.value.is_finite() or not 0 <= event.value <= _VALUE_MAX:
        raise BadUsage("a value is a decimal of zero or more", param="value")
    if event.occurred_at.tzinfo is None or event.occurred_at > now + FUTURE_MAX:
        raise BadUsage("occurred_at is an instant that has passed", param="occurred_at")


def first_of_each(events: Sequence[UsageEvent]) -> list[UsageEvent]:
    """The events without repetitions inside the batch, in order."""
    return list({(event.source, event.event_id): event for event in reversed(events)}.values())[::-1]
