"""Instances whose data were kept long enough."""

from __future__ import annotations

from cauce.storage.sql import load_queries
from cauce.storage.sweeps import Sweep

QUERIES = load_queries(__package__, "sweeps.sql")

DELETE = Sweep(
    name="provisioning.delete",
    rank=50,
    find=QUERIES.delete_find,
    claim=QUERIES.delete_claim,
    set_due=QUERIES.delete_set_due,
    next_due=QUERIES.delete_next,
    due_of=QUERIES.delete_due,
)
