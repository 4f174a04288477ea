"""What the buyer of an order must do: told over the API until he has done it, at both channels' simulators."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from cauce.entrypoints.demo.stage import Stage
from cauce.entrypoints.worker.loop import Worker
from tests.entrypoints.test_api_marketplace import Market, market
from tests.support.runtime import BEGIN, World, world


@pytest.fixture(scope="module")
async def product(shared_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    home: Path = tmp_path_factory.mktemp("home")
    async with world(shared_dsn, home, sandbox=True) as one, working(one):
        yield one


@asynccontextmanager
async def working(product: World) -> AsyncIterator[None]:
    worker = Worker(product.runtime)
    task = asyncio.create_task(worker.run())
    try:
        yield
    finally:
        worker.stop()
        await task


async def settle(product: World, one: Market) -> None:
    await Stage(product.app, one.org, product.sandbox_url, print).settle()


PAGE = {"return_url": "https://shop.example.org/paid", "expires_at": "2026-01-15T20:00:00Z"}
AT_STRIPE, AT_WECHAT = ("stripe", "eur", "ES"), ("wechat", "cny", "CN")


@pytest.mark.parametrize(
    ("where", "payer", "kind", "begins"),
    [
        (AT_STRIPE, None, "page_element", "pi_"),
        (AT_STRIPE, PAGE, "redirect", "http"),
        (AT_WECHAT, None, "qr", "weixin://"),
        (AT_WECHAT, {"ref": "oPayer"}, "page_element", "{"),
        (AT_WECHAT, {"client_ip": "203.0.113.7"}, "redirect", "http"),
    ],
)
async def test_what_the_buyer_must_do_is_told_until_he_has_done_it(
    product: World, where: tuple[str, str, str], payer: dict[str, Any] | None, kind: str, begins: str
) -> None:
    one = await market(product, *where)
    await product.control(one.org).set_clock(BEGIN)  # else the page ends by the simulator's own time
    asked = one.order("q1", ("ana", 10_000, 500), paid=False, payments=[{"amount": 10_500, "payer": payer}])
    taken = await one.maker.done("/orders", asked)
    await settle(product, one)
    (collection,) = (await one.maker.get(f"/orders/{taken['id']}"))["collections"]
    assert (collection["state"], collection["next_action"]["kind"]) == ("requires_action", kind)
    assert collection["next_action"]["value"].startswith(begins)
    told = (await one.maker.get("/events", type="collection.requires_action"))["data"]
    assert [(event["object_id"], event["data"]) for event in told] == [
        (collection["id"], {"order": taken["id"], "kind": kind})
    ]
    await product.control(one.org).payer(where[0], "approve", key=collection["id"])
    await settle(product, one)
    (collection,) = (await one.maker.get(f"/orders/{taken['id']}"))["collections"]
    assert (collection["state"], collection["next_action"]) == ("paid", None)


async def test_where_a_buyer_comes_back_is_an_address(product: World) -> None:
    one = await market(product)
    payments = [{"amount": 100, "payer": {"return_url": "javascript:alert(1)"}}]
    answer = await one.maker.send("/orders", one.order("q2", ("ana", 100, 0), paid=False, payments=payments))
    assert (answer.status_code, answer.json()["param"]) == (422, "payments[0].payer.return_url")
