"""What settlement and reconciliation show: a merchant's statement that closes, cases, and how well the books are matched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cauce.kernel.errors import NotFound
from cauce.storage.database import Row, Tx
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__, "settlements.sql")
METRIC_DAYS = 30


@dataclass(frozen=True, slots=True)
class Line:
    """One movement of a merchant's withdrawable money, and what there was after it, minor units."""

    at: datetime
    recipe: str
    order_number: str
    amount_minor: int
    balance_minor: int


@dataclass(frozen=True, slots=True)
class Statement:
    """A settlement from its opening balance to its closing one: opening + lines - payout = closing, minor units."""

    id: str
    merchant: str
    channel: str
    currency: str
    from_at: datetime | None
    until_at: datetime
    opening_minor: int
    lines: Sequence[Line]
    payout_minor: int
    closing_minor: int


async def statement(tx: Tx, batch_id: str) -> Statement:
    """The merchant's statement of one settlement; `NotFound` otherwise."""
    batch = await tx.row(QUERIES.batch, tx.org, batch_id)
    if batch is None:
        raise NotFound(f"there is no settlement {batch_id}", param="settlement")
    rows = await tx.rows(QUERIES.lines, tx.org, batch_id)
    opening = balance = batch["balance_minor"] - sum(row["amount_minor"] for row in rows)
    lines = []
    for row in rows:
        balance += row["amount_minor"]
        lines.append(Line(row["at"], row["recipe"], row["order_number"], row["amount_minor"], balance))
    return Statement(
        id=batch["id"],
        merchant=batch["merchant"],
        channel=batch["channel"],
        currency=batch["currency"],
        from_at=batch["from_at"],
        until_at=batch["until_at"],
        opening_minor=opening,
        lines=lines,
        payout_minor=batch["payout_minor"],
        closing_minor=balance - batch["payout_minor"],
    )


async def cases(tx: Tx, *, before: str = "", open_only: bool = False, rows_max: int = 50) -> list[Row]:
    """Cases, newest first, with how many breaks they hold."""
    return await tx.rows(QUERIES.cases, tx.org, before, open_only, rows_max)


async def metrics(tx: Tx, now: datetime) -> tuple[list[Row], list[Row]]:
    """Open differences by channel, currency and severity; what the runs of the last thirty days matched."""
    found = await tx.rows(QUERIES.break_metrics, tx.org, now)
    return found, await tx.rows(QUERIES.run_metrics, tx.org, now - timedelta(days=METRIC_DAYS))
