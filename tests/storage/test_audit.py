"""The audit trail: complete, paged, and not to be changed by anybody."""

from __future__ import annotations

from datetime import UTC, datetime

import asyncpg
import pytest

from cauce.storage import audit
from cauce.storage.audit import SYSTEM, Actor
from cauce.storage.database import Database
from cauce.storage.directory.orgs import Org

CLERK = Actor("person:person_1", "203.0.113.9", "req_1")


async def test_a_line_says_who_did_what_from_where_and_what_changed(database: Database, org: Org) -> None:
    async with database.transaction(org.id) as tx:
        await audit.record(
            tx,
            CLERK,
            "payout.approved",
            "po_1",
            before={"state": "requested"},
            after={"at": datetime(2030, 1, 1, tzinfo=UTC)},
        )
        (row,) = await audit.page(tx)
    assert (row["actor"], row["address"], row["request_id"]) == ("person:person_1", "203.0.113.9", "req_1")
    assert (row["action"], row["object_id"], row["refused"]) == ("payout.approved", "po_1", False)
    assert (row["before"], row["after"]) == ({"state": "requested"}, {"at": "2030-01-01T00:00:00Z"})


async def test_it_is_written_with_its_effect_or_not_at_all(database: Database, org: Org) -> None:
    with pytest.raises(ZeroDivisionError):
        async with database.transaction(org.id) as tx:
            await audit.record(tx, SYSTEM, "thing.made", "thing_1")
            raise ZeroDivisionError
    async with database.transaction(org.id) as tx:
        assert await audit.page(tx) == []


@pytest.mark.parametrize(
    "statement", ["UPDATE storage.audit SET actor = 'nobody'", "DELETE FROM storage.audit", "TRUNCATE storage.audit"]
)
async def test_nobody_changes_it_neither_the_application_nor_the_owner(
    database: Database, dsn: str, org: Org, statement: str
) -> None:
    async with database.transaction(org.id) as tx:
        await audit.record(tx, CLERK, "thing.made", "thing_1", refused=True)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with database.transaction(org.id) as tx:
            await tx.run(statement)
    owner = await asyncpg.connect(dsn)
    with pytest.raises(asyncpg.IntegrityConstraintViolationError):
        await owner.execute(statement)
    await owner.close()


async def test_pages_go_back_from_the_newest_and_may_ask_for_one_object(database: Database, org: Org) -> None:
    async with database.transaction(org.id) as tx:
        for n in range(6):
            await audit.record(tx, SYSTEM, "thing.changed", f"thing_{n % 2}", after={"n": n})
        newest = await audit.page(tx, rows_max=2)
        older = await audit.page(tx, before=newest[-1]["id"], rows_max=2)
        of_one = await audit.page(tx, object_id="thing_1")
    assert [row["after"]["n"] for row in newest + older] == [5, 4, 3, 2]
    assert [row["after"]["n"] for row in of_one] == [5, 3, 1]
