"""Faults that are told to happen: which operation, what goes wrong, how often.

The list is searched in order; the first fault that fits and has times left is used. `skip` lets that many fitting
calls pass first. Faces may have kinds of their own (a forced decline, say) and take them with `take`.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any


class FaultKind(StrEnum):
    """What every face can do wrong."""

    DROP_BEFORE = "drop_before"  # the connection breaks and nothing was done
    DROP_AFTER = "drop_after"  # it was done, the answer never comes
    ERROR_BEFORE = "error_before"  # an error of the server (`status`), nothing was done
    ERROR_AFTER = "error_after"  # it was done, the answer is an error of the server
    RATE_LIMITED = "rate_limited"  # 429, nothing was done
    SLOW = "slow"  # it was done at once, the answer comes after `delay_ms`
    HANG = "hang"  # nothing was done, the connection breaks after `delay_ms`
    GARBLED = "garbled"  # it was done, the answer cannot be parsed
    BAD_SIGNATURE = "bad_signature"  # it was done, the signature on the answer is wrong


GENERAL = frozenset(kind.value for kind in FaultKind)
AFTER = frozenset({"drop_after", "error_after", "slow", "garbled", "bad_signature"})


@dataclass(slots=True)
class Fault:
    """One instruction to go wrong. `operation` is a glob; `contains` must occur in URL, idempotency header or body."""

    kind: str
    operation: str = "*"
    times: int = 1
    skip: int = 0
    contains: str = ""
    status: int = 500
    delay_ms: int = 0
    data: dict[str, Any] = field(default_factory=dict)

    def fits(self, operation: str, text: str) -> bool:
        """Whether it concerns this call."""
        return self.times > 0 and fnmatchcase(operation, self.operation) and self.contains in text


class Faults:
    """The faults that wait to happen to one tenant."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Queue a fault."""
        self._waiting.append(fault)

    def clear(self) -> None:
        """Forget all faults."""
        self._waiting.clear()

    def take(self, operation: str, text: str, kinds: Collection[str]) -> Fault | None:
        """The fault of one of `kinds` that happens to this call, counted down; None if the call goes well."""
        for fault in self._waiting:
            if fault.kind in kinds and fault.fits(operation, text):
                if fault.skip:
                    fault.skip -= 1
                    continue
                fault.times -= 1
                self._waiting = [f for f in self._waiting if f.times > 0]
                return fault
        return None

    def dump(self) -> list[dict[str, Any]]:
        """The waiting faults as JSON values."""
        return [asdict(fault) for fault in self._waiting]

    @classmethod
    def load(cls, dumped: list[dict[str, Any]]) -> Faults:
        """Faults as they were when dumped."""
        faults = cls()
        faults._waiting = [Fault(**fields) for fields in dumped]
        return faults
