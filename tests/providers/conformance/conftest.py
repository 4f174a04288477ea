"""One sandbox with every simulator, and a rig per test and provider."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import httpx2
import pytest

from cauce.providers.kit.sandbox import faces_of
from tests.providers.conformance.rig import Rig, connect
from tests.providers.conformance.vendors import PROVIDERS
from tests.providers.receiver import Receiver
from tests.providers.running import running_sandbox


@pytest.fixture(scope="session")
def conformance_url() -> Iterator[str]:
    """The sandbox."""
    with running_sandbox(faces_of(PROVIDERS)) as url:
        yield url


@pytest.fixture
async def rig(
    request: pytest.FixtureRequest, conformance_url: str, http: httpx2.AsyncClient, receiver: Receiver
) -> AsyncIterator[Rig]:
    """A fresh tenant at the provider that `needs` names."""
    made = await connect(PROVIDERS[request.param], conformance_url, http, receiver)
    yield made
    assert (await made.control.books(made.name, postings=False))["wrong"] == []
