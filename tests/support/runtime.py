"""A runtime over a test's database, with an own sandbox process part when wanted, and organizations to work in."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cauce.app import App, connect_app
from cauce.app.sandbox import connect_sandbox_channel
from cauce.entrypoints.api.app import create_api
from cauce.entrypoints.portal.routes import portal_routes
from cauce.flows.context import Context, Runtime
from cauce.providers.kit.control import SandboxControl
from cauce.providers.kit.sandbox import create_sandbox_app
from cauce.providers.kit.serving import serving
from cauce.settings import Settings
from cauce.storage.directory.orgs import Mode, Org, create_org

BEGIN = datetime(2026, 1, 15, 9, 0, tzinfo=UTC)
"""When the frozen clocks of tests begin."""


@dataclass(frozen=True, slots=True)
class World:
    """A running product for one test: application, web address, simulators' address ("" without)."""

    app: App
    url: str
    sandbox_url: str

    @property
    def runtime(self) -> Runtime:
        """The process's runtime."""
        return self.app.runtime

    async def sandbox_org(self, name: str = "Sandbox", *, frozen_at: datetime | None = BEGIN) -> Org:
        """A fresh sandbox organization with its clock frozen."""
        async with self.runtime.db.transaction() as tx:
            return await create_org(tx, name, Mode.SANDBOX, frozen_at=frozen_at)

    async def channel(self, org: Org, provider: str) -> str:
        """A channel of `org` at the provider's simulator; its id."""
        return await connect_sandbox_channel(self.runtime, self.app.client, org, provider, self.sandbox_url)

    def context(self, org: Org) -> Context:
        """A context in `org`."""
        return self.runtime.context(org.id)

    def control(self, org: Org) -> SandboxControl:
        """What steers the organization's tenant at the simulators."""
        return SandboxControl(self.app.client, self.sandbox_url, org.public_id)


def settings_for(home: Path, *, port: int = 8420) -> Settings:
    """Settings of a test process: everything below `home`, a key of its own."""
    return Settings(home=home, bind_port=port, master_key=(secrets.token_bytes(32),))


@asynccontextmanager
async def world(dsn: str, home: Path, *, sandbox: bool = False) -> AsyncIterator[World]:
    """The product over a migrated database: API over real HTTP, simulators in the same process when wanted."""
    async with AsyncExitStack() as stack:
        sandbox_url = ""
        if sandbox:
            sandbox_url = await stack.enter_async_context(serving(create_sandbox_app()))
        port = await _free_port()
        settings = settings_for(home, port=port)
        app = await connect_app(settings, dsn, stack, sandbox_url=sandbox_url)
        url = await stack.enter_async_context(
            serving(create_api(app.runtime, settings, pages=portal_routes()), port=port)
        )
        yield World(app, url, sandbox_url)


async def _free_port() -> int:
    import asyncio

    server = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
    port: int = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    return port
