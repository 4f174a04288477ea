"""The fixtures themselves: fresh databases are migrated, separate, and seen through the application's role."""

from __future__ import annotations

import asyncpg

from cauce.storage.database import Database
from cauce.storage.migrations import pending
from tests.support.postgres import DatabaseServer


async def test_a_fresh_database_is_migrated_and_works_as_the_application_role(database: Database, dsn: str) -> None:
    assert await pending(dsn) == []
    async with database.transaction(1) as tx:
        assert await tx.value("SELECT current_user") == "cauce_app"
        assert await tx.value("SELECT storage.orgs()") == [1]


async def test_two_databases_do_not_see_each_other(
    database: Database, shared_database: Database, database_server: DatabaseServer
) -> None:
    async with database.transaction() as tx:
        mine = await tx.value("SELECT current_database()")
    async with shared_database.transaction() as tx:
        theirs = await tx.value("SELECT current_database()")
    assert mine != theirs


async def test_a_temporary_database_is_gone_after_the_block(database_server: DatabaseServer) -> None:
    async with database_server.temporary_database() as url:
        connection = await asyncpg.connect(url)
        assert await connection.fetchval("SELECT 1") == 1
        await connection.close()
    try:
        await asyncpg.connect(url)
    except asyncpg.InvalidCatalogNameError:
        return
    raise AssertionError("the database is still there")
