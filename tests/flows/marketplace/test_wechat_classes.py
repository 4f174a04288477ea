"""The classes of WeChat Pay's refusals, at its simulator over real HTTP: put off, not set up, another party, a limit, its doors."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from cauce.flows.marketplace import merchants, refunds, release
from cauce.flows.marketplace.pay_out import AskPayout, request_payout
from cauce.flows.marketplace.refunds import AskRefund
from cauce.flows.marketplace.retries import RefundNotRetryable, retry_refund
from cauce.flows.refused_keys import resume_calls, try_again
from tests.flows.marketplace.at_wechat import WECHAT, WeChatMarket, wechat_market

SHARED: dict[str, Any] = {
    "name": "shared",
    "currency": "cny",
    "base": "amount",
    "parts": [
        {"to": "fee", "kind": "percent", "value": "0.05"},
        {"to": "party:agent", "kind": "percent", "value": "0.15"},
        {"to": "party:seller", "kind": "remainder"},
    ],
    "refund": {"policy": "proportional", "on_shortfall": "wait_top_up"},
}


@pytest.fixture
async def shop(dsn: str, tmp_path: Path) -> AsyncIterator[WeChatMarket]:
    async with wechat_market(dsn, tmp_path) as one:
        yield one


async def _refuse(shop: WeChatMarket, operation: str, status: int, code: str, message: str, times: int = 1) -> None:
    data = {"code": code, "message": message}
    await shop.stage.control.fault(WECHAT, "refused", operation, status=status, data=data, times=times)


async def _commands(shop: WeChatMarket, operation: str) -> list[dict[str, Any]]:
    query = "SELECT key, state, tries, needs_person_since FROM channels.instruction WHERE org_id = $1"
    return [dict(row) for row in await shop.rows(f"{query} AND operation = '{operation}' ORDER BY key")]


async def test_throttled_without_end_a_split_waits_for_a_person_and_goes_out_under_its_number(
    shop: WeChatMarket,
) -> None:
    order = await shop.buy("A1", shop.line("ana", 10_000))
    await shop.stage.control.fault(WECHAT, "rate_limited", "split", times=8)
    await release.release_orders(shop.stage.context, [order])
    await shop.forward(1)
    (held,) = await _commands(shop, "split")
    assert (held["state"], held["tries"], held["needs_person_since"] is not None) == ("unknown", 8, True)
    assert await shop.differences() == {}
    await try_again(shop.stage.context, held["key"])
    await shop.forward(1)
    assert [(one["key"], one["state"]) for one in await _commands(shop, "split")] == [(held["key"], "succeeded")]
    assert await shop.differences() == {}
    assert (await shop.books())["member:ana:withdrawable"] == 10_000 - 60 - 1_200


async def test_a_merchant_whose_right_to_split_was_taken_stops_alone(shop: WeChatMarket) -> None:
    first = await shop.buy("A1", shop.line("ana", 10_000))
    other = await shop.buy("B1", shop.line("bo", 10_000))
    await _refuse(shop, "split", 403, "NO_AUTH", "商户未开通分账权限")
    await release.release_orders(shop.stage.context, [first])
    await shop.forward(0.1)
    (stop,) = await shop.rows("SELECT merchant_ref, code FROM channels.stop WHERE org_id = $1")
    assert (stop["merchant_ref"], stop["code"]) == (shop.refs["ana"], "NO_AUTH")
    await release.release_orders(shop.stage.context, [other])
    await shop.forward(1)
    states = await shop.rows("SELECT id, state FROM orders.purchase WHERE org_id = $1")
    assert {row["id"]: row["state"] for row in states} == {first: "releasing", other: "released"}
    assert "split.failed" not in await shop.told("split")
    assert await resume_calls(shop.stage.context, shop.channel, shop.refs["ana"])
    await shop.forward(1)
    states = await shop.rows("SELECT state FROM orders.purchase WHERE org_id = $1")
    assert {row["state"] for row in states} == {"released"}
    assert await shop.differences() == {}


async def test_a_receiver_that_wechat_pay_does_not_know_opens_a_case(shop: WeChatMarket) -> None:
    order = await shop.buy("A1", shop.line("ana", 10_000))
    await _refuse(shop, "split", 400, "INVALID_REQUEST", "分账接收方关系不存在，请检查")
    await release.release_orders(shop.stage.context, [order])
    await shop.forward(0.1)
    found = await shop.rows(
        "SELECT b.type, b.kind, b.order_id, c.cause FROM reconciliation.break b JOIN reconciliation.case c ON c.org_id = $1 AND c.id = b.case_id"
        " WHERE b.org_id = $1"
    )
    assert [(row["type"], row["kind"], row["order_id"]) for row in found] == [("status", "instruction", order)]
    assert found[0]["cause"].startswith("party_mismatch at ")
    assert await shop.differences() == {}


async def test_a_refund_beyond_the_days_limit_goes_out_the_next_day(shop: WeChatMarket) -> None:
    order = await shop.buy("A1", shop.line("ana", 10_000), deliver_days=9)
    await _refuse(shop, "refund", 403, "RULE_LIMIT", "超出今日限额")
    await refunds.refund_orders(shop.stage.context, [AskRefund(order, "R1", 2_500)])
    await shop.forward(0.5)
    assert [row["state"] for row in await shop.rows("SELECT state FROM orders.refund WHERE org_id = $1")] == ["failed"]
    await shop.forward(1)
    assert [row["state"] for row in await shop.rows("SELECT state FROM orders.refund WHERE org_id = $1")] == [
        "succeeded"
    ]
    assert [one["state"] for one in await _commands(shop, "refund")] == ["declined", "succeeded"]
    assert await shop.differences() == {}


async def test_a_return_that_its_receiver_cannot_pay_waits_and_goes_out_under_its_number_after_a_top_up(
    shop: WeChatMarket,
) -> None:
    context, names = shop.stage.context, {"agent": shop.sellers["bo"]}
    rule_id, version = await merchants.draft_split_rule(context, SHARED)
    await merchants.activate_split_rule(shop.stage.second_person, rule_id, version)
    order = await shop.buy("A1", shop.line("ana", 10_000), rule_id=rule_id, parties=names)
    await release.release_orders(context, [order])
    await shop.forward(1)
    await request_payout(context, AskPayout(names["agent"], shop.channel, "cny", 1_500))
    await shop.forward(1)
    await refunds.refund_orders(context, [AskRefund(order, "R1", 4_000)])
    await shop.forward(1)
    (held,) = await shop.rows(
        "SELECT i.key, i.access FROM channels.instruction i WHERE i.org_id = $1 AND i.operation = 'reverse_split' AND i.access <> ''"
    )
    assert held["access"] == "funds"
    other = await shop.buy("B1", shop.line("bo", 5_000))
    await release.release_orders(context, [other])
    await shop.forward(2)
    done = {one["key"]: one["state"] for one in await _commands(shop, "reverse_split")}
    assert done[held["key"]] == "succeeded" and set(done.values()) == {"succeeded"}
    assert [row["state"] for row in await shop.rows("SELECT state FROM orders.refund WHERE org_id = $1")] == [
        "succeeded"
    ]
    assert await shop.differences() == {}


async def test_a_return_that_is_short_is_over_only_when_wechat_pay_says_so(shop: WeChatMarket) -> None:
    """It keeps such a return for five days: a new number before would take the part back twice."""
    context, names = shop.stage.context, {"agent": shop.sellers["bo"]}
    rule = {**SHARED, "refund": {"policy": "proportional", "on_shortfall": "refuse"}}
    rule_id, version = await merchants.draft_split_rule(context, rule)
    await merchants.activate_split_rule(shop.stage.second_person, rule_id, version)
    order = await shop.buy("A1", shop.line("ana", 10_000), rule_id=rule_id, parties=names)
    await release.release_orders(context, [order])
    await shop.forward(1)
    await request_payout(context, AskPayout(names["agent"], shop.channel, "cny", 1_500))
    await shop.forward(1)
    ((asked,),) = (await refunds.refund_orders(context, [AskRefund(order, "R1", 4_000)])).values()
    await shop.forward(4)
    states = "SELECT state FROM orders.refund WHERE org_id = $1 ORDER BY id"
    assert [row["state"] for row in await shop.rows(states)] == ["reversing_splits"]
    with pytest.raises(RefundNotRetryable):
        await retry_refund(context, asked)
    await shop.forward(2)
    assert [row["state"] for row in await shop.rows(states)] == ["failed"]
    (short,) = [one for one in await _commands(shop, "reverse_split") if one["state"] != "succeeded"]
    assert short["state"] == "declined"
    assert await shop.differences() == {}


async def test_three_signatures_that_are_refused_stop_the_channel(shop: WeChatMarket) -> None:
    await shop.stage.control.verb(WECHAT, "settings", {"clock_skew_s": -1})
    for number in ("A1", "A2", "A3"):
        await shop.take(number, [shop.line("ana", 1_000)])
    (row,) = await shop.rows("SELECT stopped_at FROM channels.channel WHERE org_id = $1")
    assert row["stopped_at"] is not None
    assert "provider.calls_stopped" in await shop.told("provider")
    await shop.stage.control.verb(WECHAT, "settings", {"clock_skew_s": 300})
    assert await resume_calls(shop.stage.context, shop.channel)
    await shop.forward(0.01)
    assert {one["state"] for one in await _commands(shop, "collect")} == {"pending"}
