"""The slice's tables of messages: what was queued and what became of it, holds, consent, addresses, texts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from cauce.billing.outreach.rules import NewMessage, Standing
from cauce.billing.outreach.templating import Rendered, Text
from cauce.kernel.errors import NotFound
from cauce.storage.database import Row, Tx
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__)


async def insert_messages(
    tx: Tx,
    ids: Sequence[str],
    messages: Sequence[NewMessage],
    rendered: Sequence[Rendered],
    held_back: Sequence[str],
    now: datetime,
) -> set[str]:
    """Write messages, those with a reason in `held_back` as suppressed; the ids that were new (K4: once per step)."""
    people = [one.recipient for one in messages]
    rows = await tx.rows(
        QUERIES.insert_messages,
        tx.org,
        list(ids),
        [person.customer_id for person in people],
        [one.subject_id for one in messages],
        [one.campaign for one in messages],
        [one.step for one in messages],
        [one.period for one in messages],
        [one.audience for one in messages],
        [one.category.value for one in messages],
        [one.template for one in messages],
        [one.medium.value for one in messages],
        [person.address for person in people],
        [person.name for person in people],
        [person.locale for person in people],
        [dict(one.data) for one in messages],
        [text.subject for text in rendered],
        [text.text for text in rendered],
        [text.html for text in rendered],
        ["suppressed" if reason else "queued" for reason in held_back],
        list(held_back),
        now,
    )
    return {row["id"] for row in rows}


async def lock_message(tx: Tx, message_id: str) -> Row | None:
    """The message, locked."""
    return await tx.row(QUERIES.lock_message, tx.org, message_id)


async def find_message(tx: Tx, message_id: str) -> Row | None:
    """One message, or None."""
    return await tx.row(QUERIES.message, tx.org, message_id)


async def read_message(tx: Tx, message_id: str) -> Row:
    """One message; `NotFound` otherwise."""
    row = await find_message(tx, message_id)
    if row is None:
        raise NotFound(f"there is no message {message_id}", param="message")
    return row


async def messages(
    tx: Tx, *, customer_id: str = "", campaign: str = "", state: str = "", before: str = "", rows_max: int = 50
) -> list[Row]:
    """Messages, newest first, of one customer, campaign or state, or all."""
    return await tx.rows(QUERIES.messages, tx.org, customer_id, campaign, state, before, rows_max)


async def set_message(
    tx: Tx,
    message_id: str,
    state: str,
    *,
    reason: str = "",
    ref: str = "",
    medium: str | None = None,
    channel_id: str | None = None,
    at: datetime | None = None,
) -> None:
    """Write a message's new state; `at` when that is its last."""
    await tx.run(QUERIES.set_message, tx.org, message_id, state, reason, ref, medium, channel_id, at)


async def standings(tx: Tx, customer_ids: Sequence[str]) -> dict[str, Standing]:
    """Holds and consent of customers."""
    rows = await tx.rows(QUERIES.standings, tx.org, sorted(set(customer_ids)))
    return {
        row["customer_id"]: Standing(
            row["held_until"], frozenset(row["refused"] or ()), frozenset(row["granted"] or ())
        )
        for row in rows
    }


async def bounced(tx: Tx, addresses: Sequence[str]) -> set[str]:
    """Those of the addresses (lower case) that take no mail."""
    return {row["address"] for row in await tx.rows(QUERIES.bounced, tx.org, sorted(set(addresses)))}


async def texts(tx: Tx, keys: Sequence[str] | None = None) -> dict[tuple[str, str], Text]:
    """The organization's own texts by (template, locale)."""
    rows = await tx.rows(QUERIES.templates, tx.org, sorted(set(keys)) if keys is not None else None)
    return {(row["key"], row["locale"]): Text(row["subject"], row["body"]) for row in rows}
