"""Fixtures of provider tests: a receiver of callbacks and an HTTP client, for the session's loop."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2
import pytest

from tests.providers.receiver import Receiver, receiving


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """Where callbacks arrive."""
    async with receiving() as running:
        yield running


@pytest.fixture
async def http() -> AsyncIterator[httpx2.AsyncClient]:
    """A plain HTTP client."""
    async with httpx2.AsyncClient(trust_env=False) as client:
        yield client
