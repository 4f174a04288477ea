"""The sandbox seen from the product: its clocks per organization, and channels that lead to the simulators."""

from __future__ import annotations

from datetime import datetime

import httpx2

from cauce.channels import service as channels
from cauce.channels import store as channel_store
from cauce.flows.context import Runtime
from cauce.kernel.errors import NotFound
from cauce.providers.kit.channel import SandboxChannel
from cauce.providers.kit.control import SandboxControl
from cauce.providers.kit.registry import installed
from cauce.storage import sealing
from cauce.storage.database import Database
from cauce.storage.directory import orgs
from cauce.storage.directory.orgs import Org
from cauce.storage.orgclock import is_frozen, org_now


class TenantClocks:
    """The simulators' clocks: each sandbox organization is a tenant under its public id."""

    def __init__(self, db: Database, client: httpx2.AsyncClient, sandbox_url: str) -> None:
        self._db = db
        self._client = client
        self._sandbox_url = sandbox_url
        self._tenants: dict[int, str] = {}

    async def next_timer_at(self, org_id: int) -> datetime | None:
        """When the simulators of this organization do something next."""
        return await (await self.control(org_id)).next_timer_at()

    async def set(self, org_id: int, instant: datetime) -> datetime | None:
        """Bring them to `instant`; their callbacks have been delivered when this returns; when they do something next."""
        return await (await self.control(org_id)).set_clock(instant)

    async def control(self, org_id: int) -> SandboxControl:
        """What steers this organization's tenant."""
        if org_id not in self._tenants:
            async with self._db.transaction() as tx:
                self._tenants[org_id] = (await orgs.read_org(tx, org_id)).public_id
        return SandboxControl(self._client, self._sandbox_url, self._tenants[org_id])


async def connect_sandbox_channel(
    runtime: Runtime, client: httpx2.AsyncClient, org: Org, provider_name: str, sandbox_url: str, **options: str
) -> str:
    """A channel of a sandbox organization at the provider's simulator, registered there; its id.

    `options` say which of the provider's contracts it is, where there are several.
    Where the organization's clock stands, the simulators' stands at the same instant from the first call on.
    """
    provider = installed().get(provider_name)
    if provider is None or provider.sandbox_channel is None:
        raise NotFound(f"there is no simulator of {provider_name}", param="provider")
    async with runtime.db.transaction(org.id) as tx:
        channel_id = await channels.create_channel(
            tx, runtime.sealer, provider_name, provider.title, settings={}, secrets={}
        )
        token = await orgs.inbound_token(tx, org.id, channel_id)
        stands_at = await org_now(tx) if await is_frozen(tx) else None
    face: SandboxChannel = provider.sandbox_channel(
        org.public_id, f"{sandbox_url}/{provider_name}", f"{runtime.public_url}/v1/inbound/{token}", **options
    )
    control = SandboxControl(client, sandbox_url, org.public_id)
    await control.register(provider_name, face.registration)
    if stands_at is not None:
        await control.set_clock(stands_at)
    async with runtime.db.transaction(org.id) as tx:
        await channel_store.move_channel(tx, channel_id, face.base_url, dict(face.settings))
        for name, value in face.secrets.items():
            await sealing.put(tx, runtime.sealer, channel_id, name, value)
    return channel_id
