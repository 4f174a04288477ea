"""A token bucket per channel: calls wait their turn so that the provider never has to say «too many».

Integer arithmetic in microseconds. One bucket lives in one process and counts what really goes out, to the call. Several
processes of one channel share its pace by `Reserve`: each takes places in one line before it calls.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from cauce.kernel.clock import monotonic_seconds

_MICROS = 1_000_000
_BURST_PART = 5

Reserve = Callable[[int, int, int], Awaitable[int]]
"""(calls, microseconds from one to the next, microseconds that a rested line may make up): how long the first must wait from now."""


class RateLimiter:
    """At most `per_second` calls within any one second, `burst` of them at once (a fifth, if not told).

    What may come at once is taken off the pace: providers count by the second, and a burst that comes on top of a full
    pace would be told to wait. `per_second` 0 means no limit. `reserve` asks for places among all processes.
    """

    def __init__(
        self,
        per_second: int,
        burst: int | None = None,
        clock: Callable[[], int] | None = None,
        reserve: Reserve | None = None,
    ) -> None:
        at_once = burst if burst is not None else max(per_second // _BURST_PART, 1)
        assert per_second == 0 or 0 < at_once <= per_second
        self._interval_micros = -(-_MICROS // (per_second - at_once + 1)) if per_second else 0
        self._at_once = at_once
        self._slack_micros = self._interval_micros * (at_once - 1)
        self._clock = clock or (lambda: int(monotonic_seconds() * _MICROS))
        self._next_micros = -(10**18)  # long ago: the first calls find the bucket full
        self._reserve = reserve
        self._places: deque[int] = deque()
        self._turn = asyncio.Lock()
        self._waiting = 0

    def wait_micros(self) -> int:
        """How long the next call has to wait from now."""
        return max(self._next_micros - self._clock(), 0)

    def went(self) -> None:
        """A call goes out now. Counted when it goes, not when it was promised: those that a busy process held up do
        not go together."""
        if self._interval_micros:
            self._next_micros = max(self._next_micros, self._clock() - self._slack_micros) + self._interval_micros

    async def take(self, wait_max_seconds: int) -> bool:
        """Wait for one's turn; False (at once) when it would take longer than `wait_max_seconds`."""
        if self.wait_micros() + self._waiting * self._interval_micros > wait_max_seconds * _MICROS:
            return False
        self._waiting += 1
        try:
            async with self._turn:
                await self._among_processes()
                if wait := self.wait_micros():
                    await asyncio.sleep(wait / _MICROS)
                self.went()
        finally:
            self._waiting -= 1
        return True

    async def _among_processes(self) -> None:
        """Wait for the next place of this process in the line of all; a place that it came too late for is lost."""
        if self._reserve is None or not self._interval_micros:
            return
        while self._places and self._places[0] < self._clock() - self._interval_micros:
            self._places.popleft()
        if not self._places:
            calls = min(self._waiting, self._at_once)
            first = await self._reserve(calls, self._interval_micros, self._slack_micros)
            now = self._clock()
            self._places.extend(now + max(first + n * self._interval_micros, 0) for n in range(calls))
        if (wait := self._places.popleft() - self._clock()) > 0:
            await asyncio.sleep(wait / _MICROS)
