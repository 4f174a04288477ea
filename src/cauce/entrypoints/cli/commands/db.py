"""`cauce db`: the database's life: start, stop, status, migrate, backup, restore, upgrade."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from cauce.entrypoints.cli import output
from cauce.entrypoints.cli.session import current_settings, database_source
from cauce.kernel.errors import CauceError, Conflict, Unavailable
from cauce.settings import Settings
from cauce.storage.backup import back_up
from cauce.storage.backup import restore as restore_backup
from cauce.storage.embedded import EmbeddedServer, OwnedElsewhere, client_programs, status, stop_server
from cauce.storage.embedded import Status as EmbeddedStatus
from cauce.storage.embedded.layout import Layout
from cauce.storage.external import check_external, inspect_external
from cauce.storage.migrations import migrate as apply_migrations
from cauce.storage.migrations import pending
from cauce.storage.upgrade import upgrade as upgrade_embedded

app = typer.Typer(help="The database: start, stop, status, migrate, backup, restore, upgrade.")

START_COMMAND = "cauce db start"
_POLL_MILLISECONDS = 50


class NotEmbedded(Conflict):
    """CAUCE_DATABASE_URL names a PostgreSQL that Cauce does not run; start, stop and upgrade it by its own means."""

    code = "not_embedded"


@app.command()
def start(
    foreground: Annotated[bool, typer.Option("--foreground", help="Stay, and stop the server when this ends.")] = False,
) -> None:
    """Start the embedded server by itself and leave it running; `cauce up` starts it by itself too."""
    settings = _embedded_settings()
    found = status(settings.home)
    if found.ready and found.owner:
        _say_running(found)
    elif foreground:
        _stay(settings)
    else:
        _start_detached(settings)
        _say_running(status(settings.home))


@app.command()
def stop() -> None:
    """Stop the embedded server that `cauce db start` started, or one whose owner was killed."""
    settings = _embedded_settings()
    found = status(settings.home)
    if found.owner and found.owner.command != START_COMMAND:
        raise OwnedElsewhere(f"the database is owned by {found.owner}; stop that, and it stops the database")
    if found.owner:
        os.kill(found.owner.pid, signal.SIGTERM)
        while status(settings.home).pid is not None or status(settings.home).owner is not None:
            time.sleep(_POLL_MILLISECONDS / 1000)
    stopped = stop_server(settings.home) or found.pid is not None
    output.emit({"stopped": stopped}, "stopped" if stopped else "was not running")


@app.command("status")
def show_status() -> None:
    """Say whether the database runs and what it still needs; exit code 3 when it does not run."""
    settings = current_settings()
    if settings.database_url:
        _external_status(settings)
        return
    found = status(settings.home)
    data = _as_data(found)
    if not found.ready:
        output.emit(data, f"not running (data: {found.data if found.major else 'none yet'})")
        raise typer.Exit(3)
    with database_source(settings, "cauce db status") as source:
        data["migrations_pending"] = waiting = asyncio.run(pending(source.direct_dsn))
    _say_running(found, data, waiting)


@app.command()
def migrate() -> None:
    """Bring the tables up to date."""
    settings = current_settings()
    with database_source(settings, "cauce db migrate") as source:
        if source.embedded is None:
            asyncio.run(check_external(source.direct_dsn))
        applied = asyncio.run(apply_migrations(source.direct_dsn))
    output.emit({"applied": applied}, *(f"applied {name}" for name in applied), *([] if applied else ["up to date"]))


@app.command()
def backup(file: Annotated[Path, typer.Argument(help="The file to write; it must not exist.")]) -> None:
    """Write everything in the database into one file, while Cauce works."""
    settings = current_settings()
    with database_source(settings, "cauce db backup") as source:
        size_bytes = back_up(source.direct_dsn, file.absolute(), client_programs())
    output.emit({"file": file.absolute(), "size_bytes": size_bytes}, f"{file}: {size_bytes} bytes")
    output.note(f"The master key is not in it: keep a copy of {settings.home / 'master.key'} elsewhere.")


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="A file that `cauce db backup` wrote.")],
    replace: Annotated[bool, typer.Option("--replace", help="Put it in the place of the data that is there.")] = False,
) -> None:
    """Fill the database from a backup and bring the tables up to date."""
    settings = current_settings()
    with database_source(settings, "cauce db restore") as source:
        done = asyncio.run(restore_backup(source.direct_dsn, file.absolute(), client_programs(), replace=replace))
    output.emit({"restored": file.absolute(), "applied": done.migrations}, f"restored {file}")


@app.command()
def upgrade(
    programs: Annotated[
        Path | None, typer.Option("--programs", help="The bin folder of the old PostgreSQL, if its copy is gone.")
    ] = None,
) -> None:
    """Carry the embedded database's data over to the installed major version of PostgreSQL; the old data is kept."""
    settings = _embedded_settings()
    done = asyncio.run(upgrade_embedded(settings.home, account_name=settings.database_account, old_programs=programs))
    data = {"from": done.from_major, "to": done.to_major, "kept": done.kept}
    if done.kept is None:
        output.emit(
            data, f"nothing to do: the data is of PostgreSQL {done.to_major}" if done.from_major else "no data yet"
        )
    else:
        output.emit(
            data, f"upgraded from PostgreSQL {done.from_major} to {done.to_major}; the old data is in {done.kept}"
        )


