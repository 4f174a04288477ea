"""Refunds that were not sent and payments that were not made are withdrawn; what is under way is not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cauce.flows.marketplace import cancel, orders, refunds, release, withdrawing
from cauce.flows.marketplace.pay_out import AskPayout, request_payout
from cauce.flows.marketplace.refunds import AskRefund
from cauce.kernel.errors import IllegalTransition, NotFound
from cauce.marketplace.orders.refunding import RefundSent
from cauce.marketplace.orders.rules import PaymentNotAsked
from tests.flows.marketplace.at_wechat import WECHAT, WeChatMarket, wechat_market
from tests.flows.marketplace.bank import OWNED, POOLED, Bank
from tests.flows.marketplace.market import COMMISSION, Market, market

CHANNELS = pytest.mark.parametrize("channel", ["ch_owned", "ch_pooled"])
WAITS = {**COMMISSION, "name": "waits", "refund": {"policy": "proportional", "on_shortfall": "wait_top_up"}}


@pytest.fixture
async def shop(dsn: str) -> AsyncIterator[Market]:
    async with market(dsn, {"ch_owned": Bank(OWNED), "ch_pooled": Bank(POOLED)}) as one:
        yield one


async def _rows(shop: Market, query: str, *values: Any) -> list[dict[str, Any]]:
    async with shop.context.transaction() as tx:
        return [dict(row) for row in await tx.rows(query, *values)]


async def _told(shop: Market, kind: str) -> int:
    return len(await _rows(shop, "SELECT id FROM storage.event WHERE type = $1", kind))


@CHANNELS
async def test_a_refund_that_was_not_sent_is_withdrawn_and_everything_is_as_before(shop: Market, channel: str) -> None:
    (taken,) = await shop.take(shop.order("A1", channel, [("ana", 10_000, 0)]))
    before, calls = await shop.books(), len(shop.banks[channel].calls)
    (refund,) = (await refunds.refund_orders(shop.context, [AskRefund(taken.order_id, "R1", 4_000)]))[taken.order_id]
    assert await shop.books() != before, "T10 took it"
    await withdrawing.cancel_refund(shop.context, refund)
    assert await shop.books() == before
    await shop.work()
    assert len(shop.banks[channel].calls) == calls, "the channel heard nothing"
    assert await _rows(shop, "SELECT state FROM orders.refund") == [{"state": "canceled"}]
    assert await _told(shop, "order_refund.canceled") == 1
    again = await refunds.refund_orders(shop.context, [AskRefund(taken.order_id, "R1", 4_000)])
    assert again[taken.order_id] == [refund], "its number is used"
    with pytest.raises(IllegalTransition) as refused:
        await withdrawing.cancel_refund(shop.context, refund)
    assert refused.value.fields["allowed"] == []
    await refunds.refund_orders(shop.context, [AskRefund(taken.order_id, "R2", 4_000)])
    await shop.work()
    assert await shop.differences() == []
    assert await _rows(shop, "SELECT refunded_minor FROM orders.purchase") == [{"refunded_minor": 4_000}]


@CHANNELS
async def test_a_refund_that_the_channel_may_know_is_not_withdrawn(shop: Market, channel: str) -> None:
    (taken,) = await shop.take(shop.order("A1", channel, [("ana", 10_000, 0)]))
    (refund,) = (await refunds.refund_orders(shop.context, [AskRefund(taken.order_id, "R1", 4_000)]))[taken.order_id]
    shop.banks[channel].lose = 1
    await shop.work()
    with pytest.raises(RefundSent):
        await withdrawing.cancel_refund(shop.context, refund)
    await shop.advance(timedelta(minutes=10))
    with pytest.raises(IllegalTransition):
        await withdrawing.cancel_refund(shop.context, refund)
    with pytest.raises(NotFound):
        await withdrawing.cancel_refund(shop.context, "rfd_none")
    assert await shop.differences() == []


async def test_a_refund_that_waits_for_money_is_withdrawn_and_takes_none_when_it_comes(shop: Market) -> None:
    rule = await shop.rule(WAITS)
    taken, other = await shop.take(
        shop.order("A1", "ch_owned", [("ana", 10_000, 0)], rule_id=rule),
        shop.order("A2", "ch_owned", [("ana", 10_000, 0)], rule_id=rule),
    )
    await release.release_orders(shop.context, [taken.order_id])
    await shop.work()
    owner = shop.sellers["ana"]
    await request_payout(shop.context, AskPayout(owner, "ch_owned", "brl", 8_000))
    await shop.work()
    (refund,) = (await refunds.refund_orders(shop.context, [AskRefund(taken.order_id, "R1", 5_000)]))[taken.order_id]
    await shop.work()
    assert await _rows(shop, "SELECT state FROM orders.refund") == [{"state": "funding"}]
    before = await shop.books()
    await withdrawing.cancel_refund(shop.context, refund)
    assert await shop.books() == before
    await release.release_orders(shop.context, [other.order_id])
    await shop.advance(timedelta(days=3))
    assert await _rows(shop, "SELECT state FROM orders.refund") == [{"state": "canceled"}]
    assert await shop.differences() == []
    (row,) = await _rows(
        shop, "SELECT refunded_minor, fee_returned_minor FROM orders.collection WHERE order_id = $1", taken.order_id
    )
    assert row == {"refunded_minor": 0, "fee_returned_minor": 0}


async def test_a_refund_of_a_canceled_order_stays(shop: Market) -> None:
    (taken,) = await shop.take(shop.order("A1", "ch_owned", [("ana", 10_000, 0)]))
    await cancel.cancel_orders(shop.context, [taken.order_id])
    (refund,) = await _rows(shop, "SELECT id FROM orders.refund")
    with pytest.raises(RefundSent):
        await withdrawing.cancel_refund(shop.context, refund["id"])


@pytest.fixture
async def wechat(dsn: str, tmp_path: Path) -> AsyncIterator[WeChatMarket]:
    async with wechat_market(dsn, tmp_path) as one:
        yield one


async def _collections(shop: WeChatMarket) -> list[dict[str, Any]]:
    return [
        dict(row) for row in await shop.rows("SELECT id, state FROM orders.collection WHERE org_id = $1 ORDER BY id")
    ]


async def test_a_payment_that_was_not_made_is_closed_at_the_channel_and_its_order_canceled(
    wechat: WeChatMarket,
) -> None:
    taken = await wechat.take("A1", [wechat.line("ana", 5_000)])
    (asked,) = await _collections(wechat)
    await withdrawing.cancel_collection(wechat.stage.context, asked["id"])
    await wechat.stage.settle()
    assert [row["state"] for row in await _collections(wechat)] == ["canceled"]
    assert ("cancel_collection", "succeeded") in await wechat.sent(taken.order_id)
    assert await wechat.told("collection") == ["collection.requires_action", "collection.canceled"]
    assert "order.canceled" in await wechat.told("order")
    with pytest.raises(Exception, match=r"closed|CLOSED|no "):
        await wechat.stage.control.payer(WECHAT, "approve", key=asked["id"])
    with pytest.raises(IllegalTransition):
        await withdrawing.cancel_collection(wechat.stage.context, asked["id"])
    with pytest.raises(NotFound):
        await withdrawing.cancel_collection(wechat.stage.context, "col_none")
    assert await wechat.differences() == {}


async def test_a_payment_that_was_made_before_it_was_withdrawn_is_given_back(wechat: WeChatMarket) -> None:
    taken = await wechat.take("A1", [wechat.line("ana", 5_000)])
    (asked,) = await _collections(wechat)
    await wechat.stage.control.payer(WECHAT, "approve", key=asked["id"])
    with suppress(IllegalTransition):  # its notice may be faster
        await withdrawing.cancel_collection(wechat.stage.context, asked["id"])
    await wechat.forward(1)
    (order,) = await wechat.rows("SELECT state, collected_minor, refunded_minor FROM orders.purchase WHERE org_id = $1")
    kept = order["state"] != "canceled"
    assert order["collected_minor"] == 5_000 and order["refunded_minor"] == (0 if kept else 5_000)
    assert taken.order_id and await wechat.differences() == {}


async def test_a_paid_collection_and_one_that_nobody_was_asked_for_are_not_withdrawn(shop: Market) -> None:
    await shop.take(shop.order("A1", "ch_owned", [("ana", 10_000, 0)]))
    (paid,) = await _rows(shop, "SELECT id FROM orders.collection")
    with pytest.raises(IllegalTransition) as refused:
        await withdrawing.cancel_collection(shop.context, paid["id"])
    assert "cancel" not in str(refused.value.fields["allowed"])
    later = shop.order("A2", "ch_owned", [("ana", 10_000, 0)])
    (waiting,) = await orders.take_orders(shop.context, [later])
    (row,) = await _rows(
        shop,
        "SELECT c.id, o.next_step FROM orders.collection c JOIN orders.purchase o ON o.id = c.order_id WHERE o.id = $1",
        waiting.order_id,
    )
    if row["next_step"] == "collect":
        with pytest.raises(PaymentNotAsked):
            await withdrawing.cancel_collection(shop.context, row["id"])
    await shop.work()
    assert await shop.differences() == []
