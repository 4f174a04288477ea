"""How many jobs one worker holds at a time: as many as it ends within about a second, so that others get the rest.

Jobs that end in no time are claimed by the hundred, which costs few commits; jobs that take ten seconds each are
claimed a few at a time, so that an idle worker beside this one finds some left.
"""

from __future__ import annotations

HELD_MAX = 1_000
_QUICK_MILLIS = 1_000
_SLOW_MILLIS = 4_000
_PER_RUNNER_MIN = 2


class Holding:
    """The number in hand and its bound, which follows how long chunks take."""

    def __init__(self, concurrency: int) -> None:
        self._held_min = min(concurrency * _PER_RUNNER_MIN, HELD_MAX)
        self._held_max = min(self._held_min * 4, HELD_MAX)
        self._held = 0

    @property
    def room(self) -> int:
        """How many more may be claimed."""
        return self._held_max - self._held

    def take(self, count: int) -> None:
        """`count` jobs were claimed."""
        self._held += count

    def give_back(self, count: int, elapsed_millis: int) -> None:
        """A chunk of `count` jobs ended after this time; a full one tells how many are right."""
        if elapsed_millis > _SLOW_MILLIS:
            self._held_max = max(self._held_max // 2, self._held_min)
        elif elapsed_millis < _QUICK_MILLIS and count * 2 >= self._held_max - (self._held - count):
            self._held_max = min(self._held_max * 2, HELD_MAX)
        self._held -= count
