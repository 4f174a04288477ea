"""One payment for the orders of several sellers, through WeChat Pay's simulator: paid once, then each divided on its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from cauce.flows.marketplace import cancel, refunds
from cauce.flows.marketplace.refunds import AskRefund
from cauce.gateway.capabilities import Can, Sourced
from cauce.marketplace.orders.rules import NewPayment, Payer
from tests.flows.marketplace.at_wechat import WECHAT, WeChatMarket, wechat_market
from tests.flows.marketplace.bank import OWNED, Bank
from tests.flows.marketplace.market import market


@pytest.fixture
async def shop(dsn: str, tmp_path: Path) -> AsyncIterator[WeChatMarket]:
    async with wechat_market(dsn, tmp_path) as one:
        await one.fund(100_000)
        yield one


async def _collections(shop: WeChatMarket) -> list[dict[str, Any]]:
    found = await shop.rows(
        "SELECT id, owner_id, combined_id, state, ref, fee_minor, next_action FROM orders.collection WHERE org_id = $1 ORDER BY amount_minor"
    )
    return [dict(row) for row in found]


async def _combined_at(shop: WeChatMarket) -> dict[str, Any]:
    state = await shop.stage.control._ask("GET", f"/{WECHAT}/_sim/state")
    found: dict[str, Any] = state["objects"].get("combined", {})
    return found


async def test_a_cart_of_two_sellers_is_paid_once_and_divided_for_each(shop: WeChatMarket) -> None:
    later = await shop.stage.now() + timedelta(days=1)
    taken = await shop.take("A1", [shop.line("ana", 9_000), shop.line("bo", 4_000)], deliver_at=later)
    waiting = await _collections(shop)
    assert len({row["combined_id"] for row in waiting}) == 1 and waiting[0]["combined_id"].startswith("cmb_")
    assert waiting[0]["next_action"] == waiting[1]["next_action"] and waiting[0]["next_action"]["kind"] == "qr"
    await shop.stage.control.payer(WECHAT, "approve", ref=waiting[0]["next_action"]["value"])
    await shop.stage.settle()
    both = await _collections(shop)
    assert [(row["state"], row["fee_minor"]) for row in both] == [("paid", 24), ("paid", 54)]
    assert len({row["ref"] for row in both}) == 2, "each seller's order has a number of its own"
    assert await shop.sent(taken.order_id) == [("collect_combined", "succeeded")]
    await shop.forward(2)
    books = await shop.books()
    assert (books["member:ana:withdrawable"], books["member:bo:withdrawable"]) == (9_000 - 54 - 1_080, 4_000 - 24 - 480)
    await refunds.refund_orders(shop.stage.context, [AskRefund(taken.order_id, "1", lines={2: None})])
    await shop.forward(1)
    books = await shop.books()
    assert (books["member:ana:withdrawable"], "member:bo:withdrawable" in books) == (9_000 - 54 - 1_080, False)
    assert await shop.differences() == {}
    await shop.reconciled()


@pytest.mark.parametrize("fault", ["drop_before", "drop_after", "error_after", "bad_signature"])
async def test_a_lost_answer_asks_the_payer_once(shop: WeChatMarket, fault: str) -> None:
    await shop.stage.control.fault(WECHAT, fault, "collect", status=503)
    taken = await shop.take("A1", [shop.line("ana", 9_000), shop.line("bo", 4_000)])
    await shop.forward(0.1)
    assert len(await _combined_at(shop)) == 1
    await shop.pay(taken.order_id)
    await shop.forward(0.1)
    assert [row["state"] for row in await _collections(shop)] == ["paid", "paid"]
    assert (await shop.books())[f"escrow:{taken.order_id}"] == 13_000 - 78
    assert await shop.differences() == {}


async def test_a_notice_that_comes_twice_and_one_that_never_comes(shop: WeChatMarket) -> None:
    await shop.stage.control.callback_rule(WECHAT, "duplicate")
    one = await shop.take("A1", [shop.line("ana", 9_000), shop.line("bo", 4_000)])
    await shop.pay(one.order_id)
    await shop.stage.control.callback_rule(WECHAT, "drop")
    other = await shop.take("A2", [shop.line("ana", 2_000), shop.line("bo", 1_000)])
    await shop.pay(other.order_id)
    await shop.forward(1)
    books = await shop.books()
    assert [books[f"escrow:{taken.order_id}"] for taken in (one, other)] == [13_000 - 78, 3_000 - 18]
    assert (await shop.told("order")).count("order.paid") == 2
    assert await shop.differences() == {}


async def test_an_unpaid_cart_is_closed_at_once_and_nobody_can_pay_it_any_more(shop: WeChatMarket) -> None:
    taken = await shop.take("A1", [shop.line("ana", 9_000), shop.line("bo", 4_000)])
    await shop.stage.control.fault(WECHAT, "drop_after", "collect.cancel")
    await cancel.cancel_orders(shop.stage.context, [taken.order_id])
    await shop.forward(0.1)
    assert [row["state"] for row in await _collections(shop)] == ["canceled", "canceled"]
    sent = await shop.sent(taken.order_id)
    assert sorted(sent) == [("cancel_combined", "succeeded"), ("collect_combined", "declined")]
    with pytest.raises(Exception, match="CLOSED"):
        await shop.pay_anyway(taken.order_id)
    assert await shop.books() == {}


async def test_a_canceled_cart_that_was_paid_goes_back_for_each_seller(shop: WeChatMarket) -> None:
    order = await shop.buy("A1", shop.line("ana", 9_000, subsidy_minor=500), shop.line("bo", 4_000))
    await cancel.cancel_orders(shop.stage.context, [order])
    await shop.forward(1)
    assert await shop.books() == {}
    assert [row["state"] for row in await _collections(shop)] == ["refunded", "refunded"]
    assert await shop.differences() == {}


async def test_what_is_paid_by_itself_is_not_combined(shop: WeChatMarket) -> None:
    await shop.take("A1", [shop.line("ana", 9_000), shop.line("ana", 1_000)])
    paid = NewPayment(13_000, ref="4200000", paid_at=await shop.stage.now())
    await shop.take("A2", [shop.line("ana", 9_000), shop.line("bo", 4_000)], payments=(paid,))
    assert {row["combined_id"] for row in await _collections(shop)} == {""}


async def test_a_payer_who_is_known_is_asked_as_himself(shop: WeChatMarket) -> None:
    payer = NewPayment(13_000, payer=Payer("oPayer1"))
    taken = await shop.take("A1", [shop.line("ana", 9_000), shop.line("bo", 4_000)], payments=(payer,))
    assert {row["next_action"]["kind"] for row in await _collections(shop)} == {"page_element"}
    await shop.pay(taken.order_id)
    assert [row["state"] for row in await _collections(shop)] == ["paid", "paid"]


async def test_a_cart_of_more_sellers_than_one_payment_takes_is_refused_when_it_is_planned(dsn: str) -> None:
    limit = Sourced(2, "orders", "test", date(2026, 11, 2))
    kind = replace(OWNED, can=OWNED.can | {Can.COMBINES_PAYMENTS}, orders_per_payment_max=limit)
    async with market(dsn, {"ch": Bank(kind)}, ("ana", "bia", "cai")) as shop:
        (taken,) = await shop.take(shop.order("A1", "ch", [(name, 1_000, 0) for name in ("ana", "bia", "cai")]))
        assert taken.refused is not None and taken.refused.code == "too_many_orders_in_payment"
        assert shop.banks["ch"].calls == []
