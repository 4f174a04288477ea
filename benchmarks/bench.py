"""What a measured function works with: a migrated database of its own on a fresh, durable server."""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from cauce.storage.database import Database
from cauce.storage.directory.orgs import Mode, create_org
from cauce.storage.embedded import EmbeddedServer
from cauce.storage.migrations import migrate

_TEMPLATE = "bench_template"
_MEMORY = Path("/proc/self/statm")


class Stopwatch:
    """Seconds of the measured block alone; what is prepared before it does not count."""

    seconds = 0.0

    def rate(self, count: int) -> float:
        """`count` per second."""
        return count / self.seconds


class Bench:
    """One run of one row."""

    def __init__(self, dsn: str, seconds: float) -> None:
        self.dsn = dsn
        self.seconds = seconds
        """How long a row that runs for a time shall run."""

    @asynccontextmanager
    async def database(self, *, connections_max: int = 16) -> AsyncIterator[Database]:
        """The database as the application sees it: its role, its row-level security."""
        database = await Database.connect(self.dsn, connections_max=connections_max)
        try:
            yield database
        finally:
            await database.close()

    @asynccontextmanager
    async def owner(self) -> AsyncIterator[asyncpg.Connection]:
        """A bare connection as the owner, whom no policy restrains: for baselines and preparation."""
        connection = await asyncpg.connect(self.dsn)
        try:
            yield connection
        finally:
            await connection.close()

    async def org(self, database: Database) -> int:
        """A new organization."""
        async with database.transaction() as tx:
            return (await create_org(tx, "Bench", Mode.LIVE)).id

    @contextmanager
    def stopwatch(self) -> Iterator[Stopwatch]:
        """Time the block."""
        watch = Stopwatch()
        began = time.perf_counter()
        yield watch
        watch.seconds = time.perf_counter() - began


@contextmanager
def flat_memory(growth_mib_max: int) -> Iterator[None]:
    """The block may not grow this process by more than so much; looked at twenty times a second, where Linux tells."""
    if not _MEMORY.exists():
        yield
        return
    before, most, done = _resident_mib(), 0, threading.Event()

    def look() -> None:
        nonlocal most
        while not done.wait(1 / 20):
            most = max(most, _resident_mib())

    looking = threading.Thread(target=look, daemon=True)
    looking.start()
    try:
        yield
    finally:
        done.set()
        looking.join()
    assert most - before <= growth_mib_max, f"memory grew by {most - before} MiB, {growth_mib_max} are allowed"


def _resident_mib() -> int:
    return int(_MEMORY.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") >> 20


class BenchServer:
    """A fresh embedded server, tuned as the product tunes it, fsync on; every run gets a new database."""

    def __init__(self, server: EmbeddedServer) -> None:
        self._server = server
        self._made = 0

    @asynccontextmanager
    async def fresh_dsn(self) -> AsyncIterator[str]:
        """The URL of a new migrated database, dropped after the block."""
        self._made += 1
        name = f"bench_{self._made}"
        await self._administer(f'CREATE DATABASE "{name}" TEMPLATE "{_TEMPLATE}"')
        await self._administer("CHECKPOINT")  # no run pays for the writes of another
        try:
            yield self._named(name)
        finally:
            await self._administer(f'DROP DATABASE "{name}" WITH (FORCE)')

    async def prepare(self) -> None:
        """Make the migrated database that the others are copies of."""
        await self._administer(f'CREATE DATABASE "{_TEMPLATE}"')
        await migrate(self._named(_TEMPLATE))

    def _named(self, name: str) -> str:
        parts = urlsplit(self._server.dsn)
        return urlunsplit((parts.scheme, parts.netloc, f"/{name}", parts.query, ""))

    async def _administer(self, statement: str) -> None:
        connection = await asyncpg.connect(self._server.dsn)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


@asynccontextmanager
async def bench_server() -> AsyncIterator[BenchServer]:
    """A server of its own in a folder that is removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="cauce-bench-", dir="/var/tmp", ignore_cleanup_errors=True) as folder:
        os.chmod(folder, 0o755)  # noqa: PTH101 - as root the server runs under another account
        with EmbeddedServer.start(Path(folder) / "home", command="make bench") as server:
            bench = BenchServer(server)
            await bench.prepare()
            yield bench
