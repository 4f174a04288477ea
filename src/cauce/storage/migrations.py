"""The migration runner: one global series of SQL files, forward only, each applied once under a lock.

`migrations/NNNN_verb_noun.sql` run in order as the owner, each in its own transaction with a lock timeout, so a
busy table delays the migration and never the traffic behind it. The checksum of an applied file is kept; a file
that changed afterwards is an error, not a surprise.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from importlib import resources

import asyncpg

from cauce.kernel.errors import SetupError
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__, "migrations.sql")
_FILE_NAME = re.compile(r"^(\d{4})_[a-z]+(?:_[a-z0-9]+)+\.sql$")
_ADVISORY_LOCK = 0x43415543  # "CAUC"
_LOCK_TIMEOUT = "SET LOCAL lock_timeout = '10s'"


class MigrationChanged(SetupError):
    """A migration file differs from the one that was applied; restore it and write a new one instead."""

    code = "migration_changed"


class DatabaseAhead(SetupError):
    """The database was migrated by a newer Cauce; upgrade this installation."""

    code = "database_ahead"


@dataclass(frozen=True, slots=True)
class Migration:
    """One file of the series."""

    number: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the text."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def series() -> list[Migration]:
    """Every migration in order; numbers are consecutive from 1."""
    found = []
    for entry in resources.files("cauce.migrations").iterdir():
        match = _FILE_NAME.match(entry.name)
        if match:
            found.append(Migration(int(match[1]), entry.name, entry.read_text(encoding="utf-8")))
    found.sort(key=lambda migration: migration.number)
    numbers = [migration.number for migration in found]
    assert numbers == list(range(1, len(numbers) + 1)), f"migration numbers are not consecutive: {numbers}"
    return found


async def migrate(dsn: str) -> list[str]:
    """Apply what is missing, as the owner at `dsn`; the names of the files applied. Safe to run from many places at once."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(QUERIES.lock, _ADVISORY_LOCK)
        await connection.execute(QUERIES.create_log)
        applied = {row["number"]: row["checksum"] for row in await connection.fetch(QUERIES.applied)}
        todo = _check(series(), applied)
        for migration in todo:
            async with connection.transaction():
                await connection.execute(_LOCK_TIMEOUT)
                await connection.execute(migration.sql)
                await connection.execute(QUERIES.record, migration.number, migration.name, migration.checksum)
        return [migration.name for migration in todo]
    finally:
        await connection.close()


async def pending(dsn: str) -> list[str]:
    """The names of migrations that are not applied yet."""
    connection = await asyncpg.connect(dsn)
    try:
        if not await connection.fetchval(QUERIES.log_exists):
            return [migration.name for migration in series()]
        applied = {row["number"]: row["checksum"] for row in await connection.fetch(QUERIES.applied)}
        return [migration.name for migration in _check(series(), applied)]
    finally:
        await connection.close()


def _check(migrations: list[Migration], applied: dict[int, str]) -> list[Migration]:
    unknown = applied.keys() - {migration.number for migration in migrations}
    if unknown:
        raise DatabaseAhead(f"the database has migration {max(unknown)}, which this Cauce does not know")
    for migration in migrations:
        known = applied.get(migration.number)
        if known is not None and known != migration.checksum:
            raise MigrationChanged(f"{migration.name} differs from the file that was applied")
    return [migration for migration in migrations if migration.number not in applied]
