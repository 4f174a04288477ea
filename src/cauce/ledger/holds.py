"""Holds whose time ran out: a due row each, swept in chunks and ended through `post` like every other change."""

from __future__ import annotations

from collections.abc import Sequence

from cauce.ledger.posting import post
from cauce.ledger.rules import Code, JournalRefused, ReleaseHold
from cauce.storage.database import Row, Tx
from cauce.storage.sql import load_queries
from cauce.storage.sweeps import Sweep

QUERIES = load_queries(__package__, "holds.sql")

EXPIRY = Sweep(
    name="ledger.hold_expiry",
    rank=25,
    find=QUERIES.find_due,
    claim=QUERIES.claim_due,
    set_due=QUERIES.set_due,
    next_due=QUERIES.next_due,
)

_ENDED = frozenset({Code.POSTED, Code.DUPLICATE, Code.HOLD_NOT_OPEN})


async def expire(tx: Tx, rows: Sequence[Row]) -> None:
    """End the claimed holds of the transaction's organization, each dated by its own due instant.

    A hold that somebody captured or released meanwhile needs nothing; any other refusal raises `JournalRefused`.
    """
    items = [ReleaseHold(row["key"], row["account_id"], row["due_at"], expired=True) for row in rows]
    for row, result in zip(rows, await post(tx, items), strict=True):
        if result.code not in _ENDED:
            raise JournalRefused(f"hold {row['key']} cannot expire: {result.code.name.lower()}")
