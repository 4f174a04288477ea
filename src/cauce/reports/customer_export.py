"""Everything that is held about one customer, in sections of rows that are read a page at a time (B4).

A section is a query of the file beside this one: it gives its rows as JSON text, each with the key that the next page
begins behind. What is a secret of a provider's, or personal to somebody else, is left out there.
"""

from __future__ import annotations

from cauce.storage.database import Tx
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__, "customer_export.sql")
SECTIONS = tuple(QUERIES.names())
PAGE_ROWS = 500


async def section_page(tx: Tx, section: str, customer_id: str, after: str = "") -> tuple[list[str], str]:
    """Up to `PAGE_ROWS` rows of a section behind the key `after`, as JSON text; and the key to go on behind, "" at the end."""
    rows = await tx.rows(getattr(QUERIES, section), tx.org, customer_id, after, PAGE_ROWS)
    return [row["content"] for row in rows], rows[-1]["key"] if len(rows) == PAGE_ROWS else ""
