"""Channels that are asked nothing, wholly or for one merchant, and commands that wait for a person: who lets them go on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from cauce.channels.store import QUERIES
from cauce.storage.database import Row, Tx

Stop = tuple[str, str, str, str, str]
"""Channel, merchant at the provider ("": all of the channel), instruction, the provider's code and message."""


async def stop_calls(tx: Tx, stops: Sequence[Stop], at: datetime) -> list[Row]:
    """A contract or set-up is wrong: the calls concerned stop at `at`; those that had not stopped before."""
    return await tx.rows(QUERIES.stop_calls, tx.org, *[list(column) for column in zip(*stops, strict=True)], at)


async def resume_calls(tx: Tx, channel_id: str, at: datetime, merchant_ref: str | None = None) -> bool:
    """A channel is asked again (of one merchant only: `merchant_ref`), first about what is open; whether it was stopped."""
    resumed = bool(await tx.rows(QUERIES.drop_stops, tx.org, channel_id, merchant_ref))
    if merchant_ref is None and await tx.value(QUERIES.resume_calls, tx.org, channel_id) is not None:
        resumed = True
    if resumed:
        await tx.run(QUERIES.ask_all, tx.org, channel_id, at)
    return resumed


async def stops(tx: Tx) -> list[Row]:
    """What is stopped by a contract or set-up that is wrong, by channel and merchant."""
    return await tx.rows(QUERIES.stops, tx.org)


async def needing_person(tx: Tx, rows_max: int) -> list[Row]:
    """Commands that the provider put off as often as they are tried; the longest waiting first."""
    return await tx.rows(QUERIES.needing_person, tx.org, rows_max)


async def try_again(tx: Tx, key: str, at: datetime) -> bool:
    """A person lets a command be tried again under its key; whether it waited for that."""
    return await tx.value(QUERIES.try_again, tx.org, key, at) is not None


async def try_all_again(tx: Tx, channel_id: str, at: datetime) -> list[str]:
    """The same for every command of a channel that was put off too often; their keys."""
    return [row["key"] for row in await tx.rows(QUERIES.try_all_again, tx.org, channel_id, at)]


async def hold_for_person(tx: Tx, key: str, at: datetime) -> None:
    """A command is sent no more by itself."""
    await tx.run(QUERIES.hold_for_person, tx.org, key, at)
