"""The slice's tables: channels, instructions, exchanges, notices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from cauce.channels.rules import Instruction, NewInstruction, request_from, to_plain
from cauce.gateway.collecting import Operation
from cauce.kernel.errors import NotFound
from cauce.storage.database import Row, Tx
from cauce.storage.due_rows import sweep_over
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__)
LATEST = 2**63 - 1


async def insert_channel(
    tx: Tx, channel_id: str, provider: str, name: str, base_url: str, settings: dict[str, str]
) -> None:
    """A new channel."""
    await tx.run(QUERIES.insert_channel, tx.org, channel_id, provider, name, base_url, settings)


async def read_channel(tx: Tx, channel_id: str) -> Row:
    """The channel's row; `NotFound` otherwise."""
    row = await tx.row(QUERIES.channel, tx.org, channel_id)
    if row is None:
        raise NotFound(f"there is no channel {channel_id}", param="channel")
    return row


async def list_channels(tx: Tx) -> list[Row]:
    """Every channel of the organization, oldest first."""
    return await tx.rows(QUERIES.channels, tx.org)


async def lock_channel(tx: Tx, channel_id: str) -> None:
    """Whoever tells something of the channel waits his turn."""
    await tx.run(QUERIES.lock_channel, tx.org, channel_id)


async def count_refused(tx: Tx, channel_id: str, many: int, at: datetime) -> tuple[int, datetime | None]:
    """So many deliveries were refused at `at`; how many in all by now, and when one was before."""
    row = await tx.row(QUERIES.count_refused, tx.org, channel_id, many, at)
    assert row is not None
    return row["notices_refused"], row["before"]


async def move_channel(tx: Tx, channel_id: str, base_url: str, settings: dict[str, str]) -> None:
    """Point a channel at another address (a sandbox that listens elsewhere now)."""
    await tx.run(QUERIES.move_channel, tx.org, channel_id, base_url, settings)


async def insert_instructions(tx: Tx, instructions: Sequence[NewInstruction], created_at: datetime) -> None:
    """Write instructions; one that exists already under its key is left as it is."""
    await tx.run(
        QUERIES.insert_instructions,
        tx.org,
        [one.key for one in instructions],
        [one.channel_id for one in instructions],
        [one.purpose for one in instructions],
        [one.operation.value for one in instructions],
        [one.object_id for one in instructions],
        [to_plain(one.request) for one in instructions],
        [one.parent_key for one in instructions],
        [one.merchant_ref for one in instructions],
        created_at,
    )


async def read_instructions(tx: Tx, keys: Sequence[str]) -> dict[str, Instruction]:
    """The instructions with these keys that exist, by key."""
    return {row["key"]: _instruction(row) for row in await tx.rows(QUERIES.instructions, tx.org, list(keys))}


async def read_instruction(tx: Tx, key: str) -> Instruction | None:
    """The instruction with this key, or None."""
    return (await read_instructions(tx, [key])).get(key)


async def lock_instructions(tx: Tx, keys: Sequence[str]) -> list[Instruction]:
    """The instructions with these keys, locked in order of key."""
    return [_instruction(row) for row in await tx.rows(QUERIES.lock_instructions, tx.org, list(keys))]


async def mark_sent(tx: Tx, keys: Sequence[str], ask_at: datetime) -> None:
    """These are about to be sent; those whose outcome is being found out, or final, are left as they are."""
    await tx.run(QUERIES.mark_sent, tx.org, list(keys), ask_at)


async def store_outcomes(
    tx: Tx,
    keys: Sequence[str],
    states: Sequence[str],
    refs: Sequence[str],
    outcomes: Sequence[dict[str, Any]],
    due: Sequence[datetime | None],
    concluded: Sequence[datetime | None],
    access: Sequence[str],
    tries: Sequence[int],
    needs_person: Sequence[datetime | None],
) -> None:
    """Write what is known of several instructions now."""
    await tx.run(
        QUERIES.store_outcomes, tx.org, list(keys), list(states), list(refs), list(outcomes), list(due), list(concluded),
        list(access), list(tries), list(needs_person),
    )  # fmt: skip


