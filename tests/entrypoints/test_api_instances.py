"""Instances at the REST door: the reply of a sign-up leads to them, a veto is told, a failed one is tried again."""

from __future__ import annotations

from pathlib import Path

import httpx2

from cauce.storage.directory import keys
from tests.flows.billing.landlord import Landlord, landlord


async def _client(host: Landlord) -> httpx2.AsyncClient:
    async with host.product.runtime.db.transaction() as tx:
        _, secret = await keys.create_key(tx, host.org.id, host.org.mode, "test", frozenset({"read", "billing:write"}))
    return httpx2.AsyncClient(base_url=host.product.url, headers={"authorization": f"Bearer {secret}"}, timeout=60)


def _wish(who: str) -> dict[str, object]:
    return {
        "customer": {"external_id": who, "name": who, "email": f"{who}@example.com"},
        "plan": "team",
        "currency": "eur",
    }


async def test_the_reply_of_a_sign_up_leads_to_the_instance(dsn: str, tmp_path: Path) -> None:
    async with landlord(dsn, tmp_path) as host, await _client(host) as client:
        await host.plan()
        await host.answer({"fields": {"region": "eu"}})
        reply = await client.post("/v1/subscriptions", json=_wish("ana"), headers={"idempotency-key": "k1"})
        assert reply.status_code == 201
        instance = reply.json()["instance"]
        assert (instance["status"], instance["fields"]) == ("requested", {"region": "eu"})
        assert (
            instance["redirect_url"]
            == f"{host.product.runtime.public_url}/portal/{host.org.public_id}/instances/{instance['id']}"
        )
        await host.work()
        shown = (await client.get(f"/v1/instances/{instance['id']}")).json()
        assert shown["status"] == "ready"
        assert "/_sim/pages/" in shown["redirect_url"]
        assert [(one["verb"], one["status"]) for one in shown["operations"]] == [("provision", "done")]
        listed = (await client.get("/v1/instances", params={"customer": "ana"})).json()
        assert [one["id"] for one in listed["data"]] == [instance["id"]]
        again = await client.post(f"/v1/instances/{instance['id']}/retry")
        assert (again.status_code, again.json()["code"]) == (409, "nothing_to_retry")


async def test_a_veto_is_told_with_the_words_of_the_runner(dsn: str, tmp_path: Path) -> None:
    async with landlord(dsn, tmp_path) as host, await _client(host) as client:
        await host.plan()
        await host.answer({"veto": "no room left"})
        reply = await client.post("/v1/subscriptions", json=_wish("ana"), headers={"idempotency-key": "k1"})
        assert (reply.status_code, reply.json()["code"], reply.json()["detail"]) == (409, "vetoed", "no room left")
        again = await client.post("/v1/subscriptions", json=_wish("ana"), headers={"idempotency-key": "k1"})
        assert again.status_code == 201  # nothing was remembered of the refusal: the same request may be made again
