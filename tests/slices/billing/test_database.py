"""What the database holds beside the code: the transition table, checks that refuse what the rules refuse."""

from __future__ import annotations

import asyncpg
import pytest

from cauce.billing.provisioning.machine import MACHINE as INSTANCE
from cauce.billing.subscriptions.machine import MACHINE
from cauce.kernel.machine import Machine
from cauce.storage.database import Database


@pytest.mark.parametrize(("slice_name", "machine"), [("subscriptions", MACHINE), ("provisioning", INSTANCE)])
async def test_the_database_holds_the_very_transitions_of_the_machine(
    shared_database: Database, slice_name: str, machine: Machine
) -> None:
    async with shared_database.transaction(1) as tx:
        rows = await tx.rows(f"SELECT source, trigger, target FROM {slice_name}.transitions()")
    assert sorted(tuple(row) for row in rows) == machine.rows()


async def test_the_history_refuses_a_step_that_is_not_listed(shared_database: Database) -> None:
    with pytest.raises(asyncpg.CheckViolationError, match="listed_transition"):
        async with shared_database.transaction(1) as tx:
            await tx.run(
                "INSERT INTO subscriptions.history (org_id, subscription_id, customer_id, at, trigger, source, target, currency,"
                " mrr_before_minor, mrr_after_minor, actor) VALUES (1, 's', 'c', now(), 'settle', 'draft', 'active', 'eur', 0, 0, 'x')"
            )


@pytest.mark.parametrize(
    ("statement", "refused_by"),
    [
        ("UPDATE catalog.price SET model = '{}'", asyncpg.InsufficientPrivilegeError),
        ("DELETE FROM catalog.price", asyncpg.InsufficientPrivilegeError),
        ("UPDATE invoicing.credit_note SET reason = 'x'", asyncpg.InsufficientPrivilegeError),
        ("DELETE FROM usage.event", asyncpg.InsufficientPrivilegeError),
        ("UPDATE subscriptions.history SET reason = 'x'", asyncpg.InsufficientPrivilegeError),
    ],
)
async def test_what_must_not_change_cannot_be_changed(
    shared_database: Database, statement: str, refused_by: type[Exception]
) -> None:
    with pytest.raises(refused_by):
        async with shared_database.transaction(1) as tx:
            await tx.run(statement)


async def test_every_state_answers_what_it_allows() -> None:
    assert MACHINE.allowed("canceled") == ["dispute", "pay_late", "reactivate"]
    assert "T13" in MACHINE.to_mermaid()
