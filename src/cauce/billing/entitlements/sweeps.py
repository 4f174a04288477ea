"""Grants by hand that end."""

from __future__ import annotations

from cauce.storage.sql import load_queries
from cauce.storage.sweeps import Sweep

QUERIES = load_queries(__package__, "sweeps.sql")

GRANT = Sweep(
    name="entitlements.grant",
    rank=40,
    find=QUERIES.grant_find,
    claim=QUERIES.grant_claim,
    set_due=QUERIES.grant_set_due,
    next_due=QUERIES.grant_next,
)
