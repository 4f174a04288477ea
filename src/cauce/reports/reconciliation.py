"""Our books against a holder's statements, compared in the database; and what the custody book says each party owns."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from cauce.storage.database import Row, Tx
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__, "reconciliation.sql")

_JOURNALS = {
    "collection": ("T02:", "T01:"),
    "fee": ("T03:",),
    "split": ("T06:", "T14:"),
    "split_reversal": ("T09:", "T14:back:"),
    "refund": ("T11:", "T11:late:"),
    "payout": ("T12:paid:",),
    "own_payout": ("T14:", "T14:back:"),
    "payout_return": ("T13:",),
    "subsidy": ("T15:",),
    "dispute": ("T11:dispute:", "T11:late:dispute:", "T03:dispute:", "T03:late:dispute:"),
}
"""Kind -> how the keys of its journals begin."""


async def compare(
    tx: Tx,
    channel_id: str,
    after_id: int,
    until_id: int,
    statement_ids: Sequence[int],
    kinds: Sequence[str],
    before: datetime,
) -> tuple[list[tuple[str, str]], int, int]:
    """What differs, as (kind, key), between journals behind `after_id`, up to `until_id`, dated before an instant, and the
    lines of new statements; how many things each side named.

    `kinds` are those that the statements of this channel can prove.
    """
    await tx.run(QUERIES.widen_memory)
    row = await tx.row(
        QUERIES.compare, tx.org, channel_id, after_id, until_id, list(statement_ids), list(kinds), before
    )
    assert row is not None
    return list(zip(row["kinds"] or (), row["keys"] or (), strict=True)), row["ours"], row["theirs"]


async def compared_until(tx: Tx, after_id: int, until_id: int, before: datetime) -> int:
    """Up to which journal there is nothing dated `before` or later: from there the next run goes on."""
    first: int | None = await tx.value(QUERIES.first_behind, tx.org, after_id, until_id, before)
    return until_id if first is None else first - 1


async def ours_by_key(tx: Tx, channel_id: str, wanted: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Row]:
    """What our books say of (kind, key), whenever it was posted."""
    asked = [(kind, key, start + key) for kind, key in wanted for start in _JOURNALS.get(kind, ())]
    rows = await tx.rows(
        QUERIES.ours_by_key,
        tx.org,
        channel_id,
        [one[0] for one in asked],
        [one[1] for one in asked],
        [one[2] for one in asked],
    )
    kinds, keys = [one[0] for one in wanted], [one[1] for one in wanted]
    rows += await tx.rows(QUERIES.ours_of_billing, tx.org, channel_id, kinds, keys)
    return {(row["kind"], row["key"]): row for row in rows}


async def theirs_by_key(tx: Tx, channel_id: str, wanted: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Row]:
    """What all statements say of (kind, key)."""
    kinds, keys = [one[0] for one in wanted], [one[1] for one in wanted]
    rows = await tx.rows(QUERIES.theirs_by_key, tx.org, channel_id, kinds, keys)
    return {(row["kind"], row["key"]): row for row in rows}


async def unbooked(tx: Tx, statement_ids: Sequence[int], kinds: Sequence[str]) -> list[tuple[str, str]]:
    """What lines of new statements call pending or failed: (kind, key)."""
    rows = await tx.rows(QUERIES.unbooked, tx.org, list(statement_ids), list(kinds))
    return [(row["kind"], row["key"]) for row in rows]


async def instructions_named(tx: Tx, channel_id: str, names: Sequence[str]) -> dict[str, Row]:
    """Instructions of a channel by our key or the provider's number: `key`, `operation`, `state`."""
    rows = await tx.rows(QUERIES.instructions_named, tx.org, channel_id, list(names))
    return {row["ref"]: row for row in rows if row["ref"]} | {row["key"]: row for row in rows}


async def orders_mismatched(tx: Tx, channel_id: str, from_at: datetime, until_at: datetime) -> list[Row]:
    """Orders paid in [from, until) whose payments differ from their lines."""
    return await tx.rows(QUERIES.orders_mismatched, tx.org, channel_id, from_at, until_at)


async def keys_by_ref(tx: Tx, channel_id: str, refs: Sequence[str]) -> dict[str, str]:
    """From the provider's numbers to our keys: instructions, and collections that were recorded as paid."""
    found = {
        row["ref"]: row["key"] for row in await tx.rows(QUERIES.instructions_by_ref, tx.org, channel_id, list(refs))
    }
    rows = await tx.rows(QUERIES.collections_by_ref, tx.org, channel_id, list(refs))
    return {row["ref"]: row["id"] for row in rows} | found


async def last_journal(tx: Tx) -> int:
    """The highest journal number; every lower one that will ever be there is. Holds up posting until the transaction ends."""
    await tx.run(QUERIES.await_posting, tx.org)
    return int(await tx.value(QUERIES.last_journal, tx.org))


async def custody(tx: Tx, channel_id: str) -> list[Row]:
    """What our books say each merchant, the orders together and the platform own at a channel."""
    return await tx.rows(QUERIES.custody, tx.org, channel_id)


async def payouts_under_way(tx: Tx, channel_id: str) -> list[Row]:
    """Payouts that the holder accepted and has not ended, by currency."""
    return await tx.rows(QUERIES.payouts_under_way, tx.org, channel_id)


async def parked_by_owner(tx: Tx, channel_id: str) -> list[Row]:
    """What merchants' collections still hold in escrow."""
    return await tx.rows(QUERIES.parked_by_owner, tx.org, channel_id)


async def accounts_paid_out(tx: Tx, channel_id: str, first: datetime, until: datetime) -> list[str]:
    """The numbers of merchants' accounts from which a payout was sent or paid in [first, until), or came back since."""
    rows = await tx.rows(QUERIES.accounts_paid_out, tx.org, channel_id, first, until)
    return [row["ref"] for row in rows]


async def merchant_refs(tx: Tx, channel_id: str) -> dict[str, str]:
    """Merchants' account numbers at a channel, by merchant."""
    return {row["merchant_id"]: row["ref"] for row in await tx.rows(QUERIES.merchant_refs, tx.org, channel_id)}


async def parked_collections(tx: Tx, channel_id: str, now: datetime, after: str, rows_max: int) -> list[Row]:
    """Payments behind `after` of which the provider still holds something, none with something on its way: what we say of each."""
    return await tx.rows(QUERIES.parked_collections, tx.org, channel_id, now, after, rows_max)


async def parked_of(tx: Tx, channel_id: str, now: datetime, collection_ids: Sequence[str]) -> list[Row]:
    """The same of these, also those of which nothing is held any more."""
    return await tx.rows(QUERIES.parked_of, tx.org, channel_id, now, list(collection_ids))
