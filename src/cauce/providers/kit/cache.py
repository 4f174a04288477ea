"""A `SealedCache` in memory, for tests and single processes; the one that lives in the database is storage's."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from cauce.kernel.clock import wall_now


class MemoryCache:
    """Values of one channel until the process ends or they expire."""

    def __init__(self, now: Callable[[], datetime] = wall_now) -> None:
        self._now = now
        self._values: dict[str, tuple[str, datetime | None]] = {}

    async def get(self, name: str) -> str | None:
        """The value, or None when it is absent or expired."""
        value, expires_at = self._values.get(name, (None, None))
        return None if expires_at is not None and expires_at <= self._now() else value

    async def put(self, name: str, value: str, expires_at: datetime | None = None) -> None:
        """Keep `value`, for ever unless `expires_at` is given."""
        self._values[name] = (value, expires_at)
