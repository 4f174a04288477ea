"""Commands whose outcome is not known are told by event when that begins, and again when it is known after all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from cauce.channels import rules
from cauce.channels.rules import Instruction
from cauce.gateway.classes import shown_text
from cauce.gateway.outcome import Access, Declined, Done, Outcome, Unknown
from cauce.storage.database import Tx
from cauce.storage.outbox import NewEvent, emit


async def note_unresolved(
    tx: Tx, fresh: Sequence[Instruction], outcomes: Mapping[str, Outcome[Any]], now: datetime, actor: str
) -> list[Instruction]:
    """Tell it of locked instructions; those whose outcome was not in doubt before."""
    began = [one for one in fresh if _is_doubtful(outcomes[one.key]) and (one.state != "unknown" or one.lacks_funds)]
    ended = [one for one in fresh if isinstance(outcomes[one.key], Done | Declined)]
    known = [one for one in ended if one.state == "unknown" and not one.lacks_funds]
    events = [
        NewEvent(
            kind,
            one.key,
            now,
            {"operation": one.operation.value, "object": one.object_id, "channel": one.channel_id},
        )
        for kind, told in (("instruction.unresolved", began), ("instruction.concluded", known))
        for one in told
    ]
    events += [_put_off(one, outcomes[one.key], now) for one in fresh if _is_last_try(one, outcomes[one.key], now)]
    await emit(tx, events, actor=actor)
    return began


def _is_doubtful(outcome: Outcome[Any]) -> bool:
    """Whether nobody knows what happened; what waits for somebody's money has not happened."""
    return isinstance(outcome, Unknown) and outcome.access is not Access.FUNDS


def _is_last_try(one: Instruction, outcome: Outcome[Any], now: datetime) -> bool:
    return not one.needs_person and rules.person_since(one, outcome, now) is not None


def _put_off(one: Instruction, outcome: Outcome[Any], now: datetime) -> NewEvent:
    assert isinstance(outcome, Unknown)
    data = {
        "operation": one.operation.value, "object": one.object_id, "channel": one.channel_id,
        "code": shown_text(outcome.code), "message": shown_text(outcome.reason),
    }  # fmt: skip
    return NewEvent("instruction.needs_attention", one.key, now, data)
