"""Meters and events as values: what may be recorded, and how a batch of events adds up per day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from cauce.kernel.errors import Conflict, InvalidRequest, NotFound

EVENTS_MAX = 1_000
"""The most events of one call."""

FUTURE_MAX = timedelta(hours=1)
"""How far ahead of the organization's time an event's clock may be."""

LATE_DAYS = 60
"""How many days after the end of a billed period its use may still change what is billed."""

BILLING_MARGIN = timedelta(minutes=5)
"""So long before a period is due, use of it counts as late: a bill may be written while it is being recorded."""

_VALUE_MAX = Decimal(10) ** 18


class BadUsage(InvalidRequest):
    """A usage event cannot be accepted."""

    code = "bad_usage_event"


class UnknownMeter(InvalidRequest):
    """There is no such meter."""

    code = "unknown_meter"


class UnknownEvent(NotFound):
    """There is no event of this source with the id that is to be corrected."""

    code = "unknown_usage_event"


class EventCorrected(Conflict):
    """The event was corrected before, by another one; correct that one."""

    code = "usage_event_corrected"


class Aggregation(StrEnum):
    """How a meter counts the events of a period.

    `weighted`: each event says a level that holds until the next one, across days and periods; a period's quantity is
    the sum of level times duration over the duration of its full period.
    """

    COUNT = "count"
    SUM = "sum"
    MAX = "max"
    UNIQUE = "unique"
    LATEST = "latest"
    WEIGHTED = "weighted"


@dataclass(frozen=True, slots=True)
class UsageEvent:
    """One thing that was used. (source, event_id) is its identity for ever; `customer` is an external id.

    `value` is a decimal; for a `unique` meter it is `unique_value` that counts. With `corrects`, the event of the same
    source with that id counts no more, and this one instead, unless `counts` is False.
    """

    source: str
    event_id: str
    meter: str
    customer: str
    value: Decimal
    occurred_at: datetime
    unique_value: str = ""
    corrects: str = ""
    counts: bool = True


@dataclass(frozen=True, slots=True)
class PlacedEvent:
    """An event with whose subscription it counts for ("": nobody's), on which of its local days. `late`: of a day that may
    have been billed."""

    event: UsageEvent
    customer_id: str
    subscription_id: str
    day: date
    late: bool = False


@dataclass(frozen=True, slots=True)
class KnownEvent:
    """Where an event lies, and which one corrected it."""

    subscription_id: str
    meter: str
    day: date
    corrected_by: str | None


@dataclass(frozen=True, slots=True)
class LateDay:
    """A day whose use changed, first on `recorded_on`, after it may have been billed."""

    subscription_id: str
    meter: str
    day: date
    recorded_on: date


def check(event: UsageEvent, aggregation: Aggregation, now: datetime) -> None:
    """Refuse events without identity, from the future, or with a value that the meter cannot count."""
    if not 1 <= len(event.source) <= 100 or not 1 <= len(event.event_id) <= 255:
        raise BadUsage("source and event_id have 1 to 100 and 1 to 255 characters", param="event_id")
    lowest = -_VALUE_MAX if aggregation is Aggregation.SUM else Decimal(0)
    if not isinstance(event.value, Decimal) or not event.value.is_finite() or not lowest <= event.value <= _VALUE_MAX:
        raise BadUsage("a value is a decimal, of zero or more unless its meter sums", param="value")
    if event.corrects == event.event_id or not (event.counts or event.corrects):
        raise BadUsage("an event corrects another one, and only then it may count for nothing", param="corrects")
    if event.occurred_at.tzinfo is None or event.occurred_at > now + FUTURE_MAX:
        raise BadUsage("occurred_at is an instant that has passed", param="occurred_at")


def first_of_each(events: Sequence[UsageEvent]) -> list[UsageEvent]:
    """The events without repetitions inside the batch, in order."""
    return list({(event.source, event.event_id): event for event in reversed(events)}.values())[::-1]
