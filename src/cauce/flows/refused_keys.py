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

from cauce.channels import stops, store
from cauce.channels.rules import (
    SIGNATURES_MAX,
    SIGNATURES_WITHIN,
    Instruction,
    access_of,
    is_unsigned,
    lacks_access,
)
from cauce.flows.context import Context
from cauce.gateway.classes import shown_text
from cauce.gateway.outcome import Access, Outcome, Unknown
from cauce.kernel.errors import Conflict, NotFound
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
            events.append(NewEvent("provider.calls_stopped", channel_id, now, {"class": "signature"}))
    misconfigured = [one for one in fresh if access[one.key] is Access.CONFIG]
    if misconfigured:
        events += await _stop_misconfigured(tx, misconfigured, outcomes, now)
    await emit(tx, events, actor=context.actor.name)


async def _stop_misconfigured(
    tx: Tx, instructions: Sequence[Instruction], outcomes: Mapping[str, Outcome[Any]], now: datetime
) -> list[NewEvent]:
    """The calls of the merchant concerned stop, of the channel where none is named; what was asked waits."""
    found = []
    for one in instructions:
        outcome = outcomes[one.key]
        assert isinstance(outcome, Unknown)
        code, message = shown_text(outcome.code), shown_text(outcome.reason)
        found.append((one.channel_id, one.merchant_ref, one.key, code, message))
    rows = await stops.stop_calls(tx, found, now)
    named = ("merchant_ref", "instruction_key", "code", "message")
    return [
        NewEvent(
            "provider.calls_stopped",
            row["channel_id"],
            now,
            {"class": "config", **{name.removesuffix("_key"): row[name] for name in named}},
        )
        for row in rows
    ]


async def leave_stopped(context: Context, tx: Tx, instructions: Iterable[Instruction]) -> None:
    """Those of stopped channels are asked about later."""
    stopped = [one.key for one in instructions if one.is_stopped and not one.is_final]
    if stopped:
        await store.ask_later(tx, stopped, await context.now(tx) + STOPPED)


async def resume_calls(context: Context, channel_id: str, merchant_ref: str | None = None) -> bool:
    """Somebody has looked: the channel is asked again, about what is open at once. Whether it was stopped. `not_found`.

    With `merchant_ref` only the calls of one merchant (his number at the provider) that his set-up had stopped.
    """
    async with context.transaction() as tx:
        await store.read_channel(tx, channel_id)
        now = await context.now(tx)
        resumed = await stops.resume_calls(tx, channel_id, now, merchant_ref)
        if resumed:
            await emit(tx, [NewEvent("provider.calls_resumed", channel_id, now)], actor=context.actor.name)
            await audit.record(tx, context.actor, "channel.resume_calls", channel_id, after={"merchant": merchant_ref})
    return resumed


class NothingWaits(Conflict):
    """The command does not wait for a person: it is at work, or its end is known."""

    code = "command_not_waiting"


async def try_again(context: Context, key: str) -> None:
    """A person lets a command that was put off too often be tried again, under the same key. `not_found`, `command_not_waiting`."""
    async with context.transaction() as tx:
        found = await store.lock_instructions(tx, [key])
        if not found:
            raise NotFound(f"there is no command {key}", param="key")
        if not await stops.try_again(tx, key, await context.now(tx)):
            raise NothingWaits(f"{key} is {found[0].state}", param="key", allowed=[])
        await audit.record(tx, context.actor, "instruction.try_again", key)


async def try_all_again(context: Context, channel_id: str) -> int:
    """A channel takes commands again: all that it had put off too often are tried again, each under its key; how many. `not_found`."""
    async with context.transaction() as tx:
        await store.read_channel(tx, channel_id)
        keys = await stops.try_all_again(tx, channel_id, await context.now(tx))
        await audit.record(tx, context.actor, "channel.try_again", channel_id, after={"commands": len(keys)})
    return len(keys)
