"""Delivers callbacks over HTTP and arranges further tries on the tenant's clock.

Few go one after another, in order. Where many wait they go side by side, as providers send them, who promise no order.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta

import httpx2

from cauce.kernel.clock import wall_now
from cauce.providers.kit.simulator.callbacks import Callback
from cauce.providers.kit.simulator.face import Face
from cauce.providers.kit.simulator.tenant import DELAYED_CALLBACK, Tenant

TIMEOUT_SECONDS = 5
_STALE_SECONDS = 3600
_FEW = 32
_SIDE_BY_SIDE = 16


class Deliverer:
    """Sends the callbacks of all tenants of one face."""

    def __init__(self, face: Face, wall: Callable[[], datetime] = wall_now) -> None:
        self._face = face
        self._wall = wall
        self._locks: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._client: httpx2.AsyncClient | None = None
        self.paused = False

    def busy(self, tenant: Tenant) -> bool:
        """Whether a callback of the tenant is on its way."""
        return self._locks[tenant.name].locked()

    async def deliver_waiting(self, tenant: Tenant) -> None:
        """Deliver until none waits; callers take turns."""
        async with self._locks[tenant.name]:
            while (ready := tenant.callbacks.ready) and not self.paused:
                count = 1 if len(ready) <= _FEW else _SIDE_BY_SIDE
                await asyncio.gather(*(self._deliver(tenant, ready.popleft()) for _ in range(count)))

    async def deliver_before_reply(self, tenant: Tenant) -> None:
        """Deliver those that were told to arrive before the answer of the call that caused them."""
        for callback in [c for c in tenant.callbacks.ready if c.before_reply and not self.paused]:
            tenant.callbacks.ready.remove(callback)
            await self._deliver(tenant, callback)

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()

    async def _deliver(self, tenant: Tenant, callback: Callback) -> None:
        copies, callback.copies = callback.copies, 1
        for _ in range(copies):
            accepted = await self._send(tenant, callback)
        callback.flaw = ""
        if accepted:
            callback.state = "delivered"
        elif callback.tries - 1 < len(self._face.retry_seconds):
            callback.state = "retrying"
            pause = timedelta(seconds=self._face.retry_seconds[callback.tries - 1])
            tenant.timers.set(tenant.now() + pause, DELAYED_CALLBACK, callback.id)
        else:
            callback.state = "failed"

    async def _send(self, tenant: Tenant, callback: Callback) -> bool:
        callback.tries += 1
        at = self._wall()
        if callback.flaw == "stale":
            at -= timedelta(seconds=callback.stale_seconds or _STALE_SECONDS)
        signed = self._face.sign(tenant, callback, at)
        delivery = {"at": tenant.now().isoformat(), "wall_at": self._wall().isoformat(), "flaw": callback.flaw}
        callback.deliveries.append(delivery)
        try:
            reply = await self._http().request(
                signed.method, callback.url, headers=dict(signed.headers), content=signed.body, timeout=TIMEOUT_SECONDS
            )
        except (httpx2.HTTPError, httpx2.InvalidURL) as exc:
            delivery["error"] = f"{type(exc).__name__}: {exc}"
            return False
        delivery["status"] = str(reply.status_code)
        return self._face.accepts(reply.status_code, reply.content)

    def _http(self) -> httpx2.AsyncClient:
        if self._client is None:
            self._client = httpx2.AsyncClient(follow_redirects=False, trust_env=False)
        return self._client
