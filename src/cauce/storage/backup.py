"""Backup into one file and restore from it, with PostgreSQL's own programs.

The file is pg_dump's custom format: `pg_restore` reads it without Cauce. It holds every row and no master key, so
what is sealed in it stays sealed; the key needs a copy of its own, kept elsewhere. A restore is made into a new
database that takes the place of the old one only when it is whole.
"""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import parse_qs, unquote, urlsplit, urlunsplit

import asyncpg

from cauce.kernel.errors import Conflict, SetupError
from cauce.storage.embedded.programs import ProgramFailed, Programs, clean_environment
from cauce.storage.external import ROLES, check_external, connect
from cauce.storage.migrations import migrate, pending
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__, "backup.sql")

_HEADER = b"PGDMP"
_CHUNK_BYTES = 1 << 20
_PREAMBLE_LINES = 16
# pg_restore 17 and newer write this even for servers that do not know the setting.
_UNKNOWN_TO_OLD_SERVERS = re.compile(r"^SET transaction_timeout = .*\n", re.MULTILINE)
_OWNER = re.compile(r'^(ALTER [A-Z ]+ ("?\w+"?)\b.* OWNER TO )"?([^"\n]+?)"?;$', re.MULTILINE)


class BackupFailed(SetupError):
    """The backup could not be made."""

    code = "backup_failed"


class NotABackup(SetupError):
    """The file is not a backup made by `cauce db backup` or `pg_dump --format=custom`."""

    code = "not_a_backup"


class DatabaseNotEmpty(Conflict):
    """The database holds data; a restore would replace it."""

    code = "database_not_empty"


class DatabaseInUse(Conflict):
    """Somebody is connected to the database."""

    code = "database_in_use"


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore did: the migrations that brought an older backup up to date."""

    migrations: tuple[str, ...]


def back_up(dsn: str, file: Path, programs: Programs) -> int:
    """Write a consistent backup of the database at `dsn` into `file` while it works; the bytes written.

    An existing file is never overwritten. The file is readable by its owner alone.
    """
    if file.exists():
        raise BackupFailed(f"{file} exists; name another file")
    half = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        os.close(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        programs.run("pg_dump", "--format=custom", f"--file={half}", environ=client_environment(dsn))
        with half.open("rb+") as written:
            os.fsync(written.fileno())
        os.link(half, file)  # unlike a rename, this refuses to replace a file
        return file.stat().st_size
    except ProgramFailed as exc:
        raise BackupFailed(exc.message) from exc
    except OSError as exc:
        raise BackupFailed(f"{file} cannot be written: {exc.strerror}") from exc
    finally:
        half.unlink(missing_ok=True)


async def restore(dsn: str, file: Path, programs: Programs, *, replace: bool = False) -> Restored:
    """Fill the database at `dsn` from `file`, then apply newer migrations.

    Data that is there already is replaced only with `replace`, and only when nobody else is connected.
    """
    _check_header(file)
    connection = await connect(dsn)
    try:
        holds_cauce = bool(await connection.fetchval(QUERIES.holds_cauce))
        is_empty = bool(await connection.fetchval(QUERIES.is_empty))
    finally:
        await connection.close()
    if not is_empty and not (replace and holds_cauce):
        hint = (
            "say --replace to put the backup in its place"
            if holds_cauce
            else "it is not Cauce's; name another database"
        )
        raise DatabaseNotEmpty(f"database {database_name(dsn)} holds data: {hint}")
    if is_empty:
        await _fill(dsn, file, programs)
    else:
        await _fill_and_swap(dsn, file, programs)
    return Restored(tuple(await migrate(dsn)))


async def _fill_and_swap(dsn: str, file: Path, programs: Programs) -> None:
    name = database_name(dsn)
    fresh, old = f"{name}_restore_{secrets.token_hex(4)}", f"{name}_replaced_{secrets.token_hex(4)}"
    administration = await connect(with_database(dsn, "postgres"))
    try:
        if await administration.fetchval(QUERIES.others_connected, name):
            raise DatabaseInUse(f"somebody is connected to database {name}: stop Cauce, then restore")
        await _administer(administration, QUERIES.create_database, fresh)
        try:
            await _fill(with_database(dsn, fresh), file, programs)
            await pending(with_database(dsn, fresh))  # raises when a newer Cauce made the backup
            await _administer(administration, QUERIES.rename_database, name, old)
            await _administer(administration, QUERIES.rename_database, fresh, name)
        except BaseException:
            await _administer(administration, QUERIES.drop_database, fresh)
            raise
        await _administer(administration, QUERIES.drop_database, old)
    except asyncpg.ObjectInUseError as exc:
        raise DatabaseInUse(f"somebody connected to database {name} meanwhile: stop Cauce, then restore") from exc
    finally:
        await administration.close()


async def _fill(dsn: str, file: Path, programs: Programs) -> None:
    found = await check_external(dsn)
    if found.roles_missing:
        await _make_roles(dsn)
    await asyncio.to_thread(_pour, client_environment(dsn), file, programs, found.user_name)


def _pour(environ: dict[str, str], file: Path, programs: Programs, user_name: str) -> None:
    """Read the file as SQL and run it in one transaction."""
    definitions = programs.run("pg_restore", "--section=pre-data", "--file=-", str(file))
    with subprocess.Popen(  # noqa: S603 - our own program, no shell
        [programs.path("psql"), "--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=clean_environment({**environ, "PGOPTIONS": "-c client_min_messages=warning"}),
        cwd="/",
    ) as writer:
        assert writer.stdin and writer.stderr
        try:
            writer.stdin.write(_owned_by(definitions, user_name).encode())
            _pass_on(programs, file, "data", writer.stdin)
            _pass_on(programs, file, "post-data", writer.stdin)
            writer.stdin.close()
        except BrokenPipeError:
            writer.stdin = None  # psql stopped at an error and says which
        except BaseException:
            writer.kill()  # without the end of its input psql does not commit
            raise
        said = writer.stderr.read().decode(errors="replace").strip()
    if writer.returncode:
        raise NotABackup(f"{file} could not be restored, and nothing was changed: {said[-2000:]}")


def _owned_by(definitions: str, user_name: str) -> str:
    """The definitions with `user_name` in place of the user who made the backup; Cauce's own roles keep theirs."""
    quoted = '"' + user_name.replace('"', '""') + '"'

    def owner(match: re.Match[str]) -> str:
        statement, schema, role = match[1], match[2], match[3]
        if role not in ROLES:
            return f"{statement}{quoted};"
        # Without a superuser, the new owner must for a moment be allowed to make things in the schema.
        return QUERIES.give_to_role.format(schema=schema, role=role, statement=match[0])

    return _UNKNOWN_TO_OLD_SERVERS.sub("", _OWNER.sub(owner, definitions))


