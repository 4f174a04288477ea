"""The way to production: the command lines of the shipped systemd units, run against a PostgreSQL of its own.

A web server, two workers and the simulators are started as the units say. While customers are written and a clock is
sent forward, each process is stopped as `systemctl restart` stops it and started again; afterwards every request has
had its effect once, every event was told once, and the clock has arrived once.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import socket
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest

from cauce.storage.database import Database
from cauce.storage.directory.keys import create_key
from cauce.storage.directory.orgs import Mode, create_org
from tests.providers.receiver import Receiver, receiving
from tests.support.embedded import REPOSITORY
from tests.support.postgres import ThrowAwayServer
from tests.support.toy import DAWN

UNITS = REPOSITORY / "deploy" / "systemd"
DEBIAN = Path("/usr/lib/postgresql/15/bin")
"""Where Debian keeps the programs of its PostgreSQL 15, the oldest that Cauce works on."""

PATIENCE_SECONDS = 120
CUSTOMERS_BETWEEN_RESTARTS = 6
MONTH = timedelta(days=30)


def unit_settings(name: str) -> dict[str, list[str]]:
    """The assignments of a unit file, in order."""
    found: dict[str, list[str]] = {}
    for line in (UNITS / name).read_text().splitlines():
        key, separator, value = line.partition("=")
        if separator and not line.startswith("#"):
            found.setdefault(key, []).append(value)
    return found


@dataclass
class Unit:
    """One instance of a unit: started and stopped as systemd would, with the environment that it would have."""

    file: str
    environ: dict[str, str]
    log: Path
    process: asyncio.subprocess.Process | None = field(default=None)

    async def start(self) -> None:
        """`systemctl start`: the unit's own command line, with this checkout's `cauce` in the place of the installed one."""
        [line] = unit_settings(self.file)["ExecStart"]
        program, *words = line.split()
        assert Path(program).name == "cauce"
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                str(Path(sys.executable).with_name("cauce")), *words, env=self.environ, cwd=self.log.parent,
                stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip

    async def stop(self) -> None:
        """`systemctl stop`: the unit's signal, and an end in order within the unit's patience."""
        assert self.process is not None
        assert self.process.returncode is None, self.log.read_text()
        self.process.send_signal(signal.Signals[unit_settings(self.file)["KillSignal"][0]])
        async with asyncio.timeout(int(unit_settings(self.file)["TimeoutStopSec"][0])):
            assert await self.process.wait() == 0, self.log.read_text()

    async def says(self, words: str, count: int) -> None:
        """Return when its log holds `words` at least `count` times."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while self.log.read_text().count(words) < count:
                assert self.process is not None and self.process.returncode is None, self.log.read_text()
                await asyncio.sleep(0.05)


@dataclass
class Installation:
    """A machine on which everything runs. `url` is the web server's."""

    url: str
    database: Database
    serve: Unit
    workers: list[Unit]

    async def tenant(self, name: str, frozen_at: datetime | None = None) -> httpx2.AsyncClient:
        """A fresh sandbox organization, as somebody with a key to all of it."""
        async with self.database.transaction() as tx:
            org = await create_org(tx, name, Mode.SANDBOX, frozen_at=frozen_at)
        async with self.database.transaction(org.id) as tx:
            _, secret = await create_key(tx, org.id, org.mode, "traffic", frozenset({"admin"}))
        return httpx2.AsyncClient(base_url=self.url, headers={"Authorization": f"Bearer {secret}"}, timeout=60)


@pytest.fixture
def postgres() -> Iterator[ThrowAwayServer]:
    """A PostgreSQL that somebody else runs: Debian's 15 where it is installed."""
    server = ThrowAwayServer(bin_dir=DEBIAN if (DEBIAN / "initdb").exists() else None)
    yield server
    server.stop()


@pytest.fixture
async def installation(postgres: ThrowAwayServer, tmp_path: Path) -> AsyncIterator[Installation]:
    """Web server, two workers and simulators, each as its unit says, on an empty database."""
    port, sandbox_port = _free_ports(2)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CAUCE_")}
    async with contextlib.AsyncExitStack() as stack:
        name = await postgres.create_database()
        environ = kept | {
            "PYTHONPATH": str(REPOSITORY / "src"), "CAUCE_HOME": str(tmp_path), "CAUCE_BIND_PORT": str(port),
            "CAUCE_SANDBOX_PORT": str(sandbox_port), "CAUCE_DATABASE_URL": postgres.dsn(name),
            "CAUCE_MASTER_KEY": secrets.token_hex(32), "CAUCE_LOG_FORMAT": "json",
        }  # fmt: skip
        files = ["cauce-sandbox.service", "cauce-serve.service", "cauce-worker@.service", "cauce-worker@.service"]
        units = [Unit(file, environ, tmp_path / f"{number}.log") for number, file in enumerate(files)]
        for unit in units:  # all at once on an empty database: each wants to make the tables
            await unit.start()
            stack.push_async_callback(_end, unit)
        url = f"http://127.0.0.1:{port}"
        await _ready(url, units[1])
        for worker in units[2:]:
            await worker.says("Cauce works", 1)
        database = await Database.connect(postgres.dsn(name))
        stack.push_async_callback(database.close)
        yield Installation(url, database, units[1], units[2:])