async def ask_claimed(tx: Tx, keys: Sequence[str], at: datetime, after_seconds: int, after_seconds_max: int) -> None:
    """These are asked about at `at`. If the question is lost: due again, later the longer nothing is known."""
    after, after_max = timedelta(seconds=after_seconds), timedelta(seconds=after_seconds_max)
    await tx.run(QUERIES.ask_claimed, tx.org, list(keys), at, after, after_max)


async def ask_later(tx: Tx, keys: Sequence[str], at: datetime) -> None:
    """Ask about these at `at`."""
    await tx.run(QUERIES.ask_later, tx.org, list(keys), at)


async def ask_open_at(tx: Tx, keys: Sequence[str], at: datetime) -> None:
    """Open instructions are due for a question at `at` at the latest."""
    await tx.run(QUERIES.ask_open_at, tx.org, list(keys), at)


async def refuse_keys(tx: Tx, channel_ids: Sequence[str], at: datetime) -> list[str]:
    """These channels refuse our credentials since `at`; those of which that is news."""
    return [row["id"] for row in await tx.rows(QUERIES.refuse_keys, tx.org, list(channel_ids), at)]


async def take_keys(tx: Tx, channel_ids: Sequence[str], at: datetime) -> list[str]:
    """These channels take our credentials again, and what waited is asked about now; those of which that is news."""
    ids = [row["id"] for row in await tx.rows(QUERIES.take_keys, tx.org, list(channel_ids))]
    await ask_refused(tx, ids, at)
    return ids


async def ask_refused(tx: Tx, channel_ids: Sequence[str], at: datetime) -> None:
    """Ask about what waits for credentials at `at`, org time."""
    if channel_ids:
        await tx.run(QUERIES.ask_refused, tx.org, list(channel_ids), at)


async def note_unsigned(tx: Tx, counts: Mapping[str, int], at: datetime, within: timedelta, most: int) -> list[str]:
    """Of these channels so many signatures were wrong at `at`; those whose calls are stopped by that."""
    ids = sorted(counts)
    rows = await tx.rows(QUERIES.note_unsigned, tx.org, ids, [counts[one] for one in ids], at, at - within, most)
    return [row["id"] for row in rows if row["id"]]


async def is_stopped(tx: Tx, channel_id: str) -> bool:
    """Whether a channel's calls are stopped."""
    return bool(await tx.value(QUERIES.is_stopped, tx.org, channel_id))


async def open_of_objects(tx: Tx, object_ids: Sequence[str]) -> list[Row]:
    """Instructions of these objects whose outcome is not final."""
    return await tx.rows(QUERIES.open_of_object, tx.org, list(object_ids))


async def any_open(tx: Tx, channel_id: str) -> bool:
    """Whether something is on its way to or at a channel, but for payers who may still come."""
    return bool(await tx.value(QUERIES.any_open, tx.org, channel_id))


async def instructions_of(tx: Tx, object_id: str) -> list[Row]:
    """Every instruction of one object, in order."""
    return await tx.rows(QUERIES.instructions_of_object, tx.org, object_id)


async def concluded(
    tx: Tx, channel_id: str, keys: Sequence[str], named: Sequence[tuple[str, str]]
) -> tuple[set[str], set[tuple[str, str]]]:
    """Of these keys, and of these (ref, operation) pairs, those whose instruction is final."""
    refs, operations = [ref for ref, _ in named], [operation for _, operation in named]
    rows = await tx.rows(QUERIES.concluded, tx.org, channel_id, list(keys), refs, operations)
    return {row["key"] for row in rows if row["key"]}, {(row["ref"], row["operation"]) for row in rows if row["ref"]}


