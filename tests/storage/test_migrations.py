"""The series of migrations: what is missing is applied whatever came after it; what is unknown or changed is refused."""

from __future__ import annotations

import asyncpg
import pytest

from cauce.storage.migrations import QUERIES, DatabaseAhead, MigrationChanged, migrate, pending, series
from tests.support.postgres import DatabaseServer


async def _owner_runs(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def test_one_that_a_database_lacks_is_still_to_come(dsn: str) -> None:
    assert await pending(dsn) == []
    lacking = series()[-2]
    await _owner_runs(dsn, f"DELETE FROM directory.migration WHERE number = {lacking.number}")
    assert await pending(dsn) == [lacking.name]


async def test_a_database_of_a_newer_cauce_is_refused(dsn: str) -> None:
    await _owner_runs(dsn, "INSERT INTO directory.migration VALUES (9999, '9999_come_later.sql', 'x')")
    with pytest.raises(DatabaseAhead, match="9999"):
        await pending(dsn)


async def test_a_file_that_changed_after_it_was_applied_is_refused(dsn: str) -> None:
    await _owner_runs(dsn, "UPDATE directory.migration SET checksum = 'another' WHERE number = 3")
    with pytest.raises(MigrationChanged, match="0003"):
        await pending(dsn)


async def test_events_that_were_to_be_relayed_still_are_after_the_upgrade(database_server: DatabaseServer) -> None:
    (place,) = (n for n, one in enumerate(series()) if one.name.endswith("_list_unrelayed_events.sql"))
    async with database_server.temporary_database() as dsn:
        connection = await asyncpg.connect(dsn)
        try:
            await connection.execute(QUERIES.create_log)
            for one in series()[:place]:
                await connection.execute(one.sql)
                await connection.execute(QUERIES.record, one.number, one.name, one.checksum)
            await connection.execute(
                "INSERT INTO storage.event (org_id, public_id, type, object_id, sequence, data, actor, occurred_at, relayed_at)"
                " SELECT 7, 'evt_' || n, 'customer.created', 'cus_' || n, 1, '{}', 'system', now(), CASE WHEN n % 2 = 0 THEN now() END"
                "   FROM generate_series(1, 5) n"
            )
            assert await migrate(dsn) == [one.name for one in series()[place:]]
            left = await connection.fetch(
                "SELECT e.public_id FROM storage.unrelayed u JOIN storage.event e ON e.org_id = u.org_id AND e.id = u.event_id ORDER BY 1"
            )
        finally:
            await connection.close()
    assert [row["public_id"] for row in left] == ["evt_1", "evt_3", "evt_5"]
