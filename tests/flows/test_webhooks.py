"""Outgoing webhooks over real HTTP: signed, ordered, retried, given up visibly, never into the network."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from standardwebhooks.webhooks import Webhook
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cauce.flows import clock, notify, runner
from cauce.flows.context import Context
from cauce.kernel.errors import NotFound
from cauce.kernel.ids import new_id
from cauce.providers.kit.serving import serving
from cauce.storage import outbox
from cauce.storage.directory import keys
from cauce.storage.outbox import NewEvent
from cauce.webhooks import rules, service, store
from tests.support.runtime import BEGIN, World, world


@dataclass
class Receiver:
    """An endpoint that keeps what it gets and answers as told."""

    statuses: list[int] = field(default_factory=list)
    seen: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    url: str = ""

    async def take(self, request: Request) -> Response:
        self.seen.append((dict(request.headers), await request.body()))
        return Response(status_code=self.statuses.pop(0) if self.statuses else 204, headers={"location": self.url})


@asynccontextmanager
async def receiving(*statuses: int) -> AsyncIterator[Receiver]:
    receiver = Receiver(list(statuses))
    app = Starlette(routes=[Route("/hook", receiver.take, methods=["POST"])])
    async with serving(app) as url:
        receiver.url = f"{url}/hook"
        yield receiver


@pytest.fixture
async def product(dsn: str, tmp_path: Path) -> AsyncIterator[World]:
    async with world(dsn, tmp_path) as one:
        yield one


async def _endpoint(context: Context, url: str, *types: str) -> tuple[str, str]:
    async with context.transaction() as tx:
        return await service.create_endpoint(
            tx, context.runtime.sealer, url, types, await context.now(tx), loopback_allowed=True
        )


async def _emit(context: Context, object_id: str, *types: str) -> None:
    async with context.transaction() as tx:
        now = await context.now(tx)
        events = [NewEvent(kind, object_id, now, {"n": n}) for n, kind in enumerate(types)]
        await outbox.emit(tx, events, actor="test")


async def _work(context: Context) -> None:
    for _ in range(6):
        await runner.relay_events(context.runtime, context.org_id)
        await runner.run_jobs(context.runtime, await runner.claim_jobs(context.runtime, [context.org_id]))


async def test_an_event_arrives_signed_and_an_endpoint_gets_only_what_it_wants(product: World) -> None:
    context = product.context(await product.sandbox_org())
    async with receiving() as wanted, receiving() as other:
        _, secret = await _endpoint(context, wanted.url, "customer.created")
        await _endpoint(context, other.url, "plan.created")
        await _emit(context, new_id("cus"), "customer.created")
        await _work(context)
        assert len(wanted.seen) == 1
        assert other.seen == []
        headers, body = wanted.seen[0]
        assert Webhook(secret).verify(body, headers)["type"] == "customer.created"
        assert json.loads(body)["sequence"] == 1


async def test_an_event_says_who_did_it_why_and_whose_it_is_and_the_api_shows_the_same(product: World) -> None:
    org = await product.sandbox_org()
    async with product.runtime.db.transaction(org.id) as tx:
        _, secret = await keys.create_key(tx, org.id, org.mode, "test", frozenset({"admin"}))
    async with receiving() as receiver:
        await _endpoint(product.context(org), receiver.url)
        headers = {"authorization": f"Bearer {secret}", "idempotency-key": "make ana"}
        made = await product.app.client.put(f"{product.url}/v1/customers/ana", json={"name": "Ana"}, headers=headers)
        assert made.status_code == 200, made.text
        await _work(product.context(org))
        (told,) = [event for _, sent in receiver.seen if (event := json.loads(sent))["type"] == "customer.created"]
        customer = made.json()["id"]
        wanted = {
            "object": "event", "api_version": "v1", "type": "customer.created", "org": org.public_id, "livemode": False,
            "object_id": customer, "customer_id": customer, "sequence": 1, "cause": {"idempotency_key": "make ana"},
        }  # fmt: skip
        assert {name: told[name] for name in wanted} == wanted
        assert told["actor"]["type"] == "api_key" and told["actor"]["id"]
        assert told["created_at"] == told["timestamp"]
        del headers["idempotency-key"]
        for path in ("/v1/events?type=customer.created", f"/v1/objects/{customer}/events"):
            shown = (await product.app.client.get(f"{product.url}{path}", headers=headers)).json()["data"]
            assert {**shown[0], "created_at": "", "timestamp": ""} == {**told, "created_at": "", "timestamp": ""}


async def test_a_test_event_reaches_the_one_endpoint_whatever_it_wants_and_is_logged(product: World) -> None:
    context = product.context(await product.sandbox_org())
    async with receiving() as tested, receiving() as other:
        endpoint_id, secret = await _endpoint(context, tested.url, "plan.created")
        await _endpoint(context, other.url)
        await notify.send_test(context, endpoint_id)
        await _work(context)
        assert other.seen == []
        ((headers, body),) = tested.seen
        event = Webhook(secret).verify(body, headers)
        assert (event["type"], event["object_id"], event["data"]) == (
            "endpoint.tested",
            endpoint_id,
            {"url": tested.url},
        )
        async with context.transaction() as tx:
            (line,) = await store.deliveries(tx, endpoint_id=endpoint_id)
        assert (line["state"], line["last_status"]) == ("delivered", 204)
        with pytest.raises(NotFound):
            await notify.send_test(context, "we_nobody")


async def test_an_endpoint_that_was_given_up_is_switched_on_and_gets_what_waited_in_order(product: World) -> None:
    context = product.context(await product.sandbox_org())
    async with receiving(*[500] * 60) as receiver:
        endpoint_id, _ = await _endpoint(context, receiver.url, "customer.created", "customer.updated")
        await _emit(context, new_id("cus"), "customer.created", "customer.updated")
        await _work(context)
        await clock.begin_advance(context, BEGIN + timedelta(days=5))
        await _work(context)
        with pytest.raises(rules.EndpointOff):
            await notify.send_test(context, endpoint_id)
        receiver.statuses.clear()
        receiver.seen.clear()
        assert await notify.enable(context, endpoint_id) == 2
        assert await notify.enable(context, endpoint_id) == 0, "it is on"
        await _work(context)
        assert [json.loads(body)["sequence"] for _, body in receiver.seen] == [1, 2]
        async with context.transaction() as tx:
            assert (await store.read_endpoint(tx, endpoint_id))["failing_since"] is None


async def test_a_failing_endpoint_gets_everything_later_in_order_per_object(product: World) -> None:
    org = await product.sandbox_org()
    context = product.context(org)
    async with receiving(500, 302) as receiver:
        await _endpoint(context, receiver.url, "customer.created", "customer.updated", "customer.suspended")
        customer = new_id("cus")
        await _emit(context, customer, "customer.created", "customer.updated", "customer.suspended")
        await _work(context)
        assert len(receiver.seen) == 1, "the second event waits behind the first"
        await clock.begin_advance(context, BEGIN + timedelta(hours=1))
        await _work(context)
        accepted = [json.loads(body)["sequence"] for _, body in receiver.seen[2:]]
        assert accepted == [1, 2, 3]
        async with context.transaction() as tx:
            log = await store.deliveries(tx)
        assert sorted(row["attempts"] for row in log) == [1, 1, 3]
        assert {row["state"] for row in log} == {"delivered"}


async def test_an_endpoint_that_fails_for_three_days_is_disabled_and_says_so(product: World) -> None:
    context = product.context(await product.sandbox_org())
    async with receiving(*[500] * 60) as receiver:
        endpoint_id, _ = await _endpoint(context, receiver.url, "customer.created")
        await _emit(context, new_id("cus"), "customer.created")
        await _work(context)
        await clock.begin_advance(context, BEGIN + timedelta(days=5))
        await _work(context)
        async with context.transaction() as tx:
            assert (await store.read_endpoint(tx, endpoint_id))["state"] == "disabled"
            events = await outbox.events_of(tx, endpoint_id)
        assert [event["type"] for event in events] == ["endpoint.disabled"]


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.8",
        "127.0.0.1",
        "169.254.169.254",
        "::1",
        "::ffff:10.1.2.3",
        "0.0.0.0",
        "fe80::1",
        "224.0.0.1",
        "100.64.0.1",
    ],
)
def test_private_addresses_are_refused_for_live_organizations(address: str) -> None:
    with pytest.raises(rules.ForbiddenAddress):
        rules.check_addresses([address], loopback_allowed=False)


@pytest.mark.parametrize(
    "url", ["ftp://example.com/", "https://user:pw@example.com/", "http://example.com/", "https:///x"]
)
def test_addresses_that_cannot_be_meant_are_refused(url: str) -> None:
    with pytest.raises(rules.ForbiddenAddress):
        rules.check_url(url, loopback_allowed=False)


async def test_a_live_organization_never_calls_the_own_machine(product: World) -> None:
    async with receiving() as receiver:
        assert product.runtime.poster is not None
        secure = receiver.url.replace("http://", "https://")
        posted = await product.runtime.poster.post(secure, {}, b"{}", loopback_allowed=False)
        assert posted.status is None
        assert "not a public address" in posted.answer
        assert receiver.seen == []
        await asyncio.sleep(0)
