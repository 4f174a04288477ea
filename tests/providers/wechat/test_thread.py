"""The thin thread of the platform dialect: pay, split, finish, refund, pay out, read the bills."""

from __future__ import annotations

from datetime import date

from cauce.gateway.accounts import AccountRequest, PayoutRequest
from cauce.gateway.collecting import ActionKind, CollectRequest, Operation
from cauce.gateway.outcome import Done, Pending
from cauce.gateway.reporting import LineKind
from cauce.gateway.splitting import PartState, ReceiverKind
from cauce.kernel.clock import wall_now
from cauce.kernel.ids import new_id
from tests.providers.receiver import Receiver
from tests.providers.wechat.shop import Shop, cny, done


async def test_a_paid_order_tells_its_fee_and_what_is_frozen(shop: Shop) -> None:
    seller = await shop.seller()
    request = CollectRequest(new_id("col"), "order 1", cny(10_000), "a lamp", seller)
    first = await shop.gateway.collect(request)
    assert isinstance(first, Pending) and first.value.next_action is not None
    assert first.value.next_action.kind is ActionKind.QR
    assert isinstance(await shop.fetch(Operation.COLLECT, request.key, merchant=seller), Pending)
    await shop.control.payer("wechat", "approve", ref=first.value.next_action.value)
    value = done(await shop.fetch(Operation.COLLECT, request.key, merchant=seller))
    assert (value.amount, value.fee_minor, value.unsplit_minor) == (cny(10_000), 60, 9_940)
    assert value.paid_at == shop.now
    assert await shop.balance(f"merchant/{seller}/frozen/{request.key}") == 9_940


async def test_commission_goes_to_the_platform_and_the_rest_to_the_seller_when_the_order_is_finished(
    shop: Shop,
) -> None:
    order = await shop.paid(await shop.seller())
    _, result = await shop.split(order, {shop.platform: 1_200})
    assert [(part.key, part.state, part.amount_minor) for part in result.parts] == [("p0", PartState.APPLIED, 1_200)]
    assert await shop.frozen(order) == 8_740
    finished = await shop.finish(order)
    assert finished.released == cny(8_740)
    assert await shop.available(order.merchant) == 8_740
    assert await shop.available(shop.platform) == 1_200


async def test_a_split_that_finishes_the_order_releases_the_rest_at_once(shop: Shop) -> None:
    order = await shop.paid(await shop.seller())
    _, result = await shop.split(order, {shop.platform: 1_200}, finish=True)
    assert [part.receiver_ref for part in result.parts] == [shop.platform]
    assert (await shop.available(order.merchant), await shop.frozen(order)) == (8_740, 0)


async def test_a_refund_gives_the_fee_back_pro_rata_and_wholly_with_the_last_fen(shop: Shop) -> None:
    order = await shop.paid(await shop.seller())
    first = await shop.refund(order, 3_333)
    second = await shop.refund(order, 6_667)
    assert (first.fee_returned_minor, second.fee_returned_minor) == (19, 41)
    assert await shop.frozen(order) == 0
    assert await shop.balance("outside/wechat/fees") == 0


async def test_a_seller_is_paid_out_to_his_bank(shop: Shop) -> None:
    order = await shop.paid(await shop.seller())
    await shop.finish(order)
    request = PayoutRequest(new_id("po"), order.merchant, "", cny(9_000), "week 10")
    assert isinstance(await shop.gateway.payout(request), Pending)
    await shop.advance(hours=3)
    value = done(await shop.fetch(Operation.PAYOUT, request.key, merchant=order.merchant))
    assert value.amount == cny(9_000) and value.paid_at is not None
    assert await shop.balance(f"outside/bank/{order.merchant}") == 9_000
    balances = await shop.gateway.balances((order.merchant, ""))
    assert [(b.kind, b.balance.amount_minor) for b in balances if b.account_ref] == [
        ("available", 940),
        ("pending", 0),
    ]


async def test_a_receiver_is_registered_by_his_number_and_his_legal_name(shop: Shop) -> None:
    ref = await shop.seller("明日商贸有限公司", related=False)
    request = AccountRequest(
        new_id("acc"),
        "mer_1",
        "明日商贸有限公司",
        ReceiverKind.MERCHANT,
        "enterprise",
        "online",
        "CN",
        existing_ref=ref,
    )
    outcome = await shop.gateway.open_account(request)
    assert isinstance(outcome, Done) and outcome.value.can_receive and outcome.value.can_pay_out
    order = await shop.paid(await shop.seller())
    _, result = await shop.split(order, {ref: 500})
    assert result.parts[0].state is PartState.APPLIED
    await shop.gateway.close_account(ref)
    refused = await shop.gateway.split(shop.split_request(order, {ref: 500}))
    assert refused.refusal == "party_mismatch"  # type: ignore[union-attr]


async def test_the_bills_of_a_day_join_to_payments_refunds_and_parts(shop: Shop) -> None:
    order = await shop.paid(await shop.seller())
    request, result = await shop.split(order, {shop.platform: 1_200})
    refund = await shop.refund(order, 1_000)
    await shop.finish(order)
    await shop.advance(days=1)
    day = date(2026, 3, 2)
    trade = await shop.lines(day, "trade")
    assert [(t.kind, t.ref, t.amount, t.fee_minor, t.account_ref) for t in trade] == [
        (LineKind.COLLECTION, order.ref, cny(10_000), 60, order.merchant),
        (LineKind.REFUND, refund.ref, cny(-1_000), -6, order.merchant),
    ]
    assert trade[0].key == order.key and trade[1].order_ref == order.key
    split = await shop.lines(day, "split")
    assert [(s.kind, s.account_ref, s.amount.amount_minor) for s in split] == [
        (LineKind.SPLIT, shop.platform, 1_200),
        (LineKind.RELEASE, order.merchant, 10_000 - 60 - 1_200 - 994),
    ]
    assert (split[0].key, split[0].ref) == (request.key, result.parts[0].ref)
    flow = await shop.lines(day, "merchant_fund_flow")
    assert sum(line.amount.amount_minor for line in flow) == await shop.available(order.merchant)
    own = await shop.lines(day, "fund_flow")
    assert [(o.kind, o.ref, o.amount) for o in own] == [(LineKind.SPLIT, result.parts[0].ref, cny(1_200))]


async def test_a_payment_notice_is_verified_opened_and_names_our_key(shop: Shop, receiver: Receiver) -> None:
    order = await shop.paid(await shop.seller())
    await shop.control.quiet()
    headers, body = receiver.received[-1]
    parsed = shop.gateway.parse_notice({k.lower(): v for k, v in headers.items()}, body, wall_now())
    assert (parsed.notices[0].key, parsed.notices[0].ref) == (order.key, order.ref)
    assert parsed.acknowledgement.status == 204
