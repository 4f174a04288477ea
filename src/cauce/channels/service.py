"""Opening channels and instructions inside the caller's transaction, and the sealed log of exchanges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from cauce.channels import store
from cauce.channels.rules import Instruction, NewInstruction, outcome_to_plain, state_of
from cauce.channels.store import list_channels, read_channel
from cauce.gateway.outcome import Declined, Refusal
from cauce.gateway.provider import Channel
from cauce.kernel.ids import new_id
from cauce.storage import jobs, sealing
from cauce.storage.database import Row, Tx
from cauce.storage.jobs import NewJob
from cauce.storage.sealing import Sealer

SEND_JOB = "instruction.send"

__all__ = ["Instruction", "NewInstruction", "list_channels", "open_channel", "open_instructions", "read_channel"]


async def create_channel(
    tx: Tx,
    sealer: Sealer,
    provider: str,
    name: str,
    *,
    base_url: str = "",
    settings: Mapping[str, str],
    secrets: Mapping[str, str],
    channel_id: str | None = None,
) -> str:
    """A new channel with its secrets sealed; its id."""
    channel_id = channel_id or new_id("ch")
    await store.insert_channel(tx, channel_id, provider, name, base_url, dict(settings))
    for secret_name, value in secrets.items():
        await sealing.put(tx, sealer, channel_id, secret_name, value)
    return channel_id


async def open_channel(tx: Tx, sealer: Sealer, channel_id: str, *, livemode: bool) -> Channel:
    """The channel with its secrets unsealed, as a gateway takes it."""
    row = await read_channel(tx, channel_id)
    secrets = await sealing.get(tx, sealer, channel_id)
    return Channel(
        id=row["id"],
        org_id=tx.org,
        provider=row["provider"],
        livemode=livemode,
        base_url=row["base_url"],
        settings=row["settings"],
        secrets=secrets,
    )


async def ask_now(tx: Tx, keys: Sequence[str], *, at: datetime) -> None:
    """Let these instructions be asked about at `at` (org time), as far as their end is not known."""
    await store.ask_open_at(tx, keys, at)


def cache_of(channel_id: str) -> str:
    """The owner of what a provider keeps for a channel beside its secrets."""
    return f"{channel_id}:cache"


async def open_instructions(tx: Tx, instructions: Sequence[NewInstruction], *, due_at: datetime) -> None:
    """Write instructions with the caller's transaction and enqueue their sending, all at once.

    `due_at` is org time. An instruction whose key exists already is not written again.
    """
    if not instructions:
        return
    await store.insert_instructions(tx, instructions, due_at)
    await jobs.enqueue(
        tx,
        [
            NewJob(SEND_JOB, due_at, {"key": one.key, "purpose": one.purpose}, key=f"object:{one.object_id}")
            for one in instructions
        ],
    )


async def withdraw(tx: Tx, instruction: Instruction, reason: str, *, at: datetime) -> bool:
    """End a locked instruction of which nothing was sent yet, without its concluder; whether it was so."""
    if instruction.state != "created" or instruction.sends:
        return False
    outcome = Declined("withdrawn", Refusal.LIFECYCLE, reason)
    await store.store_outcomes(
        tx, [instruction.key], [state_of(outcome)], [""], [outcome_to_plain(outcome)], [None], [at], [""], [0], [None]
    )
    return True


def sealed_exchange(
    sealer: Sealer,
    org_id: int,
    channel_id: str,
    operation: str,
    correlation: str,
    line: tuple[str, str, int | None, str, int, datetime],
    content: Mapping[str, object],
) -> tuple[object, ...]:
    """One exchange as `log_exchanges` takes it: `line` is (method, url, status, failure, elapsed_ms, started_at), `content` is sealed."""
    box = sealer.seal(msgspec.json.encode(content), f"{org_id}/{channel_id}/exchange")
    return (channel_id, operation, correlation, *line, sealer.current, box)


async def reserve_calls(tx: Tx, channel_id: str, calls: int, interval_micros: int, slack_micros: int) -> int:
    """Places for `calls` in the line of all processes that call this channel; microseconds until the first, negative if it is past.

    The others follow `interval_micros` apart. A line that rested lets as many come at once as fit into `slack_micros`.
    """
    first_micros, now_micros = await store.reserve_calls(tx, channel_id, calls, interval_micros, slack_micros)
    return first_micros - now_micros


async def log_exchanges(tx: Tx, exchanges: Sequence[tuple[object, ...]]) -> None:
    """Keep exchanges of one organization, as `sealed_exchange` made them."""
    await store.insert_exchanges(tx, exchanges)


def exchange_content(sealer: Sealer, org_id: int, row: Row) -> bytes:
    """The sealed part of a logged exchange, opened."""
    return sealer.open(row["box"], row["key_id"], f"{org_id}/{row['channel_id']}/exchange")
