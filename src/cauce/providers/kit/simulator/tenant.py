"""One sandbox contract at a simulated provider: its objects, money, timers, callbacks, faults, clock and ids.

Everything a face keeps is here and is plain JSON, so a snapshot is the whole truth. `objects[kind][id]` are the
vendor's things in order of making; `facts` are single values (keys, settings). Ids come from a counter and the seed:
the same seed and the same calls give the same ids.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from cauce.kernel.clock import wall_now
from cauce.providers.kit.simulator.books import Books
from cauce.providers.kit.simulator.callbacks import Callback, Callbacks, new_callback
from cauce.providers.kit.simulator.clock import SimClock
from cauce.providers.kit.simulator.faults import Faults
from cauce.providers.kit.simulator.timers import Timers

CALLS_MAX = 2_000
DELAYED_CALLBACK = "_callback"
"""Name of the engine's own timers: a delayed callback or a further try."""

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


class Tenant:
    """The whole state of one sandbox contract."""

    def __init__(self, name: str, seed: int = 0, wall: Callable[[], datetime] = wall_now) -> None:
        self.name = name
        self.seed = seed
        self.clock = SimClock(wall)
        self.books = Books()
        self.timers = Timers()
        self.callbacks = Callbacks()
        self.faults = Faults()
        self.objects: dict[str, dict[str, dict[str, Any]]] = {}
        self.facts: dict[str, Any] = {}
        self.calls: deque[dict[str, Any]] = deque(maxlen=CALLS_MAX)
        self._ids = 0

    def now(self) -> datetime:
        """The tenant's simulated instant."""
        return self.clock.now()

    def shelf(self, kind: str) -> dict[str, dict[str, Any]]:
        """The objects of one kind by id, oldest first; made when missing."""
        return self.objects.setdefault(kind, {})

    def token(self, length: int, alphabet: str = _ALPHABET) -> str:
        """A fresh id body: `length` characters that no other call of this tenant gets."""
        self._ids += 1
        number = int.from_bytes(hashlib.sha512(f"{self.seed}/{self.name}/{self._ids}".encode()).digest())
        characters = []
        for _ in range(length):
            number, index = divmod(number, len(alphabet))
            characters.append(alphabet[index])
        return "".join(characters)

    def digits(self, length: int) -> str:
        """A fresh number of `length` decimal digits, as text."""
        return self.token(length, "0123456789")

    def later(self, seconds: int, name: str, target: str) -> None:
        """Arrange that the face's `fire` is called with `name` and `target` after `seconds` of simulated time."""
        self.timers.set(self.now() + timedelta(seconds=seconds), name, target)

    def emit(self, kind: str, url: str, payload: dict[str, Any], id: str = "") -> Callback:
        """Send a callback after the present call or timer; rules and retries are the engine's business."""
        callback = new_callback(id or f"cb_{self.token(20)}", kind, url, payload, self.now())
        delay_seconds = self.callbacks.emit(callback)
        if delay_seconds:
            self.later(delay_seconds, DELAYED_CALLBACK, callback.id)
        return callback

    def dump(self) -> dict[str, Any]:
        """The whole state as JSON values, the wire log left out."""
        return {
            "name": self.name,
            "seed": self.seed,
            "ids": self._ids,
            "frozen_at": self.clock.frozen_at.isoformat() if self.clock.frozen_at else None,
            "books": self.books.dump(),
            "timers": self.timers.dump(),
            "callbacks": self.callbacks.dump(),
            "faults": self.faults.dump(),
            "objects": self.objects,
            "facts": self.facts,
        }

    def restore(self, dumped: dict[str, Any]) -> None:
        """Become what was dumped; `dumped` must not be shared with anything that changes."""
        self.seed = dumped["seed"]
        self._ids = dumped["ids"]
        self.clock.frozen_at = datetime.fromisoformat(dumped["frozen_at"]) if dumped["frozen_at"] else None
        self.books = Books.load(dumped["books"])
        self.timers = Timers.load(dumped["timers"])
        self.callbacks = Callbacks.load(dumped["callbacks"])
        self.faults = Faults.load(dumped["faults"])
        self.objects = dumped["objects"]
        self.facts = dumped["facts"]
