"""A PostgreSQL that somebody else runs, named by `CAUCE_DATABASE_URL`: is it one that Cauce can work on?

Cauce needs version 15, a database in UTF-8 that its user may make schemas in, and three roles without login that
its migrations make, or find made by an administrator.
"""

from __future__ import annotations

from dataclasses import dataclass

import asyncpg

from cauce.kernel.errors import SetupError, Unavailable
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__, "external.sql")

VERSION_MIN = 15
ROLES = ("cauce_app", "cauce_ledger", "cauce_scheduler")
"""Made by the first migration; an administrator may make them first and grant them to Cauce's user."""

_CONNECT_TIMEOUT_SECONDS = 10


class DatabaseTooOld(SetupError):
    """This PostgreSQL is older than Cauce supports."""

    code = "database_too_old"


class DatabaseUnsuitable(SetupError):
    """The database or its user lacks something that Cauce needs."""

    code = "database_unsuitable"


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was found: `problems` stop Cauce, `warnings` do not. Each is a sentence that says what to do."""

    version: str
    database_name: str
    user_name: str
    problems: tuple[str, ...]
    warnings: tuple[str, ...]
    too_old: bool
    roles_missing: tuple[str, ...]


async def inspect_external(dsn: str) -> Inspection:
    """Look at the database at `dsn`; `Unavailable` when it does not answer, `SetupError` when it refuses us."""
    connection = await connect(dsn)
    try:
        row = await connection.fetchrow(QUERIES.inspect, list(ROLES))
    finally:
        await connection.close()
    assert row is not None
    return _judge(row)


async def check_external(dsn: str) -> Inspection:
    """`inspect_external`, raising `DatabaseTooOld` or `DatabaseUnsuitable` with every problem in one message."""
    found = await inspect_external(dsn)
    if found.too_old:
        raise DatabaseTooOld(found.problems[0])
    if found.problems:
        raise DatabaseUnsuitable(" ".join(found.problems))
    return found


async def connect(dsn: str) -> asyncpg.Connection:
    """A connection, or a refusal in words that a reader of settings understands."""
    try:
        return await asyncpg.connect(dsn, timeout=_CONNECT_TIMEOUT_SECONDS)
    except asyncpg.InvalidCatalogNameError as exc:
        raise SetupError(
            f"PostgreSQL answers, but has no such database: {exc}. Make it, or correct CAUCE_DATABASE_URL."
        ) from exc
    except asyncpg.InvalidAuthorizationSpecificationError as exc:
        raise SetupError(f"PostgreSQL refuses the user or password: {exc}. Correct CAUCE_DATABASE_URL.") from exc
    except (OSError, TimeoutError, asyncpg.CannotConnectNowError, asyncpg.TooManyConnectionsError) as exc:
        raise Unavailable(f"PostgreSQL does not answer: {exc or type(exc).__name__}") from exc


def _judge(row: asyncpg.Record) -> Inspection:
    user, database = row["user_name"], row["database_name"]
    problems = []
    too_old = row["version_number"] < VERSION_MIN * 10_000
    if too_old:
        problems.append(f"PostgreSQL {row['version']} is too old: Cauce needs {VERSION_MIN} or newer.")
    if row["encoding"] != "UTF8":
        problems.append(f"Database {database} is encoded in {row['encoding']}; make it with ENCODING 'UTF8'.")
    if row["is_replica"]:
        problems.append("This server is a read-only replica; name the primary.")
    if not row["may_create_schemas"]:
        problems.append(f'User {user} may not make schemas; run: GRANT CREATE ON DATABASE "{database}" TO "{user}".')
    if row["roles_absent"] and not row["may_create_roles"]:
        missing = ", ".join(row["roles_absent"])
        problems.append(
            f'User {user} may not make roles; run: ALTER ROLE "{user}" CREATEROLE, or make the roles {missing} '
            f'(CREATE ROLE … NOLOGIN) and grant them: GRANT {missing} TO "{user}".'
        )
    if row["roles_refused"]:
        refused = ", ".join(row["roles_refused"])
        problems.append(f'User {user} may not act as {refused}, made by another; run: GRANT {refused} TO "{user}".')
    warnings = []
    if not row["may_bypass_policies"]:
        warnings.append(
            f"User {user} cannot dump tables with row-level security, so `cauce db backup` will not work: use the backups "
            f'of whoever runs the server, or run: ALTER ROLE "{user}" BYPASSRLS.'
        )
    return Inspection(
        row["version"],
        database,
        user,
        tuple(problems),
        tuple(warnings),
        too_old,
        (*row["roles_absent"], *row["roles_not_ours"]),
    )
