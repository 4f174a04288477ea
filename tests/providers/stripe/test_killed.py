"""A sandbox that is killed (signal 9) and started again remembers everything that it ever answered."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2

_SERVE = """
import sys
from pathlib import Path
import uvicorn
from cauce.providers.kit.sandbox import create_sandbox_app
from cauce.providers.stripe.simulator import stripe_face
app = create_sandbox_app({"stripe": stripe_face()}, store_dir=Path(sys.argv[1]))
uvicorn.run(app, port=int(sys.argv[2]), log_level="critical")
"""
KEY = {"authorization": "Bearer sk_test_kept"}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def _sandbox(folder: Path) -> Iterator[httpx2.Client]:
    """A sandbox process that is killed at the end of the block."""
    port = _free_port()
    process = subprocess.Popen([sys.executable, "-c", _SERVE, str(folder), str(port)])
    try:
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=20) as http:
            while True:
                assert process.poll() is None, "the sandbox ended"
                try:
                    http.get("/_sim/faces")
                    break
                except httpx2.TransportError:
                    time.sleep(0.05)
            yield http
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def _pay(http: httpx2.Client, key: str) -> dict[str, Any]:
    fields = {"amount": "1000", "currency": "eur", "payment_method": "pm_card_visa", "confirm": "true"}
    reply = http.post("/stripe/v1/payment_intents", data=fields, headers={**KEY, "idempotency-key": key})
    assert reply.status_code == 200
    paid: dict[str, Any] = reply.json()
    return paid


def _books(http: httpx2.Client) -> Any:
    return http.get("/stripe/_sim/books", params={"tenant": "kept"}).json()


def test_nothing_that_was_answered_is_lost(tmp_path: Path) -> None:
    paid: dict[str, dict[str, Any]] = {}
    before: Any = None
    for life in range(3):
        with _sandbox(tmp_path) as http:
            if life == 0:
                http.post("/stripe/_sim/tenants/kept", json={})
                http.post("/stripe/_sim/clock", json={"now": "2026-03-02T09:30:00+00:00"})
            else:
                assert _books(http) == before
                for intent in paid.values():
                    assert http.get(f"/stripe/v1/payment_intents/{intent['id']}", headers=KEY).json() == intent
                assert _pay(http, f"last{life - 1}") == paid["last"], (
                    "the same key gives the same answer after the crash"
                )
            with ThreadPoolExecutor(4) as pool:
                keys = [f"life{life}-{n}" for n in range(12)]
                paid |= dict(zip(keys, pool.map(lambda key: _pay(http, key), keys), strict=True))
            http.post("/stripe/_sim/faults", json={"kind": "rate_limited", "operation": "nothing"})
            http.post("/_sim/clock", params={"tenant": "kept"}, json={"advance": "3d"})
            paid["last"] = _pay(http, f"last{life}")
            before = _books(http)
    assert len(paid) == 37
    assert len({intent["id"] for intent in paid.values()}) == 37
    assert before["wrong"] == []
