"""Bills: damaged, late, sealed or strange ones, and what of them becomes statement lines."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from cauce.gateway.errors import BadStatement, CountDiffers
from cauce.gateway.reporting import LineKind
from cauce.kernel.errors import Unavailable
from cauce.providers import wechat
from cauce.providers.wechat.mapping.bills import lines_of
from cauce.providers.wechat.statements import StatementNotReady
from tests.providers.wechat.shop import Shop, cny

DAY = date(2026, 3, 2)
FIXTURES = Path(wechat.__file__).parent / "fixtures"


async def _a_day(shop: Shop) -> Any:
    order = await shop.paid(await shop.seller())
    await shop.paid(order.merchant, 2_345)
    await shop.advance(days=1)
    return order


async def test_the_recorded_bill_is_read_with_commas_in_values_and_without_its_totals() -> None:
    text = (FIXTURES / "trade_bill.csv").read_text(encoding="utf-8")
    paid, refunded = lines_of("trade", text.splitlines())
    assert (paid.kind, paid.key, paid.amount, paid.fee_minor) == (LineKind.COLLECTION, "ORD1", cny(1_000), 6)
    assert paid.account_ref == "1900000001" and paid.occurred_at.isoformat() == "2026-11-23T13:51:31+08:00"
    assert (refunded.key, refunded.order_ref, refunded.amount, refunded.fee_minor) == ("RFD1", "ORD1", cny(-250), -2)


async def test_a_bill_comes_the_next_morning_and_not_before(shop: Shop) -> None:
    await shop.paid(await shop.seller())
    await shop.advance(hours=12)  # 05:30 of the next day in Shanghai
    with pytest.raises(StatementNotReady):
        await shop.lines(DAY, "trade")
    await shop.advance(hours=5)
    assert len(await shop.lines(DAY, "trade")) == 1


async def test_a_bill_is_too_old_after_three_months(shop: Shop) -> None:
    await shop.paid(await shop.seller())
    await shop.advance(days=120)
    with pytest.raises(BadStatement):
        await shop.lines(DAY, "trade")


@pytest.mark.parametrize("knob", ["bill_extra_column", "bill_missing_backticks"])
async def test_a_new_column_or_missing_backticks_change_nothing(shop: Shop, knob: str) -> None:
    order = await _a_day(shop)
    await shop.turn(**{knob: True})
    lines = await shop.lines(DAY, "trade")
    assert [line.amount for line in lines] == [cny(10_000), cny(2_345)] and lines[0].key == order.key


async def test_a_wrong_hash_and_an_expired_address_are_refused(shop: Shop) -> None:
    await _a_day(shop)
    await shop.turn(bill_bad_hash=True)
    with pytest.raises(BadStatement):
        await shop.lines(DAY, "trade")
    await shop.turn(bill_bad_hash=False, bill_url_expired=True)
    with pytest.raises(Unavailable):
        await shop.lines(DAY, "trade")
    await shop.turn(bill_url_expired=False)
    await shop.control.fault("wechat", "garbled", "statement.download")
    with pytest.raises(BadStatement):
        await shop.lines(DAY, "trade")


async def test_a_dropped_a_doubled_and_a_changed_row_are_handed_on_as_they_are(shop: Shop) -> None:
    await _a_day(shop)
    await shop.turn(bill_drop_row=1)
    assert [line.amount for line in await shop.lines(DAY, "trade")] == [cny(2_345)]
    await shop.turn(bill_drop_row=0, bill_double_row=True, bill_amount_off_minor=-1, bill_fee_off_minor=2)
    lines = await shop.lines(DAY, "trade")
    assert [(line.amount.amount_minor, line.fee_minor) for line in lines] == [(9_999, 62), (9_999, 62), (2_345, 14)]


async def test_a_bill_that_announces_another_number_of_rows_is_refused(shop: Shop) -> None:
    await _a_day(shop)
    await shop.turn(bill_count_off=1)
    with pytest.raises(CountDiffers):
        await shop.lines(DAY, "trade")


async def test_both_headers_of_the_split_bill_are_understood(shop: Shop) -> None:
    order = await shop.paid(await shop.seller())
    request, _ = await shop.split(order, {shop.platform: 100})
    await shop.advance(days=1)
    ours = await shop.lines(DAY, "split")
    await shop.turn(split_bill_header="overseas")
    theirs = await shop.lines(DAY, "split")
    assert [(x.key, x.ref, x.amount) for x in ours] == [(x.key, x.ref, x.amount) for x in theirs]
    assert ours[0].key == request.key and ours[0].order_ref == order.ref


async def test_a_row_that_does_not_fit_its_header_is_a_damaged_file() -> None:
    with pytest.raises(BadStatement):
        list(lines_of("trade", ["交易时间,商户号", "`2026-03-02 10:00:00"]))
    with pytest.raises(BadStatement):
        list(lines_of("trade", ["交易时间,商户号", "`2026-03-02 10:00:00,`1"]))
    text = (FIXTURES / "trade_bill.csv").read_text(encoding="utf-8").replace("`0.06000", "`0.06001")
    with pytest.raises(BadStatement):
        list(lines_of("trade", text.splitlines()))


async def test_every_merchants_fund_flow_sums_to_what_he_holds(shop: Shop) -> None:
    sellers = [await shop.seller(f"s{n}") for n in range(3)]
    for number, seller in enumerate(sellers):
        order = await shop.paid(seller, 1_000 * (number + 1))
        await shop.split(order, {sellers[number - 1]: 50, shop.platform: 20})
        await shop.refund(order, 100)
    await shop.advance(days=1)
    lines = await shop.lines(DAY, "merchant_fund_flow")
    for seller in sellers:
        told = sum(line.amount.amount_minor for line in lines if line.account_ref == seller)
        assert told == await shop.balance(f"merchant/{seller}/")
    own = await shop.lines(DAY, "fund_flow")
    assert {line.account_ref for line in own} == {shop.platform}
