"""When: offsets that count whole days at the local hour, quiet hours, holds. Pure; a day has 23, 24 or 25 hours."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta

from cauce.billing.outreach.presenting import instant_in
from cauce.kernel.calendar.zones import at_local_time, local_date, zone_of
from cauce.kernel.errors import InvalidRequest

_OFFSET = re.compile(r"(-?)([0-9]{1,4})(d|h|m)|0")


class BadCampaign(InvalidRequest):
    """The campaign cannot be accepted as it is written."""

    code = "bad_campaign"


def offset_of(text: str) -> tuple[int, timedelta]:
    """(whole days, exact rest) of an offset like `3d`, `-12h`, `10m` or `0`; `BadCampaign` otherwise."""
    found = _OFFSET.fullmatch(text)
    if found is None:
        raise BadCampaign(f"{text!r} is not an offset like 3d, -12h, 10m or 0", param="offset")
    if text == "0":
        return 0, timedelta(0)
    number = int(found[2]) * (-1 if found[1] else 1)
    return {"d": (number, timedelta(0)), "h": (0, timedelta(hours=number)), "m": (0, timedelta(minutes=number))}[
        found[3]
    ]


def shifted(instant: datetime, offset: str, timezone: str, hour: int) -> datetime:
    """`offset` from an instant: whole days at the local hour of the zone, anything else exactly."""
    days, rest = offset_of(offset)
    if not days:
        return instant + rest
    zone = zone_of(timezone)
    return at_local_time(local_date(instant, zone) + timedelta(days=days), time(hour), zone)


def as_instant(value: object, timezone: str) -> datetime | None:
    """The instant that a value or its ISO text holds, noon of the zone for a date; None for anything else."""
    if isinstance(value, str):
        value = instant_in(value)
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value
    if isinstance(value, date) and not isinstance(value, datetime):
        return at_local_time(value, time(12), zone_of(timezone))
    return None


def after_quiet_hours(at: datetime, timezone: str, quiet_from: int, quiet_until: int) -> datetime:
    """`at`, or the end of the quiet hours that it falls into (local hours; equal ones: there are none)."""
    zone = zone_of(timezone)
    local = at.astimezone(zone)
    if quiet_from == quiet_until:
        return at
    over_midnight = quiet_from > quiet_until
    is_quiet = (
        local.hour >= quiet_from or local.hour < quiet_until
        if over_midnight
        else quiet_from <= local.hour < quiet_until
    )
    if not is_quiet:
        return at
    tomorrow = over_midnight and local.hour >= quiet_from
    return at_local_time(local.date() + timedelta(days=1 if tomorrow else 0), time(quiet_until), zone)


def after_hold(held_until: datetime, timezone: str, hour: int) -> datetime:
    """When a held step is looked at again: the first local hour of sending that is not before the end of the hold."""
    zone = zone_of(timezone)
    day = local_date(held_until, zone)
    first = at_local_time(day, time(hour), zone)
    return first if first >= held_until else at_local_time(day + timedelta(days=1), time(hour), zone)
