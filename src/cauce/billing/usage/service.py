"""Meters, and events counted once each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from cauce.billing.usage import store
from cauce.billing.usage.rules import Aggregation, EventCorrected, KnownEvent, PlacedEvent, UnknownEvent
from cauce.billing.usage.store import days, mark_late, meters, put_alerts, record, take_late
from cauce.kernel.calendar.months import add_months
from cauce.storage.database import Tx

__all__ = ["correct", "create_meter", "days", "make_months", "mark_late", "meters", "put_alerts", "record", "take_late"]

MONTHS_AHEAD = 3
"""How many months of events have their place before they begin."""


async def create_meter(tx: Tx, key: str, aggregation: Aggregation, now: datetime, *, name: str = "") -> bool:
    """A new meter; False when the key exists (a meter never changes how it counts)."""
    return await tx.run(store.QUERIES.put_meter, tx.org, key, name, aggregation.value, now) == 1


async def correct(tx: Tx, placed: Sequence[PlacedEvent], now: datetime) -> int:
    """Record events that correct others, and count the days of those again; how many were new.

    `UnknownEvent` when there is nothing to correct, `EventCorrected` when another event did it before.
    """
    if not placed:
        return 0
    identities = [(one.event.source, one.event.event_id) for one in placed]
    known = await store.keys(tx, [*identities, *[(one.event.source, one.event.corrects) for one in placed]])
    fresh = [one for one, identity in zip(placed, identities, strict=True) if identity not in known]
    if not fresh:
        return 0
    corrected = [_correctable(one, known) for one in fresh]
    await store.record(tx, [one for one in fresh if one.event.counts], now)
    await store.put_keys(tx, [one for one in fresh if not one.event.counts])
    if await store.put_corrections(tx, [one.event for one in fresh], now) < len(fresh):
        raise EventCorrected("one of the events is corrected twice", param="corrects")
    changed = {(one.subscription_id, one.meter, one.day) for one in corrected if one.subscription_id}
    if changed:
        await store.remake_days(tx, changed)
        await store.mark_late(tx, changed, now.date())
    return len(fresh)


def _correctable(one: PlacedEvent, known: Mapping[tuple[str, str], KnownEvent]) -> KnownEvent:
    found = known.get((one.event.source, one.event.corrects))
    if found is None:
        raise UnknownEvent(f"there is no event {one.event.corrects} of {one.event.source}", param="corrects")
    if found.corrected_by is not None:
        raise EventCorrected(f"{one.event.corrects} was corrected by {found.corrected_by}", param="corrects")
    return found


async def make_months(tx: Tx, today: date) -> int:
    """Make the months of events from last month to `MONTHS_AHEAD`, as the owner of the tables; how many were missing."""
    made = 0
    for ahead in range(-1, MONTHS_AHEAD + 1):
        made += bool(await tx.value(store.QUERIES.make_month, add_months(today.replace(day=1), ahead)))
    return made
