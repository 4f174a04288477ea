"""An office with a mail relay for every test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.flows.outreach.office import Office, office


@pytest.fixture
async def desk(dsn: str, tmp_path: Path) -> AsyncIterator[Office]:
    """An office whose mail goes to the simulators' relay; its clock stands on 15 January 2026, 09:00 UTC."""
    async with office(dsn, tmp_path, "smtp") as one:
        yield one
