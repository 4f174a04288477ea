"""What `benchmarks.webhooks` measures with: charges under way, and the processes of server, worker and provider."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, cast

from benchmarks import billing
from benchmarks.bench import Bench
from cauce.app import App, connect_app
from cauce.billing.invoicing.sweeps import COLLECT
from cauce.billing.subscriptions.sweeps import RENEW, UPCOMING
from cauce.channels.service import create_channel
from cauce.entrypoints.heap import settle_heap
from cauce.entrypoints.worker.loop import Worker
from cauce.flows import runner
from cauce.flows.billing import collect, renew, upcoming
from cauce.flows.context import Gateways, RowProcessor, Runtime
from cauce.flows.registry import REGISTRY
from cauce.gateway.charging import Charge, ChargeRequest
from cauce.gateway.collecting import FetchRequest
from cauce.gateway.outcome import Done, Outcome, Pending
from cauce.gateway.provider import Channel
from cauce.kernel.money import Money
from cauce.providers.kit.registry import installed
from cauce.settings import Settings
from cauce.storage.database import SCHEDULER_ROLE, Database, Row, Tx
from cauce.storage.directory.orgs import Mode, create_org, inbound_token
from cauce.storage.sealing import Sealer
from cauce.storage.sweeps import Sweep, run_chunk

CHANNEL = "ch"
SECRET = "whsec_bench"
FEE_MINOR = 25
HEAD_END = b"\r\n\r\n"
_PAID = 1_772_443_800
_KEY = b"k" * 32
_SENT = """
SELECT i.key, i.ref, a.amount_minor, a.currency, m.customer_ref, m.ref AS method_ref, a.invoice_id
  FROM channels.instruction i JOIN payments.attempt a ON a.org_id = i.org_id AND a.id = i.object_id
  JOIN payments.method m ON m.org_id = a.org_id AND m.id = a.method_id
 WHERE i.org_id = $1 AND i.state = 'pending' AND a.state = 'processing' ORDER BY i.key
"""


@asynccontextmanager
async def _app(dsn: str) -> AsyncIterator[App]:
    import logging

    import structlog

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    async with AsyncExitStack() as stack:
        settings = Settings(home=Path(mkdtemp(prefix="cauce-bench-")), master_key=(_KEY,))
        yield await connect_app(settings, dsn, stack)


async def serve(dsn: str) -> None:
    """The server process: the whole application, as `cauce serve` runs it."""
    import uvicorn

    from cauce.entrypoints.api.app import create_api

    async with _app(dsn) as app:
        config = uvicorn.Config(
            create_api(app.runtime, app.settings), host="127.0.0.1", port=0, log_level="critical", access_log=False,
            http="httptools",
        )  # fmt: skip
        server = uvicorn.Server(config)
        running = asyncio.create_task(server.serve())
        while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.01)
        settle_heap()
        _say(server.servers[0].sockets[0].getsockname()[1])
        await running


class _Answering:
    """Channels whose provider answers a question at once, in this process; all else is the product's."""

    def __init__(self, behind: Gateways) -> None:
        self._behind = behind

    async def open(self, org_id: int, channel_id: str) -> tuple[Channel, Any]:
        channel, _ = await self._behind.open(org_id, channel_id)
        return channel, self

    def capabilities(self, channel: Channel) -> Any:
        return self._behind.capabilities(channel)

    async def fetch(self, request: FetchRequest) -> Outcome[Any]:
        amount = Money(int(request.ref.rsplit("_", 1)[1]), "eur")
        return Done(Charge(request.ref, amount, datetime.fromtimestamp(_PAID, UTC), FEE_MINOR, amount))


async def work(dsn: str, answered: str) -> None:
    """The worker process, as `cauce worker` runs it; `answered` "at_once" or "over_http"."""
    async with _app(dsn) as app:
        if answered == "at_once":
            object.__setattr__(app.runtime, "gateways", _Answering(app.runtime.gateways))
        settle_heap()
        _say("ready")
        await Worker(app.runtime, concurrency=app.settings.worker_concurrency).run()


async def answer() -> None:
    """The provider's process: every payment intent that is asked for has succeeded, with its fee."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                head = await reader.readuntil(HEAD_END)
            except (asyncio.IncompleteReadError, ConnectionError):
                break
            body = _intent(head.split(b" ", 2)[1].decode().split("?")[0].rsplit("/", 1)[1])
            writer.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
            )
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    _say(server.sockets[0].getsockname()[1])
    await server.serve_forever()


def _intent(ref: str) -> bytes:
    """The payment intent of a ref that says it all: `pi_<key>_<amount>`."""
    _, key, amount = ref[:3], ref[3:].rsplit("_", 1)[0], int(ref.rsplit("_", 1)[1])
    row_ = {"id": f"txn_{key}", "object": "balance_transaction", "amount": amount, "currency": "eur", "fee": FEE_MINOR}
    charge = {"id": f"ch_{key}", "object": "charge", "created": _PAID, "balance_transaction": row_}
    return json.dumps({**_bare_intent(key, ref, amount), "latest_charge": charge}).encode()


def _bare_intent(key: str, ref: str, amount: int) -> dict[str, Any]:
    return {
        "id": ref, "object": "payment_intent", "amount": amount, "amount_received": amount, "currency": "eur",
        "status": "succeeded", "customer": "cus_bench", "payment_method": "pm_bench", "latest_charge": f"ch_{key}",
        "created": _PAID, "livemode": False, "last_payment_error": None, "next_action": None,
        "transfer_group": None, "metadata": {"cauce_key": key, "cauce_op": "charge"},
    }  # fmt: skip


def _say(word: object) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


@asynccontextmanager
async def process(*arguments: str) -> AsyncIterator[str]:
    """A process of this file; the first line that it says."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.webhooks_parts", *arguments, stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert process.stdout is not None
    try:
        yield (await process.stdout.readline()).decode().strip()
    finally:
        process.terminate()
        await process.wait()


