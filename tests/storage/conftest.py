"""The toy slice and a runtime over this test's database."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from cauce.flows.context import Runtime
from cauce.storage.database import SCHEDULER_ROLE, Database
from cauce.storage.directory.orgs import Org
from tests.support import toy


@pytest.fixture
async def runtime(dsn: str, database: Database) -> AsyncIterator[Runtime]:
    """A runtime with the toy's registry; its tables are there."""
    await toy.prepare(dsn)
    async with toy.toy_runtime(dsn, database) as made:
        yield made


@pytest.fixture
async def scheduler(dsn: str) -> AsyncIterator[Database]:
    """The database as the scheduler sees it."""
    connected = await Database.connect(dsn, role=SCHEDULER_ROLE, connections_max=2)
    yield connected
    await connected.close()


@pytest.fixture
async def org(database: Database) -> Org:
    """A sandbox whose clock stands at `toy.DAWN`."""
    return await toy.make_org(database)
