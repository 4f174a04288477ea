"""One HTTP exchange with a provider: timed, size-limited, rate-limited, logged, never repeated.

`HttpTransport` implements `gateway.provider.Transport` for one channel. It does not retry (whether a call may be
sent again is the caller's question, and only under the same key), does not follow redirects, and refuses to work
inside a database transaction. Each exchange, also a failed one, is handed to a sink, already redacted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

import httpx2

from cauce.gateway.provider import Channel, HttpAnswer, TransportFailure
from cauce.kernel.clock import monotonic_seconds, wall_now
from cauce.kernel.scope import assert_outside_transaction
from cauce.providers.kit.rate import RateLimiter
from cauce.providers.kit.redaction import redact_body, redact_headers, redact_url

ANSWER_BYTES_MAX = 64 * 1024 * 1024
"""A statement of a busy day fits; anything larger is broken or hostile."""

LOGGED_BYTES_MAX = 64 * 1024
"""What is kept of a body in the exchange log: a whole statement is kept elsewhere."""

_NEVER_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.UnsupportedProtocol)


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and what came of it, redacted. `status` is None when no whole answer came; then `failure` says why."""

    org_id: int
    channel_id: str
    operation: str
    correlation: str
    method: str
    url: str
    request_headers: Mapping[str, str]
    request_body: bytes
    status: int | None
    answer_headers: Mapping[str, str]
    answer_body: bytes
    failure: str
    started_at: datetime
    elapsed_ms: int


ExchangeSink = Callable[[Exchange], Awaitable[None]]
"""Where exchanges are written; the product's seals and stores them."""


async def no_exchange_log(_: Exchange) -> None:
    """A sink that forgets."""


def make_client() -> httpx2.AsyncClient:
    """An HTTP client for transports: pooled connections, no redirects, nothing taken from the environment's proxies."""
    limits = httpx2.Limits(max_connections=100, max_keepalive_connections=20)
    return httpx2.AsyncClient(limits=limits, follow_redirects=False, trust_env=False)


class HttpTransport:
    """The transport of one channel over a client that channels may share."""

    def __init__(
        self,
        channel: Channel,
        client: httpx2.AsyncClient,
        *,
        limiter: RateLimiter | None = None,
        sink: ExchangeSink = no_exchange_log,
        now: Callable[[], datetime] = wall_now,
        answer_bytes_max: int = ANSWER_BYTES_MAX,
    ) -> None:
        self._channel = channel
        self._client = client
        self._limiter = limiter or RateLimiter(0)
        self._sink = sink
        self._now = now
        self._answer_bytes_max = answer_bytes_max

    async def send(
        self,
        operation: str,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes = b"",
        timeout_seconds: int = 10,
        correlation: str = "",
    ) -> HttpAnswer:
        """Send once and read the whole answer; see `gateway.provider.Transport`."""
        assert_outside_transaction(f"a call of {self._channel.provider} ({operation})")
        if not await self._limiter.take(wait_max_seconds=timeout_seconds):
            raise TransportFailure("the channel's own rate limit leaves no room", sent=False)
        started_at, started = self._now(), monotonic_seconds()
        answer: HttpAnswer | None = None
        failure = ""
        try:
            answer = await self._exchange(method, url, headers, body, timeout_seconds)
        except TransportFailure as exc:
            failure = exc.reason
            raise
        finally:
            await self._sink(
                Exchange(
                    org_id=self._channel.org_id,
                    channel_id=self._channel.id,
                    operation=operation,
                    correlation=correlation,
                    method=method,
                    url=redact_url(url),
                    request_headers=redact_headers(headers),
                    request_body=_loggable(body),
                    status=answer.status if answer else None,
                    answer_headers=redact_headers(answer.headers) if answer else {},
                    answer_body=_loggable(answer.body) if answer else b"",
                    failure=failure or ("" if answer else "cancelled"),
                    started_at=started_at,
                    elapsed_ms=int((monotonic_seconds() - started) * 1000),
                )
            )
        return answer

    async def _exchange(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, timeout_seconds: int
    ) -> HttpAnswer:
        try:
            async with (
                asyncio.timeout(timeout_seconds),
                self._client.stream(
                    method, url, headers=dict(headers), content=body or None, timeout=timeout_seconds
                ) as reply,
            ):
                received = bytearray()
                async for piece in reply.aiter_bytes():
                    received += piece
                    if len(received) > self._answer_bytes_max:
                        raise TransportFailure(f"the answer is over {self._answer_bytes_max} bytes", sent=True)
                names = {name.lower(): value for name, value in reply.headers.items()}
                return HttpAnswer(reply.status_code, names, bytes(received))
        except TimeoutError as exc:
            raise TransportFailure(f"no whole answer within {timeout_seconds} seconds", sent=True) from exc
        except _NEVER_SENT as exc:
            raise TransportFailure(_reason(exc), sent=False) from exc
        except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError) as exc:
            raise TransportFailure(_reason(exc), sent=True) from exc


def _loggable(body: bytes) -> bytes:
    if len(body) > LOGGED_BYTES_MAX:
        # A number that the cut would halve goes whole: half of it would pass the redaction.
        body = body[:LOGGED_BYTES_MAX].rstrip(b"0123456789") + b" [cut]"
    return redact_body(body)


def _reason(exc: Exception) -> str:
    return f"{type(exc).__name__}: {exc}" if str(exc) else type(exc).__name__
