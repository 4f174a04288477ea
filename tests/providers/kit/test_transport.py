"""The transport: one exchange, logged and redacted, never repeated, never inside a transaction."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from starlette.types import Receive, Scope, Send

from cauce.gateway.provider import Channel, TransportFailure
from cauce.kernel.scope import transaction_scope
from cauce.providers.kit.cache import MemoryCache
from cauce.providers.kit.rate import RateLimiter
from cauce.providers.kit.redaction import redact_body, redact_headers, redact_url
from cauce.providers.kit.registry import installed
from cauce.providers.kit.serving import serving
from cauce.providers.kit.transport import Exchange, HttpTransport, make_client

CHANNEL = Channel("ch_1", 7, "toy", False, "", {}, {})


class Log:
    def __init__(self) -> None:
        self.exchanges: list[Exchange] = []

    async def __call__(self, exchange: Exchange) -> None:
        self.exchanges.append(exchange)


async def _app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] != "http":
        return
    if scope["path"] == "/slow":
        await asyncio.sleep(5)
    status = 500 if scope["path"] == "/broken" else 200
    await send({"type": "http.response.start", "status": status, "headers": [(b"X-Echo", b"yes")]})
    await send({"type": "http.response.body", "body": b"x" * (5000 if scope["path"] == "/large" else 2)})


@asynccontextmanager
async def transport(log: Log, answer_bytes_max: int = 10_000) -> AsyncIterator[tuple[HttpTransport, str]]:
    async with serving(_app) as url, make_client() as client:
        yield HttpTransport(CHANNEL, client, sink=log, answer_bytes_max=answer_bytes_max), url


async def test_an_exchange_is_answered_whatever_its_status_and_written_to_the_log() -> None:
    log = Log()
    async with transport(log) as (http, url):
        answer = await http.send(
            "pay", "POST", f"{url}/broken", headers={"Authorization": "Bearer sk"}, body=b"a=1", correlation="key_1"
        )
    assert (answer.status, answer.headers["x-echo"], answer.body) == (500, "yes", b"xx")
    [seen] = log.exchanges
    assert (seen.operation, seen.correlation, seen.status, seen.org_id) == ("pay", "key_1", 500, 7)
    assert seen.request_headers["Authorization"] == "[redacted]"


async def test_a_timeout_was_sent_a_refused_connection_was_not_and_both_are_logged() -> None:
    log = Log()
    async with transport(log) as (http, url):
        with pytest.raises(TransportFailure) as slow:
            await http.send("pay", "GET", f"{url}/slow", headers={}, timeout_seconds=1)
        with pytest.raises(TransportFailure) as refused:
            await http.send("pay", "GET", "http://127.0.0.1:1/", headers={})
    assert (slow.value.sent, refused.value.sent) == (True, False)
    assert [bool(e.failure) for e in log.exchanges] == [True, True]


async def test_an_answer_over_the_limit_is_no_answer() -> None:
    async with transport(Log(), answer_bytes_max=4999) as (http, url):
        with pytest.raises(TransportFailure, match="over 4999 bytes"):
            await http.send("bill", "GET", f"{url}/large", headers={})


async def test_no_provider_is_called_inside_a_transaction() -> None:
    log = Log()
    async with transport(log) as (http, url):
        with transaction_scope(), pytest.raises(AssertionError, match="inside a database transaction"):
            await http.send("pay", "GET", url, headers={})
    assert log.exchanges == []


@pytest.mark.parametrize("per_second", [1, 2, 3, 4, 7, 25, 100, 1_000])
def test_no_second_has_more_calls_than_the_limit_however_they_come(per_second: int) -> None:
    now, calls = 0, list[int]()
    limiter = RateLimiter(per_second, clock=lambda: now)
    for pause in (0, 3_000_000, 400_000, 0, 10_000_000):  # bursts after rests of any length, and with none
        now += pause
        for n in range(3 * per_second):
            now += limiter.wait_micros() + 300_000 * (n == per_second // 2)  # and held up by a busy process
            calls.append(now)
            limiter.went()
    for place, begins in enumerate(calls):
        within = [at for at in calls[place : place + per_second + 1] if at < begins + 1_000_000]
        assert len(within) <= per_second
    seconds = (calls[3 * per_second - 1] - calls[0]) / 1_000_000
    assert seconds < 3 / 0.75 + 1, "three quarters of the limit are used at least"


def test_calls_wait_after_a_burst_and_no_limit_waits_for_nothing() -> None:
    now = 0
    limiter, waits = RateLimiter(11, burst=2, clock=lambda: now), list[int]()
    for _ in range(4):
        waits.append(limiter.wait_micros())
        now += waits[-1]
        limiter.went()
    assert waits == [0, 0, 100_000, 100_000]
    free = RateLimiter(0)
    free.went()
    assert free.wait_micros() == 0


async def test_a_call_that_finds_no_room_fails_without_being_sent() -> None:
    log = Log()
    async with serving(_app) as url, make_client() as client:
        http = HttpTransport(CHANNEL, client, limiter=RateLimiter(1, burst=1), sink=log)
        await http.send("pay", "GET", url, headers={})
        with pytest.raises(TransportFailure) as full:
            await http.send("pay", "GET", url, headers={}, timeout_seconds=0)
    assert not full.value.sent


def test_redaction_masks_secrets_card_and_identity_numbers_and_leaves_the_rest() -> None:
    assert redact_headers({"authorization": "Bearer x", "Accept": "*/*"}) == {
        "authorization": "[redacted]",
        "Accept": "*/*",
    }
    assert redact_body(b"client_secret=pi_1_secret_2&amount=1050") == b"client_secret=[redacted]&amount=1050"
    assert redact_body(b'{"client_secret": "s3", "id": "pi_1"}') == b'{"client_secret": "[redacted]", "id": "pi_1"}'
    assert redact_body(b"card[number]=4242424242424242&n=1799999999999") == b"card[number]=[redacted]&n=1799999999999"
    assert redact_body(b"id 110101199003074578 end") == b"id [redacted] end"
    assert redact_url("https://x/y?client_secret=a&b=c") == "https://x/y?client_secret=[redacted]&b=c"


async def test_the_cache_forgets_what_expired() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    cache = MemoryCache(lambda: now)
    await cache.put("token", "t", now + timedelta(seconds=1))
    await cache.put("certificate", "c")
    assert await cache.get("token") == "t"
    now += timedelta(seconds=1)
    assert (await cache.get("token"), await cache.get("certificate"), await cache.get("nothing")) == (None, "c", None)


def test_a_provider_is_installed_by_its_folder() -> None:
    assert all(provider.name == name for name, provider in installed().items())
    assert "kit" not in installed()
