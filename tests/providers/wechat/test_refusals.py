"""Refusals as outcomes, and the order in which the simulator checks."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from cauce.gateway.outcome import Declined, Refusal, Unknown
from cauce.gateway.provider import HttpAnswer
from cauce.providers.wechat import signing
from cauce.providers.wechat.mapping.problems import refused
from cauce.providers.wechat.mapping.texts import BadProviderKey, checked_key, plain_text, withdrawal_number
from tests.providers.wechat.shop import Shop


@pytest.mark.parametrize(
    ("operation", "status", "code", "message", "expected"),
    [
        ("split", 400, "PARAM_ERROR", "分账接收方与原请求不一致", Refusal.DUPLICATE),
        ("split", 400, "INVALID_REQUEST", "非分账订单不支持分账", Refusal.INVALID_REQUEST),
        ("split", 400, "INVALID_REQUEST", "分账接收方关系不存在,请检查", Refusal.PARTY_MISMATCH),
        ("split", 403, "RULE_LIMIT", "分账金额超出最大分账比例", Refusal.LIMIT_EXCEEDED),
        ("split", 400, "INVALID_REQUEST", "分账金额超出最大分账比例，最大可分账金额…", Refusal.LIMIT_EXCEEDED),
        ("split", 400, "INVALID_REQUEST", "请求分账的交易模式和下单的交易模式不匹配", Refusal.CONFIG),
        ("split", 403, "NOT_ENOUGH", "分账金额不足", Refusal.INSUFFICIENT_FUNDS),
        ("split", 403, "NO_AUTH", "商户无权限", Refusal.CONFIG),
        ("reverse_split", 403, "NO_AUTH", "回退方未开通分账回退功能", Refusal.FORBIDDEN),
        ("reverse_split", 403, "NOT_ENOUGH", "可用余额不足，请充值后重新发起", Refusal.INSUFFICIENT_FUNDS),
        ("refund", 403, "RULE_LIMIT", "申请退款金额大于剩余未分账金额，请等待分账完成后再试", Refusal.LIFECYCLE),
        ("refund", 403, "NOT_ENOUGH", "基本账户余额不足", Refusal.INSUFFICIENT_FUNDS),
        ("open_account", 400, "INVALID_REQUEST", "分账接收商户全称不匹配", Refusal.IDENTITY_MISMATCH),
        ("collect", 404, "ORDER_NOT_EXIST", "", Refusal.NOT_FOUND),
        ("collect", 401, "SIGN_ERROR", "签名错误", Refusal.SIGNATURE),
        ("collect", 400, "APPID_MCHID_NOT_MATCH", "", Refusal.CONFIG),
        ("collect", 403, "NEVER_SEEN", "", Refusal.FORBIDDEN),
    ],
)
def test_a_refusal_has_its_class(operation: str, status: int, code: str, message: str, expected: Refusal) -> None:
    outcome = refused(operation, status, {"code": code, "message": message})
    assert outcome == Declined(code, expected, message)


@pytest.mark.parametrize("spelling", ["FREQUENCY_LIMITED", "RATELIMIT_EXCEED", "RATELIMIT_EXCEEDED"])
def test_what_may_succeed_later_under_the_same_number_is_unknown(spelling: str) -> None:
    for body in (
        (429, spelling, "对同笔订单分账频率过高"),
        (400, "INVALID_REQUEST", "订单处理中,请稍后重试"),
        (400, "INVALID_REQUEST", "分账补贴还未到账，不能受理分账"),
        (202, "", ""),
        (500, "SYSTEM_ERROR", ""),
        (418, "WHAT", ""),
    ):
        assert isinstance(refused("split", body[0], {"code": body[1], "message": body[2]}), Unknown)


def test_numbers_and_texts_are_what_the_vendor_takes() -> None:
    assert checked_key("col_01abc") == "col_01abc"
    for bad in ("short", "a" * 33, "with-hyphen", "ünïcode_key"):
        with pytest.raises(BadProviderKey):
            checked_key(bad)
    assert withdrawal_number("po_01abc") == "po01abc"
    assert plain_text("lamp 💡 for\n you", 9) == "lamp  for"


async def _call(shop: Shop, method: str, target: str, body: Any = None, **changes: str) -> HttpAnswer:
    """A raw call, signed like the adapter's; `changes` spoil the signature's parts."""
    contract = shop.gateway._desk.contract
    raw = json.dumps(body).encode() if body is not None else b""
    timestamp, nonce = shop.gateway._desk.wire.stamp()
    timestamp = changes.get("timestamp", timestamp)
    signature = signing.sign(
        contract.private_key,
        signing.request_message(method, target, timestamp, nonce, changes.get("signed", "").encode() or raw),
    )
    header = signing.authorization(
        changes.get("mchid", contract.mchid),
        changes.get("serial", contract.certificate_serial),
        nonce,
        timestamp,
        signature,
    )
    return await shop.gateway._desk.kit.transport.send(
        "raw", method, contract.base_url + target, headers={"authorization": header, "user-agent": "t"}, body=raw
    )


@pytest.mark.parametrize(
    "changes", [{"timestamp": "1000000000"}, {"serial": "0" * 40}, {"mchid": "1900000000"}, {"signed": "{}"}]
)
async def test_a_request_that_is_not_genuine_is_refused_first(shop: Shop, changes: dict[str, str]) -> None:
    answer = await _call(shop, "POST", "/v3/profitsharing/orders", {"what": 1}, **changes)
    assert (answer.status, json.loads(answer.body)["code"]) == (401, "SIGN_ERROR")


async def test_address_method_shape_and_nothing_are_refused_in_their_order(shop: Shop) -> None:
    assert (await _call(shop, "GET", "/v3/nowhere")).status == 404
    assert (await _call(shop, "DELETE", "/v3/profitsharing/orders")).status == 405
    answer = await _call(shop, "POST", "/v3/profitsharing/orders", {"appid": None})
    assert (answer.status, json.loads(answer.body)["code"]) == (400, "PARAM_ERROR")
    assert answer.headers["request-id"] and answer.headers["wechatpay-signature"], "a refusal is signed too"


async def test_a_platform_splits_only_to_whom_it_may_and_only_fifty_at_once(shop: Shop) -> None:
    stranger = await shop.seller("stranger", related=False)
    order = await shop.paid(await shop.seller(), 100_000)
    answer = await shop.gateway.split(shop.split_request(order, {stranger: 1}))
    assert isinstance(answer, Declined) and answer.refusal is Refusal.PARTY_MISMATCH
    many = [await shop.seller() for _ in range(51)]
    with pytest.raises(Exception, match="1 to 50"):
        await shop.gateway.split(shop.split_request(order, dict.fromkeys(many, 1)))
    twice = shop.split_request(order, {many[0]: 1, many[1]: 1})
    same = tuple(replace(part, receiver_ref=many[0]) for part in twice.parts)
    with pytest.raises(Exception, match="once"):
        await shop.gateway.split(replace(twice, parts=same))
    closed = await shop.seller("closed", split_enabled=False)
    other = await shop.paid(closed)
    answer = await shop.gateway.split(shop.split_request(other, {shop.platform: 1}))
    assert isinstance(answer, Declined) and answer.refusal is Refusal.CONFIG


async def test_more_than_fifty_requests_for_one_order_are_refused(shop: Shop) -> None:
    order = await shop.paid(await shop.seller(), 100_000)
    for _ in range(50):
        await shop.split(order, {shop.platform: 1})
    answer = await shop.gateway.split(shop.split_request(order, {shop.platform: 1}))
    assert isinstance(answer, Declined) and answer.refusal is Refusal.INVALID_REQUEST


async def test_returns_are_counted_per_receiver_and_end_after_their_window(shop: Shop) -> None:
    other = await shop.seller("other")
    order = await shop.paid(await shop.seller())
    split, _ = await shop.split(order, {other: 1_000})
    for _ in range(20):
        await shop.gateway.reverse_split(shop.return_request(split, other, 1))
    assert isinstance(await shop.gateway.reverse_split(shop.return_request(split, other, 1)), Declined)
    assert await shop.available(other) == 980
    second, _ = await shop.split(order, {other: 500})
    over = await shop.gateway.reverse_split(shop.return_request(second, other, 501))
    assert isinstance(over, Declined)
    await shop.advance(days=181)
    late = await shop.gateway.reverse_split(shop.return_request(second, other, 1))
    assert isinstance(late, Declined) and late.refusal is Refusal.FORBIDDEN


async def test_refunds_end_after_a_year_and_after_fifty(shop: Shop) -> None:
    order = await shop.paid(await shop.seller())
    for _ in range(50):
        await shop.gateway.refund(shop.refund_request(order, 1))
    assert isinstance(await shop.gateway.refund(shop.refund_request(order, 1)), Declined)
    old = await shop.paid(order.merchant)
    await shop.advance(days=366)
    late = await shop.gateway.refund(shop.refund_request(old, 1))
    assert isinstance(late, Declined) and late.refusal is Refusal.FORBIDDEN


async def test_a_subsidised_order_waits_for_its_subsidy(shop: Shop) -> None:
    seller = await shop.seller()
    settings = shop.channel.settings
    body = {
        "sp_appid": settings["appid"],
        "sp_mchid": shop.platform,
        "sub_mchid": seller,
        "description": "lamp",
        "out_trade_no": "SUBSIDISED",
        "notify_url": settings["notify_url"],
        "amount": {"total": 1_000},
        "settle_info": {"profit_sharing": True, "subsidy_amount": 200},
    }
    assert (await _call(shop, "POST", "/v3/pay/partner/transactions/native", body)).status == 200
    paid = await shop.control.payer("wechat", "approve", key="SUBSIDISED")
    await shop.advance(minutes=2)
    transaction = paid["transaction_id"]
    split = {
        "appid": settings["appid"],
        "sub_mchid": seller,
        "transaction_id": transaction,
        "out_order_no": "S1",
        "receivers": [{"type": "MERCHANT_ID", "receiver_account": shop.platform, "amount": 10, "description": "fee"}],
        "finish": False,
    }
    waiting = await _call(shop, "POST", "/v3/ecommerce/profitsharing/orders", split)
    assert isinstance(refused("split", waiting.status, json.loads(waiting.body)), Unknown)
    await shop.control.verb("wechat", "balance", {"mchid": shop.platform, "available": 500})
    subsidy = {"sub_mchid": seller, "transaction_id": transaction, "amount": 200, "description": "coupon"}
    assert (await _call(shop, "POST", "/v3/ecommerce/subsidies/create", subsidy)).status == 200
    assert (await _call(shop, "POST", "/v3/ecommerce/profitsharing/orders", split)).status == 200
    assert await shop.balance(f"merchant/{seller}/frozen/") == 1_000 - 6 + 200
