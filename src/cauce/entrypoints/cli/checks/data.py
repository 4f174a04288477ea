"""Where data is: the home folder, the master key, the database."""

from __future__ import annotations

import asyncio
import secrets
import shutil
from pathlib import Path

import cauce.storage.embedded as embedded
from cauce.entrypoints.cli.checks.finding import Finding, ok, problem, warning
from cauce.kernel.errors import CauceError, Unavailable
from cauce.settings import Settings
from cauce.settings.masterkey import FILE_NAME, read_master_keys
from cauce.storage.embedded.account import choose_account
from cauce.storage.embedded.layout import Layout
from cauce.storage.external import inspect_external
from cauce.storage.migrations import pending

FREE_MIN_BYTES = 256 * 1024 * 1024
FREE_COMFORTABLE_BYTES = 2 * 1024 * 1024 * 1024
_MIB = 1024 * 1024


def check_home(settings: Settings) -> list[Finding]:
    """Whether the home folder can be written, and how much space is left."""
    place = _nearest_existing(settings.home)
    probe = place / f".cauce-doctor-{secrets.token_hex(4)}"
    try:
        probe.write_bytes(b"x" * 4096)
    except OSError as exc:
        advice = "Set CAUCE_HOME to a folder that you may write to, or start Cauce as the user who owns it."
        if exc.errno == 28:
            advice = "Free some space, or set CAUCE_HOME to a folder on another disk."
        return [problem("home", f"{place} cannot be written: {exc.strerror}", advice)]
    finally:
        _remove(probe)
    return [ok("home", f"{settings.home} can be written"), _check_space(place)]


def _check_space(place: Path) -> Finding:
    free_bytes = shutil.disk_usage(place).free
    found = f"{free_bytes // _MIB} MiB free for {place}"
    if free_bytes < FREE_MIN_BYTES:
        return problem(
            "disk", found, "The disk is full: free some space, or set CAUCE_HOME to a folder on another disk."
        )
    if free_bytes < FREE_COMFORTABLE_BYTES:
        return warning("disk", found, "Free some space soon: PostgreSQL stops when the disk is full.")
    return ok("disk", found)


def _remove(probe: Path) -> None:
    try:
        probe.unlink(missing_ok=True)
    except OSError:
        return  # the write has failed for the same reason and is what is told


def _nearest_existing(path: Path) -> Path:
    return next(folder for folder in (path, *path.parents) if folder.is_dir())


def check_master_key(settings: Settings) -> list[Finding]:
    """Whether the master key is there and private."""
    try:
        if not settings.master_key and not (settings.home / FILE_NAME).exists():
            return [ok("master key", "will be made on first use")]
        known = settings.master_key or read_master_keys(settings.home / FILE_NAME)
    except CauceError as exc:
        return [problem("master key", exc.message, "Without the right key, stored credentials do not open.")]
    return [ok("master key", f"there, {len(known)} in use")]


def check_database(settings: Settings) -> list[Finding]:
    """Whether the database is there, suitable and up to date."""
    if settings.database_url:
        return _check_url(settings.database_direct_url or settings.database_url)
    try:
        return _check_embedded(settings)
    except CauceError as exc:
        return [problem("database", exc.message, "See above.")]
    except OSError as exc:
        advice = f"Run the doctor as the user that runs Cauce; {exc.filename} belongs to another."
        return [problem("database", f"its files cannot be read: {exc.strerror}", advice)]


def _check_url(dsn: str) -> list[Finding]:
    try:
        found = asyncio.run(inspect_external(dsn))
        waiting = [] if found.problems else asyncio.run(pending(dsn))
    except Unavailable as exc:
        return [problem("database", exc.message, "Start it, or correct the host and port in CAUCE_DATABASE_URL.")]
    except CauceError as exc:
        return [problem("database", exc.message, "See above.")]
    if found.problems:
        return [problem("database", said, "An administrator of the database can do this.") for said in found.problems]
    told = [warning("database", said, "Decide how you will make backups.") for said in found.warnings]
    return [ok("database", f"PostgreSQL {found.version}, database {found.database_name}"), *told, _tables(waiting)]


def _check_embedded(settings: Settings) -> list[Finding]:
    found = embedded.status(settings.home)
    programs = embedded.client_programs()
    if found.major is not None and found.major != programs.major:
        said = f"the data is of PostgreSQL {found.major}, the programs are of {programs.major}"
        return [problem("database", said, "Run `cauce db upgrade`; it keeps the old data.")]
    if not found.ready:
        account = choose_account(found.data, settings.database_account)
        return [ok("database", f"not running; it starts with Cauce, as {account.name}"), *_reach(settings, account.uid)]
    if found.owner is None:
        said = f"PostgreSQL (process {found.pid}) runs without an owner"
        return [warning("database", said, "The next start adopts it; `cauce db stop` stops it.")]
    assert found.socket_folder is not None
    waiting = asyncio.run(pending(Layout(settings.home).dsn(found.socket_folder)))
    return [ok("database", f"runs (process {found.pid}), owned by {found.owner}"), _tables(waiting)]


def _reach(settings: Settings, uid: int | None) -> list[Finding]:
    """As root: can the server's account pass through every folder above the home?"""
    if uid is None:
        return []
    home = _nearest_existing(settings.home).resolve()
    for folder in (home, *home.parents):
        about = folder.stat()
        if not about.st_mode & 0o001 and about.st_uid != uid:
            said = f"the account that runs the database cannot pass through {folder}"
            advice = "Set CAUCE_HOME to a folder whose parents everybody may pass through, such as /var/lib/cauce."
            return [problem("database", said, advice)]
    return []


def _tables(waiting: list[str]) -> Finding:
    if waiting:
        return warning("tables", f"{len(waiting)} migrations wait", "Run `cauce db migrate`; `cauce up` does it too.")
    return ok("tables", "up to date")
