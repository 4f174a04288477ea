"""A small web server that stands where our webhook route will be: it keeps what it gets and answers as told.

One server serves a whole session; each `Receiver` is one address at it.
"""

from __future__ import annotations

import asyncio
import itertools
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
    """`status` is what it answers; `received` is (headers, body) in order of arrival; `most` came at the same moment."""

    url: str = ""
    status: int = 200
    here: int = 0
    most: int = 0
    is_slow: bool = False
    received: list[tuple[dict[str, str], bytes]] = field(default_factory=list)


class Receivers:
    """Hands out addresses."""

    def __init__(self, base_url: str, by_number: dict[str, Receiver]) -> None:
        self._base_url = base_url
        self._by_number = by_number
        self._numbers = itertools.count(1)

    def fresh(self) -> Receiver:
        """An address that nobody used before."""
        number = str(next(self._numbers))
        made = self._by_number[number] = Receiver(f"{self._base_url}/notices/{number}")
        return made


@asynccontextmanager
async def receivers_running() -> AsyncIterator[Receivers]:
    """The server, for the block."""
    by_number: dict[str, Receiver] = {}

    async def take(request: Request) -> Response:
        receiver = by_number[request.path_params["number"]]
        receiver.here += 1
        receiver.most = max(receiver.most, receiver.here)
        receiver.received.append((dict(request.headers), await request.body()))
        if receiver.is_slow:
            await asyncio.sleep(0.05)
        receiver.here -= 1
        return Response(status_code=receiver.status)

    async with serving(Starlette(routes=[Route("/notices/{number}", take, methods=["GET", "POST"])])) as url:
        yield Receivers(url, by_number)


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """One receiver with a server of its own, for the block."""
    async with receivers_running() as receivers:
        yield receivers.fresh()
