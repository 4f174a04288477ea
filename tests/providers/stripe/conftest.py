"""Fixtures of the Stripe tests: one simulator for the session, a fresh platform account per test."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest
import stripe

from cauce.providers.stripe.simulator import stripe_face
from tests.providers.running import running_sandbox

START = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def sandbox_url() -> Iterator[str]:
    """A sandbox with Stripe's simulator alone."""
    with running_sandbox({"stripe": stripe_face()}) as url:
        yield url


@dataclass
class Platform:
    """A platform account at the simulator: the official library for it, and the control surface."""

    tenant: str
    url: str
    http: httpx2.Client

    @property
    def key(self) -> str:
        return f"sk_test_{self.tenant}"

    @property
    def api(self) -> str:
        return f"{self.url}/stripe"

    def client(self, key: str | None = None, **options: Any) -> stripe.StripeClient:
        return stripe.StripeClient(key or self.key, base_addresses={"api": self.api}, **options)

    def sim(self, verb: str, body: dict[str, Any] | None = None, method: str = "POST", **query: str) -> Any:
        reply = self.http.request(
            method, f"{self.api}/_sim/{verb}", json=body or {}, params={"tenant": self.tenant, **query}
        )
        assert reply.status_code == 200, reply.text
        return reply.json()

    def post(self, path: str, data: dict[str, Any], **headers: str) -> httpx2.Response:
        authorization = {"authorization": f"Bearer {self.key}"}
        return self.http.post(f"{self.api}{path}", data=data, headers=authorization | headers)

    def get(self, path: str, **query: Any) -> Any:
        return self.http.get(f"{self.api}{path}", params=query, headers={"authorization": f"Bearer {self.key}"}).json()

    def advance(self, span: str) -> None:
        self.sim("clock", {"advance": span})

    def events(self) -> list[str]:
        """Types of all events, oldest first."""
        return [e["type"] for e in reversed(self.get("/v1/events", limit=100)["data"])]


@pytest.fixture
def platform(sandbox_url: str) -> Iterator[Platform]:
    """A fresh platform account whose clock stands at START."""
    with httpx2.Client(trust_env=False, timeout=20) as http:
        made = Platform(f"t{next(_numbers)}", sandbox_url, http)
        http.post(f"{made.api}/_sim/tenants/{made.tenant}", json={})
        made.sim("clock", {"now": START.isoformat()})
        yield made
        assert made.sim("check")["wrong"] == [], "rows and books agree after every test"
