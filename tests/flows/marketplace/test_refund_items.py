"""Refunds of order lines: each takes from its own seller, by his share and the platform's, and no line gives back more than it cost."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from cauce.flows.marketplace import refunds, release
from cauce.flows.marketplace.refunds import AskRefund
from cauce.gateway.outcome import Declined, Refusal
from cauce.kernel.errors import InvalidRequest
from cauce.marketplace.orders import store as order_store
from cauce.marketplace.orders.itemized import RefundExceedsLine, UnknownLine
from cauce.marketplace.splits import store as split_store
from tests.flows.marketplace.bank import OWNED, POOLED, Bank
from tests.flows.marketplace.market import BEGIN, Market, market

LINES = [("ana", 5_000, 300), ("bia", 2_000, 0), ("cia", 1_000, 0), ("bia", 400, 100)]


@pytest.fixture(params=["owned", "pooled"])
async def shop(dsn: str, request: pytest.FixtureRequest) -> AsyncIterator[Market]:
    capabilities = OWNED if request.param == "owned" else POOLED
    async with market(dsn, {"ch": Bank(capabilities)}, ("ana", "bia", "cia")) as one:
        await one.take(one.order("F1", "ch", [("ana", 100_000, 0)], deliver_at=BEGIN))
        await one.advance(timedelta(hours=1))
        yield one


async def _sold(shop: Market, *payments: int, divided: bool = False) -> str:
    (taken,) = await shop.take(shop.order("A1", "ch", LINES, *payments))
    assert taken.refused is None
    if divided:
        await release.release_orders(shop.context, [taken.order_id])
        await shop.advance(timedelta(hours=1))
    return taken.order_id


async def _returned(shop: Market, order_id: str) -> dict[str, int]:
    """What each party has returned of the order."""
    names = {merchant: name for name, merchant in shop.sellers.items()}
    found: dict[str, int] = {}
    async with shop.context.transaction() as tx:
        rows = await order_store.collections_of(tx, [order_id])
        for parts in (await split_store.allocations_of(tx, [row["id"] for row in rows])).values():
            for one in parts:
                name = names.get(one["party"], one["party"])
                found[name] = found.get(name, 0) + one["reversed_minor"]
    return found


async def _refund(shop: Market, order_id: str, number: str, lines: dict[int, int | None]) -> None:
    await refunds.refund_orders(shop.context, [AskRefund(order_id, number, lines=lines)])
    await shop.work()
    assert await shop.differences() == []


@pytest.mark.parametrize("divided", [False, True])
async def test_a_line_is_returned_by_its_own_seller_and_the_platform(shop: Market, divided: bool) -> None:
    order_id = await _sold(shop, divided=divided)
    await _refund(shop, order_id, "1", {2: None})
    back = await _returned(shop, order_id)
    assert (back["ana"], back["cia"]) == (0, 0)
    assert back["bia"] + back["fee"] >= 2_000 - 60
    assert abs(back["fee"] - 230) <= 2, "288 of his 2,500 are commission: so much of 2,000"
    assert sum(held.refunded for held in shop.banks["ch"].held.values()) == 2_000


@pytest.mark.parametrize("divided", [False, True])
@pytest.mark.parametrize("payments", [(), (4_000, 4_800)])
async def test_line_by_line_everything_goes_back(shop: Market, divided: bool, payments: tuple[int, ...]) -> None:
    order_id = await _sold(shop, *payments, divided=divided)
    for number, line in enumerate((3, 1, 4, 2)):
        await _refund(shop, order_id, str(number), {line: None})
    async with shop.context.transaction() as tx:
        rows = await order_store.collections_of(tx, [order_id])
        assert [row["amount_minor"] - row["refunded_minor"] for row in rows] == [0] * len(rows)
        parts = await split_store.allocations_of(tx, [row["id"] for row in rows])
    assert all(one["amount_minor"] == one["reversed_minor"] for mine in parts.values() for one in mine)
    assert [line for line in await shop.books() if "escrow" in line] == []


async def test_no_line_gives_back_more_than_it_cost(shop: Market) -> None:
    order_id = await _sold(shop)
    await _refund(shop, order_id, "1", {2: 1_500})
    for lines, refusal in (({2: 501}, RefundExceedsLine), ({9: None}, UnknownLine), ({2: 0}, RefundExceedsLine)):
        with pytest.raises(refusal):
            await refunds.refund_orders(shop.context, [AskRefund(order_id, "2", lines=lines)])
    with pytest.raises(InvalidRequest):
        await refunds.refund_orders(shop.context, [AskRefund(order_id, "2", 7, lines={2: 500})])
    await _refund(shop, order_id, "2", {2: None})
    with pytest.raises(RefundExceedsLine):
        await refunds.refund_orders(shop.context, [AskRefund(order_id, "3", lines={2: None})])
    again = await refunds.refund_orders(shop.context, [AskRefund(order_id, "2", lines={2: None})])
    assert len(again[order_id]) == 1, "the same number is the same refund"


async def test_a_line_whose_refund_failed_may_be_refunded_again(shop: Market) -> None:
    order_id = await _sold(shop)
    shop.banks["ch"].decline["refund"] = Declined("NO", Refusal.FORBIDDEN, "not today")
    await _refund(shop, order_id, "1", {3: None})
    assert (await _returned(shop, order_id))["cia"] == 0
    await _refund(shop, order_id, "2", {3: None})
    assert sum(held.refunded for held in shop.banks["ch"].held.values()) == 1_000
