"""A small web server that stands where our webhook route will be: it keeps what it gets and answers as told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cauce.providers.kit.serving import serving


@dataclass
class Receiver:
    """`status` is what it answers; `received` is (headers, body) in order of arrival."""

    url: str = ""
    status: int = 200
    received: list[tuple[dict[str, str], bytes]] = field(default_factory=list)


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    receiver = Receiver()

    async def take(request: Request) -> Response:
        receiver.received.append((dict(request.headers), await request.body()))
        return Response(status_code=receiver.status)

    async with serving(Starlette(routes=[Route("/{rest:path}", take, methods=["GET", "POST"])])) as url:
        receiver.url = f"{url}/notices"
        yield receiver
