"""The period that runs, and which of its days are not billed yet. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

from cauce.billing.subscriptions.aligned import CALENDAR
from cauce.billing.subscriptions.rules import (
    Subscription,
    enter_period,
    instant_of,
    is_complete,
    period_of,
    renews_at_end,
    schedule_of,
)
from cauce.kernel.calendar.periods import Alignment, Interval, Period, SchedulePeriod, aligned_period, period_around
from cauce.kernel.calendar.zones import zone_of


def running_period(subscription: Subscription) -> SchedulePeriod | None:
    """The period that runs, from the day on which it began for this subscription: after a pause, that of its end."""
    if subscription.period_index < 0:
        return None
    found, start = period_of(subscription, subscription.period_index), subscription.period_start
    begun = Period(max(start or found.period.start, found.period.start), found.period.end)
    return SchedulePeriod(found.index, begun, found.full)


def restart(
    subscription: Subscription, interval: Interval, day: date, *, keeps_anchor: bool = False, at: datetime | None = None
) -> Subscription:
    """The subscription in a period of `interval` that begins on `day` and is anchored there; at the time of day of `at`.

    With `keeps_anchor` it ends where the old anchor puts it, and the days before `day` are no part of it (V10).
    """
    changed = replace(subscription, interval_unit=interval.unit.value, interval_count=interval.count)
    if at is not None:
        clock = at.astimezone(zone_of(subscription.timezone)).time().replace(microsecond=0, tzinfo=None)
        changed = replace(changed, anchor_time=clock)
    if not keeps_anchor:
        return enter_period(replace(changed, anchor_on=day, anchor_day=None, alignment=""), 0)
    first = schedule_of(subscription).first_full_start
    anchor_day = subscription.anchor_day or first.day
    if subscription.alignment == CALENDAR:
        full = aligned_period(Alignment.CALENDAR, day, interval)
    else:
        full = period_around(first, day, interval, anchor_day)
    anchored = enter_period(replace(changed, anchor_on=full.start, anchor_day=anchor_day), 0)
    return renews_at_end(replace(anchored, period_start=day))


def counts_from(subscription: Subscription) -> date | None:
    """The first day of the running period whose use is not billed yet; None when no period runs."""
    start, counted = subscription.period_start, subscription.usage_from
    return start if start is None or counted is None else max(start, counted)


def ending_periods(subscription: Subscription) -> tuple[SchedulePeriod | None, SchedulePeriod | None]:
    """At the end of the running period: the days that fees in arrears are for, and those whose use is not billed yet."""
    running, since = running_period(subscription), counts_from(subscription)
    if running is None or since is None:
        return running, running
    counted = Period(min(max(since, running.period.start), running.period.end), running.period.end)
    return running, SchedulePeriod(running.index, counted, running.full)


def await_debt(subscription: Subscription) -> Subscription:
    """A term that is over but not paid: billed to its end, nothing falls due; it is complete when its debt is gone."""
    return replace(subscription, due_kind=None, due_at=None, upcoming_at=None, usage_from=subscription.period_end)


def is_over(subscription: Subscription, at: datetime) -> bool:
    """True when a fixed term has had all its periods by `at`, whether it is paid or not."""
    end = subscription.period_end
    return is_complete(subscription) and end is not None and at >= instant_of(subscription, end)


def periods_left(subscription: Subscription) -> int | None:
    """How many periods of a fixed term are still to come after the one that runs; None where it has no end."""
    if subscription.periods_max is None:
        return None
    return max(0, subscription.periods_max - subscription.period_index - 1)


def retention_end(at: datetime, days: int) -> datetime:
    """When what a paused or ended customer left is deleted."""
    return at + timedelta(days=days)
