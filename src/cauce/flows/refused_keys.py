"""A provider that refuses our key or signature has decided nothing: what was asked waits, and somebody is told.

The instruction stays open and is asked about again, at last under the same key; when one answer shows that the
provider takes our credentials again, everything that waits for that is asked about at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from cauce.channels import store
from cauce.channels.rules import Instruction, lacks_access
from cauce.flows.context import Context
from cauce.gateway.outcome import Outcome, Unknown
from cauce.storage.database import Tx
from cauce.storage.outbox import NewEvent, emit


async def note_access(
    context: Context, tx: Tx, fresh: Sequence[Instruction], outcomes: Mapping[str, Outcome[Any]], now: datetime
) -> None:
    """Note which channels refuse us and which take us again, by these answers; nothing to do where neither is news."""
    refused = {one.channel_id: outcomes[one.key] for one in fresh if lacks_access(outcomes[one.key])}
    waited = {one.channel_id for one in fresh if one.outcome is not None and lacks_access(one.outcome)}
    answered = {one.channel_id for one in fresh if not isinstance(outcomes[one.key], Unknown)}
    events = []
    for channel_id in await store.refuse_keys(tx, sorted(refused), now) if refused else ():
        outcome = refused[channel_id]
        assert isinstance(outcome, Unknown)
        events.append(NewEvent("provider.key_invalid", channel_id, now, {"reason": outcome.reason}))
    regained = (waited & answered) - refused.keys()
    for channel_id in await store.take_keys(tx, sorted(regained), now) if regained else ():
        events.append(NewEvent("provider.key_valid", channel_id, now))
    await emit(tx, events, actor=context.actor.name)
