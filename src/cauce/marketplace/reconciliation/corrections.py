"""The evidence of a correction: a custody book is never adjusted without a line of the provider's statement."""

from __future__ import annotations

from cauce.marketplace.reconciliation.rules import TemplateDoesNotFit
from cauce.storage.database import Row, Tx
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__, "corrections.sql")


async def proving_line(tx: Tx, one: Row) -> Row:
    """The newest line of the channel's statements that shows the provider's side of a difference (`statement_id`, `row_key`)."""
    row = await tx.row(QUERIES.proving_line, tx.org, one["channel_id"], one["kind"], one["key"])
    if row is None:
        raise TemplateDoesNotFit(param="template")
    return row
