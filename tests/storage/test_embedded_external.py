"""A PostgreSQL of somebody else's: what is checked before Cauce works on it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from cauce.kernel.errors import SetupError, Unavailable
from cauce.storage.backup import DatabaseInUse, back_up, database_name, restore, with_database
from cauce.storage.database import Database
from cauce.storage.embedded import EmbeddedServer, client_programs
from cauce.storage.external import DatabaseUnsuitable, check_external, inspect_external
from cauce.storage.migrations import migrate, pending, series
from cauce.storage.source import open_source
from tests.support.embedded import temporary_home
from tests.support.postgres import DatabaseServer

MAKE_ROLES = """
DO $$ BEGIN CREATE ROLE cauce_app; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
DO $$ BEGIN CREATE ROLE cauce_ledger; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
DO $$ BEGIN CREATE ROLE cauce_scheduler; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
GRANT cauce_app, cauce_ledger, cauce_scheduler TO {user};
"""


@pytest.fixture
async def empty_dsn(database_server: DatabaseServer) -> AsyncIterator[str]:
    async with database_server.temporary_database() as url:
        yield url


@pytest.fixture
async def clerk_dsn(empty_dsn: str) -> AsyncIterator[str]:
    """The same database as a user who may do nothing."""
    name = f"clerk_{database_name(empty_dsn)}"
    connection = await asyncpg.connect(empty_dsn)
    await connection.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'clerk'")
    await connection.close()
    yield _as(empty_dsn, name)
    connection = await asyncpg.connect(with_database(empty_dsn, "postgres"))
    await connection.execute(f'ALTER DATABASE "{database_name(empty_dsn)}" OWNER TO CURRENT_USER')
    await connection.close()
    connection = await asyncpg.connect(empty_dsn)
    await connection.execute(f"DROP OWNED BY {name} CASCADE; DROP ROLE {name}")
    await connection.close()


def _as(dsn: str, name: str) -> str:
    scheme, rest = dsn.split("//", 1)
    return f"{scheme}//{name}:clerk@{rest.split('@', 1)[1]}"


async def test_a_suitable_database_has_no_problem(empty_dsn: str) -> None:
    found = await check_external(empty_dsn)
    assert found.problems == ()
    assert found.warnings == ()


async def test_a_user_without_rights_is_told_each_statement_that_helps(clerk_dsn: str, empty_dsn: str) -> None:
    administrator = await asyncpg.connect(empty_dsn)
    found = await inspect_external(clerk_dsn)
    assert any("GRANT CREATE ON DATABASE" in problem for problem in found.problems)
    assert any("BYPASSRLS" in warning for warning in found.warnings)
    with pytest.raises(DatabaseUnsuitable):
        await check_external(clerk_dsn)
    await administrator.execute(f'GRANT CREATE ON DATABASE "{database_name(empty_dsn)}" TO "{found.user_name}"')
    assert any("CREATEROLE" in problem or "may not act as" in problem for problem in found.problems)
    await administrator.execute(MAKE_ROLES.format(user=found.user_name))
    await administrator.close()
    assert (await check_external(clerk_dsn)).problems == ()
    assert len(await migrate(clerk_dsn)) == len(series())
    database = await Database.connect(clerk_dsn)
    async with database.transaction() as tx:
        assert await tx.value("SELECT current_user") == "cauce_app"
    await database.close()


async def test_the_owner_of_a_database_without_power_over_the_server_backs_up_and_restores(
    clerk_dsn: str, empty_dsn: str, tmp_path: Path
) -> None:
    name, clerk = database_name(empty_dsn), f"clerk_{database_name(empty_dsn)}"
    administrator = await asyncpg.connect(empty_dsn)
    await administrator.execute(MAKE_ROLES.format(user=clerk))
    await administrator.execute(f"ALTER ROLE {clerk} CREATEDB BYPASSRLS; ALTER DATABASE {name} OWNER TO {clerk}")
    await migrate(clerk_dsn)
    back_up(clerk_dsn, tmp_path / "backup", client_programs())
    with pytest.raises(DatabaseInUse):
        await restore(clerk_dsn, tmp_path / "backup", client_programs(), replace=True)
    await administrator.close()
    await restore(clerk_dsn, tmp_path / "backup", client_programs(), replace=True)
    assert await pending(clerk_dsn) == []
    again = await asyncpg.connect(clerk_dsn)
    owner = await again.fetchval("SELECT proowner::regrole::text FROM pg_proc WHERE oid = 'ledger.post'::regproc")
    assert owner == "cauce_ledger"
    await again.close()


async def test_a_database_in_another_encoding_is_refused(database_server: DatabaseServer) -> None:
    name = database_server.fresh_name("latin")
    administrator = await asyncpg.connect(database_server.dsn())
    await administrator.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
    await administrator.close()
    with pytest.raises(DatabaseUnsuitable, match="UTF8"):
        await check_external(database_server.dsn(name))
    await database_server.drop_database(name)


async def test_a_server_that_does_not_answer_is_unavailable_not_a_defect() -> None:
    with pytest.raises(Unavailable, match="does not answer"):
        await check_external("postgresql://cauce:secret@127.0.0.1:9/cauce")


async def test_a_missing_database_and_a_wrong_password_are_told_apart(database_server: DatabaseServer) -> None:
    with pytest.raises(SetupError, match="no such database"):
        await check_external(database_server.dsn("no_such_database"))
    with temporary_home() as home, EmbeddedServer.start(home) as server:
        assert (await check_external(server.dsn)).problems == ()
        with pytest.raises(SetupError, match="user or password"):
            await check_external(_as(server.dsn, "cauce"))
        assert with_database(server.dsn, "other").split("?")[0].endswith("/other")


async def test_a_url_is_used_as_it_is_and_nothing_is_started() -> None:
    with temporary_home() as home, open_source(home, url="postgresql://somewhere/else") as source:
        assert (source.dsn, source.direct_dsn, source.embedded) == (*["postgresql://somewhere/else"] * 2, None)
        assert list(home.iterdir()) == []
