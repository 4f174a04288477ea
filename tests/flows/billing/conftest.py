"""A seller for every test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.flows.billing.shop import Shop, shop


@pytest.fixture
async def seller(dsn: str) -> AsyncIterator[Shop]:
    """A seller of subscriptions, its clock frozen on 15 January 2026, 09:00 UTC."""
    async with shop(dsn) as one:
        yield one
