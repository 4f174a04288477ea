"""Lookups by a provider's or customer's own number find their index, also under a plan that knows no values.

Such columns are empty where nothing is known, and their indexes leave those rows out; a query that does not say so
itself reads the whole table instead, and grows slower with every row.
"""

from __future__ import annotations

import pytest

from cauce.storage.database import Database
from cauce.storage.sql import load_queries

LOOKUPS = [
    ("cauce.channels", "queries.sql", "concluded", "instruction_ref"),
    ("cauce.channels", "queries.sql", "keys_by_ref", "instruction_ref"),
    ("cauce.marketplace.merchants", "queries.sql", "ids_by_external", "merchant_external"),
    ("cauce.marketplace.merchants", "queries.sql", "parties_by_ref", "account_ref"),
    ("cauce.marketplace.orders", "disputes.sql", "collection_by_ref", "collection_ref"),
    ("cauce.marketplace.settlement", "queries.sql", "payouts_by_ref", "payout_ref"),
    ("cauce.reports", "reconciliation.sql", "collections_by_ref", "collection_ref"),
    ("cauce.reports", "reconciliation.sql", "instructions_by_ref", "instruction_ref"),
    ("cauce.reports", "resources.sql", "order_ids", "purchase_external"),
    ("cauce.reports", "resources.sql", "entitlements_of_many", "member_identity"),
    ("cauce.reports", "marketplace.sql", "merchant_balances", "account_owner"),
    ("cauce.reports", "merchants.sql", "merchant_balances", "account_owner"),
    ("cauce.billing.outreach", "desks.sql", "customer_of_ref", "contact_ref"),
    ("cauce.billing.conversations", "queries.sql", "lock_outside", "conversation_outside"),
]


@pytest.mark.parametrize(("package", "file", "name", "index"), LOOKUPS, ids=lambda part: str(part).split(".")[-1])
async def test_a_lookup_uses_its_index(
    shared_database: Database, package: str, file: str, name: str, index: str
) -> None:
    statement = str(getattr(load_queries(package, file), name))
    async with shared_database.transaction(1) as tx:
        await tx.run("SET LOCAL plan_cache_mode = force_generic_plan")
        await tx.run("SET LOCAL enable_seqscan = off")
        await tx.run(f"PREPARE lookup AS {statement}")
        holes = await tx.value("SELECT cardinality(parameter_types) FROM pg_prepared_statements WHERE name = 'lookup'")
        plan = await tx.rows(f"EXPLAIN EXECUTE lookup({', '.join(['NULL'] * holes)})")
        await tx.run("DEALLOCATE lookup")
    assert any(f" {index} " in row[0] for row in plan), "\n".join(row[0] for row in plan)
