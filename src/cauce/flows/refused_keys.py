"""A provider that refuses our key or signature has decided nothing: what was asked waits, and somebody is told.

The instruction stays open and is asked about again, at last under the same key; when one answer shows that the
provider takes our credentials again, everything that waits for that is asked about at once.

Signatures that are wrong again and again, ours or theirs, may be somebody between us: the channel is asked nothing more
until a person has looked and lets the calls go on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from cauce.channels import store
from cauce.channels.rules import (
    SIGNATURES_MAX,
    SIGNATURES_WITHIN,
    Instruction,
    access_of,
    is_unsigned,
    lacks_access,
)
from cauce.flows.context import Context
from cauce.gateway.outcome import Outcome, Unknown
from cauce.storage import audit
from cauce.storage.database import Tx
from cauce.storage.outbox import NewEvent, emit

STOPPED = timedelta(hours=1)
"""How long what is asked of a stopped channel is left alone; it is asked at once when somebody lets the calls go on."""


async def note_access(
    context: Context, tx: Tx, fresh: Sequence[Instruction], outcomes: Mapping[str, Outcome[Any]], now: datetime
) -> None:
    """Note which channels refuse us and which take us again, by these answers; nothing to do where neither is news."""
    access = {one.key: access_of(outcomes[one.key]) for one in fresh}
    refused = {one.channel_id: outcomes[one.key] for one in fresh if lacks_access(access[one.key])}
    waited = {one.channel_id for one in fresh if lacks_access(one.access)}
    answered = {one.channel_id for one in fresh if not isinstance(outcomes[one.key], Unknown)}
    events = []
    for channel_id in await store.refuse_keys(tx, sorted(refused), now) if refused else ():
        outcome = refused[channel_id]
        assert isinstance(outcome, Unknown)
        events.append(NewEvent("provider.key_invalid", channel_id, now, {"reason": outcome.reason}))
    regained = (waited & answered) - refused.keys()
    for channel_id in await store.take_keys(tx, sorted(regained), now) if regained else ():
        events.append(NewEvent("provider.key_valid", channel_id, now))
    unsigned = Counter(one.channel_id for one in fresh if is_unsigned(access[one.key]))
    if unsigned:
        for channel_id in await store.note_unsigned(tx, unsigned, now, SIGNATURES_WITHIN, SIGNATURES_MAX):
            events.append(NewEvent("provider.calls_stopped", channel_id, now))
    await emit(tx, events, actor=context.actor.name)


async def leave_stopped(context: Context, tx: Tx, instructions: Iterable[Instruction]) -> None:
    """Those of stopped channels are asked about later."""
    stopped = [one.key for one in instructions if one.is_stopped and not one.is_final]
    if stopped:
        await store.ask_later(tx, stopped, await context.now(tx) + STOPPED)


async def resume_calls(context: Context, channel_id: str) -> bool:
    """Somebody has looked: the channel is asked again, about what is open at once. Whether it was stopped. `not_found`."""
    async with context.transaction() as tx:
        await store.read_channel(tx, channel_id)
        now = await context.now(tx)
        resumed = await store.resume_calls(tx, channel_id, now)
        if resumed:
            await emit(tx, [NewEvent("provider.calls_resumed", channel_id, now)], actor=context.actor.name)
            await audit.record(tx, context.actor, "channel.resume_calls", channel_id)
    return resumed
