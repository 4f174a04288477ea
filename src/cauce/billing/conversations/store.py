"""The slice's tables: conversations, what was said in them, replies kept for reuse."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from cauce.billing.conversations.rules import Conversation, Outside, Person
from cauce.kernel.errors import NotFound
from cauce.storage.database import Row, Tx
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__)


async def read(tx: Tx, conversation_id: str) -> Conversation:
    """One conversation; `NotFound` otherwise."""
    return _found(await tx.row(QUERIES.read, tx.org, conversation_id), conversation_id)


async def lock(tx: Tx, conversation_id: str) -> Conversation:
    """The same, locked."""
    return _found(await tx.row(QUERIES.lock, tx.org, conversation_id), conversation_id)


async def lock_own(tx: Tx, person: Person) -> Conversation | None:
    """The conversation of our own chat that a person's next word belongs to."""
    row = await tx.row(QUERIES.lock_own, tx.org, person.customer_id, person.visitor)
    return _conversation(row) if row is not None else None


async def counted(tx: Tx, conversation_ids: Sequence[str]) -> dict[str, int]:
    """How many messages each of these conversations has; those without one are left out."""
    rows = await tx.rows(QUERIES.counted, tx.org, list(conversation_ids))
    return {row["conversation_id"]: row["said"] for row in rows}


async def lock_outside(tx: Tx, outside: Outside) -> Conversation | None:
    """The conversation that a help desk holds under this id."""
    row = await tx.row(QUERIES.lock_outside, tx.org, outside.channel_id, outside.ref)
    return _conversation(row) if row is not None else None


async def insert(tx: Tx, conversation_id: str, person: Person, outside: Outside, at: datetime) -> bool:
    """A new conversation; False when another one took its place first."""
    return bool(
        await tx.run(
            QUERIES.insert, tx.org, conversation_id, person.customer_id, person.visitor, person.name, person.email,
            outside.channel_id, outside.ref, at, person.standing,
        )
    )  # fmt: skip


async def messages(tx: Tx, conversation_id: str, *, after: str = "", rows_max: int = 500) -> list[Row]:
    """What was said, in order, after the message `after`."""
    return await tx.rows(QUERIES.messages, tx.org, conversation_id, after, rows_max)


async def has_heard(tx: Tx, one: Conversation, ref: str) -> bool:
    """Whether this mail was taken before, in this conversation or in another one of the same person."""
    return bool(await tx.value(QUERIES.has_heard, tx.org, one.id, one.customer_id, one.visitor, ref))


async def replies(tx: Tx) -> Sequence[Row]:
    """Replies kept for reuse, by title."""
    return await tx.rows(QUERIES.replies, tx.org)


def _found(row: Row | None, conversation_id: str) -> Conversation:
    if row is None:
        raise NotFound(f"there is no conversation {conversation_id}", param="conversation")
    return _conversation(row)


def _conversation(row: Row) -> Conversation:
    return Conversation(**dict(row))
