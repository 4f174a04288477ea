"""A token bucket per channel: calls wait their turn so that the provider never has to say «too many».

Integer arithmetic in microseconds. One bucket lives in one process: several workers on one channel share the
provider's limit by each taking a part of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from cauce.kernel.clock import monotonic_seconds

_MICROS = 1_000_000


class RateLimiter:
    """At most `per_second` calls a second on average, `burst` at once. `per_second` 0 means no limit."""

    def __init__(self, per_second: int, burst: int | None = None, clock: Callable[[], int] | None = None) -> None:
        assert per_second >= 0
        self._interval_micros = _MICROS // per_second if per_second else 0
        self._slack_micros = self._interval_micros * max((burst if burst is not None else per_second) - 1, 0)
        self._clock = clock or (lambda: int(monotonic_seconds() * _MICROS))
        self._next_micros = -(10**18)  # long ago: the first calls find the bucket full

    def reserve(self, wait_max_micros: int) -> int | None:
        """Take the next free place: microseconds to wait for it, or None (nothing taken) when that is too long."""
        if not self._interval_micros:
            return 0
        now = self._clock()
        place = max(self._next_micros, now - self._slack_micros)
        wait = max(place - now, 0)
        if wait > wait_max_micros:
            return None
        self._next_micros = place + self._interval_micros
        return wait

    async def take(self, wait_max_seconds: int) -> bool:
        """Wait for a place; False (at once) when it would take longer than `wait_max_seconds`."""
        wait = self.reserve(wait_max_seconds * _MICROS)
        if wait is None:
            return False
        if wait:
            await asyncio.sleep(wait / _MICROS)
        return True
