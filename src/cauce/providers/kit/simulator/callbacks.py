"""Callbacks of a simulated provider: made by operations and timers, kept, and told how to misbehave.

A callback waits in `ready` until the engine delivers it over HTTP, signed at that moment. Rules change the fate of
the next callbacks whose kind fits: held until released, dropped, late, doubled, swapped with the next, signed badly
or with an old time.
"""

from __future__ import annotations

from collections import deque
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any

HISTORY_MAX = 20_000


class RuleMode(StrEnum):
    """What happens to a callback that a rule fits."""

    HOLD = "hold"
    DROP = "drop"
    DELAY = "delay"  # by `seconds` of simulated time
    DUPLICATE = "duplicate"  # delivered `copies` times in all
    REORDER = "reorder"  # waits for `copies` of its kind and is then delivered in reverse
    BAD_SIGNATURE = "bad_signature"
    STALE = "stale"  # signed `seconds` ago
    BEFORE_REPLY = "before_reply"  # delivered before the call that caused it is answered


@dataclass(slots=True)
class Rule:
    """One instruction for the next `times` callbacks whose kind matches the glob `kind`."""

    mode: str
    kind: str = "*"
    times: int = 1
    seconds: int = 0
    copies: int = 2

    def __post_init__(self) -> None:
        """`ValueError` for a mode that does not exist: a rule that nothing follows would prove nothing."""
        RuleMode(self.mode)


@dataclass(slots=True)
class Callback:
    """One message from provider to us. `state` is queued, held, delayed, delivered, retrying, failed or dropped."""

    id: str
    kind: str
    url: str
    payload: dict[str, Any]
    created_at: str
    state: str = "queued"
    tries: int = 0
    copies: int = 1
    flaw: str = ""  # "bad_signature", "stale" or "": for its next delivery
    stale_seconds: int = 0
    before_reply: bool = False
    deliveries: list[dict[str, Any]] = field(default_factory=list)


class Callbacks:
    """The callbacks of one tenant: those that wait and those that went, newest kept."""

    def __init__(self) -> None:
        self.ready: deque[Callback] = deque()
        self._by_id: dict[str, Callback] = {}
        self._rules: list[Rule] = []
        self._reordering: list[Callback] = []

    def add_rule(self, rule: Rule) -> None:
        """Let the next callbacks that fit misbehave."""
        self._rules.append(rule)

    def clear_rules(self) -> None:
        """Let callbacks behave again; those held stay held."""
        self._rules.clear()

    def emit(self, callback: Callback) -> int:
        """Take a new callback. Returns seconds of simulated time after which it must be queued, 0 for none."""
        self._by_id[callback.id] = callback
        if len(self._by_id) > HISTORY_MAX:
            self._forget_oldest()
        rule = self._take_rule(callback.kind)
        if rule is None:
            self.ready.append(callback)
            return 0
        return self._apply(callback, rule)

    def queue(self, id: str) -> Callback | None:
        """Put a kept callback into the queue (again)."""
        callback = self._by_id.get(id)
        if callback is not None and callback not in self.ready:
            callback.state = "queued"
            self.ready.append(callback)
        return callback

    def release(self) -> int:
        """Queue everything held, oldest first; how many."""
        held = [*self._reordering, *(c for c in self._by_id.values() if c.state == "held")]
        self._reordering.clear()
        for callback in held:
            self.queue(callback.id)
        return len(held)

    def get(self, id: str) -> Callback | None:
        """A kept callback."""
        return self._by_id.get(id)

    def listed(self, kind: str = "*") -> list[dict[str, Any]]:
        """Kept callbacks whose kind matches the glob, oldest first, as JSON values."""
        return [asdict(c) for c in self._by_id.values() if fnmatchcase(c.kind, kind)]

    def dump(self) -> dict[str, Any]:
        """The whole state as JSON values."""
        return {
            "callbacks": self.listed(),
            "ready": [c.id for c in self.ready],
            "reordering": [c.id for c in self._reordering],
            "rules": [asdict(rule) for rule in self._rules],
        }

    @classmethod
    def load(cls, dumped: dict[str, Any]) -> Callbacks:
        """Callbacks as they were when dumped."""
        callbacks = cls()
        callbacks._by_id = {fields["id"]: Callback(**fields) for fields in dumped["callbacks"]}
        callbacks.ready = deque(callbacks._by_id[id] for id in dumped["ready"])
        callbacks._reordering = [callbacks._by_id[id] for id in dumped["reordering"]]
        callbacks._rules = [Rule(**fields) for fields in dumped["rules"]]
        return callbacks

    def _apply(self, callback: Callback, rule: Rule) -> int:
        match rule.mode:
            case RuleMode.HOLD:
                callback.state = "held"
                return 0
            case RuleMode.DROP:
                callback.state = "dropped"
                return 0
            case RuleMode.DELAY:
                callback.state = "delayed"
                return rule.seconds
            case RuleMode.REORDER:
                self._reordering.append(callback)
                if len(self._reordering) >= rule.copies:
                    self.ready.extend(reversed(self._reordering))
                    self._reordering.clear()
                return 0
            case RuleMode.DUPLICATE:
                callback.copies = rule.copies
            case RuleMode.BEFORE_REPLY:
                callback.before_reply = True
            case RuleMode.BAD_SIGNATURE | RuleMode.STALE:
                callback.flaw = rule.mode
                callback.stale_seconds = rule.seconds
        self.ready.append(callback)
        return 0

    def _take_rule(self, kind: str) -> Rule | None:
        for rule in self._rules:
            if rule.times > 0 and fnmatchcase(kind, rule.kind):
                if rule.mode != RuleMode.REORDER or len(self._reordering) + 1 >= rule.copies:
                    rule.times -= 1
                self._rules = [r for r in self._rules if r.times > 0 or r is rule]
                return rule
        return None

    def _forget_oldest(self) -> None:
        oldest = next(iter(self._by_id.values()))
        if oldest.state in ("delivered", "failed", "dropped"):
            del self._by_id[oldest.id]


def new_callback(id: str, kind: str, url: str, payload: dict[str, Any], at: datetime) -> Callback:
    """A callback made at simulated time `at`."""
    return Callback(id, kind, url, payload, at.isoformat())
