"""What a channel would refuse of a refund half-way is refused when it is asked for, with the limit and its source, and nothing moves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from cauce.flows.marketplace import cancel, refunds
from cauce.flows.marketplace.refunds import AskRefund
from cauce.gateway.capabilities import Sourced
from cauce.gateway.errors import LimitExceeded
from tests.flows.marketplace.bank import OWNED, READ, Bank
from tests.flows.marketplace.market import BEGIN, Market, market

DAY = timedelta(days=1)
LIMITED = replace(
    OWNED,
    reversal_window_days=Sourced(180, "days", "the bank's guide", READ),
    reversals_per_receiver_max=Sourced(2, "returns", "the bank's guide", READ),
    reversals_per_split_max=Sourced(3, "returns", "the bank's guide", READ),
    refund_window_days=Sourced(365, "days", "the bank's guide", READ),
    refunds_per_payment_max=Sourced(4, "refunds", "the bank's guide", READ),
    persons_return=False,
)
WITH_AGENT = {
    "name": "agent",
    "currency": "brl",
    "parts": [
        {"to": "fee", "kind": "percent", "value": "0.05"},
        {"to": "party:agent", "kind": "percent", "value": "0.10"},
        {"to": "party:seller", "kind": "remainder"},
    ],
}


@pytest.fixture
async def shop(dsn: str) -> AsyncIterator[Market]:
    async with market(dsn, {"ch": Bank(LIMITED)}) as one:
        one.rule_id = await one.rule(WITH_AGENT)
        yield one


async def _divided(shop: Market, agent: str) -> str:
    new = shop.order("A1", "ch", [("ana", 10_000, 0)], parties={"agent": shop.sellers[agent]}, deliver_at=BEGIN)
    (taken,) = await shop.take(new)
    await shop.advance(timedelta(hours=1))
    assert taken.order_id is not None
    return taken.order_id


async def _refused(shop: Market, order_id: str, number: str, amount: int) -> LimitExceeded:
    before = await shop.books(), len(shop.banks["ch"].calls)
    with pytest.raises(LimitExceeded) as refused:
        await refunds.refund_orders(shop.context, [AskRefund(order_id, number, amount)])
    await shop.work()
    assert (await shop.books(), len(shop.banks["ch"].calls)) == before
    return refused.value


async def _refund(shop: Market, order_id: str, number: str, amount: int) -> None:
    await refunds.refund_orders(shop.context, [AskRefund(order_id, number, amount)])
    await shop.work()


async def test_a_person_who_returns_nothing_stops_the_refund_before_others_return_their_parts(shop: Market) -> None:
    await shop.seller("carl", kind="person")
    order_id = await _divided(shop, "carl")
    refused = await _refused(shop, order_id, "1", 1_000)
    assert refused.code == "person_returns_nothing" and refused.fields["party"] == shop.sellers["carl"]


async def test_a_part_is_not_asked_back_after_its_window(shop: Market) -> None:
    order_id = await _divided(shop, "bia")
    await shop.advance(179 * DAY)
    await _refund(shop, order_id, "1", 1_000)
    await shop.advance(DAY)
    refused = await _refused(shop, order_id, "2", 1_000)
    assert refused.code == "return_window_over"
    assert (refused.fields["limit"], refused.fields["source"]) == (180, "the bank's guide")


async def test_a_receiver_gives_back_as_often_as_the_channel_allows_and_no_more(shop: Market) -> None:
    order_id = await _divided(shop, "bia")
    await _refund(shop, order_id, "1", 1_000)
    assert (await _refused(shop, order_id, "2", 1_000)).code == "too_many_returns", "three returns are all of the split"


async def test_a_payment_is_refunded_as_often_as_the_channel_allows_and_within_its_window(shop: Market) -> None:
    (taken,) = await shop.take(shop.order("A1", "ch", [("ana", 10_000, 0)], parties={"agent": shop.sellers["bia"]}))
    order_id = taken.order_id
    assert order_id is not None
    for number in range(4):
        await _refund(shop, order_id, str(number), 1_000)
    assert (await _refused(shop, order_id, "4", 1_000)).code == "too_many_refunds"
    await _refund(shop, order_id, "0", 1_000)  # the first again: the refund that there is
    assert await shop.differences() == []


async def test_a_payment_older_than_the_window_is_not_refunded_but_its_order_can_be_canceled(shop: Market) -> None:
    (taken,) = await shop.take(shop.order("A1", "ch", [("ana", 10_000, 0)], parties={"agent": shop.sellers["bia"]}))
    order_id = taken.order_id
    assert order_id is not None
    await shop.advance(366 * DAY)
    assert (await _refused(shop, order_id, "1", 1_000)).code == "refund_window_over"
    await cancel.cancel_orders(shop.context, [order_id])
    await shop.work()