async def test_processes_started_by_the_units_restart_one_by_one_under_traffic_and_nothing_is_lost_or_doubled(
    installation: Installation,
) -> None:
    async with (
        await installation.tenant("Río") as client,
        await installation.tenant("Mar", DAWN) as walker,
        receiving() as receiver,
    ):
        endpoint = {"url": receiver.url, "event_types": ["customer.created"]}
        assert (await _insist(client, "POST", "/v1/webhook_endpoints", endpoint, "endpoint")).status_code == 201
        sent = await _insist(walker, "POST", "/v1/clock/advance", {"to": (DAWN + MONTH).isoformat()}, "advance")
        assert sent.is_success, sent.text
        traffic = Traffic(client)
        flowing = asyncio.create_task(traffic.flow())
        for unit, words in (*((worker, "Cauce works") for worker in installation.workers), (installation.serve, "")):
            await traffic.reaches(traffic.answered + CUSTOMERS_BETWEEN_RESTARTS)
            await unit.stop()
            await traffic.goes_on_without(unit)
            await unit.start()
            await (unit.says(words, 2) if words else _ready(installation.url, unit))
        await traffic.reaches(traffic.answered + CUSTOMERS_BETWEEN_RESTARTS)
        traffic.stopping = True
        await flowing

        await _prove_customers(client, traffic)
        await _prove_deliveries(receiver, traffic)
        await _prove_arrival(walker)


class Traffic:
    """A client that writes customers one after the other, and repeats a request under its key until it is answered."""

    def __init__(self, client: httpx2.AsyncClient) -> None:
        self._client = client
        self.ids: dict[str, str] = {}
        self.stopping = False

    @property
    def answered(self) -> int:
        """How many requests were answered."""
        return len(self.ids)

    async def flow(self) -> None:
        """Write until told to stop; every answer is asked for twice and must be the same."""
        while not self.stopping:
            name = f"customer-{self.answered}"
            first = await _insist(self._client, "PUT", f"/v1/customers/{name}", {"name": "Ana"}, name)
            again = await _insist(self._client, "PUT", f"/v1/customers/{name}", {"name": "Ana"}, name)
            assert (first.status_code, again.json()) == (200, first.json()), first.text
            self.ids[name] = first.json()["id"]

    async def reaches(self, count: int) -> None:
        """Return when so many requests were answered."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while self.answered < count:
                await asyncio.sleep(0.02)

    async def goes_on_without(self, unit: Unit) -> None:
        """While a worker is away, requests are answered all the same."""
        if "worker" in unit.file:
            await self.reaches(self.answered + 1)


async def _insist(
    client: httpx2.AsyncClient, method: str, path: str, body: dict[str, object], key: str
) -> httpx2.Response:
    """The answer of a server that may be restarting: what was not answered is asked again under the same key."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        with contextlib.suppress(httpx2.TransportError):
            answer = await client.request(method, path, json=body, headers={"Idempotency-Key": key}, timeout=20)
            if answer.status_code not in (409, 503):
                return answer
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


async def _prove_customers(client: httpx2.AsyncClient, traffic: Traffic) -> None:
    found: dict[str, str] = {}
    cursor = ""
    while True:
        page = (await client.get("/v1/customers", params={"limit": 100, "cursor": cursor})).json()
        for row in page["data"]:
            assert row["external_id"] not in found
            found[row["external_id"]] = row["id"]
        if not page["has_more"]:
            break
        cursor = page["next_cursor"]
    assert found == traffic.ids


async def _prove_deliveries(receiver: Receiver, traffic: Traffic) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len(receiver.received) < traffic.answered:
            await asyncio.sleep(0.05)
    told = Counter(_customer_of(msgspec.json.decode(body)) for _, body in receiver.received)
    assert told == Counter(dict.fromkeys(traffic.ids.values(), 1))
    assert len({headers["webhook-id"] for headers, _ in receiver.received}) == traffic.answered


def _customer_of(event: dict[str, Any]) -> str:
    assert event["type"] == "customer.created"
    return str(event["object_id"])


async def _prove_arrival(walker: httpx2.AsyncClient) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not (arrivals := (await walker.get("/v1/events", params={"type": "clock.advanced"})).json()["data"]):
            await asyncio.sleep(0.1)
    assert len(arrivals) == 1
    assert datetime.fromisoformat((await walker.get("/v1/clock")).json()["now"]) == DAWN + MONTH


async def _ready(url: str, unit: Unit) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS), httpx2.AsyncClient(timeout=60) as client:
        while True:
            assert unit.process is not None and unit.process.returncode is None, unit.log.read_text()
            with contextlib.suppress(httpx2.TransportError):
                if (await client.get(f"{url}/readyz")).status_code == 200:
                    return
            await asyncio.sleep(0.05)


async def _end(unit: Unit) -> None:
    if unit.process is not None and unit.process.returncode is None:
        unit.process.kill()
        await unit.process.wait()


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
