"""The simulators' engine, over HTTP, with the toy face."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from cauce.providers.kit.control import SandboxControl, SandboxError
from cauce.providers.kit.sandbox import create_sandbox_app
from cauce.providers.kit.serving import serving
from tests.providers.kit.toy_face import TOY
from tests.providers.receiver import Receiver

START = datetime(2026, 1, 31, 12, tzinfo=UTC)


class Toy:
    """One tenant of a running toy sandbox."""

    def __init__(self, http: httpx2.AsyncClient, url: str, tenant: str, receiver: Receiver) -> None:
        self.http, self.url, self.tenant, self.receiver = http, url, tenant, receiver
        self.control = SandboxControl(http, url, tenant)

    async def call(self, path: str, body: dict[str, Any]) -> httpx2.Response:
        return await self.http.post(f"{self.url}/toy/{path}", json=body, headers={"x-tenant": self.tenant})

    async def pay(self, amount: int = 500) -> httpx2.Response:
        return await self.call("pay", {"from": "outside/payer", "amount": amount})

    def kinds(self) -> list[str]:
        return [json.loads(body)["kind"] for _, body in self.receiver.received]

    def data(self) -> list[Any]:
        return [json.loads(body)["data"] for _, body in self.receiver.received]


@pytest.fixture
async def toy(http: httpx2.AsyncClient, receiver: Receiver) -> AsyncIterator[Toy]:
    async with serving(create_sandbox_app({"toy": TOY})) as url:
        made = Toy(http, url, "one", receiver)
        await made.control.register("toy", {"notify_url": receiver.url})
        await made.control.set_clock(START)
        yield made


async def test_a_payment_is_booked_in_double_entry_and_announced_once(toy: Toy) -> None:
    assert (await toy.pay()).status_code == 200
    await toy.control.quiet()
    books = await toy.control.books("toy")
    assert {b["account"]: b["balance_minor"] for b in books["balances"]} == {"outside/payer": -500, "shop": 500}
    assert books["wrong"] == []
    assert toy.kinds() == ["paid"]


async def test_an_account_that_is_not_outside_cannot_be_overdrawn(toy: Toy) -> None:
    assert (await toy.call("pay", {"from": "seller", "amount": 1})).status_code == 402
    assert (await toy.control.books("toy"))["postings"] == []


async def test_tenants_share_a_process_and_nothing_else(toy: Toy, receiver: Receiver) -> None:
    other = Toy(toy.http, toy.url, "two", receiver)
    await other.control.register("toy", {"notify_url": receiver.url})
    await other.pay(7)
    await toy.control.set_clock(START + timedelta(days=400))
    assert (await toy.control.books("toy"))["balances"] == []
    assert [b["balance_minor"] for b in (await other.control.books("toy", "shop"))["balances"]] == [7]
    clock = (await toy.http.get(f"{toy.url}/_sim/clock", params={"tenant": "two"})).json()
    assert clock["faces"]["toy"]["frozen"] is False


async def test_a_stranger_is_refused_by_the_face_and_an_unregistered_tenant_by_the_engine(toy: Toy) -> None:
    assert (await toy.http.post(f"{toy.url}/toy/pay", json={})).status_code == 401
    assert (await toy.http.post(f"{toy.url}/toy/pay", json={}, headers={"x-tenant": "nobody"})).status_code == 401


async def test_timers_fire_in_due_order_with_the_clock_at_each_instant(toy: Toy) -> None:
    for seconds, what in ((90, "third"), (30, "first"), (60, "second")):
        await toy.call("remind", {"seconds": seconds, "what": what})
    assert await toy.control.next_timer_at() == START + timedelta(seconds=30)
    await toy.control.set_clock(START + timedelta(days=60))
    assert [d["what"] for d in toy.data()] == ["first", "second", "third"]
    state = (await toy.http.get(f"{toy.url}/toy/_sim/state")).json()
    assert state["objects"]["reminded"]["second"]["at"] == (START + timedelta(seconds=60)).isoformat()
    assert await toy.control.next_timer_at() is None


async def test_a_frozen_clock_goes_forward_only(toy: Toy) -> None:
    with pytest.raises(SandboxError, match="only goes forward"):
        await toy.control.set_clock(START - timedelta(seconds=1))


@pytest.mark.parametrize("kind", ["drop_before", "hang"])
async def test_a_connection_that_breaks_before_leaves_nothing_behind(toy: Toy, kind: str) -> None:
    await toy.control.fault("toy", kind, "pay", delay_ms=10)
    with pytest.raises(httpx2.TransportError):
        await toy.pay()
    assert (await toy.control.books("toy"))["postings"] == []
    assert (await toy.pay()).status_code == 200, "a fault happens as often as it was told, then no more"


@pytest.mark.parametrize("kind", ["drop_after", "error_after", "garbled", "bad_signature", "slow"])
async def test_a_fault_after_the_fact_leaves_the_payment_done(toy: Toy, kind: str) -> None:
    await toy.control.fault("toy", kind, "p*", contains='"amount":500', status=502, delay_ms=10)
    try:
        reply = await toy.pay()
    except httpx2.TransportError:
        assert kind == "drop_after"
    else:
        assert (reply.status_code == 502) == (kind == "error_after")
        assert (kind == "slow") == (reply.status_code == 200 and reply.content[:4] == b'{"id')
    await toy.control.quiet()
    assert len((await toy.control.books("toy"))["postings"]) == 1
    assert toy.kinds() == ["paid"]


@pytest.mark.parametrize(("kind", "status"), [("error_before", 500), ("rate_limited", 429)])
async def test_an_error_before_leaves_nothing_behind(toy: Toy, kind: str, status: int) -> None:
    await toy.control.fault("toy", kind, skip=1, times=2)
    assert [(await toy.pay()).status_code for _ in range(4)] == [200, status, status, 200]
    assert len((await toy.control.books("toy"))["postings"]) == 2


async def test_callbacks_come_twice_late_swapped_or_not_at_all_when_told(toy: Toy) -> None:
    control = toy.control
    await control.callback_rule("toy", "duplicate", copies=3)
    await toy.pay(1)
    await control.quiet()
    assert [d["amount"] for d in toy.data()] == [1, 1, 1]
    toy.receiver.received.clear()
    await control.callback_rule("toy", "reorder", copies=2)
    await toy.pay(2)
    await toy.pay(3)
    await control.quiet()
    assert [d["amount"] for d in toy.data()] == [3, 2]
    toy.receiver.received.clear()
    await control.callback_rule("toy", "delay", seconds=3 * 86400)
    await control.callback_rule("toy", "drop")
    await control.callback_rule("toy", "hold")
    for amount in (4, 5, 6):
        await toy.pay(amount)
    await control.quiet()
    assert toy.data() == []
    await control.release_callbacks("toy")
    await control.set_clock(START + timedelta(days=3))
    assert [d["amount"] for d in toy.data()] == [6, 4]


async def test_few_callbacks_go_one_after_another_and_many_side_by_side(toy: Toy) -> None:
    toy.receiver.is_slow = True
    await toy.control.callback_rule("toy", "hold", times=100)
    for _ in range(20):
        await toy.pay()
    await toy.control.release_callbacks("toy")
    await toy.control.quiet()
    assert (len(toy.receiver.received), toy.receiver.most) == (20, 1)
    for _ in range(80):
        await toy.pay()
    await toy.control.release_callbacks("toy")
    await toy.control.quiet()
    assert len({one["id"] for one in await toy.control.callbacks("toy") if one["state"] == "delivered"}) == 100
    assert len(toy.receiver.received) == 100
    assert 1 < toy.receiver.most <= 16


async def test_a_callback_can_arrive_before_the_answer_of_its_own_call(toy: Toy) -> None:
    await toy.control.callback_rule("toy", "before_reply")
    await toy.pay()
    assert toy.kinds() == ["paid"]


async def test_a_callback_that_is_refused_is_tried_again_on_the_tenants_clock_until_the_schedule_ends(toy: Toy) -> None:
    toy.receiver.status = 500
    await toy.pay()
    await toy.control.quiet()
    await toy.control.set_clock(START + timedelta(days=1))
    assert len(toy.receiver.received) == 3
    [callback] = await toy.control.callbacks("toy", "paid")
    assert callback["state"] == "failed"
    assert [d["at"] for d in callback["deliveries"]] == [
        (START + timedelta(seconds=s)).isoformat() for s in (0, 60, 660)
    ]


async def test_flawed_signatures_are_told_one_delivery_at_a_time(toy: Toy) -> None:
    await toy.pay()
    await toy.control.quiet()
    [callback] = await toy.control.callbacks("toy")
    await toy.control.resend("toy", callback["id"], flaw="bad_signature")
    await toy.control.resend("toy", callback["id"])
    good, bad, again = (headers["x-signature"] for headers, _ in toy.receiver.received)
    assert bad not in (good, again)


async def test_a_snapshot_brings_back_money_timers_and_ids(toy: Toy) -> None:
    await toy.call("remind", {"seconds": 10, "what": "kept"})
    await toy.pay()
    snapshots = await toy.control.snapshot()
    first = (await toy.pay()).json()["id"]
    await toy.control.set_clock(START + timedelta(days=2))
    await toy.control.restore(snapshots)
    assert await toy.control.next_timer_at() == START + timedelta(seconds=10)
    assert len((await toy.control.books("toy"))["postings"]) == 1
    # The snapshot itself consumed one id after it was taken, so a second run from it repeats exactly.
    await toy.control.restore(snapshots)
    assert (await toy.pay()).json()["id"] != "" and first.startswith("pay_")


async def test_a_tenant_that_is_kept_in_files_survives_the_process(
    http: httpx2.AsyncClient, receiver: Receiver, tmp_path: Path
) -> None:
    ids = []
    for round in range(2):
        async with serving(create_sandbox_app({"toy": TOY}, store_dir=tmp_path)) as url:
            toy = Toy(http, url, "kept", receiver)
            if round == 0:
                await toy.control.register("toy", {"notify_url": receiver.url})
                await toy.control.set_clock(START)
            ids.append((await toy.pay()).json()["id"])
            await toy.control.quiet()
            assert len((await toy.control.books("toy"))["postings"]) == round + 1
    assert len(set(ids)) == 2


async def test_equal_seeds_and_calls_give_equal_ids(http: httpx2.AsyncClient, receiver: Receiver) -> None:
    ids = []
    for seed in (1, 1, 2):
        async with serving(create_sandbox_app({"toy": TOY}, seed=seed)) as url:
            toy = Toy(http, url, "same", receiver)
            await toy.control.register("toy", {"notify_url": receiver.url})
            ids.append((await toy.pay()).json()["id"])
    assert ids[0] == ids[1] != ids[2]


async def test_unknown_control_calls_say_what_is_wrong(toy: Toy) -> None:
    assert (await toy.http.post(f"{toy.url}/toy/_sim/nonsense", json={})).status_code == 404
    assert (await toy.http.post(f"{toy.url}/toy/_sim/clock", json={"advance": "soon"})).status_code == 400
    assert (await toy.http.get(f"{toy.url}/toy/_sim/books", params={"tenant": "nobody"})).status_code == 404


async def test_timers_of_several_providers_fire_in_one_common_order(
    http: httpx2.AsyncClient, receiver: Receiver
) -> None:
    faces = {name: replace(TOY, name=name) for name in ("toy", "other")}
    async with serving(create_sandbox_app(faces)) as url:
        control = SandboxControl(http, url, "both")
        for name in faces:
            await control.register(name, {"notify_url": receiver.url})
        await control.set_clock(START)
        for seconds, name in ((40, "toy"), (10, "other"), (30, "other"), (20, "toy")):
            body = {"seconds": seconds, "what": f"{name} {seconds}"}
            await http.post(f"{url}/{name}/remind", json=body, headers={"x-tenant": "both"})
        assert await control.next_timer_at() == START + timedelta(seconds=10)
        await control.set_clock(START + timedelta(days=1))
        told = [json.loads(body)["data"]["what"] for _, body in receiver.received]
    assert told == ["other 10", "toy 20", "other 30", "toy 40"]
