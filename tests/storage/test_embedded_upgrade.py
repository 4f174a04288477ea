"""Backup, restore and the way to a new major version, on real servers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest

from cauce.kernel.errors import SetupError
from cauce.storage.backup import (
    BackupFailed,
    DatabaseInUse,
    DatabaseNotEmpty,
    NotABackup,
    back_up,
    restore,
    with_database,
)
from cauce.storage.embedded import EmbeddedServer, WrongMajorVersion
from cauce.storage.embedded.account import choose_account
from cauce.storage.embedded.cluster import make_cluster, write_configuration
from cauce.storage.embedded.layout import Layout
from cauce.storage.embedded.programs import Programs, install_programs, programs_at
from cauce.storage.migrations import migrate, pending
from cauce.storage.upgrade import OldProgramsMissing, _running, upgrade
from tests.support.embedded import server_pids, temporary_home
from tests.support.postgres import DatabaseServer

OLD = Path("/usr/lib/postgresql/15/bin")
needs_postgresql_15 = pytest.mark.skipif(
    not OLD.exists(), reason="needs PostgreSQL 15's programs in /usr/lib/postgresql/15"
)


@pytest.fixture(scope="module")
def programs() -> Iterator[Programs]:
    with temporary_home() as folder:
        yield install_programs(folder, choose_account(folder / "none"))


@pytest.fixture
async def other_dsn(database_server: DatabaseServer) -> AsyncIterator[str]:
    """A database without anything in it."""
    async with database_server.temporary_database() as url:
        yield url


async def write_org(dsn: str, name: str) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute("INSERT INTO directory.org (public_id, name, mode) VALUES ($1, $1, 'sandbox')", name)
    await connection.close()


async def org_names(dsn: str) -> list[str]:
    connection = await asyncpg.connect(dsn)
    found = [row["name"] for row in await connection.fetch("SELECT name FROM directory.org ORDER BY name")]
    await connection.close()
    return found


async def owners_and_grants(dsn: str) -> list[tuple[str, str, str]]:
    """What decides who may do what: the owner and the grants of every table and function."""
    connection = await asyncpg.connect(dsn)
    rows = await connection.fetch(
        "SELECT oid::regclass::text AS name, relowner::regrole::text AS owner, relacl::text AS grants FROM pg_class "
        "WHERE relnamespace::regnamespace::text !~ '^(pg_|information)' AND relkind IN ('r', 'S', 'v') UNION ALL "
        "SELECT oid::regprocedure::text, proowner::regrole::text, proacl::text FROM pg_proc "
        "WHERE pronamespace::regnamespace::text !~ '^(pg_|information)' ORDER BY 1"
    )
    await connection.close()
    return [(row["name"], row["owner"], row["grants"]) for row in rows]


async def test_a_backup_restores_rows_owners_and_grants(
    dsn: str, other_dsn: str, programs: Programs, tmp_path: Path
) -> None:
    await write_org(dsn, "kept")
    file = tmp_path / "cauce.backup"
    assert back_up(dsn, file, programs) == file.stat().st_size
    assert file.stat().st_mode & 0o777 == 0o600
    await restore(other_dsn, file, programs)
    assert await org_names(other_dsn) == ["kept"]
    assert await pending(other_dsn) == []
    assert await owners_and_grants(other_dsn) == await owners_and_grants(dsn)


async def test_a_restore_over_data_needs_to_be_asked_for(dsn: str, programs: Programs, tmp_path: Path) -> None:
    await write_org(dsn, "old")
    file = tmp_path / "cauce.backup"
    back_up(dsn, file, programs)
    await write_org(dsn, "newer")
    with pytest.raises(DatabaseNotEmpty, match="--replace"):
        await restore(dsn, file, programs)
    assert await org_names(dsn) == ["newer", "old"]
    await restore(dsn, file, programs, replace=True)
    assert await org_names(dsn) == ["old"]


async def test_a_database_in_use_is_not_replaced(dsn: str, programs: Programs, tmp_path: Path) -> None:
    file = tmp_path / "cauce.backup"
    back_up(dsn, file, programs)
    await write_org(dsn, "working")
    somebody = await asyncpg.connect(dsn)
    with pytest.raises(DatabaseInUse, match="stop Cauce"):
        await restore(dsn, file, programs, replace=True)
    await somebody.close()
    assert await org_names(dsn) == ["working"]


async def test_a_broken_backup_changes_nothing(dsn: str, programs: Programs, tmp_path: Path) -> None:
    whole, torn, text = tmp_path / "whole", tmp_path / "torn", tmp_path / "text"
    await write_org(dsn, "safe")
    back_up(dsn, whole, programs)
    torn.write_bytes(whole.read_bytes()[: whole.stat().st_size * 2 // 3])
    text.write_text("hello")
    for file in (torn, text):
        with pytest.raises((NotABackup, SetupError)):
            await restore(dsn, file, programs, replace=True)
    assert await org_names(dsn) == ["safe"]
    administration = await asyncpg.connect(with_database(dsn, "postgres"))
    left = await administration.fetchval(
        "SELECT count(*) FROM pg_database WHERE datname ~ '_(restore|replaced|roles)_'"
    )
    await administration.close()
    assert left == 0


async def test_a_backup_never_overwrites_a_file(dsn: str, programs: Programs, tmp_path: Path) -> None:
    file = tmp_path / "cauce.backup"
    file.write_text("precious")
    with pytest.raises(BackupFailed, match="exists"):
        back_up(dsn, file, programs)
    assert file.read_text() == "precious"
    with pytest.raises(BackupFailed, match="cannot be written"):
        back_up(dsn, tmp_path / "no such folder" / "file", programs)


async def test_a_database_of_somebody_else_is_not_replaced(
    other_dsn: str, dsn: str, programs: Programs, tmp_path: Path
) -> None:
    file = tmp_path / "cauce.backup"
    back_up(dsn, file, programs)
    connection = await asyncpg.connect(other_dsn)
    await connection.execute("CREATE TABLE diary (page text)")
    await connection.close()
    with pytest.raises(DatabaseNotEmpty, match="not Cauce's"):
        await restore(other_dsn, file, programs, replace=True)


@needs_postgresql_15
async def test_data_of_postgresql_15_is_carried_over_and_the_old_data_kept() -> None:
    with temporary_home() as home:
        await make_old_home(home)
        with pytest.raises(WrongMajorVersion):
            EmbeddedServer.start(home)
        with pytest.raises(OldProgramsMissing, match="--programs"):
            await upgrade(home)
        done = await upgrade(home, old_programs=OLD)
        assert (done.from_major, done.to_major) == (15, 18)
        assert done.kept is not None
        assert (done.kept / "PG_VERSION").read_text() == "15\n"
        assert server_pids(home) == []
        with EmbeddedServer.start(home) as server:
            assert await org_names(server.dsn) == ["from fifteen"]
            assert await pending(server.dsn) == []
        assert (await upgrade(home)).kept is None


async def make_old_home(home: Path) -> None:
    layout = Layout(home)
    layout.make()
    account = choose_account(layout.data)
    old = programs_at(OLD, account)
    make_cluster(layout, layout.data, old, account)
    write_configuration(layout.data, account)
    with _running(layout, layout.data, old, account) as dsn:
        await migrate(dsn)
        await write_org(dsn, "from fifteen")
