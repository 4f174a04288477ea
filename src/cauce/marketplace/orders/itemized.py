"""Refunds of order lines: how much of each may still go back, and whose goods they were."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from cauce.kernel.errors import Conflict, InvalidRequest
from cauce.storage.database import Row, Tx
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__, "itemized.sql")


class UnknownLine(InvalidRequest):
    """The order has no such line."""

    code = "unknown_order_line"


class RefundExceedsLine(Conflict):
    """More of a line would be refunded than it cost, earlier refunds included (K12)."""

    code = "refund_exceeds_line"


def read_lines(said: Iterable[str], minor_of: Callable[[str], int]) -> dict[int, int | None]:
    """`2` or `2=10.50` each: lines by number and what of each goes back, minor units as `minor_of` reads them, None: all that is left."""
    found: dict[int, int | None] = {}
    for one in said:
        number, _, typed = (part.strip() for part in one.partition("="))
        if not number.isdecimal() or int(number) in found:
            raise UnknownLine(f"{one!r} is no line, nor line=amount, or stands twice", param="lines")
        found[int(number)] = minor_of(typed) if typed else None
    return found


async def lines_left(tx: Tx, order_ids: Sequence[str]) -> dict[str, dict[int, Row]]:
    """The lines of orders by order and number, with what of each has gone back (`refunded_minor`)."""
    found: dict[str, dict[int, Row]] = {}
    for row in await tx.rows(QUERIES.lines_left, tx.org, list(order_ids)):
        found.setdefault(row["order_id"], {})[row["line"]] = row
    return found


def of_lines(lines: Mapping[int, Row], wanted: Mapping[int, int | None]) -> dict[int, int]:
    """What goes back of each line, minor units: as wanted, or (None) all that is left. `unknown_order_line`, `refund_exceeds_line`."""
    found = {}
    for number, amount in sorted(wanted.items()):
        if number not in lines:
            raise UnknownLine(f"the order has no line {number}", param="lines")
        line = lines[number]
        left = line["price_minor"] + line["freight_minor"] - line["refunded_minor"]
        taken = left if amount is None else amount
        if not 0 < taken <= left:
            raise RefundExceedsLine(line=number, left_minor=left, asked_minor=taken)
        found[number] = taken
    return found


def by_seller(lines: Mapping[int, Row], amounts: Mapping[int, int]) -> dict[str, int]:
    """What goes back of each seller's goods."""
    found: dict[str, int] = {}
    for number, amount in amounts.items():
        seller = lines[number]["seller_id"]
        found[seller] = found.get(seller, 0) + amount
    return found


def over_refunds(amounts: Mapping[int, int], refunds: Sequence[tuple[str, int]]) -> list[tuple[str, int, int]]:
    """Lines poured over the refunds (id, amount) that carry them, in order: (refund, line, amount)."""
    found, left = [], dict(refunds)
    for number, amount in amounts.items():
        for refund_id in left:
            taken = min(amount, left[refund_id])
            if taken:
                found.append((refund_id, number, taken))
                amount, left[refund_id] = amount - taken, left[refund_id] - taken
    return found


async def insert_refund_lines(tx: Tx, rows: Sequence[tuple[str, str, int, int]]) -> None:
    """Which lines refunds are of: (refund, order, line, amount)."""
    columns = [list(column) for column in zip(*rows, strict=True)]
    await tx.run(QUERIES.insert_refund_lines, tx.org, *columns)
