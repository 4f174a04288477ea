"""Open pages are told at once that something was said: server-sent events, behind one look for all of them.

However many pages are open, a process asks once per organization and look which of their conversations have grown; it
does not matter who wrote or in which process. An event says no words: the page fetches them as it always does, with its
own rights. A page without a stream (no script, too many streams, a proxy that holds answers back) looks by itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import asyncpg
import structlog
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from cauce.billing.conversations import service as conversations
from cauce.flows.context import Runtime
from cauce.kernel.clock import monotonic_seconds
from cauce.kernel.errors import CauceError

log = structlog.get_logger(__name__)

LOOK_SECONDS = 1
HEARTBEAT_SECONDS = 15
STREAM_SECONDS = 300
"""After so long a stream ends and the browser opens another: who signed out meanwhile gets none."""
STREAMS_MAX = 1_000
"""Streams of one process; a page above that looks by itself."""
_RETRY = b"retry: 3000\n\n"


@dataclass(eq=False, slots=True)
class _Reader:
    org_id: int
    conversation_id: str
    said: int
    heard: asyncio.Event = field(default_factory=asyncio.Event)


class News:
    """The open streams of one process, and the one task that looks for them while there are any."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._readers: set[_Reader] = set()
        self._looking: asyncio.Task[None] | None = None

    @property
    def is_full(self) -> bool:
        """Whether no further stream is taken."""
        return len(self._readers) >= STREAMS_MAX

    @contextmanager
    def reading(self, org_id: int, conversation_id: str, said: int) -> Iterator[asyncio.Event]:
        """An event that is set whenever more than `said` was said; for the block."""
        one = _Reader(org_id, conversation_id, said)
        self._readers.add(one)
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        try:
            yield one.heard
        finally:
            self._readers.discard(one)

    async def _look(self) -> None:
        while self._readers:
            await asyncio.sleep(LOOK_SECONDS)
            by_org: dict[int, list[_Reader]] = {}
            for one in self._readers:
                by_org.setdefault(one.org_id, []).append(one)
            for org_id, readers in by_org.items():
                try:
                    await self._tell(org_id, readers)
                except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, CauceError):  # pages look by themselves
                    log.warning("cannot look for news", org=org_id)

    async def _tell(self, org_id: int, readers: list[_Reader]) -> None:
        async with self._runtime.db.transaction(org_id) as tx:
            counted = await conversations.counted(tx, sorted({one.conversation_id for one in readers}))
        for one in readers:
            now = counted.get(one.conversation_id, 0)
            if now != one.said:
                one.said = now
                one.heard.set()


def news_of(request: Request) -> News:
    """The one of this process."""
    state = request.app.state
    if not hasattr(state, "news"):
        state.news = News(state.runtime)
    found: News = state.news
    return found


async def answer_stream(request: Request, org_id: int, conversation_id: str) -> Response:
    """A stream of `said` events for a conversation; 204 without one (the browser asks no more), 503 when there are too many."""
    news = news_of(request)
    if not conversation_id:
        return Response(status_code=204)
    if news.is_full:
        return Response(status_code=503, headers={"Retry-After": "60"})
    runtime: Runtime = request.app.state.runtime
    async with runtime.db.transaction(org_id) as tx:
        said = (await conversations.counted(tx, [conversation_id])).get(conversation_id, 0)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    lines = _lines(request, news, org_id, conversation_id, said)
    return StreamingResponse(lines, media_type="text/event-stream", headers=headers)


async def _lines(request: Request, news: News, org_id: int, conversation_id: str, said: int) -> AsyncIterator[bytes]:
    ends = monotonic_seconds() + STREAM_SECONDS
    with news.reading(org_id, conversation_id, said) as heard:
        yield _RETRY
        while monotonic_seconds() < ends and not await request.is_disconnected():
            with suppress(TimeoutError):
                await asyncio.wait_for(heard.wait(), HEARTBEAT_SECONDS)
            if heard.is_set():
                heard.clear()
                yield b"event: said\ndata: more\n\n"
            else:
                yield b": still here\n\n"
