"""The sandbox: every vendor's simulator in one process, each below its own name, with one clock surface for all.

`/<provider>/…` is the vendor's API, `/<provider>/_sim/…` its control surface. `GET|POST /_sim/clock?tenant=` speaks
to that tenant at every provider where it exists, and fires their timers in one common order; `/_sim/snapshot`,
`/_sim/restore` and `/_sim/quiet` do the same. `control.SandboxControl` is the client for all of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from cauce.gateway.provider import Provider
from cauce.providers.kit.registry import installed
from cauce.providers.kit.simulator.app import face_app
from cauce.providers.kit.simulator.control import BadControl, clock_view, wanted_instant
from cauce.providers.kit.simulator.engine import Engine
from cauce.providers.kit.simulator.face import Face
from cauce.providers.kit.simulator.store import TenantStore
from cauce.providers.kit.simulator.tenant import Tenant

TICK_SECONDS = 1


def faces_of(providers: Mapping[str, Provider]) -> dict[str, Face]:
    """The simulators of those providers that have one, by provider name."""
    return {name: p.simulator() for name, p in providers.items() if p.simulator is not None}


def create_sandbox_app(
    faces: Mapping[str, Face] | None = None, *, seed: int = 0, store_dir: Path | None = None
) -> Starlette:
    """The sandbox application; by default with every installed simulator.

    With `store_dir` the tenants survive the process, also when it is killed. The
    engines are at `app.state.engines`, for whoever runs in the same process.
    """
    faces = faces_of(installed()) if faces is None else faces
    engines = {name: Engine(face, seed=seed) for name, face in faces.items()}
    stores = {name: TenantStore(engine, store_dir / name) for name, engine in engines.items()} if store_dir else {}

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        for store in stores.values():
            await store.load()
        ticking = asyncio.create_task(_tick(engines, stores))
        try:
            yield
        finally:
            ticking.cancel()
            for engine in engines.values():
                await engine.close()
            for store in stores.values():
                store.save()

    routes = [
        Route("/_sim/clock", _clock, methods=["GET", "POST"]),
        Route("/_sim/snapshot", _snapshot, methods=["POST"]),
        Route("/_sim/restore", _restore, methods=["POST"]),
        Route("/_sim/quiet", _quiet, methods=["POST"]),
        Route("/_sim/faces", _faces, methods=["GET"]),
        *(Mount(f"/{name}", face_app(engine)) for name, engine in engines.items()),
    ]
    app = Starlette(routes=routes, lifespan=lifespan)
    app.state.engines = engines
    return app


async def _tick(engines: Mapping[str, Engine], stores: Mapping[str, TenantStore]) -> None:
    while True:
        await asyncio.sleep(TICK_SECONDS)
        for engine in engines.values():
            engine.tick()
        for store in stores.values():
            store.save_if_due()


def _json(value: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status, media_type="application/json")


def _found(request: Request) -> list[tuple[str, Engine, Tenant]]:
    name = request.query_params.get("tenant", "")
    engines: Mapping[str, Engine] = request.app.state.engines
    return [(face, engine, engine.tenants[name]) for face, engine in engines.items() if name in engine.tenants]


async def _body(request: Request) -> dict[str, Any]:
    raw = await request.body()
    decoded = msgspec.json.decode(raw) if raw else {}
    if not isinstance(decoded, dict):
        raise BadControl("the body must be an object")
    return decoded


async def _clock(request: Request) -> Response:
    found = _found(request)
    try:
        if request.method == "POST":
            body = await _body(request)
            if body.get("follow") == "wall":
                for _, engine, tenant in found:
                    engine.follow_wall(tenant)
            elif found:
                await advance_together([(e, t) for _, e, t in found], wanted_instant(found[0][2], body))
    except (BadControl, ValueError, msgspec.DecodeError) as exc:
        return _json({"error": str(exc)}, 400)
    views = {face: clock_view(tenant) for face, _, tenant in found}
    upcoming = sorted(v["next_timer_at"] for v in views.values() if v["next_timer_at"])
    return _json({"faces": views, "next_timer_at": upcoming[0] if upcoming else None})


async def advance_together(tenants: list[tuple[Engine, Tenant]], at: datetime) -> None:
    """Bring tenants of several simulators to `at`, firing all their timers in one common due order."""
    while True:
        upcoming = [due for _, tenant in tenants if (due := tenant.timers.next_at()) is not None and due <= at]
        if not upcoming:
            break
        for engine, tenant in tenants:
            if tenant.clock.frozen_at is None or tenant.clock.frozen_at < min(upcoming):
                await engine.advance_to(tenant, min(upcoming))
            else:
                await engine.advance_to(tenant, tenant.clock.frozen_at)
    for engine, tenant in tenants:
        await engine.advance_to(tenant, at)


async def _snapshot(request: Request) -> Response:
    taken = {}
    for face, engine, tenant in _found(request):
        await engine.quiet(tenant)
        taken[face] = engine.snapshot(tenant)
    return _json({"snapshots": taken})


async def _restore(request: Request) -> Response:
    snapshots = (await _body(request)).get("snapshots", {})
    for face, engine, tenant in _found(request):
        if face in snapshots:
            engine.restore(tenant, snapshots[face])
    return _json({})


async def _quiet(request: Request) -> Response:
    for _, engine, tenant in _found(request):
        await engine.quiet(tenant)
    return _json({})


async def _faces(request: Request) -> Response:
    engines: Mapping[str, Engine] = request.app.state.engines
    return _json({"faces": {name: sorted(engine.tenants) for name, engine in engines.items()}})
