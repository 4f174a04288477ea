"""Between instants and local days: billing dates are dates in the customer's zone, instants are UTC (V3, C6).

A local day may have 23, 24 or 25 hours, may start at one in the morning, and in a few places has been left out
of the calendar altogether; a period is counted in local dates and never in hours, so none of that moves money.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cauce.kernel.errors import InvalidRequest


class UnknownZone(InvalidRequest):
    """The time zone is not a name of the IANA database."""

    code = "unknown_time_zone"


class NaiveInstant(InvalidRequest):
    """An instant carries its offset from UTC."""

    code = "naive_instant"


@lru_cache(maxsize=1024)
def zone_of(name: str) -> ZoneInfo:
    """The IANA zone `name`; `UnknownZone` otherwise."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as exc:
        raise UnknownZone(f"{name!r} is not an IANA time zone", param="timezone") from exc


def local_date(instant: datetime, zone: ZoneInfo) -> date:
    """The date on the calendar of `zone` at `instant` (aware)."""
    if instant.tzinfo is None:
        raise NaiveInstant(param="instant")
    return instant.astimezone(zone).date()


def start_of_day(day: date, zone: ZoneInfo) -> datetime:
    """The first instant (UTC) of the local `day`; of the next day that exists when the zone left `day` out."""
    early, late = sorted(_midnight(day, zone, fold) for fold in (0, 1))
    if local_date(early, zone) >= day:
        return early
    # Midnight falls into a gap: the day starts at the clock change, which lies between the two readings of it.
    while late - early > timedelta(seconds=1):
        middle = early + (late - early) // 2
        early, late = (early, middle) if local_date(middle, zone) >= day else (middle, late)
    return late.replace(microsecond=0)


def at_local_time(day: date, clock: time, zone: ZoneInfo) -> datetime:
    """The instant (UTC) of `clock` on the local `day`: the first when it occurs twice, moved on by the gap when never."""
    return datetime.combine(day, clock.replace(tzinfo=None, fold=0), tzinfo=zone).astimezone(UTC)


def same_time_after(instant: datetime, days: int, zone: ZoneInfo) -> datetime:
    """The instant `days` local dates after `instant`, at the same local time of day (V26)."""
    local = instant.astimezone(zone)
    return at_local_time(local.date() + timedelta(days=days), local.time(), zone)


def local_days_between(start: datetime, end: datetime, zone: ZoneInfo) -> int:
    """Difference of two local dates. A time without offset is read as wall clock of `zone`."""
    return (_local(end, zone) - _local(start, zone)).days


def _local(moment: datetime, zone: ZoneInfo) -> date:
    return moment.date() if moment.tzinfo is None else local_date(moment, zone)


def _midnight(day: date, zone: ZoneInfo, fold: int) -> datetime:
    return datetime.combine(day, time(fold=fold), tzinfo=zone).astimezone(UTC)
