"""The whole ledger as a file: CSV or JSON lines, one line per entry, in the order of posting.

The file is made piece by piece from pages of journals, each read in its own short transaction, so that a ledger of any
size costs the same memory and holds no snapshot open. Journals never change, so the pages fit together; what is posted
meanwhile stands at the end.
"""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from enum import StrEnum

import msgspec

from cauce.ledger.reading import QUERIES
from cauce.storage.database import Database, Row

PAGE_JOURNALS = 2_000
COLUMNS = (
    "journal_id", "leg", "key", "recipe", "reference", "evidence", "reverses", "effective_at", "recorded_at",
    "book", "channel_id", "currency", "account", "amount_minor", "balance_after",
)  # fmt: skip
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


class Form(StrEnum):
    """How a line is written."""

    CSV = "csv"
    JSON_LINES = "jsonl"


async def export(database: Database, org_id: int, form: Form, *, after: int = 0) -> AsyncIterator[bytes]:
    """Pieces of the file in UTF-8, from behind journal number `after`. Amounts are signed minor units, debits positive."""
    if form is Form.CSV:
        yield _csv([COLUMNS])
    last = after
    while True:
        async with database.transaction(org_id) as tx:
            rows = await tx.rows(QUERIES.export, org_id, last, PAGE_JOURNALS)
        if not rows:
            return
        last = rows[-1]["journal_id"]
        yield _csv([_cells(row) for row in rows]) if form is Form.CSV else _json_lines(rows)


def _json_lines(rows: Sequence[Row]) -> bytes:
    return b"".join(msgspec.json.encode(dict(row)) + b"\n" for row in rows)


def _csv(rows: Sequence[Sequence[object]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def _cells(row: Row) -> list[object]:
    return [_cell(row[name]) for name in COLUMNS]


def _cell(value: object) -> object:
    """Text that a spreadsheet would take for a formula gets a quote before it; numbers stay numbers."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, str) and value.startswith(_FORMULA_STARTS):
        return f"'{value}"
    return "" if value is None else value
