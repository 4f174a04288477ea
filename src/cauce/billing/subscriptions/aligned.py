"""The schedule of a subscription whose periods begin at its own anchor, with the calendar, or on a weekday (V4, V6). Pure."""

from __future__ import annotations

from datetime import date

from cauce.kernel.calendar.periods import Interval, Schedule, Unit, next_calendar_start, next_weekday

CALENDAR = "calendar"


def aligned_schedule(anchor_on: date, interval: Interval, anchor_day: int | None, alignment: str) -> Schedule:
    """The periods of a term that is anchored on `anchor_on`; `alignment` is "", `CALENDAR`, or a weekday "1" to "7" for weeks."""
    if alignment == CALENDAR:
        return Schedule(anchor_on, interval, anchor_day, aligned_on=next_calendar_start(anchor_on, interval))
    if alignment and interval.unit is Unit.WEEK:
        return Schedule(anchor_on, interval, anchor_day, aligned_on=next_weekday(anchor_on, int(alignment)))
    return Schedule(anchor_on, interval, anchor_day)
