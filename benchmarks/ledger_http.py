"""The ledger's hot routes over real HTTP: a server process of its own, sixty-four connections, every answer durable.

`ledger.http.single` is measured beside the same route without group commit: one transaction per request.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from benchmarks.bench import Bench
from benchmarks.registry import row
from cauce.kernel.ids import new_id
from cauce.storage.database import Database
from cauce.storage.directory.keys import create_key
from cauce.storage.directory.orgs import Mode

CONNECTIONS = 64
BULK_CONNECTIONS = 16
_ACCOUNTS = 1_000
_HEAD_END = b"\r\n\r\n"


async def serve(dsn: str, *, coalesced: bool) -> None:
    """The server process: the routes over a coalescer or, to compare, over plain transactions."""
    import uvicorn
    from starlette.applications import Starlette

    from cauce.entrypoints.api.access import Authenticator
    from cauce.entrypoints.api.coalescer import Coalescer
    from cauce.entrypoints.api.ledger_routes import LedgerDoors, routes
    from cauce.ledger.posting import post_at_once

    database = await Database.connect(dsn, connections_max=16)

    class OneByOne:
        async def post(self, org_id: int, items: object) -> object:
            return await post_at_once(database, org_id, items)  # type: ignore[arg-type]

    posts = Coalescer.over(database) if coalesced else OneByOne()
    app = Starlette(routes=routes(LedgerDoors(database, posts, Authenticator(database))))  # type: ignore[arg-type]
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical", access_log=False, http="httptools")
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    sys.stdout.write(f"{server.servers[0].sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await running


@asynccontextmanager
async def served(bench: Bench, *, coalesced: bool) -> AsyncIterator[tuple[int, str]]:
    """(port, API key) of a server process over a fresh organization whose accounts exist."""
    async with bench.database() as database:
        org = await bench.org(database)
        async with database.transaction() as tx:
            _, secret = await create_key(tx, org, Mode.LIVE, "bench", frozenset({"ledger:write"}))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.ledger_http", bench.dsn, "coalesced" if coalesced else "plain",
        stdout=asyncio.subprocess.PIPE, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert process.stdout is not None
    try:
        port = int(await process.stdout.readline())
        ring = [body(account, (account + 1) % _ACCOUNTS) for account in range(_ACCOUNTS)]
        await send(port, secret, "/v1/ledger/journals/bulk", 1, lambda: bulk(ring), requests=1)
        yield port, secret
    finally:
        process.terminate()
        await process.wait()


def body(debit: int, credit: int) -> dict[str, object]:
    """A transfer."""
    legs = [
        {"account": f"user:{debit}", "amount": 5, "currency": "eur"},
        {"account": f"user:{credit}", "amount": -5, "currency": "eur"},
    ]
    return {"key": new_id("jnl"), "reference": "bench", "effective_at": "2030-01-01T00:00:00Z", "legs": legs}


def one() -> bytes:
    """A body of one transfer between random accounts."""
    return json.dumps(body(*random.sample(range(_ACCOUNTS), 2))).encode()


def hundred() -> bytes:
    """A body of a hundred."""
    return bulk([body(*random.sample(range(_ACCOUNTS), 2)) for _ in range(100)])


def bulk(journals: list[dict[str, object]]) -> bytes:
    """A body of many."""
    return json.dumps({"journals": journals}).encode()


async def send(
    port: int,
    secret: str,
    path: str,
    connections: int,
    make: Callable[[], bytes],
    *,
    seconds: float = 60,
    requests: int = 0,
) -> int:
    """Send requests over kept-alive connections for a time (or so many each); how many were answered well."""
    until = time.perf_counter() + seconds
    head = f"POST {path} HTTP/1.1\r\nHost: b\r\nAuthorization: Bearer {secret}\r\nContent-Type: application/json\r\nContent-Length: "

    async def client() -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        answered = 0
        while time.perf_counter() < until and (not requests or answered < requests):
            content = make()
            writer.write(f"{head}{len(content)}\r\n\r\n".encode() + content)
            answer = await reader.readuntil(_HEAD_END)
            assert answer.startswith((b"HTTP/1.1 201", b"HTTP/1.1 200")), answer
            length = int(answer.lower().split(b"content-length:")[1].split(b"\r\n")[0])
            await reader.readexactly(length)
            answered += 1
        writer.close()
        return answered

    return sum(await asyncio.gather(*(client() for _ in range(connections))))


async def rate(
    bench: Bench, path: str, connections: int, make: Callable[[], bytes], *, coalesced: bool = True
) -> float:
    """Requests per second."""
    async with served(bench, coalesced=coalesced) as (port, secret):
        await send(port, secret, path, connections, make, seconds=0.5)
        with bench.stopwatch() as watch:
            count = await send(port, secret, path, connections, make, seconds=bench.seconds)
        return watch.rate(count)


@row("ledger.http.single.uncoalesced", "transfers/s")
async def http_uncoalesced(bench: Bench) -> float:
    """One transfer per request and one transaction per transfer, 64 connections."""
    return await rate(bench, "/v1/ledger/journals", CONNECTIONS, one, coalesced=False)


@row("ledger.http.single", "transfers/s", against="ledger.http.single.uncoalesced")
async def http_single(bench: Bench) -> float:
    """One transfer per request, 64 connections, group commit."""
    return await rate(bench, "/v1/ledger/journals", CONNECTIONS, one)


@row("ledger.http.bulk100", "transfers/s", against="ledger.batch100")
async def http_bulk100(bench: Bench) -> float:
    """A hundred transfers per request, 16 connections, beside batches of 100 by direct call."""
    return 100 * await rate(bench, "/v1/ledger/journals/bulk", BULK_CONNECTIONS, hundred)


if __name__ == "__main__":
    import uvloop

    uvloop.run(serve(sys.argv[1], coalesced=sys.argv[2] == "coalesced"))