async def keys_in_state(tx: Tx, channel_id: str, operation: str, state: str) -> list[str]:
    """Keys of a channel's instructions of one operation that stand in `state`, oldest first."""
    rows = await tx.rows(QUERIES.keys_in_state, tx.org, channel_id, operation, state)
    return [row["key"] for row in rows]


async def keys_by_ref(tx: Tx, named: Sequence[tuple[str, str, Operation]]) -> dict[tuple[str, str, Operation], str]:
    """Our keys of the instructions that providers call (channel, ref, operation)."""
    if not named:
        return {}
    channels, refs, operations = [one[0] for one in named], [one[1] for one in named], [one[2].value for one in named]
    rows = await tx.rows(QUERIES.keys_by_ref, tx.org, channels, refs, operations)
    return {(row["channel_id"], row["ref"], Operation(row["operation"])): row["key"] for row in rows}


async def insert_exchanges(tx: Tx, rows: Sequence[tuple[Any, ...]]) -> None:
    """Exchanges, in the order of the table's columns after the organization."""
    if rows:
        await tx.run(QUERIES.insert_exchanges, tx.org, *[list(column) for column in zip(*rows, strict=True)])


async def reserve_calls(
    tx: Tx, channel_id: str, calls: int, interval_micros: int, slack_micros: int
) -> tuple[int, int]:
    """(first place, now) by the database's clock, in microseconds: see `service.reserve_calls`."""
    row = await tx.row(QUERIES.reserve_calls, tx.org, channel_id, calls, interval_micros, slack_micros)
    assert row is not None
    return row["first_micros"], row["now_micros"]


async def insert_notices(
    tx: Tx, channel_id: str, notices: Sequence[tuple[str, str, str, dict[str, Any]]], received_at: datetime
) -> list[str]:
    """Store (event id, kind, key, content) once each; the event ids that were new."""
    rows = await tx.rows(
        QUERIES.insert_notices,
        tx.org,
        channel_id,
        [one[0] for one in notices],
        [one[1] for one in notices],
        [one[2] for one in notices],
        [one[3] for one in notices],
        received_at,
    )
    return [row["event_id"] for row in rows]


async def read_notices(tx: Tx, named: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Row]:
    """Stored notices by (channel, event id)."""
    rows = await tx.rows(QUERIES.notices_named, tx.org, [one[0] for one in named], [one[1] for one in named])
    return {(row["channel_id"], row["event_id"]): row for row in rows}


async def finish_notices(tx: Tx, named: Sequence[tuple[str, str]]) -> None:
    """These notices (channel, event id) have had their effect, or have none."""
    if named:
        await tx.run(QUERIES.finish_notices, tx.org, [one[0] for one in named], [one[1] for one in named])


async def notices(tx: Tx, rows_max: int = 50) -> list[Row]:
    """What the providers told us, newest first."""
    return await tx.rows(QUERIES.notices, tx.org, rows_max)


async def exchanges(tx: Tx, *, correlation: str | None = None, before: int = LATEST, rows_max: int = 50) -> list[Row]:
    """Logged exchanges, newest first; their content is sealed (`service.exchange_content`)."""
    return await tx.rows(QUERIES.exchanges, tx.org, correlation, before, rows_max)


async def unknown_before(tx: Tx, until: datetime, channel_id: str = "") -> dict[str, int]:
    """Operation -> how many commands given before `until` have an outcome that is not known; "": of every channel."""
    return {row["operation"]: row["many"] for row in await tx.rows(QUERIES.unknown_before, tx.org, until, channel_id)}


def _instruction(row: Row) -> Instruction:
    operation = Operation(row["operation"])
    fields = {**dict(row), "operation": operation, "request": request_from(operation, row["request"])}
    return Instruction(**fields)


DUE = sweep_over("channels.ask", 10, "channels.instruction", key=("key",), columns=("object_id",), ties=())
"""Instructions whose provider must be asked."""
