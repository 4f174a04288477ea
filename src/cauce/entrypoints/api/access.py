"""Who calls: API keys from the `Authorization` header, remembered for a few seconds so that hot routes ask nobody."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from cauce.flows.context import Context, Runtime
from cauce.kernel.clock import monotonic_seconds, wall_now
from cauce.kernel.errors import Unauthenticated
from cauce.storage.audit import Actor
from cauce.storage.database import Database
from cauce.storage.directory import keys
from cauce.storage.directory.keys import KeyHolder

REMEMBER_SECONDS = 5
"""How long a revoked key may still work in one process."""

_REMEMBERED_MAX = 10_000


class Authenticator:
    """Resolves API keys for one process."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._known: dict[bytes, tuple[int, KeyHolder]] = {}
        self._asking: dict[bytes, asyncio.Task[KeyHolder]] = {}

    async def __call__(self, request: Request) -> KeyHolder:
        """The holder of the request's key; `Unauthenticated` otherwise."""
        scheme, _, secret = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not secret:
            raise Unauthenticated("send your API key as `Authorization: Bearer sk_…`")
        key_hash = keys.check_secret(secret)
        now = int(monotonic_seconds())
        known = self._known.get(key_hash)
        if known is not None and now - known[0] < REMEMBER_SECONDS:
            return known[1]
        asking = self._asking.get(key_hash)
        if asking is None:  # a busy key is looked up once, however many requests carry it at that moment
            asking = self._asking[key_hash] = asyncio.create_task(self._look_up(secret))
            asking.add_done_callback(lambda _: self._asking.pop(key_hash, None))
        holder = await asyncio.shield(asking)
        if len(self._known) >= _REMEMBERED_MAX:
            self._known.clear()
        self._known[key_hash] = (now, holder)
        return holder

    async def _look_up(self, secret: str) -> KeyHolder:
        async with self._db.transaction() as tx:
            holder = await keys.authenticate(tx, secret, wall_now())
            await keys.touch_keys(tx, {holder.key_id: wall_now()})
        return holder


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated request: the key's holder and the context to work in."""

    holder: KeyHolder
    context: Context


def caller(scope: str) -> Callable[[Request], object]:
    """A FastAPI dependency: the caller, who must have `scope`."""

    async def resolve(request: Request) -> Caller:
        holder: KeyHolder = await request.app.state.authenticate(request)
        holder.require(scope)
        return Caller(holder, context_of(request, holder))

    return resolve


def context_of(request: Request, holder: KeyHolder) -> Context:
    """The context of a request made with an API key."""
    runtime: Runtime = request.app.state.runtime
    address = request.client.host if request.client else None
    actor = Actor(f"key:{holder.public_id}", address, request.scope.get("state", {}).get("request_id"))
    return runtime.context(holder.org_id, actor=actor, cause="api")


Reader = Annotated[Caller, Depends(caller("read"))]
BillingWriter = Annotated[Caller, Depends(caller("billing:write"))]
MarketplaceWriter = Annotated[Caller, Depends(caller("marketplace:write"))]
Admin = Annotated[Caller, Depends(caller("admin"))]
