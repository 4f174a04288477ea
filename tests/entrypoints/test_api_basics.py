"""The REST skeleton over real HTTP: problems, keys, idempotency, cursors, health, one tenant never sees another."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import asyncpg
import httpx2
import pytest

from cauce.billing.customers import service as customers
from cauce.billing.customers.rules import CustomerData
from cauce.kernel.ids import new_id
from cauce.storage import outbox
from cauce.storage.directory import keys
from cauce.storage.directory.orgs import Org
from cauce.storage.outbox import NewEvent
from tests.support.runtime import World, world


@pytest.fixture(scope="module")
async def product(shared_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    home: Path = tmp_path_factory.mktemp("home")
    async with world(shared_dsn, home) as one:
        yield one


async def _client(product: World, org: Org, *scopes: str) -> httpx2.AsyncClient:
    async with product.runtime.db.transaction() as tx:
        _, secret = await keys.create_key(tx, org.id, org.mode, "test", frozenset(scopes or {"admin"}))
    return httpx2.AsyncClient(
        base_url=product.url, headers={"Authorization": f"Bearer {secret}"}, trust_env=False, timeout=60
    )


async def test_health_and_metrics_answer_without_a_key(product: World) -> None:
    async with httpx2.AsyncClient(base_url=product.url, trust_env=False, timeout=60) as client:
        assert (await client.get("/healthz")).status_code == 200
        assert (await client.get("/readyz")).json() == {"status": "ready"}
        assert "cauce_http_requests_total" in (await client.get("/metrics")).text


async def test_problems_have_a_code_and_a_request_id(product: World) -> None:
    async with httpx2.AsyncClient(base_url=product.url, trust_env=False, timeout=60) as client:
        refused = await client.get("/v1/clock", headers={"X-Request-Id": "abc-123"})
        assert refused.status_code == 401
        assert refused.headers["content-type"] == "application/problem+json"
        assert refused.headers["x-request-id"] == "abc-123"
        assert refused.json()["code"] == "unauthenticated"
        assert (await client.get("/v1/nothing")).json()["code"] == "not_found"


async def test_a_mistyped_revoked_or_foreign_key_is_refused(product: World) -> None:
    org = await product.sandbox_org()
    client = await _client(product, org)
    created = (await client.post("/v1/api_keys", json={"name": "second", "scopes": ["read"]})).json()
    bad = {"Authorization": f"Bearer {created['secret'][:-1]}x"}
    assert (await client.get("/v1/clock", headers=bad)).json()["code"] == "bad_api_key"
    reader = {"Authorization": f"Bearer {created['secret']}"}
    assert (await client.get("/v1/organization", headers=reader)).json()["id"] == org.public_id
    assert (await client.get("/v1/api_keys", headers=reader)).json()["code"] == "missing_scope"
    assert (await client.delete(f"/v1/api_keys/{created['id']}")).json()["revoked"] is True


async def test_the_same_key_and_body_is_one_effect_and_another_body_is_refused(product: World) -> None:
    client = await _client(product, await product.sandbox_org())
    url, headers = "/v1/webhook_endpoints", {"Idempotency-Key": "k-1"}
    body = {"url": "http://127.0.0.1:9/hook"}
    first = await client.post(url, json=body, headers=headers)
    again = await client.post(url, json=body, headers=headers)
    assert first.status_code == again.status_code == 201
    assert first.json() == again.json()
    assert again.headers["idempotent-replayed"] == "true"
    other = await client.post(url, json={"url": "http://127.0.0.1:9/other"}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")
    assert len((await client.get(url)).json()["data"]) == 1


async def test_fifty_identical_requests_at_once_make_one_endpoint(product: World) -> None:
    client = await _client(product, await product.sandbox_org())
    body, headers = {"url": "http://127.0.0.1:9/hook"}, {"Idempotency-Key": "k-race"}
    answers = await asyncio.gather(
        *(client.post("/v1/webhook_endpoints", json=body, headers=headers) for _ in range(50))
    )
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len((await client.get("/v1/webhook_endpoints")).json()["data"]) == 1


async def test_unknown_fields_and_wrong_types_are_refused_with_their_place(product: World) -> None:
    client = await _client(product, await product.sandbox_org())
    for body, param in (({"url": "http://127.0.0.1/", "urls": []}, "urls"), ({"url": 7}, "url"), ({}, "url")):
        refused = await client.post("/v1/webhook_endpoints", json=body)
        assert refused.status_code == 422, refused.text
        assert refused.json()["param"] == param
    assert (await client.get("/v1/events", params={"cursor": "!!"})).json()["code"] == "bad_cursor"


async def test_pages_cover_a_list_once_and_end(product: World) -> None:
    org = await product.sandbox_org()
    context = product.context(org)
    async with context.transaction() as tx:
        now = await context.now(tx)
        await outbox.emit(tx, [NewEvent("customer.created", new_id("cus"), now) for _ in range(45)], actor="test")
    client = await _client(product, org, "read")
    seen: list[str] = []
    cursor = ""
    while True:
        page = (await client.get("/v1/events", params={"limit": 20, "cursor": cursor})).json()
        seen += [event["id"] for event in page["data"]]
        if not page["has_more"]:
            break
        cursor = page["next_cursor"]
    assert len(seen) == len(set(seen)) == 45


async def test_s19_pages_stay_as_they_are_while_rows_are_inserted(product: World) -> None:
    org = await product.sandbox_org()
    context, client = product.context(org), await _client(product, org, "read")

    async def register(names: Sequence[str]) -> None:
        async with context.transaction() as tx:
            now = await context.now(tx)
            for name in names:
                await customers.put(tx, CustomerData(name, email=f"{name}@x.example"), now=now, actor="test")

    await register([f"old-{number}" for number in range(9)])
    seen: list[str] = []
    cursor = ""
    for turn in range(20):
        page = (await client.get("/v1/customers", params={"limit": 2, "cursor": cursor})).json()
        seen += [row["external_id"] for row in page["data"]]
        if not page["has_more"]:
            break
        cursor = page["next_cursor"]
        assert "example" not in cursor, "an address tells nothing about a person"
        await register([f"new-{turn}-{number}" for number in range(3)])
    old = [name for name in seen if name.startswith("old-")]
    assert sorted(old) == sorted(f"old-{number}" for number in range(9)), "each once, none left out"
    assert len(seen) == len(set(seen))


async def test_one_organization_never_sees_another(product: World) -> None:
    mine, theirs = await product.sandbox_org("Mine"), await product.sandbox_org("Theirs")
    endpoint = (
        await (await _client(product, theirs)).post("/v1/webhook_endpoints", json={"url": "http://127.0.0.1:9/"})
    ).json()
    client = await _client(product, mine)
    assert (await client.get("/v1/webhook_endpoints")).json()["data"] == []
    assert (await client.delete(f"/v1/webhook_endpoints/{endpoint['id']}")).status_code == 404
    assert (await client.get(f"/v1/webhook_endpoints/{endpoint['id']}/deliveries")).status_code == 404


async def test_only_a_sandbox_clock_moves_and_only_forward(product: World) -> None:
    client = await _client(product, await product.sandbox_org())
    now = (await client.get("/v1/clock")).json()["now"]
    assert (await client.post("/v1/clock/advance", json={"to": "2020-01-01T00:00:00Z"})).status_code == 422
    begun = await client.post("/v1/clock/advance", json={"to": "2026-02-01T00:00:00Z"})
    assert begun.status_code == 202
    assert (await client.post("/v1/clock/advance", json={"to": "2026-03-01T00:00:00Z"})).json()[
        "code"
    ] == "clock_advancing"
    assert now.startswith("2026-01-15")


_VICTIM = """CREATE SEQUENCE public.tries; GRANT USAGE ON SEQUENCE public.tries TO PUBLIC;
CREATE FUNCTION public.be_the_victim() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF nextval('public.tries') <= 2 THEN RAISE deadlock_detected; END IF; RETURN NEW; END $$;
CREATE TRIGGER victim BEFORE INSERT ON webhooks.endpoint FOR EACH ROW EXECUTE FUNCTION public.be_the_victim()"""


async def test_a_deadlock_is_tried_again_under_the_requests_key_and_told_without_one(
    product: World, shared_dsn: str
) -> None:
    client = await _client(product, await product.sandbox_org())
    owner = await asyncpg.connect(shared_dsn)
    try:
        await owner.execute(_VICTIM)
        url, body = "/v1/webhook_endpoints", {"url": "http://127.0.0.1:9/hook"}
        made = await client.post(url, json=body, headers={"Idempotency-Key": "k-9"})
        assert made.status_code == 201, made.text
        await owner.execute("ALTER SEQUENCE public.tries RESTART")
        told = await client.post(url, json=body)
        assert (told.status_code, told.json()["code"], told.headers["retry-after"]) == (429, "overloaded", "1")
        assert len((await client.get(url)).json()["data"]) == 1
    finally:
        await owner.execute("DROP FUNCTION public.be_the_victim CASCADE; DROP SEQUENCE public.tries")
        await owner.close()
