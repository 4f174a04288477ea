"""The ten acceptance scenarios of the protocol notes."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cauce.gateway.collecting import FetchRequest, Operation
from cauce.gateway.errors import BadSignature
from cauce.gateway.outcome import Access, Declined, Done, Outcome, Pending, Refusal, Unknown
from cauce.gateway.reporting import LineKind
from cauce.gateway.splitting import PartState
from cauce.kernel.clock import wall_now
from cauce.providers.wechat.keyring import UnknownSerial
from cauce.providers.wechat.mapping.texts import KEY, finish_number, key_of
from tests.providers.receiver import Receiver
from tests.providers.wechat.conftest import MakeShop
from tests.providers.wechat.shop import Paid, Shop, cny, done

DAY = date(2026, 3, 2)


async def test_1_three_batches_of_fifty_then_unfreeze_and_the_bills_join_to_the_fen(shop: Shop) -> None:
    order = await shop.paid(await shop.seller(), 1_000_000)
    receivers = [await shop.seller(f"r{n}") for n in range(150)]
    wanted: dict[str, int] = {}
    for batch in range(3):
        shares = {ref: 1_000 + n for n, ref in enumerate(receivers[batch * 50 : batch * 50 + 50])}
        request, result = await shop.split(order, shares)
        assert [part.state for part in result.parts] == [PartState.APPLIED] * 50
        assert [part.key for part in result.parts] == [part.key for part in request.parts]
        wanted |= {part.ref: part.amount_minor for part in result.parts}
    finished = await shop.finish(order)
    assert finished.released.amount_minor == 1_000_000 - order.fee - sum(wanted.values())
    await shop.advance(days=1)
    split = await shop.lines(DAY, "split")
    assert {x.ref: x.amount.amount_minor for x in split if x.kind is LineKind.SPLIT} == wanted
    assert [x.amount for x in split if x.kind is LineKind.RELEASE] == [finished.released]
    flow = [x for x in await shop.lines(DAY, "merchant_fund_flow") if x.kind is LineKind.SPLIT]
    assert {x.ref: x.amount.amount_minor for x in flow if x.amount.amount_minor > 0} == wanted
    assert all(x.account_ref == order.merchant for x in flow if x.amount.amount_minor < 0)
    [trade] = await shop.lines(DAY, "trade")
    assert trade.amount.amount_minor - trade.fee_minor == sum(wanted.values()) + finished.released.amount_minor


async def _asked_again(shop: Shop, lost: Outcome[Any], ask: FetchRequest) -> Any:
    assert isinstance(lost, Unknown)
    await shop.advance(seconds=10)
    return done(await shop.gateway.fetch(ask))


async def test_2_a_lost_answer_has_one_effect_in_split_unfreeze_return_and_refund(shop: Shop) -> None:
    seller, other = await shop.seller(), await shop.seller("other")
    order = await shop.paid(seller)
    scope = {"parent_key": order.key, "merchant_ref": seller}

    await shop.control.fault("wechat", "drop_after", "split")
    split = shop.split_request(order, {other: 1_000})
    found = await _asked_again(shop, await shop.gateway.split(split), FetchRequest(Operation.SPLIT, split.key, **scope))
    assert [p.state for p in found.parts] == [PartState.APPLIED]
    assert isinstance(await shop.gateway.split(split), Done)
    assert await shop.available(other) == 1_000

    await shop.control.fault("wechat", "drop_after", "reverse_split")
    back = shop.return_request(split, other, 400)
    lost = await shop.gateway.reverse_split(back)
    found = await _asked_again(shop, lost, FetchRequest(Operation.REVERSE_SPLIT, back.key, **scope))
    assert found.amount == cny(400)
    assert isinstance(await shop.gateway.reverse_split(back), Done)
    assert (await shop.available(other), await shop.available(seller)) == (600, 400)

    await shop.control.fault("wechat", "drop_after", "refund")
    refund = shop.refund_request(order, 500)
    lost = await shop.gateway.refund(refund)
    found = await _asked_again(shop, lost, FetchRequest(Operation.REFUND, refund.key, **scope))
    assert found.amount == cny(500)
    await shop.gateway.refund(refund)

    await shop.control.fault("wechat", "drop_after", "finish_order")
    finish = shop.finish_request(order)
    lost = await shop.gateway.finish_order(finish)
    found = await _asked_again(shop, lost, FetchRequest(Operation.FINISH_ORDER, finish.key, **scope))
    assert found.released == cny(10_000 - 60 - 1_000 - 497)
    again = await shop.gateway.finish_order(finish)
    assert not isinstance(again, Declined | Unknown)
    assert await shop.available(seller) == 400 + found.released.amount_minor


@pytest.mark.parametrize("style", [400, 403])
async def test_3_the_share_cap_is_exact_and_a_refund_lowers_it(shop: Shop, style: int) -> None:
    await shop.turn(ratio_error_style=style)
    assert str(await shop.gateway.share_cap("")) == "3/10"
    seller, other = await shop.seller(), await shop.seller("other")
    order = await shop.paid(seller)
    over = await shop.gateway.split(shop.split_request(order, {other: 3_001}))
    assert isinstance(over, Declined) and over.refusal is Refusal.LIMIT_EXCEEDED
    await shop.split(order, {other: 2_000})
    await shop.refund(order, 1_000)  # the base is 9,000 now, the cap 2,700
    over = await shop.gateway.split(shop.split_request(order, {shop.platform: 701}))
    assert isinstance(over, Declined) and over.refusal is Refusal.LIMIT_EXCEEDED
    _, result = await shop.split(order, {shop.platform: 700})
    assert result.parts[0].state is PartState.APPLIED
    _, own = await shop.split(order, {seller: 5_000})  # money of the order's own merchant does not count
    assert own.parts[0].state is PartState.APPLIED
    held = [await shop.available(ref) for ref in (other, shop.platform, seller)]
    assert held == [2_000, 700, 5_000] and await shop.frozen(order) == 10_000 - 60 - 994 - sum(held)


async def test_3_a_cap_is_a_floor(shop: Shop) -> None:
    seller, other = await shop.seller(max_ratio=500), await shop.seller("other")
    order = await shop.paid(seller, 55)
    assert isinstance(await shop.gateway.split(shop.split_request(order, {other: 3})), Declined)
    _, result = await shop.split(order, {other: 2})
    assert result.parts[0].state is PartState.APPLIED


async def test_4_a_closed_part_goes_back_to_the_seller_and_not_to_the_platform(shop: Shop) -> None:
    order = await shop.paid(await shop.seller(), 1_000)
    fields = {"contains": shop.platform, "data": {"reason": "PAYER_ACCOUNT_ABNORMAL"}}
    await shop.control.fault("wechat", "leg_closed", "split.leg", **fields)
    _, result = await shop.split(order, {shop.platform: 10}, finish=True)
    [part] = result.parts
    assert (part.state, part.reason) == (PartState.CLOSED, "PAYER_ACCOUNT_ABNORMAL")
    assert (await shop.available(shop.platform), await shop.available(order.merchant)) == (0, 994)
    assert await shop.frozen(order) == 0


async def test_5_a_full_refund_of_a_partly_split_order_needs_the_finish_first(shop: Shop) -> None:
    order = await shop.paid(await shop.seller())
    await shop.split(order, {shop.platform: 1_000})
    refund = shop.refund_request(order, 10_000)
    refused = await shop.gateway.refund(refund)
    assert isinstance(refused, Declined)
    assert (refused.code, refused.refusal) == ("RULE_LIMIT", Refusal.LIFECYCLE)
    await shop.finish(order)
    short = await shop.gateway.refund(refund)
    assert isinstance(short, Declined) and short.refusal is Refusal.INSUFFICIENT_FUNDS
    await shop.control.verb("wechat", "balance", {"mchid": order.merchant, "available": 20_000})
    assert isinstance(await shop.gateway.refund(refund), Pending)
    await shop.advance(seconds=10)
    value = done(await shop.fetch(Operation.REFUND, refund.key, merchant=order.merchant))
    assert (value.amount, value.fee_returned_minor) == (cny(10_000), 60)
    assert await shop.available(order.merchant) == 20_000 - 9_940


async def test_6_a_return_that_is_short_succeeds_under_the_same_number_after_a_top_up(shop: Shop) -> None:
    seller, other = await shop.seller(), await shop.seller("other")
    order = await shop.paid(seller)
    split, _ = await shop.split(order, {other: 1_000})
    await shop.control.verb("wechat", "balance", {"mchid": other, "available": 100})
    back = shop.return_request(split, other, 1_000)
    short = await shop.gateway.reverse_split(back)
    assert isinstance(short, Unknown) and (short.access, short.code) == (Access.FUNDS, "NOT_ENOUGH")
    waiting = await shop.fetch(Operation.REVERSE_SPLIT, back.key, parent=order.key, merchant=seller)
    assert isinstance(waiting, Pending)
    await shop.control.verb("wechat", "balance", {"mchid": other, "available": 1_500})
    assert done(await shop.gateway.reverse_split(back)).amount == cny(1_000)
    assert (await shop.available(other), await shop.available(seller)) == (500, 1_000)
    assert await shop.frozen(order) == 10_000 - 60 - 1_000  # a return never goes back into the frozen money


async def test_6_a_return_that_stays_short_fails_after_five_days(shop: Shop) -> None:
    seller, other = await shop.seller(), await shop.seller("other")
    order = await shop.paid(seller)
    split, _ = await shop.split(order, {other: 1_000})
    await shop.control.verb("wechat", "balance", {"mchid": other, "available": 0})
    back = shop.return_request(split, other, 1_000)
    await shop.gateway.reverse_split(back)
    await shop.advance(days=5)
    failed = await shop.fetch(Operation.REVERSE_SPLIT, back.key, parent=order.key, merchant=seller)
    assert isinstance(failed, Declined) and (failed.code, failed.refusal) == ("TIME_OUT_CLOSED", Refusal.LIFECYCLE)


@pytest.mark.parametrize(("dialect", "days"), [("ecommerce", 180), ("partner", 30), ("direct", 30)])
async def test_7_the_freeze_ends_with_the_seller_and_blocks_splits(
    make_shop: MakeShop, dialect: str, days: int
) -> None:
    shop = await make_shop(dialect=dialect)
    seller = shop.platform if dialect == "direct" else await shop.seller()
    other = await shop.seller("other")
    order = await shop.paid(seller)
    await shop.split(order, {other: 1_000})
    await shop.advance(days=days - 1)
    assert await shop.frozen(order) == 8_940
    await shop.advance(days=2)
    assert await shop.frozen(order) == 0
    assert await shop.available(seller) == 8_940
    late = await shop.gateway.split(shop.split_request(order, {other: 1}))
    assert isinstance(late, Declined) and late.refusal is Refusal.INSUFFICIENT_FUNDS
    finished = await shop.gateway.finish_order(shop.finish_request(order))
    assert isinstance(finished, Done) and finished.value.released == cny(0)
    night = shop.now.date()
    await shop.advance(days=2)
    lines = [
        line for day in (night, date.fromordinal(night.toordinal() - 1)) for line in await shop.lines(day, "split")
    ]
    assert [(line.kind, line.raw["initiator"]) for line in lines] == [(LineKind.RELEASE, "system")]


async def test_8_callbacks_of_every_day_of_a_key_migration_are_verified(
    make_shop: MakeShop, receiver: Receiver
) -> None:
    shop = await make_shop(by_public_key=False, migrating=True)
    seller = await shop.seller()
    await shop.paid(seller)  # the answer's unknown serial makes the adapter download the certificates
    used: set[str] = set()
    for day in range(8):
        await shop.control.verb("wechat", "migrate", {"day": day})
        receiver.received.clear()
        orders = [await shop.paid(seller, wait=0) for _ in range(6)]
        await shop.control.quiet()
        keys = []
        for headers, body in receiver.received:
            used.add(headers["wechatpay-serial"][:11])
            keys += [n.key for n in shop.gateway.parse_notice(headers, body, wall_now()).notices]
        assert sorted(keys) == sorted(order.key for order in orders)
    assert len(used) == 2, "certificate and public key were both seen"


async def test_8_a_callback_of_an_unknown_key_is_refused(shop: Shop, receiver: Receiver) -> None:
    await shop.paid(await shop.seller())
    await shop.turn(unknown_serial=True)
    callback = (await shop.control.callbacks("wechat"))[0]
    await shop.control.resend("wechat", callback["id"])
    headers, body = receiver.received[-1]
    with pytest.raises(UnknownSerial):
        shop.gateway.parse_notice(headers, body, wall_now())


async def test_9_doubled_and_reordered_callbacks_keep_their_ids(shop: Shop, receiver: Receiver) -> None:
    await shop.control.callback_rule("wechat", "duplicate", copies=3)
    seller = await shop.seller()
    first = await shop.paid(seller)
    await shop.control.callback_rule("wechat", "reorder", copies=2, times=2)
    second, third = await shop.paid(seller), await shop.paid(seller)
    await shop.control.quiet()
    notices = [n for h, b in receiver.received for n in shop.gateway.parse_notice(h, b, wall_now()).notices]
    assert [n.key for n in notices] == [first.key] * 3 + [third.key, second.key]
    assert len({n.event_id for n in notices}) == 3


@given(st.from_regex(KEY, fullmatch=True))
def test_10_the_number_of_a_finish_can_never_be_that_of_a_split(key: str) -> None:
    assert not KEY.fullmatch(finish_number(key))
    assert key_of(finish_number(key)) == key


async def test_10_one_key_for_split_and_finish_still_finishes(shop: Shop) -> None:
    order: Paid = await shop.paid(await shop.seller())
    split, _ = await shop.split(order, {shop.platform: 100})
    await shop.turn(reuse_split_no_for_unfreeze="silent")
    finish = shop.finish_request(order)
    await shop.gateway.finish_order(type(finish)(split.key, order.key, order.ref, order.merchant, "end"))
    await shop.advance(seconds=2)
    assert await shop.frozen(order) == 0


async def test_the_vendors_own_probe_is_refused_as_what_it_is(shop: Shop, receiver: Receiver) -> None:
    await shop.paid(await shop.seller())
    callback = (await shop.control.callbacks("wechat"))[0]
    await shop.control.resend("wechat", callback["id"], flaw="signtest")
    headers, body = receiver.received[-1]
    with pytest.raises(BadSignature) as refused:
        shop.gateway.parse_notice(headers, body, wall_now())
    assert refused.value.code == "probe_signature"
