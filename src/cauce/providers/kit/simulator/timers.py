"""What will happen at a simulated provider when its clock gets there: named timers, fired in due order."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, order=True)
class Timer:
    """`name` says what happens, `target` to which object. Timers due at one instant fire in the order they were set."""

    due_at: datetime
    number: int
    name: str
    target: str


class Timers:
    """The timers of one tenant."""

    def __init__(self) -> None:
        self._heap: list[Timer] = []
        self._number = 0

    def set(self, due_at: datetime, name: str, target: str) -> Timer:
        """Arrange that `name` happens to `target` at `due_at`."""
        self._number += 1
        timer = Timer(due_at, self._number, name, target)
        heapq.heappush(self._heap, timer)
        return timer

    def cancel(self, name: str, target: str) -> None:
        """Forget the timers `name` of `target`."""
        self._heap = [t for t in self._heap if (t.name, t.target) != (name, target)]
        heapq.heapify(self._heap)

    def next_at(self) -> datetime | None:
        """When the next timer is due."""
        return self._heap[0].due_at if self._heap else None

    def take_due(self, now: datetime) -> Timer | None:
        """Remove and return the first timer that is due, if any."""
        return heapq.heappop(self._heap) if self._heap and self._heap[0].due_at <= now else None

    def listed(self) -> list[dict[str, Any]]:
        """Every timer, in due order, as JSON values."""
        return [
            {"due_at": t.due_at.isoformat(), "name": t.name, "target": t.target, "number": t.number}
            for t in sorted(self._heap)
        ]

    def dump(self) -> dict[str, Any]:
        """The whole state as JSON values."""
        return {"number": self._number, "timers": self.listed()}

    @classmethod
    def load(cls, dumped: dict[str, Any]) -> Timers:
        """Timers as they were when dumped."""
        timers = cls()
        timers._number = dumped["number"]
        timers._heap = [
            Timer(datetime.fromisoformat(t["due_at"]), t["number"], t["name"], t["target"]) for t in dumped["timers"]
        ]
        heapq.heapify(timers._heap)
        return timers
