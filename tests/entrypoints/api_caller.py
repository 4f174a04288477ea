"""An organization's own program, over real HTTP: every call that writes has a key of its own."""

from __future__ import annotations

from typing import Any

import httpx2

from cauce.kernel.ids import new_id
from cauce.storage.directory import keys
from cauce.storage.directory.orgs import Org
from tests.entrypoints.stage import Stage


class Caller:
    """An organization's own program."""

    def __init__(self, client: httpx2.AsyncClient, org: Org) -> None:
        self.client = client
        self.org = org

    async def get(self, path: str, **params: Any) -> dict[str, Any]:
        answer = await self.client.get(f"/v1{path}", params=params)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def send(self, method: str, path: str, body: Any = None) -> httpx2.Response:
        key = {"Idempotency-Key": new_id("key")}
        return await self.client.request(method, f"/v1{path}", json=body, headers=key)

    async def done(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        answer = await self.send(method, path, body)
        assert answer.status_code < 300, answer.text
        found: dict[str, Any] = answer.json()
        return found


async def caller_of(one: Stage, scope: str = "admin") -> Caller:
    """A program of the stage's organization."""
    async with one.context.runtime.db.transaction() as tx:
        _, secret = await keys.create_key(tx, one.org.id, one.org.mode, "test", frozenset({scope}))
    headers = {"Authorization": f"Bearer {secret}"}
    return Caller(httpx2.AsyncClient(base_url=one.url, headers=headers, trust_env=False, timeout=60), one.org)
