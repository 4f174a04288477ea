"""A tenant's clock: it follows the wall until somebody sets it, and then moves only when told."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from cauce.kernel.clock import wall_now

_SPAN = re.compile(r"(\d+)([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class SimClock:
    """Simulated time of one tenant."""

    def __init__(self, wall: Callable[[], datetime] = wall_now) -> None:
        self._wall = wall
        self.frozen_at: datetime | None = None

    def now(self) -> datetime:
        """The tenant's present instant, aware UTC."""
        return self._wall() if self.frozen_at is None else self.frozen_at

    def freeze(self, at: datetime) -> None:
        """Stand still at `at`."""
        self.frozen_at = at.astimezone(UTC)

    def follow_wall(self) -> None:
        """Run with the machine's clock again."""
        self.frozen_at = None


def parse_span(text: str) -> timedelta:
    """`"14d"`, `"90s"`, `"1h30m"` as a length of time; ValueError otherwise."""
    parts = _SPAN.findall(text)
    if not parts or "".join(n + u for n, u in parts) != text:
        raise ValueError(f"{text!r} is not a length of time like 14d or 1h30m")
    return timedelta(seconds=sum(int(number) * _SECONDS[unit] for number, unit in parts))


def parse_instant(text: str) -> datetime:
    """An ISO 8601 instant with a zone, as UTC; ValueError otherwise."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    return at.astimezone(UTC)
