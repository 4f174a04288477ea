"""The hot routes over real HTTP: a server process of its own, kept-alive connections, every answer durable.

Bars on two cores, client and database on the same: `marketplace.http.bulk_orders` at least 2,000 orders/s (order, plan,
escrow posting of two legs), `entitlements.http` at least 4,000 checks/s, `usage.http.batch500` at least 20,000 events/s.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from benchmarks.bench import Bench
from benchmarks.registry import row
from cauce.kernel.ids import new_id

CONNECTIONS = 32
BULK_CONNECTIONS = 4
CUSTOMERS = 1_000
SELLERS = 200
BATCH = 500
CHANNEL = "ch_bench"
_HEAD_END = b"\r\n\r\n"
_PLACED = "2026-01-15T08:00:00Z"


async def serve(dsn: str) -> None:
    """The server process: the whole application, as `cauce serve` runs it, over a channel that stands in for a holder."""
    import uvicorn

    from benchmarks.marketplace import TERMS
    from cauce.app import connect_app
    from cauce.entrypoints.api.app import create_api
    from cauce.entrypoints.heap import settle_heap
    from cauce.gateway.provider import Channel
    from cauce.settings import Settings

    class Desk:
        async def open(self, org_id: int, channel_id: str) -> tuple[Channel, Any]:
            return Channel(channel_id, org_id, "bench", False, ""), None

        def capabilities(self, channel: Channel) -> Any:
            return TERMS

    async with AsyncExitStack() as stack:
        settings = Settings(home=Path(mkdtemp(prefix="cauce-bench-")), master_key=(b"k" * 32,))
        app = await connect_app(settings, dsn, stack)
        object.__setattr__(app.runtime, "gateways", Desk())
        config = uvicorn.Config(
            create_api(app.runtime, settings), host="127.0.0.1", port=0, log_level="critical", access_log=False,
            http="httptools",
        )  # fmt: skip
        import logging

        import structlog

        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
        server = uvicorn.Server(config)
        running = asyncio.create_task(server.serve())
        while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.01)
        settle_heap()
        sys.stdout.write(f"{server.servers[0].sockets[0].getsockname()[1]}\n")
        sys.stdout.flush()
        await running


@asynccontextmanager
async def served(bench: Bench) -> AsyncIterator[tuple[int, str]]:
    """(port, API key) of a server process over a fresh sandbox organization with a channel."""
    from cauce.channels.service import create_channel
    from cauce.storage.directory.keys import create_key
    from cauce.storage.directory.orgs import Mode, create_org
    from cauce.storage.sealing import Sealer

    async with bench.database() as database:
        async with database.transaction() as tx:
            org = await create_org(tx, "Bench", Mode.SANDBOX, frozen_at=datetime(2026, 1, 15, 9, tzinfo=UTC))
            _, secret = await create_key(tx, org.id, org.mode, "bench", frozenset({"admin"}))
            _, second = await create_key(tx, org.id, org.mode, "second", frozenset({"admin"}))
        async with database.transaction(org.id) as tx:
            await create_channel(
                tx, Sealer.of(b"k" * 32), "bench", "Bench", settings={}, secrets={}, channel_id=CHANNEL
            )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.http", bench.dsn, stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert process.stdout is not None
    try:
        yield int(await process.stdout.readline()), f"{secret} {second}"
    finally:
        process.terminate()
        await process.wait()


class Connection:
    """One kept-alive connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, secret: str) -> None:
        self._reader, self._writer, self._secret = reader, writer, secret

    @classmethod
    async def to(cls, port: int, secret: str) -> Connection:
        """Connect."""
        return cls(*await asyncio.open_connection("127.0.0.1", port), secret)

    async def ask(self, method: str, path: str, body: bytes = b"") -> bytes:
        """The body of an answer that must be good."""
        key = f"Idempotency-Key: {new_id('key')}\r\n" if method == "POST" and "bulk" not in path else ""
        key = "" if "events" in path else key
        head = f"{method} {path} HTTP/1.1\r\nHost: b\r\nAuthorization: Bearer {self._secret}\r\n{key}"
        self._writer.write(
            f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
        )
        answer = await self._reader.readuntil(_HEAD_END)
        length = int(answer.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        content = await self._reader.readexactly(length)
        assert answer.startswith((b"HTTP/1.1 200", b"HTTP/1.1 201")), content
        return content


async def call(connection: Connection, method: str, path: str, body: Any) -> Any:
    """One JSON call."""
    return json.loads(await connection.ask(method, path, json.dumps(body).encode()))


async def load(
    bench: Bench, port: int, secret: str, connections: int, ask: Callable[[Connection], Any]
) -> tuple[int, float, list[float]]:
    """Ask over many connections for the bench's time; how often it was answered, in how many seconds, how long each took."""

    async def client(until: float) -> list[float]:
        connection = await Connection.to(port, secret)
        took: list[float] = []
        while (began := time.perf_counter()) < until:
            await ask(connection)
            took.append(time.perf_counter() - began)
        return took

    await asyncio.gather(*(client(time.perf_counter() + 0.5) for _ in range(connections)))
    began = time.perf_counter()
    found = await asyncio.gather(*(client(began + bench.seconds) for _ in range(connections)))
    times = sorted(one for each in found for one in each)
    return len(times), time.perf_counter() - began, times


async def _shop(connection: Connection) -> None:
    await call(connection, "POST", "/v1/products", {"key": "p", "name": "P"})
    await call(connection, "PUT", "/v1/meters", {"key": "calls", "aggregation": "sum"})
    usage = {"key": "calls", "currency": "eur", "kind": "usage", "billing": "in_arrears", "meter_key": "calls"}
    prices = [
        {"key": "base", "currency": "eur", "model": {"type": "flat", "amount_minor": 3000}},
        {**usage, "model": {"type": "per_unit", "unit_amount": "0.5"}},
    ]
    plan = {"key": "pro", "product": "p", "name": "Pro", "prices": prices, "trial_days": 14, "features": {"x": True}}
    await call(connection, "POST", "/v1/plans", plan)


async def _settle_down(bench: Bench) -> None:
    """What autovacuum does within a minute of such a load: the planner learns how large the tables are."""
    async with bench.owner() as owner:
        await owner.execute("ANALYZE")


async def _subscribe(port: int, secret: str) -> None:
    async def some(first: int) -> None:
        connection = await Connection.to(port, secret)
        for number in range(first, CUSTOMERS, 16):
            body = {"customer": {"external_id": f"u{number}"}, "plan": "pro", "currency": "eur"}
            await call(connection, "POST", "/v1/subscriptions", body)

    await asyncio.gather(*(some(first) for first in range(16)))


@row("entitlements.http", "checks/s")
async def entitlements(bench: Bench) -> float:
    """Checks of one feature of 1,000 customers, 32 connections."""
    async with served(bench) as (port, secrets):
        secret = secrets.split()[0]
        await _shop(await Connection.to(port, secret))
        await _subscribe(port, secret)
        await _settle_down(bench)
        turn = iter(range(10**9))

        async def ask(connection: Connection) -> None:
            await connection.ask("GET", f"/v1/entitlements/check?customer=u{next(turn) % CUSTOMERS}&feature=x")

        count, seconds, times = await load(bench, port, secret, CONNECTIONS, ask)
    sys.stderr.write(f"entitlements.http p99 {1_000 * times[int(len(times) * 0.99)]:.1f} ms\n")
    return count / seconds


@row("usage.http.batch500", "events/s")
async def usage(bench: Bench) -> float:
    """Batches of 500 events of 1,000 customers, 4 connections."""
    async with served(bench) as (port, secrets):
        secret = secrets.split()[0]
        await _shop(await Connection.to(port, secret))
        await _subscribe(port, secret)
        await _settle_down(bench)
        turn = iter(range(10**9))

        async def ask(connection: Connection) -> None:
            first = next(turn) * BATCH
            events = [
                {
                    "event_id": f"e{first + n}",
                    "meter": "calls",
                    "customer": f"u{(first + n) % CUSTOMERS}",
                    "value": 1,
                    "occurred_at": _PLACED,
                }
                for n in range(BATCH)
            ]
            await connection.ask("POST", "/v1/usage/events", json.dumps({"events": events}).encode())

        count, seconds, _ = await load(bench, port, secret, BULK_CONNECTIONS, ask)
    return count * BATCH / seconds


@row("marketplace.http.bulk_orders", "orders/s")
async def bulk_orders(bench: Bench) -> float:
    """Requests of 500 orders of one line, paid already, 200 sellers, 4 connections: order, plan, escrow."""
    async with served(bench) as (port, secrets):
        secret, second = secrets.split()
        connection = await Connection.to(port, secret)
        rule = {
            "name": "commission",
            "currency": "eur",
            "base": "lines",
            "parts": [
                {"to": "fee", "kind": "percent", "value": "0.12"},
                {"to": "party:seller", "kind": "remainder"},
            ],
        }
        sellers = []
        for number in range(SELLERS):
            made = await call(connection, "POST", "/v1/merchants", {"name": f"M{number}", "external_id": f"m{number}"})
            account = {"channel": CHANNEL, "ref": f"acct_{number}", "agreement": "A"}
            await call(connection, "POST", f"/v1/merchants/{made['id']}/accounts", account)
            sellers.append(made["id"])
        drafted = await call(connection, "POST", "/v1/split_rules", {"rule": rule})
        other = await Connection.to(port, second)
        await call(other, "POST", f"/v1/split_rules/{drafted['id']}/versions/1/activate", {})
        await _settle_down(bench)
        turn = iter(range(10**9))

        async def ask(one: Connection) -> None:
            first = next(turn) * BATCH
            orders = [
                {
                    "external_id": f"o{first + n}",
                    "channel": CHANNEL,
                    "currency": "eur",
                    "lines": [{"seller": sellers[n % SELLERS], "price": 1_000 + n, "freight": 100}],
                    "split_rule": drafted["id"],
                    "placed_at": _PLACED,
                    "payments": [{"amount": 1_100 + n, "ref": f"pay_{first + n}", "paid_at": _PLACED}],
                }
                for n in range(BATCH)
            ]
            content = await one.ask("POST", "/v1/orders/bulk", json.dumps({"orders": orders}).encode())
            assert b"refused" not in content, content[:500]

        count, seconds, _ = await load(bench, port, secret, BULK_CONNECTIONS, ask)
    return count * BATCH / seconds


if __name__ == "__main__":
    import uvloop

    uvloop.run(serve(sys.argv[1]))
