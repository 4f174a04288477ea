"""A provider's webhooks over real HTTP: stored, acknowledged when durable, concluded by a worker until the payment is booked.

So many charges of a Stripe channel wait for their outcome, as the product's own flows wrote them: invoices of the run,
attempts and instructions of the collection, sent, answered «processing». Then a signed `payment_intent.succeeded` of
each is posted to `/v1/inbound/…` of a server process, while a worker process concludes them. The clock runs from the
first POST until every instruction is final and every payment is booked; then the books are proved.

Such a notice names no fee, so the product asks the provider before it concludes. How fast that is answered is not ours
(25 requests a second, says its manual), so in `webhooks.inbound` the worker has the answer at once; in
`webhooks.inbound.asking` each question is a real exchange over HTTP, sealed and logged, with another process.
Client, server, worker and database share the machine. Bar: `webhooks.inbound` at least 1,500 webhooks/s on two cores.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import asyncpg

from benchmarks.bench import Bench
from benchmarks.registry import row
from benchmarks.webhooks_parts import HEAD_END, SECRET, Waiting, prepare, process
from cauce.providers.stripe import signing
from cauce.reports.activity import trial_balance
from cauce.storage.database import Database

WEBHOOKS = int(os.environ.get("CAUCE_BENCH_WEBHOOKS", "6000"))
ONE_BY_ONE = 300
WARM = 500
"""Delivered before the clock starts, and the statistics gathered, as autovacuum would have done on a system that has lived a day."""
CONNECTIONS = 64
_OPEN = """
SELECT (SELECT count(*) FROM channels.instruction WHERE org_id = $1 AND state = 'succeeded' AND concluded_at IS NOT NULL) AS final,
       (SELECT count(*) FROM payments.payment WHERE org_id = $1) AS booked
"""
_PROOF = """
SELECT (SELECT count(*) FROM payments.attempt WHERE org_id = $1 AND state = 'succeeded') AS succeeded,
       (SELECT count(DISTINCT attempt_id) FROM payments.payment WHERE org_id = $1) AS paid_once,
       (SELECT count(*) FROM payments.payment WHERE org_id = $1) AS payments,
       (SELECT count(*) FROM payments.payment WHERE org_id = $1 AND fee_minor > 0) AS with_fee,
       (SELECT count(*) FROM channels.notice WHERE org_id = $1) AS stored,
       (SELECT count(*) FROM ledger.journal WHERE org_id = $1 AND recipe = 'B02') AS journals
"""


async def _post(port: int, token: str, bodies: Sequence[bytes]) -> None:
    """Deliver over one kept-alive connection, each signed as it goes out; all must be acknowledged."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    path = f"POST /v1/inbound/{token} HTTP/1.1\r\nHost: b\r\nContent-Type: application/json\r\n"
    for body in bodies:
        signed = f"Stripe-Signature: {signing.header(SECRET, int(time.time()), body)}\r\n"
        writer.write(f"{path}{signed}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        head = await reader.readuntil(HEAD_END)
        content = await reader.readexactly(int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0]))
        assert head.startswith(b"HTTP/1.1 200"), (head, content)
    writer.close()


async def _until_booked(owner: asyncpg.Connection, org_id: int, count: int, poll_seconds: float) -> None:
    while True:
        now = await owner.fetchrow(_OPEN, org_id)
        assert now is not None
        if now["final"] == count and now["booked"] == count:
            return
        await asyncio.sleep(poll_seconds)


async def _prove(bench: Bench, database: Database, org_id: int, count: int) -> None:
    async with bench.owner() as owner:
        proof = await owner.fetchrow(_PROOF, org_id)
    assert proof is not None
    assert set(proof.values()) == {count}, dict(proof)
    async with database.transaction(org_id) as tx:
        books = await trial_balance(tx)
    assert books and all(one["balance_minor"] == 0 for one in books), books


@row("webhooks.baseline.one_by_one", "webhooks/s")
async def one_by_one(bench: Bench) -> float:
    """The same work, a webhook at a time: the next is delivered when the payment of the last one is booked."""
    async with _running(bench, ONE_BY_ONE, "at_once") as (port, waiting), bench.owner() as owner:
        with bench.stopwatch() as watch:
            for number, body in enumerate(waiting.bodies, start=1):
                await _post(port, waiting.token, [body])
                await _until_booked(owner, waiting.org_id, number, 0.001)
    return watch.rate(ONE_BY_ONE)


@row("webhooks.inbound", "webhooks/s", against="webhooks.baseline.one_by_one")
async def inbound(bench: Bench) -> float:
    """Webhooks over 64 connections; the provider answers the question that follows each at once."""
    return await _measure(bench, "at_once")


@row("webhooks.inbound.asking", "webhooks/s", against="webhooks.baseline.one_by_one")
async def asking(bench: Bench) -> float:
    """The same, and each question is an HTTP exchange of the product's adapter with another process, sealed and logged."""
    return await _measure(bench, "over_http")


async def _measure(bench: Bench, answered: str) -> float:
    async with _running(bench, WARM + WEBHOOKS, answered) as (port, waiting), bench.owner() as owner:
        await _post(port, waiting.token, waiting.bodies[:WARM])
        await _until_booked(owner, waiting.org_id, WARM, 0.1)
        await owner.execute("VACUUM ANALYZE")
        parts = [waiting.bodies[first::CONNECTIONS] for first in range(WARM, WARM + CONNECTIONS)]
        with bench.stopwatch() as watch:
            began = time.perf_counter()
            await asyncio.gather(*(_post(port, waiting.token, part) for part in parts))
            acknowledged = WEBHOOKS / (time.perf_counter() - began)
            await _until_booked(owner, waiting.org_id, WARM + WEBHOOKS, 0.1)
    sys.stderr.write(f"webhooks.inbound, answered {answered}: {acknowledged:.0f}/s acknowledged\n")
    return watch.rate(WEBHOOKS)


@asynccontextmanager
async def _running(bench: Bench, count: int, answered: str) -> AsyncIterator[tuple[int, Waiting]]:
    """The server's port and what waits; the books are proved after the block."""
    async with process("answer") as provider, bench.database() as database:
        waiting = await prepare(bench, database, count, provider)
        async with process("serve", bench.dsn) as port, process("work", bench.dsn, answered):
            yield int(port), waiting
        await _prove(bench, database, waiting.org_id, count)