class _Desk:
    """While the charges are made: a provider that is at work on every one of them."""

    async def open(self, org_id: int, channel_id: str) -> tuple[Channel, Any]:
        return Channel(channel_id, org_id, "stripe", False, ""), self

    def capabilities(self, channel: Channel) -> Any:
        return installed()["stripe"].capabilities(channel)

    async def charge_saved(self, request: ChargeRequest) -> Outcome[Charge]:
        return Pending(Charge(f"pi_{request.key}_{request.amount.amount_minor}", request.amount), 600)


@dataclass(frozen=True, slots=True)
class Waiting:
    """An organization with charges under way, and the notices that end them: (body, event id)."""

    org_id: int
    token: str
    bodies: list[bytes]


async def prepare(bench: Bench, database: Database, count: int, provider_port: str) -> Waiting:
    settings = {"requests_per_second": "100000"}
    secrets = {"api_key": "sk_test_bench", "webhook_secret": SECRET}
    async with database.transaction() as tx:
        org_id = (await create_org(tx, "Bench", Mode.SANDBOX)).id
    async with database.transaction(org_id) as tx:
        await create_channel(
            tx, Sealer.of(_KEY), "stripe", "Stripe", base_url=f"http://127.0.0.1:{provider_port}",
            settings=settings, secrets=secrets, channel_id=CHANNEL,
        )  # fmt: skip
    async with database.transaction() as tx:
        token = await inbound_token(tx, org_id, CHANNEL)
    await billing.seed(bench, database, org_id, count, count, "active")
    async with bench.owner() as owner:
        await owner.execute(billing._METHODS, org_id, count)
    await _make_charges(bench, database, org_id)
    async with bench.owner() as owner:
        await owner.execute("VACUUM ANALYZE")
        sent = await owner.fetch(_SENT, org_id)
    assert len(sent) == count, f"{len(sent)} of {count} charges are under way"
    return Waiting(org_id, token, [_event(number, one) for number, one in enumerate(sent)])


def _event(number: int, one: Row) -> bytes:
    intent = _bare_intent(one["key"], one["ref"], one["amount_minor"])
    intent |= {"customer": one["customer_ref"], "payment_method": one["method_ref"]}
    intent["metadata"] |= {"cauce_invoice": one["invoice_id"]}
    return json.dumps(
        {
            "id": f"evt_bench_{number}", "object": "event", "api_version": "2026-10-28.endive", "created": _PAID,
            "livemode": False, "pending_webhooks": 1, "type": "payment_intent.succeeded",
            "request": {"id": f"req_bench_{number}", "idempotency_key": one["key"]}, "data": {"object": intent},
        }
    ).encode()  # fmt: skip


async def _make_charges(bench: Bench, database: Database, org_id: int) -> None:
    """Renew, collect and send, until nothing is left to do."""
    scheduler = await Database.connect(bench.dsn, role=SCHEDULER_ROLE, connections_max=2)
    desk = cast(Any, _Desk())
    runtime = Runtime(db=database, scheduler=scheduler, sealer=Sealer.of(_KEY), gateways=desk, registry=REGISTRY)
    try:
        await _sweep(runtime, RENEW, renew.run, org_id)
        await _sweep(runtime, COLLECT, collect.run, org_id)
        await _sweep(runtime, UPCOMING, upcoming.run, org_id)  # not the webhooks' work
        while await runner.relay_events(runtime, org_id):
            pass
        while claimed := await runner.claim_jobs(runtime, [org_id]):
            await runner.run_jobs(runtime, claimed, gates=runner.Gates(500))
    finally:
        await scheduler.close()


async def _sweep(runtime: Runtime, sweep: Sweep, handler: RowProcessor, org_id: int) -> None:
    async def handle(tx: Tx, rows: list[Row]) -> None:
        await handler(runtime, tx, rows)

    while await run_chunk(runtime.db, replace(sweep, rows_max=1_000), [org_id], handle):
        pass


if __name__ == "__main__":
    import uvloop

    uvloop.run({"serve": serve, "work": work, "answer": answer}[sys.argv[1]](*sys.argv[2:]))  # type: ignore[operator]
