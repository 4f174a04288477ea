"""Fixtures of provider tests: a receiver of callbacks and an HTTP client, for the session's loop."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2
import pytest

from tests.providers.receiver import Receiver, Receivers, receivers_running


@pytest.fixture(scope="session")
async def receivers() -> AsyncIterator[Receivers]:
    """The server where callbacks arrive."""
    async with receivers_running() as running:
        yield running


@pytest.fixture
def receiver(receivers: Receivers) -> Receiver:
    """This test's own address there."""
    return receivers.fresh()


@pytest.fixture
async def http() -> AsyncIterator[httpx2.AsyncClient]:
    """A plain HTTP client."""
    async with httpx2.AsyncClient(trust_env=False, timeout=60) as client:
        yield client
