"""What the platform adds to orders, through WeChat Pay's simulator: planned, paid in, divided, taken back; books agree."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cauce.flows.marketplace import cancel, pay_out, refunds, subsidies
from cauce.flows.marketplace.pay_out import AskPayout
from cauce.flows.marketplace.refunds import AskRefund
from cauce.marketplace.orders.subsidised import SubsidyNotOpen
from tests.flows.marketplace.at_wechat import WECHAT, WeChatMarket, paid, wechat_market
from tests.flows.marketplace.bank import OWNED, POOLED, Bank
from tests.flows.marketplace.market import COMMISSION, market


@pytest.fixture
async def shop(dsn: str, tmp_path: Path) -> AsyncIterator[WeChatMarket]:
    async with wechat_market(dsn, tmp_path) as one:
        await one.fund(100_000)
        yield one


async def test_a_subsidy_comes_after_the_payment_and_goes_to_the_seller_with_his_part(shop: WeChatMarket) -> None:
    order = await shop.buy("A1", shop.line("ana", 9_000, subsidy_minor=1_000))
    books = await shop.books()
    assert books[f"escrow:{order}"] == 9_000 - 54 + 1_000
    assert (books["subsidy_expense"], books["own_bank"]) == (1_000, -1_000)
    assert await shop.told("order_subsidy") == ["order_subsidy.paid"]
    await shop.forward(4)
    books = await shop.books()
    assert books["member:ana:withdrawable"] == 9_000 - 54 - 1_080 + 1_000, "wholly his; the commission is of the price"
    assert await shop.differences() == {}
    await shop.reconciled()
    (row,) = await shop.rows("SELECT requested_by, approved_by FROM settlement.funding WHERE org_id = $1")
    assert row["approved_by"] == f"split rule {shop.rule_id}, version 1"


@pytest.mark.parametrize("fault", ["drop_before", "drop_after", "error_after", "bad_signature"])
async def test_a_lost_answer_subsidises_once(shop: WeChatMarket, fault: str) -> None:
    await shop.stage.control.fault(WECHAT, fault, "subsidise", status=503)
    order = await shop.buy("A1", shop.line("ana", 9_000, subsidy_minor=1_000), deliver_days=0)
    await shop.forward(1)
    books = await shop.books()
    assert (books["subsidy_expense"], books["member:ana:withdrawable"]) == (1_000, 9_000 - 54 - 1_080 + 1_000)
    assert ("subsidise_order", "succeeded") in await shop.sent(order)
    assert await shop.differences() == {}


async def test_refunds_before_the_division_give_the_subsidy_back_in_proportion(shop: WeChatMarket) -> None:
    order = await shop.buy("A1", shop.line("ana", 9_000, subsidy_minor=1_000))
    await refunds.refund_orders(shop.stage.context, [AskRefund(order, "1", 3_000)])
    await shop.forward(1)
    assert (await shop.books())["subsidy_expense"] == 1_000 - 333
    await shop.stage.control.fault(WECHAT, "drop_after", "subsidise.return")
    await refunds.refund_orders(shop.stage.context, [AskRefund(order, "2", 3_000)])
    await shop.forward(1)
    assert (await shop.books())["subsidy_expense"] == 1_000 - 667
    await shop.forward(3)
    books = await shop.books()
    assert books["member:ana:withdrawable"] == 3_000 - 18 - 360 + 333
    assert await shop.differences() == {}
    await shop.reconciled()


async def test_a_canceled_order_leaves_no_trace_of_its_subsidy(shop: WeChatMarket) -> None:
    order = await shop.buy("A1", shop.line("ana", 9_000, subsidy_minor=1_000))
    await cancel.cancel_orders(shop.stage.context, [order])
    await shop.forward(1)
    assert await shop.books() == {}
    assert await shop.told("order_subsidy") == ["order_subsidy.paid", "order_subsidy.returned"]
    assert await shop.differences() == {}


async def test_after_the_division_the_seller_gives_the_subsidy_back(shop: WeChatMarket) -> None:
    order = await shop.buy("A1", shop.line("ana", 9_000, subsidy_minor=1_000), deliver_days=0)
    await shop.buy("A2", shop.line("ana", 5_000), deliver_days=0)
    await shop.forward(1)
    await refunds.refund_orders(shop.stage.context, [AskRefund(order, "1")])
    await shop.forward(1)
    books = await shop.books()
    assert "subsidy_expense" not in books
    assert books["member:ana:withdrawable"] == 5_000 - 30 - 600
    assert (await shop.told("split")).count("split.reversed") == 1, "the platform's commission came back"
    assert await shop.differences() == {}
    await shop.reconciled()


async def test_a_seller_without_the_money_gives_it_back_when_he_has_it(shop: WeChatMarket) -> None:
    order = await shop.buy("A1", shop.line("ana", 9_000, subsidy_minor=1_000), deliver_days=0)
    await shop.forward(1)
    has, for_the_refund = 9_000 - 54 - 1_080 + 1_000, 4_500 - 27 - 540
    asked = AskPayout(shop.sellers["ana"], shop.channel, "cny", has - for_the_refund)
    await pay_out.request_payout(shop.stage.context, asked)
    await shop.forward(1)
    await refunds.refund_orders(shop.stage.context, [AskRefund(order, "1", 4_500)])
    await shop.forward(1)
    books = await shop.books()
    assert (books["subsidy_expense"], "member:ana:withdrawable" in books) == (1_000, False)
    await shop.buy("A2", shop.line("ana", 5_000), deliver_days=0)
    await shop.forward(2)
    books = await shop.books()
    assert (books["subsidy_expense"], books["member:ana:withdrawable"]) == (500, 5_000 - 30 - 600 - 500)
    assert await shop.differences() == {}


async def test_what_the_channel_refuses_waits_for_a_person_who_tries_again_or_drops_it(shop: WeChatMarket) -> None:
    await shop.fund(0)
    order = await shop.buy("A1", shop.line("ana", 9_000, subsidy_minor=1_000), deliver_days=0)
    other = await shop.buy("A2", shop.line("bo", 9_000, subsidy_minor=1_000), deliver_days=0)
    await shop.forward(1)
    books = await shop.books()
    assert (books[f"escrow:{order}"], "subsidy_expense" in books) == (8_946, False), "it is not divided without it"
    assert await shop.told("order_subsidy") == ["order_subsidy.failed"] * 2
    await subsidies.drop_subsidy(shop.stage.context, other)
    await shop.fund(5_000)
    await subsidies.retry_subsidy(shop.stage.context, order)
    with pytest.raises(SubsidyNotOpen):
        await subsidies.retry_subsidy(shop.stage.context, order)
    await shop.forward(1)
    books = await shop.books()
    assert books["member:ana:withdrawable"] == 9_000 - 54 - 1_080 + 1_000
    assert books["member:bo:withdrawable"] == 9_000 - 54 - 1_080
    assert await shop.differences() == {}
    with pytest.raises(SubsidyNotOpen):
        await subsidies.drop_subsidy(shop.stage.context, order)


async def test_what_cannot_be_is_refused_when_it_is_planned(shop: WeChatMarket) -> None:
    above = await shop.take("A1", [shop.line("ana", 9_000, subsidy_minor=1_001)])
    late = await shop.take("A2", [shop.line("ana", 9_000, subsidy_minor=1)], payments=(paid(9_000, "4200"),))
    assert [one.refused and one.refused.code for one in (above, late)] == ["subsidy_above_rule", "subsidy_too_late"]
    assert await shop.rows("SELECT id FROM orders.purchase WHERE org_id = $1") == []


@pytest.mark.parametrize("holder", [OWNED, POOLED])
async def test_a_channel_without_subsidies_refuses_the_order(dsn: str, holder: object) -> None:
    async with market(dsn, {"ch": Bank(holder)}) as shop:  # type: ignore[arg-type]
        rule = await shop.rule({**COMMISSION, "subsidy_max": 500})
        order = shop.order("A1", "ch", [("ana", 9_000, 0)], rule_id=rule)
        (line,) = order.lines
        subsidised = type(line)(line.seller_id, line.price_minor, subsidy_minor=500)
        fields = {name: getattr(order, name) for name in order.__slots__}
        (taken,) = await shop.take(type(order)(**{**fields, "lines": (subsidised,)}))
        assert taken.refused is not None and taken.refused.code == "capability_missing"
        assert shop.banks["ch"].calls == []