def _embedded_settings() -> Settings:
    settings = current_settings()
    if settings.database_url:
        raise NotEmbedded
    return settings


def _stay(settings: Settings) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.default_int_handler)
    try:
        with EmbeddedServer.start(settings.home, account=settings.database_account, command=START_COMMAND) as server:
            output.note(f"PostgreSQL is ready (process {server.pid}); Ctrl-C stops it")
            while True:
                signal.pause()
    except KeyboardInterrupt:
        output.note("stopped")


def _start_detached(settings: Settings) -> None:
    layout = Layout(settings.home)
    layout.make()
    with layout.owner_log.open("wb") as said:
        child = subprocess.Popen(
            [sys.executable, "-m", "cauce.entrypoints.cli.main", "db", "start", "--foreground"],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            start_new_session=True,
        )
    while child.poll() is None:
        found = status(settings.home)
        if found.ready and found.owner and found.owner.pid == child.pid:
            return
        time.sleep(_POLL_MILLISECONDS / 1000)
    words = layout.owner_log.read_text(encoding="utf-8", errors="replace").strip().removeprefix("error: ")
    raise _DidNotStart(words or "the server ended at once")


class _DidNotStart(CauceError):
    """The process that should own the embedded server ended."""

    code = "database_owner_ended"


def _external_status(settings: Settings) -> None:
    found = asyncio.run(inspect_external(settings.database_direct_url or settings.database_url))
    waiting = [] if found.problems else asyncio.run(pending(settings.database_direct_url or settings.database_url))
    data = {"running": True, "embedded": False, "version": found.version, "problems": found.problems}
    lines = [f"PostgreSQL {found.version}, database {found.database_name}, user {found.user_name}"]
    output.emit(
        {**data, "migrations_pending": waiting}, *lines, *found.problems, *found.warnings, *_waiting_lines(waiting)
    )


def _as_data(found: EmbeddedStatus) -> dict[str, object]:
    owner = {"pid": found.owner.pid, "command": found.owner.command} if found.owner else None
    return {
        "running": found.ready,
        "embedded": True,
        "pid": found.pid,
        "owner": owner,
        "data": found.data,
        "major": found.major,
    }


def _say_running(found: EmbeddedStatus, data: dict[str, object] | None = None, waiting: Sequence[str] = ()) -> None:
    if not found.ready:
        raise Unavailable("the server ended just after it was ready")
    owner = f"owned by {found.owner}" if found.owner else "without an owner"
    lines = [f"PostgreSQL {found.major} runs (process {found.pid}), {owner}", f"data: {found.data}"]
    output.emit(data or _as_data(found), *lines, *_waiting_lines(waiting))


def _waiting_lines(waiting: Sequence[str]) -> list[str]:
    return [f"{len(waiting)} migrations wait: run `cauce db migrate`"] if waiting else []
