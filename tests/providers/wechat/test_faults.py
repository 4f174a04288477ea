"""Every operation that the shared suite does not cover, under every fault: one movement, the true end found."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from cauce.gateway.accounts import PayoutRequest
from cauce.gateway.collecting import CollectRequest, FetchRequest, Operation
from cauce.gateway.errors import BadSignature
from cauce.gateway.outcome import Access, Declined, Done, Outcome, Pending, Refusal, Unknown
from cauce.kernel.clock import wall_now
from cauce.kernel.ids import new_id
from tests.providers.receiver import Receiver
from tests.providers.wechat.shop import Shop, cny

FAULTS = (
    "drop_before",
    "drop_after",
    "error_before",
    "error_after",
    "rate_limited",
    "garbled",
    "bad_signature",
    "hang",
)
Send = Callable[[], Awaitable[Outcome[Any]]]
Prepared = tuple[str, Send, FetchRequest]


async def _finish(shop: Shop) -> Prepared:
    order = await shop.paid(await shop.seller())
    request = shop.finish_request(order)
    ask = FetchRequest(Operation.FINISH_ORDER, request.key, parent_key=order.key, merchant_ref=order.merchant)
    return request.key, lambda: shop.gateway.finish_order(request), ask


async def _return(shop: Shop) -> Prepared:
    other = await shop.seller("other")
    order = await shop.paid(await shop.seller())
    split, _ = await shop.split(order, {other: 1_000})
    request = shop.return_request(split, other, 400)
    ask = FetchRequest(Operation.REVERSE_SPLIT, request.key, parent_key=order.key, merchant_ref=order.merchant)
    return request.key, lambda: shop.gateway.reverse_split(request), ask


async def _split(shop: Shop) -> Prepared:
    other = await shop.seller("other")
    order = await shop.paid(await shop.seller())
    request = shop.split_request(order, {other: 1_000, shop.platform: 100})
    ask = FetchRequest(Operation.SPLIT, request.key, parent_key=order.key, merchant_ref=order.merchant)
    return request.key, lambda: shop.gateway.split(request), ask


async def _refund(shop: Shop) -> Prepared:
    order = await shop.paid(await shop.seller())
    request = shop.refund_request(order, 2_500)
    ask = FetchRequest(Operation.REFUND, request.key, parent_key=order.key, merchant_ref=order.merchant)
    return request.key, lambda: shop.gateway.refund(request), ask


async def _payout(shop: Shop) -> Prepared:
    order = await shop.paid(await shop.seller())
    await shop.finish(order)
    request = PayoutRequest(new_id("po"), order.merchant, "", cny(5_000), "weekly")
    ask = FetchRequest(Operation.PAYOUT, request.key, merchant_ref=order.merchant)
    return request.key.replace("_", ""), lambda: shop.gateway.payout(request), ask


async def _to_the_end(shop: Shop, outcome: Outcome[Any], send: Send, ask: FetchRequest) -> Outcome[Any]:
    for _ in range(8):
        if isinstance(outcome, Done | Declined):
            return outcome
        await shop.advance(hours=3)
        outcome = await shop.gateway.fetch(ask)
        if isinstance(outcome, Declined) and outcome.refusal is Refusal.NOT_FOUND:
            outcome = await send()
    raise AssertionError(f"no end: {outcome}")


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("prepare", [_finish, _return, _payout])
async def test_it_happens_once(shop: Shop, prepare: Callable[[Shop], Awaitable[Prepared]], fault: str) -> None:
    _, send, ask = await prepare(shop)
    before = len((await shop.control.books("wechat"))["postings"])
    assert isinstance(await _to_the_end(shop, await send(), send, ask), Done)
    wanted = len((await shop.control.books("wechat"))["postings"]) - before
    key, send, ask = await prepare(shop)
    before = len((await shop.control.books("wechat"))["postings"])
    await shop.control.fault("wechat", fault, contains=key, delay_ms=20, status=502)
    first = await send()
    assert isinstance(first, Unknown) and first.reason
    assert isinstance(await _to_the_end(shop, first, send, ask), Done)
    assert len((await shop.control.books("wechat"))["postings"]) - before == wanted


async def _movements(shop: Shop) -> int:
    return len((await shop.control.books("wechat"))["postings"])


each_operation = pytest.mark.parametrize("prepare", [_split, _finish, _return, _refund, _payout])


@each_operation
async def test_an_answer_that_was_signed_long_ago_is_not_believed_and_the_truth_is_asked_for(
    shop: Shop, prepare: Callable[[Shop], Awaitable[Prepared]]
) -> None:
    _, send, ask = await prepare(shop)
    before = await _movements(shop)
    assert isinstance(await _to_the_end(shop, await send(), send, ask), Done)
    wanted = await _movements(shop) - before
    _, send, ask = await prepare(shop)
    before = await _movements(shop)
    await shop.turn(answer_age_seconds=301)
    first, asked = await send(), await shop.gateway.fetch(ask)
    assert isinstance(first, Unknown) and isinstance(asked, Unknown)
    assert first.access is asked.access is Access.ANSWER
    await shop.turn(answer_age_seconds=0)
    assert isinstance(await _to_the_end(shop, first, send, ask), Done)
    assert await _movements(shop) - before == wanted


@each_operation
async def test_a_signature_that_is_refused_moves_nothing_and_the_same_key_works_when_it_is_good_again(
    shop: Shop, prepare: Callable[[Shop], Awaitable[Prepared]]
) -> None:
    _, send, ask = await prepare(shop)
    before = await _movements(shop)
    await shop.turn(clock_skew_s=-1)
    refused = await send()
    assert isinstance(refused, Declined) and refused.refusal is Refusal.SIGNATURE
    await shop.turn(clock_skew_s=300)
    assert await _movements(shop) == before
    assert isinstance(await _to_the_end(shop, await send(), send, ask), Done)
    assert await _movements(shop) > before


async def test_a_split_too_early_or_too_often_is_unknown_and_goes_out_again_under_its_key(shop: Shop) -> None:
    order = await shop.paid(await shop.seller(), wait=0)
    request = shop.split_request(order, {shop.platform: 100})
    early = await shop.gateway.split(request)
    assert isinstance(early, Unknown) and early.ask_after_seconds >= 60
    ask = FetchRequest(Operation.SPLIT, request.key, parent_key=order.key, merchant_ref=order.merchant)
    asked = await shop.gateway.fetch(ask)
    assert isinstance(asked, Declined) and asked.refusal is Refusal.NOT_FOUND
    await shop.advance(seconds=60)
    assert isinstance(await shop.gateway.split(request), Pending)
    too_often = await shop.gateway.split(shop.split_request(order, {shop.platform: 100}))
    assert isinstance(too_often, Unknown)


async def test_the_same_number_with_other_content_is_a_duplicate(shop: Shop) -> None:
    order = await shop.paid(await shop.seller())
    request = shop.split_request(order, {shop.platform: 100})
    await shop.gateway.split(request)
    other = type(request)(
        request.key, order.key, order.ref, order.merchant, "cny", shop.split_request(order, {shop.platform: 101}).parts
    )
    refused = await shop.gateway.split(other)
    assert isinstance(refused, Declined) and refused.refusal is Refusal.DUPLICATE
    payment = await shop.order(order.merchant)
    changed = type(payment)(payment.key, payment.order_ref, cny(1), payment.description, order.merchant)
    refused_payment = await shop.gateway.collect(changed)
    assert isinstance(refused_payment, Declined) and refused_payment.refusal is Refusal.DUPLICATE


async def test_a_payment_that_came_before_the_close_is_told_as_such(shop: Shop) -> None:
    order = await shop.paid(await shop.seller())
    refused = await shop.gateway.cancel_collection(order.key, order.merchant)
    assert isinstance(refused, Declined) and refused.refusal is Refusal.LIFECYCLE


@pytest.mark.parametrize(
    ("suffix", "reason"),
    [("NOREL", "NO_RELATION"), ("RISK", "RECEIVER_HIGH_RISK"), ("LIMIT", "RECEIVER_RECEIPT_LIMIT")],
)
async def test_a_receiver_that_wechat_pay_refuses_closes_his_part_alone(shop: Shop, suffix: str, reason: str) -> None:
    bad = await shop.seller(ref=f"1{suffix}")
    order = await shop.paid(await shop.seller())
    _, result = await shop.split(order, {bad: 100, shop.platform: 200})
    assert [(p.state, p.reason) for p in result.parts] == [("closed", reason), ("applied", "")]
    assert await shop.available(order.merchant) == 100


async def test_refunds_that_fail_leave_the_money_where_it_was(shop: Shop) -> None:
    order = await shop.paid(await shop.seller())
    await shop.control.fault("wechat", "refund_closed", "refund.result")
    request = shop.refund_request(order, 1_000)
    await shop.gateway.refund(request)
    await shop.advance(minutes=1)
    closed = await shop.fetch(Operation.REFUND, request.key, merchant=order.merchant)
    assert isinstance(closed, Declined) and await shop.frozen(order) == 9_940
    await shop.control.fault("wechat", "refund_abnormal", "refund.result")
    request = shop.refund_request(order, 1_000)
    await shop.gateway.refund(request)
    await shop.advance(minutes=1)
    assert isinstance(await shop.fetch(Operation.REFUND, request.key, merchant=order.merchant), Pending)


async def test_a_payout_that_the_bank_refuses_comes_back(shop: Shop) -> None:
    order = await shop.paid(await shop.seller())
    await shop.finish(order)
    await shop.control.fault("wechat", "withdraw_failed", "withdraw.result")
    request = PayoutRequest(new_id("po"), order.merchant, "", cny(5_000), "weekly")
    await shop.gateway.payout(request)
    await shop.advance(hours=3)
    assert isinstance(await shop.fetch(Operation.PAYOUT, request.key, merchant=order.merchant), Declined)
    assert await shop.available(order.merchant) == 9_940
    over = PayoutRequest(new_id("po"), order.merchant, "", cny(9_941), "too much")
    refused = await shop.gateway.payout(over)
    assert isinstance(refused, Declined) and refused.refusal is Refusal.INSUFFICIENT_FUNDS


@pytest.mark.parametrize(
    ("knobs", "outcome"),
    [
        ({"omit_signature_type": True}, Pending),
        ({"unknown_serial": True}, Unknown),
        ({"response_serial": "certificate"}, Unknown),
    ],
)
async def test_an_answer_is_trusted_by_its_key_and_not_by_its_looks(
    shop: Shop, knobs: dict[str, Any], outcome: type
) -> None:
    seller = await shop.seller()
    await shop.turn(**knobs)
    answer = await shop.gateway.collect(CollectRequest(new_id("col"), "o1", cny(100), "lamp", seller))
    assert isinstance(answer, outcome), answer


async def test_an_unknown_serial_makes_the_adapter_fetch_the_certificates_once(shop: Shop) -> None:
    await shop.turn(certificates_offered=True, response_serial="certificate")
    seller = await shop.seller()
    await shop.order(seller)
    await shop.order(seller)
    operations = [call["operation"] for call in await shop.control.calls("wechat")]
    assert operations == ["collect", "certificates", "collect"]


async def test_split_notices_have_the_split_number_whatever_their_event_is_called(
    shop: Shop, receiver: Receiver
) -> None:
    await shop.turn(split_notify_url=receiver.url, callback_wrong_event_type=True, split_aad="")
    order = await shop.paid(await shop.seller())
    await shop.control.quiet()
    receiver.received.clear()
    request, _ = await shop.split(order, {shop.platform: 100})
    await shop.control.quiet()
    [(headers, body)] = receiver.received
    [notice] = shop.gateway.parse_notice(headers, body, wall_now()).notices
    assert (notice.kind, notice.operation, notice.key) == ("split", Operation.SPLIT, request.key)
    with pytest.raises(BadSignature):
        shop.gateway.parse_notice(headers, body + b" ", wall_now())
