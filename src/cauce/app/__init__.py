"""The composition root: from settings to a running process's `Runtime`, and the sandbox's channels.

Everything that is one per process is made here and nowhere else: the database (our own server or yours), the pools,
the sealer, the gateways over one HTTP client, the simulators' clocks.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import httpx2

from cauce.app.gateways import ChannelGateways
from cauce.app.poster import WebhookPoster
from cauce.app.sandbox import TenantClocks
from cauce.flows.context import Runtime
from cauce.flows.registry import REGISTRY
from cauce.providers.kit.registry import installed
from cauce.providers.kit.transport import make_client
from cauce.settings import Settings, load_master_keys
from cauce.storage.database import SCHEDULER_ROLE, Database
from cauce.storage.external import check_external
from cauce.storage.migrations import migrate
from cauce.storage.sealing import Sealer
from cauce.storage.source import open_source
from cauce.storage.waking import Waker

SCHEDULER_CONNECTIONS = 2


@dataclass(frozen=True, slots=True)
class App:
    """One process: its settings, its runtime, and the client that speaks to providers."""

    settings: Settings
    runtime: Runtime
    client: httpx2.AsyncClient
    dsn: str


@asynccontextmanager
async def open_app(settings: Settings, *, command: str = "cauce", sandbox_url: str = "") -> AsyncIterator[App]:
    """The application over the database that the settings name, migrated. `sandbox_url`: where simulators listen."""
    async with AsyncExitStack() as stack:
        source = stack.enter_context(
            open_source(
                settings.home,
                url=settings.database_url,
                direct_url=settings.database_direct_url,
                account=settings.database_account,
                command=command,
            )
        )
        if source.embedded is None:
            await check_external(source.dsn)
        await migrate(source.direct_dsn)
        yield await connect_app(settings, source.dsn, stack, sandbox_url=sandbox_url)


async def connect_app(settings: Settings, dsn: str, stack: AsyncExitStack, *, sandbox_url: str = "") -> App:
    """The application over a database that is migrated already; closed with `stack`."""
    db = await Database.connect(dsn, connections_max=settings.database_connections_max)
    stack.push_async_callback(db.close)
    db.on_commit_wake = Waker(db)
    scheduler = await Database.connect(dsn, role=SCHEDULER_ROLE, connections_max=SCHEDULER_CONNECTIONS)
    stack.push_async_callback(scheduler.close)
    listening = None
    if settings.database_url and settings.database_direct_url:  # a pooler cannot carry LISTEN
        listening = await Database.connect(settings.database_direct_url, connections_max=1)
        stack.push_async_callback(listening.close)
    client = make_client()
    stack.push_async_callback(client.aclose)
    sealer = Sealer.of(*load_master_keys(settings), reload=lambda: load_master_keys(settings))
    runtime = Runtime(
        db=db,
        scheduler=scheduler,
        sealer=sealer,
        gateways=ChannelGateways(db, sealer, client, installed()),
        registry=REGISTRY,
        poster=WebhookPoster(client),
        sandbox_clocks=TenantClocks(db, client, sandbox_url) if sandbox_url else None,
        public_url=settings.base_url,
        listening=listening,
        lease_seconds=settings.lease_seconds,
    )
    return App(settings, runtime, client, dsn)
