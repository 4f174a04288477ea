"""What the platform adds to payments of orders: announced, paid in, taken back in proportion with refunds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

from cauce.kernel.errors import Conflict, InvalidRequest
from cauce.kernel.money import half_up
from cauce.marketplace.orders.rules import NewOrder
from cauce.storage.database import Row, Tx
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__, "subsidised.sql")


class SubsidyTooLate(InvalidRequest):
    """A subsidy is announced with its payment: one that has arrived, or is paid from a balance, can have none any more."""

    code = "subsidy_too_late"


class SubsidyAboveRule(InvalidRequest):
    """The order's split rule, which two persons put in force, allows no subsidy, or none so large."""

    code = "subsidy_above_rule"


class SubsidyWithKeptPart(InvalidRequest):
    """An order that keeps a part for later takes no subsidy."""

    code = "subsidy_with_kept_part"


class SubsidyNotOpen(Conflict):
    """The order has no subsidy that the channel refused."""

    code = "subsidy_not_open"


def subsidies_of(order: NewOrder) -> dict[str, int]:
    """What the platform adds for each seller, minor units; those without any are left out."""
    found: dict[str, int] = {}
    for line in order.lines:
        if line.subsidy_minor:
            found[line.seller_id] = found.get(line.seller_id, 0) + line.subsidy_minor
    return found


def standing(row: Row) -> int:
    """What of the subsidy of a collection is with its order or its merchant, minor units."""
    left: int = row["subsidy_minor"] - row["subsidy_returned_minor"]
    return left


def due_back(row: Row, refunded_minor: int, under_way_minor: int) -> int:
    """What more goes back of a collection's subsidy once so much reached its payer again; cumulative, whole with the last unit."""
    whole = refunded_minor >= row["amount_minor"]
    subsidy: int = row["subsidy_minor"]
    target = subsidy if whole else half_up(Fraction(subsidy * refunded_minor, row["amount_minor"]))
    return max(target - int(row["subsidy_returned_minor"]) - under_way_minor, 0)


async def move_subsidies(tx: Tx, rows: Sequence[tuple[str, int, int, int]]) -> None:
    """Subsidies arrived or went back: (collection, what its escrow changes by, what arrived, what went back)."""
    columns = [list(column) for column in zip(*rows, strict=True)]
    await tx.run(QUERIES.move_subsidies, tx.org, *columns)


async def drop_planned(tx: Tx, collection_ids: Sequence[str]) -> None:
    """Nothing more will be added to these collections."""
    await tx.run(QUERIES.drop_planned, tx.org, list(collection_ids))


async def awaiting(tx: Tx, order_ids: Sequence[str]) -> set[str]:
    """Those of these orders of which a paid collection has not its subsidy yet."""
    return {row["order_id"] for row in await tx.rows(QUERIES.awaiting, tx.org, list(order_ids))}


async def given_back(tx: Tx, collection_ids: Sequence[str]) -> Mapping[str, int]:
    """What reached the payers of these collections again, for good."""
    rows = await tx.rows(QUERIES.given_back, tx.org, list(collection_ids))
    return {row["collection_id"]: row["minor"] for row in rows}
