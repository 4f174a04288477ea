"""`/healthz` (this process lives), `/readyz` (it can work), `/metrics`."""

from __future__ import annotations

import asyncio

import asyncpg
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from cauce.entrypoints.api import metrics
from cauce.flows.context import Runtime
from cauce.kernel.errors import CauceError

_TIMEOUT_SECONDS = 3


async def healthz(_request: Request) -> Response:
    """200 as long as the process answers."""
    return JSONResponse({"status": "ok"})


async def readyz(request: Request) -> Response:
    """200 when the database answers, 503 with the reason otherwise."""
    runtime: Runtime = request.app.state.runtime
    try:
        async with asyncio.timeout(_TIMEOUT_SECONDS), runtime.db.transaction() as tx:
            await tx.ping()
    except (CauceError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as exc:
        return JSONResponse({"status": "unavailable", "reason": f"the database does not answer: {exc}"}, 503)
    return JSONResponse({"status": "ready"})


async def prometheus(_request: Request) -> Response:
    """Counters of this process."""
    return Response(metrics.render(), media_type=metrics.MEDIA_TYPE)


routes = [Route("/healthz", healthz), Route("/readyz", readyz)]
metrics_routes = [Route("/metrics", prometheus)]
