"""Invoices that collection looks at: the first charge, and the day on which a sent invoice is overdue."""

from __future__ import annotations

from cauce.storage.sql import load_queries
from cauce.storage.sweeps import Sweep

QUERIES = load_queries(__package__, "sweeps.sql")

COLLECT = Sweep(
    name="invoicing.collect",
    rank=28,
    find=QUERIES.collect_find,
    claim=QUERIES.collect_claim,
    set_due=QUERIES.collect_set_due,
    next_due=QUERIES.collect_next,
    due_of=QUERIES.collect_due,
    rows_max=1_000,
)
