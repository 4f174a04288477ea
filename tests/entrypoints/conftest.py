"""The stage of the page tests: one business a module, played once, with browsers that need no Chromium."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.entrypoints.stage import Stage, play, stage


@pytest.fixture(scope="module")
async def played(shared_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """A business with something on every page."""
    async with stage(shared_dsn, tmp_path_factory.mktemp("home")) as one:
        await play(one)
        yield one


@pytest.fixture
async def empty(dsn: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """An organization in which nothing has happened."""
    async with stage(dsn, tmp_path_factory.mktemp("home")) as one:
        yield one