def _pass_on(programs: Programs, file: Path, section: str, target: IO[bytes]) -> None:
    with subprocess.Popen(  # noqa: S603 - our own program, no shell
        [programs.path("pg_restore"), f"--section={section}", "--no-owner", "--file=-", str(file)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=clean_environment(),
        cwd="/",
    ) as reader:
        assert reader.stdout and reader.stderr
        for _ in range(_PREAMBLE_LINES):
            target.write(_UNKNOWN_TO_OLD_SERVERS.sub("", reader.stdout.readline().decode()).encode())
        shutil.copyfileobj(reader.stdout, target, _CHUNK_BYTES)
        said = reader.stderr.read().decode(errors="replace").strip()
    if reader.returncode:
        raise NotABackup(f"{file} cannot be read to its end: {said[-2000:]}")


async def _make_roles(dsn: str) -> None:
    """Make the roles that the dump grants to: they belong to the server and are not in the file.

    The migrations make them, so a scratch database is migrated and dropped.
    """
    scratch = f"{database_name(dsn)}_roles_{secrets.token_hex(4)}"
    administration = await connect(with_database(dsn, "postgres"))
    try:
        await _administer(administration, QUERIES.create_database, scratch)
        try:
            await migrate(with_database(dsn, scratch))
        finally:
            await _administer(administration, QUERIES.drop_database, scratch)
    except asyncpg.InsufficientPrivilegeError as exc:
        raise SetupError(f"the roles {', '.join(ROLES)} are missing and this user may not make them: {exc}") from exc
    finally:
        await administration.close()


async def _administer(connection: asyncpg.Connection, query: str, *names: str) -> None:
    await connection.execute(await connection.fetchval(query, *names))


def _check_header(file: Path) -> None:
    try:
        with file.open("rb") as opened:
            found = opened.read(len(_HEADER))
    except OSError as exc:
        raise NotABackup(f"{file} cannot be read: {exc.strerror}") from exc
    if found != _HEADER:
        raise NotABackup(f"{file} is not a backup made by `cauce db backup`")


def database_name(dsn: str) -> str:
    """The database that a URL names."""
    return unquote(urlsplit(dsn).path.strip("/"))


def with_database(dsn: str, name: str) -> str:
    """The same URL with another database."""
    parts = urlsplit(dsn)
    return urlunsplit((parts.scheme, parts.netloc, f"/{name}", parts.query, ""))


def client_environment(dsn: str) -> dict[str, str]:
    """The variables for PostgreSQL's programs: a password on a command line could be read by everybody."""
    parts = urlsplit(dsn)
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    found = {
        "PGHOST": query.get("host") or parts.hostname or "",
        "PGPORT": query.get("port") or str(parts.port or ""),
        "PGUSER": unquote(parts.username or "") or query.get("user", ""),
        "PGPASSWORD": unquote(parts.password or "") or query.get("password", ""),
        "PGDATABASE": database_name(dsn),
        "PGSSLMODE": query.get("sslmode", ""),
        "PGSSLROOTCERT": query.get("sslrootcert", ""),
    }
    return {name: value for name, value in found.items() if value}
