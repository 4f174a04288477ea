"""Taking in usage: a batch of events, each counted once by its source and id, for the subscription that is billed.

An event's day is its local day in the subscription's zone. Sent again, wholly or in part, a batch changes nothing. A day
that may have been billed is marked: the next invoice brings the difference (`late_usage`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from cauce.billing.usage import service as usage
from cauce.billing.usage.rules import (
    BILLING_MARGIN,
    EVENTS_MAX,
    Aggregation,
    BadUsage,
    PlacedEvent,
    UnknownMeter,
    UsageEvent,
    check,
    first_of_each,
)
from cauce.flows.billing.usage_limits import tell_limits
from cauce.flows.context import Context
from cauce.kernel.calendar.zones import local_date, zone_of
from cauce.kernel.errors import NotFound
from cauce.reports.billing_run import UsageTarget, usage_targets


@dataclass(frozen=True, slots=True)
class Recorded:
    """How many events were new, and how many were known already or doubled in the batch."""

    fresh: int
    known: int


async def create_meter(context: Context, key: str, aggregation: str, *, name: str = "") -> bool:
    """A meter that counts in one way for ever; False when it exists."""
    if aggregation not in Aggregation.__members__.values():
        raise BadUsage(f"{aggregation!r} is no way of counting", param="aggregation")
    async with context.transaction() as tx:
        return await usage.create_meter(tx, key, Aggregation(aggregation), await context.now(tx), name=name)


async def record_usage(context: Context, events: Sequence[UsageEvent]) -> Recorded:
    """Record up to `EVENTS_MAX` events, all or none: one that cannot be accepted refuses the batch."""
    if len(events) > EVENTS_MAX:
        raise BadUsage(f"at most {EVENTS_MAX} events a call", param="events")
    async with context.transaction() as tx:
        now = await context.now(tx)
        counting = {
            row["key"]: Aggregation(row["aggregation"]) for row in await usage.meters(tx) if not row["archived_at"]
        }
        single = first_of_each(events)
        for event in single:
            if event.meter not in counting:
                raise UnknownMeter(f"there is no meter {event.meter}", param="meter")
            check(event, counting[event.meter], now)
        targets = await usage_targets(tx, [event.customer for event in single])
        placed = [_place(event, targets, now) for event in single]
        fresh = await usage.record(tx, [one for one in placed if not one.event.corrects], now)
        fresh += await usage.correct(tx, [one for one in placed if one.event.corrects], now)
        late = {(one.subscription_id, one.event.meter, one.day) for one in placed if one.late}
        if fresh and late:
            await usage.mark_late(tx, late, now.date())
        limited = {
            one.subscription_id
            for one in placed
            if one.subscription_id and targets[one.event.customer][one.event.meter].limited
        }
        if fresh and limited:
            await tell_limits(tx, limited, now, context.actor.name, context.cause)
    return Recorded(fresh, len(events) - fresh)


def _place(event: UsageEvent, targets: Mapping[str, Mapping[str, UsageTarget]], now: datetime) -> PlacedEvent:
    of_customer = targets.get(event.customer)
    if of_customer is None:
        raise NotFound(f"there is no customer {event.customer}", param="customer")
    target = of_customer.get(event.meter) or of_customer[""]
    day = local_date(event.occurred_at, zone_of(target.timezone))
    late = target.period_start is not None and (
        day < target.period_start or (target.due_at is not None and now >= target.due_at - BILLING_MARGIN)
    )
    return PlacedEvent(event, target.customer_id, target.subscription_id, day, late)
