"""What somebody must look at: reconciliation breaks and runs, licences of holders, exchanges with providers."""

from __future__ import annotations

from cauce.kernel.errors import NotFound
from cauce.storage.database import Row, Tx
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__, "oversight.sql")
LATEST = 2**63 - 1


async def breaks(tx: Tx, *, before: str = "", state: str = "", rows_max: int = 50) -> list[Row]:
    """Differences between our books and the holders', newest first; `open` means those that nobody has resolved."""
    return await tx.rows(QUERIES.break_page, tx.org, before, state, rows_max)


async def one_break(tx: Tx, break_id: str) -> Row:
    """One difference; `NotFound` otherwise."""
    row = await tx.row(QUERIES.break_one, tx.org, break_id)
    if row is None:
        raise NotFound(f"there is no break {break_id}", param="break")
    return row


async def runs(tx: Tx, rows_max: int = 20) -> list[Row]:
    """Reconciliation runs, newest first."""
    return await tx.rows(QUERIES.run_page, tx.org, rows_max)


async def licences(tx: Tx) -> list[Row]:
    """Licences of the holders behind channels, the first to end first."""
    return await tx.rows(QUERIES.licence_page, tx.org)


async def requests(
    tx: Tx,
    *,
    before: int = LATEST,
    channel_id: str = "",
    correlation: str = "",
    failed: bool = False,
    rows_max: int = 50,
) -> list[Row]:
    """What was sent to providers and how it ended, newest first; bodies stay sealed."""
    return await tx.rows(QUERIES.request_page, tx.org, before, channel_id, correlation, failed, rows_max)
