"""How a program ended, in our words. Pure.

Only what the program says on purpose is final: 0 is done, 3 refuses, the codes of sysexits.h for bad usage, data,
permission or set-up refuse too. Every other end (75, a crash, a signal, no time left, output that cannot be read) leaves
the outcome unknown, and the same request is given again.
"""

from __future__ import annotations

from dataclasses import dataclass

from cauce.gateway.outcome import Declined, Done, Outcome, Refusal, Unknown
from cauce.gateway.reaching import InstanceAnswer
from cauce.providers.command import limits
from cauce.providers.kit.instances import BadAnswer, read_answer

_MESSAGE_LENGTH_MAX = 300
_REFUSALS = {
    limits.EXIT_REFUSED: Refusal.DECLINED,
    limits.EXIT_USAGE: Refusal.CONFIG,
    limits.EXIT_DATA: Refusal.INVALID_REQUEST,
    limits.EXIT_NO_INPUT: Refusal.NOT_FOUND,
    limits.EXIT_FORBIDDEN: Refusal.FORBIDDEN,
    limits.EXIT_CONFIG: Refusal.CONFIG,
}


@dataclass(frozen=True, slots=True)
class End:
    """How a program ended: its exit code (negative: the signal), what it wrote, and why it was cut off, if it was."""

    code: int
    output: bytes
    complaint: bytes = b""
    cut: str = ""


def outcome_of(end: End, stage: str) -> Outcome[InstanceAnswer]:
    """What `end` means for an operation at `stage`."""
    if end.cut:
        return Unknown(end.cut, limits.ASK_AFTER_SECONDS.value)
    if end.code == limits.EXIT_DONE:
        try:
            return Done(read_answer(end.output, stage))
        except BadAnswer as exc:
            return Unknown(str(exc), limits.ASK_AFTER_SECONDS.value)
    said = last_words(end.complaint)
    refusal = _REFUSALS.get(end.code)
    if refusal is not None:
        return Declined(f"exit_{end.code}", refusal, said or "the program refuses")
    how = f"signal {-end.code}" if end.code < 0 else f"exit code {end.code}"
    return Unknown(f"the program ended with {how}: {said}" if said else f"the program ended with {how}", _pause())


def last_words(complaint: bytes) -> str:
    """The last line that the program wrote on stderr, shortened, without control characters."""
    lines = [line.strip() for line in complaint.decode("utf-8", "replace").splitlines() if line.strip()]
    return "".join(c for c in lines[-1] if c.isprintable())[:_MESSAGE_LENGTH_MAX] if lines else ""


def _pause() -> int:
    return limits.ASK_AFTER_SECONDS.value
