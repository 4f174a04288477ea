"""Lengths of time as people type them: `90m`, `36h`, `30d`, `2w`, `6mo`, `10y`."""

from __future__ import annotations

import calendar
import re
from datetime import datetime, timedelta

from cauce.kernel.errors import InvalidRequest

_FORM = re.compile(r"^(\d{1,6})\s*(s|m|h|d|w|mo|y)$")
_UNITS = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}


def after(instant: datetime, length: str) -> datetime:
    """`instant` plus the length. Months and years keep the day, or take the month's last one."""
    match = _FORM.match(length.strip().lower())
    if match is None:
        raise InvalidRequest(f"{length!r} is no length of time; write 90m, 36h, 30d, 2w, 6mo or 10y", param="length")
    count, unit = int(match[1]), match[2]
    try:
        if unit in _UNITS:
            return instant + _UNITS[unit] * count
        return _months_after(instant, count * 12 if unit == "y" else count)
    except (ValueError, OverflowError) as exc:
        raise InvalidRequest(f"{length} leads out of the calendar", param="length") from exc


def parse_instant(text: str) -> datetime:
    """An instant in ISO 8601 with its offset."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError as exc:
        raise InvalidRequest(f"{text!r} is no instant; write 2026-01-31T09:00:00+00:00", param="to") from exc
    if found.tzinfo is None:
        raise InvalidRequest(f"{text} has no offset; add Z or +08:00", param="to")
    return found


def _months_after(instant: datetime, months: int) -> datetime:
    years, month = divmod(instant.month - 1 + months, 12)
    year = instant.year + years
    if year > datetime.max.year:
        raise ValueError("past the last year")
    day = min(instant.day, calendar.monthrange(year, month + 1)[1])
    return instant.replace(year=year, month=month + 1, day=day)
