"""The objects that money moves by, as lists: collections, splits, reversals, refunds, commands to channels, accounts, instruments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cauce.storage.database import Row, Tx
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__, "money_objects.sql")

PAGES: Mapping[str, str] = {
    "collection": QUERIES.collections,
    "split": QUERIES.splits,
    "split_reversal": QUERIES.reversals,
    "order_refund": QUERIES.refunds,
    "instruction": QUERIES.instructions,
    "merchant_account": QUERIES.accounts,
    "payout_instrument": QUERIES.instruments,
}
"""The query of each noun; all take the same arguments."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which of them: "" leaves a filter out. `of` is whom they belong to: an order, an object, a merchant."""

    of: str = ""
    channel_id: str = ""
    state: str = ""


async def page(tx: Tx, noun: str, wanted: Wanted, *, before: str = "", rows_max: int = 50) -> list[Row]:
    """Objects of a noun, newest first, from behind id `before`."""
    chosen = wanted.of, wanted.channel_id, wanted.state
    return await tx.rows(PAGES[noun], tx.org, before, "", *chosen, rows_max)


async def one(tx: Tx, noun: str, object_id: str) -> Row | None:
    """One object by its id."""
    return await tx.row(PAGES[noun], tx.org, "", object_id, "", "", "", 1)


async def parts_of_split(tx: Tx, split_id: str) -> list[Row]:
    """What a split brings to whom; empty for one that only ends its order."""
    return await tx.rows(QUERIES.parts_of_split, tx.org, split_id)
