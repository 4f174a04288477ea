"""What of payments falls due: retries, the end of grace, notices of expiring cards."""

from __future__ import annotations

from cauce.storage.sql import load_queries
from cauce.storage.sweeps import Sweep

QUERIES = load_queries(__package__, "sweeps.sql")

RETRY = Sweep(
    name="payments.retry",
    rank=30,
    find=QUERIES.retry_find,
    claim=QUERIES.retry_claim,
    set_due=QUERIES.retry_set_due,
    next_due=QUERIES.retry_next,
    due_of=QUERIES.retry_due,
)
GRACE = Sweep(
    name="payments.grace",
    rank=40,
    find=QUERIES.grace_find,
    claim=QUERIES.grace_claim,
    set_due=QUERIES.grace_set_due,
    next_due=QUERIES.grace_next,
    due_of=QUERIES.grace_due,
)
METHOD = Sweep(
    name="payments.method",
    rank=25,
    find=QUERIES.method_find,
    claim=QUERIES.method_claim,
    set_due=QUERIES.method_set_due,
    next_due=QUERIES.method_next,
)
