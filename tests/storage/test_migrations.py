"""The series of migrations: what is missing is applied whatever came after it; what is unknown or changed is refused."""

from __future__ import annotations

import asyncpg
import pytest

from cauce.storage.migrations import DatabaseAhead, MigrationChanged, pending, series


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
