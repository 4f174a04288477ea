"""A durable server of its own for each module of faults, and the toy's tables with every lease on record."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from cauce.storage.database import Database
from cauce.storage.migrations import migrate
from tests.support import toy
from tests.support.postgres import ThrowAwayServer


@pytest.fixture(scope="module")
async def server() -> AsyncIterator[ThrowAwayServer]:
    """A server that may be killed and restarted: fsync is on."""
    running = ThrowAwayServer(durable=True)
    try:
        await migrate(running.dsn(await running.create_database("template")))
        yield running
    finally:
        running.stop()


@pytest.fixture
async def fault_dsn(server: ThrowAwayServer) -> AsyncIterator[str]:
    """The owner's URL of this test's database."""
    async with server.temporary_database(template="template") as url:
        await toy.prepare(url, watch_leases=True)
        yield url


@pytest.fixture
async def fault_database(fault_dsn: str) -> AsyncIterator[Database]:
    """The same as the application sees it."""
    connected = await Database.connect(fault_dsn)
    yield connected
    await connected.close()
