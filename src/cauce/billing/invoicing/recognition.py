"""Lines whose net becomes revenue over time: which have something to recognize, and how much they have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from cauce.billing.invoicing.store import QUERIES
from cauce.storage.database import Tx


@dataclass(frozen=True, slots=True)
class DeferredLine:
    """A line with revenue to come; `net_minor` is what is left of it after credit notes."""

    invoice_id: str
    number: int
    product_id: str | None
    period_start: date
    period_end: date
    net_minor: int
    recognized_minor: int
    currency: str


async def due(tx: Tx, before: date, after: tuple[str, int], rows_max: int) -> list[DeferredLine]:
    """Lines whose service began before a day and that are not wholly recognized, locked, beyond the line `after`."""
    rows = await tx.rows(QUERIES.due_recognition, tx.org, before, after[0], after[1], rows_max)
    return [DeferredLine(**dict(row)) for row in rows]


async def save(tx: Tx, lines: Sequence[tuple[str, int, int]]) -> None:
    """(invoice, line, recognized so far)."""
    if lines:
        await tx.run(QUERIES.recognize, tx.org, *[list(column) for column in zip(*lines, strict=True)])
