"""Fixtures of every test: a PostgreSQL server per session, a migrated database per test or per module.

`database` is fresh for each test (a copy of a migrated template, some tens of milliseconds); `shared_database` is
one per module, for tests that work in organizations of their own. `dsn` and `shared_dsn` are their URLs, as the
owner, for what needs a connection of its own.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import structlog
from hypothesis import HealthCheck, settings

from cauce.entrypoints.logs import redact
from cauce.storage.database import Database
from cauce.storage.migrations import migrate
from tests.support.log_scan import scan
from tests.support.postgres import DatabaseServer, start_server

# Timings never decide a test.
settings.register_profile("cauce", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("cauce")

# Not the library's default: that one draws every local variable of a traceback, which takes seconds for each.
structlog.configure(
    processors=[
        redact,
        scan,
        structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
    ]
)


LONG_FILES = (
    "test_programs.py", "test_story.py", "test_accessibility.py", "test_real_orders.py", "test_cli_work.py", "test_cards.py",
    "test_single_steps.py", "test_production.py",
)  # fmt: skip
"""Files that take longest, begun first: a worker takes whole files, and nobody should wait for the last one."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first, the others in their order."""
    places = {name: place for place, name in enumerate(LONG_FILES)}
    items.sort(key=lambda item: places.get(item.path.name, len(places)))


@pytest.fixture(scope="session")
async def database_server() -> AsyncIterator[DatabaseServer]:
    """A running server; see `tests/support/postgres.py` for the environment variables that choose it."""
    server = start_server()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
async def database_template(database_server: DatabaseServer) -> AsyncIterator[str]:
    """The name of a migrated database that nobody connects to; fresh ones are copies of it."""
    name = await database_server.create_database(database_server.fresh_name("template"))
    await migrate(database_server.dsn(name))
    yield name
    await database_server.drop_database(name)


@pytest.fixture
async def dsn(database_server: DatabaseServer, database_template: str) -> AsyncIterator[str]:
    """The owner's URL of this test's own migrated database (the same that `database` is connected to)."""
    async with database_server.temporary_database(template=database_template) as url:
        yield url


@pytest.fixture
async def database(dsn: str) -> AsyncIterator[Database]:
    """A fresh migrated database as the application sees it."""
    connected = await Database.connect(dsn)
    yield connected
    await connected.close()


@pytest.fixture(scope="module")
async def shared_dsn(database_server: DatabaseServer, database_template: str) -> AsyncIterator[str]:
    """The owner's URL of this module's migrated database."""
    async with database_server.temporary_database(template=database_template) as url:
        yield url


@pytest.fixture(scope="module")
async def shared_database(shared_dsn: str) -> AsyncIterator[Database]:
    """A migrated database that the tests of one module share; each test works in organizations of its own."""
    connected = await Database.connect(shared_dsn)
    yield connected
    await connected.close()
