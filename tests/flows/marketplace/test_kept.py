"""What a rule keeps of an order: it stays in escrow when the rest is released, and is divided later among the order's parties."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from cauce.flows.marketplace import keep, reconcile, refunds, release
from cauce.flows.marketplace.keep import AskKept
from cauce.flows.marketplace.refunds import AskRefund
from cauce.gateway.limits import ShareAboveCap
from cauce.gateway.outcome import Declined, Refusal
from cauce.kernel.errors import CauceError
from cauce.marketplace.compliance.rules import FeeAboveContract
from cauce.marketplace.compliance.service import agree_fee_rate
from cauce.marketplace.orders.refunding import RefundWaits
from cauce.marketplace.splits.kept import FreezeOver, NotKept, PartyNotDeclared, SellerAmbiguous
from cauce.reports import compliance
from tests.flows.marketplace.bank import OWNED, POOLED, Bank
from tests.flows.marketplace.market import BEGIN, COMMISSION, Market, market

PARTS = [
    {"to": "fee", "kind": "percent", "value": "0.05"},
    {"kind": "kept", "value": "0.20"},
    {"to": "party:seller", "kind": "remainder"},
]
CHANNELS = ("ch_owned", "ch_pooled")


@pytest.fixture
async def shop(dsn: str) -> AsyncIterator[Market]:
    async with market(dsn, {"ch_owned": Bank(OWNED), "ch_pooled": Bank(POOLED)}) as one:
        one.rule_id = await one.rule({**COMMISSION, "name": "retained", "parts": PARTS})
        yield one


async def _released(shop: Market, channel: str, number: str = "K1", **more: Any) -> str:
    parties = {"agent": shop.sellers["bia"]}
    (taken,) = await shop.take(shop.order(number, channel, [("ana", 10_000, 0)], parties=parties, **more))
    assert taken.refused is None
    await release.release_orders(shop.context, [taken.order_id])
    await shop.work()
    return taken.order_id


async def _divide(shop: Market, order_id: str, **asked: Any) -> int:
    divided = await keep.split_kept(shop.context, AskKept(order_id, **asked))
    await shop.work()
    return divided


async def _state(shop: Market, order_id: str) -> str:
    async with shop.context.transaction() as tx:
        return str(await tx.value("SELECT state FROM orders.purchase WHERE id = $1", order_id))


async def _broken(shop: Market) -> list[str]:
    async with shop.context.transaction() as tx:
        return [str(one) for one in await compliance.violations(tx, await shop.context.now(tx))]


@pytest.mark.parametrize("channel", CHANNELS)
async def test_the_kept_part_stays_in_escrow_and_is_divided_later_to_the_cent(shop: Market, channel: str) -> None:
    order_id = await _released(shop, channel)
    books = await shop.books()
    assert f"custody escrow:{order_id}: 2000" in books
    assert "custody member:ana:withdrawable: 7440" in books, "the seller has his part already"
    assert await _state(shop, order_id) == "released"
    assert await shop.differences() == []

    assert await _divide(shop, order_id, parts={"party:agent": 700}, reason="first milestone") == 700
    assert f"custody escrow:{order_id}: 1300" in await shop.books()
    assert "custody member:bia:withdrawable: 700" in await shop.books()
    assert await _divide(shop, order_id, parts={"fee": 100, "party:seller": 1_200}) == 1_300
    books = await shop.books()
    assert [line for line in books if "escrow" in line] == []
    assert "custody member:ana:withdrawable: 8640" in books
    assert "platform revenue: 600" in books
    assert await _state(shop, order_id) == "released"
    assert await shop.differences() == []
    assert await _broken(shop) == []
    with pytest.raises(NotKept):
        await _divide(shop, order_id, parts={"party:agent": 1})
    async with shop.context.transaction() as tx:
        rows = await tx.rows("SELECT role, amount_minor, reason, divided_by FROM splits.kept_part ORDER BY position")
    assert [(row["role"], row["amount_minor"], row["reason"]) for row in rows] == [
        ("party:agent", 700, "first milestone"), ("fee", 100, ""), ("party:seller", 1_200, ""),
    ]  # fmt: skip
    assert {row["divided_by"] for row in rows} == {"person:maker"}


@pytest.mark.parametrize("channel", CHANNELS)
async def test_a_rule_divides_what_is_kept_and_may_keep_of_it_again(shop: Market, channel: str) -> None:
    order_id = await _released(shop, channel)
    parts = [
        {"to": "party:agent", "kind": "percent", "value": "0.25"},
        {"kind": "kept", "value": "0.10"},
        {"to": "party:seller", "kind": "remainder"},
    ]
    rule_id = await shop.rule({**COMMISSION, "name": "milestones", "parts": parts})
    assert await _divide(shop, order_id, rule_id=rule_id, amount_minor=1_000) == 900
    assert await _divide(shop, order_id, rule_id=rule_id) == 990
    books = await shop.books()
    assert f"custody escrow:{order_id}: 110" in books
    assert "custody member:bia:withdrawable: 525" in books
    assert await shop.differences() == []


@pytest.mark.parametrize("channel", CHANNELS)
async def test_before_its_release_the_order_gives_out_what_was_divided_with_everything_else(
    shop: Market, channel: str
) -> None:
    parties = {"agent": shop.sellers["bia"]}
    (taken,) = await shop.take(shop.order("K1", channel, [("ana", 10_000, 0)], parties=parties))
    await _divide(shop, taken.order_id, parts={"party:agent": 1_500, "fee": 500})
    assert await _state(shop, taken.order_id) == "paid"
    await release.release_orders(shop.context, [taken.order_id])
    await shop.work()
    books = await shop.books()
    assert "custody member:bia:withdrawable: 1500" in books
    assert "platform revenue: 1000" in books
    assert [line for line in books if "escrow" in line] == []
    assert await shop.differences() == []


@pytest.mark.parametrize("channel", CHANNELS)
async def test_what_may_not_be_divided_is_refused_and_changes_nothing(shop: Market, channel: str) -> None:
    order_id = await _released(shop, channel)
    stranger = await shop.seller("cid")
    books = await shop.books()
    asked: list[tuple[type[CauceError], dict[str, Any]]] = [
        (NotKept, {"parts": {"party:agent": 2_001}}),
        (PartyNotDeclared, {"parts": {stranger: 5}}),
        (PartyNotDeclared, {"parts": {"party:courier": 5}}),
        (CauceError, {"parts": {"party:agent": -5}}),
        (CauceError, {"parts": {}}),
        (CauceError, {}),
    ]
    for refusal, asks in asked:
        with pytest.raises(refusal):
            await _divide(shop, order_id, **asks)
    async with shop.context.transaction() as tx:
        await agree_fee_rate(
            tx, channel, 600, "C-1", agreed_by="person:maker", approved_by="person:checker", at=BEGIN - timedelta(1)
        )
    with pytest.raises(FeeAboveContract):
        await _divide(shop, order_id, parts={"fee": 101})
    assert await shop.books() == books
    assert await shop.differences() == []


async def test_shares_to_others_stay_within_the_channels_cap_over_the_orders_whole_life(shop: Market) -> None:
    order_id = await _released(shop, "ch_owned")
    shop.banks["ch_owned"].capabilities = OWNED
    parts = [
        {"to": "fee", "kind": "percent", "value": "0.20"},
        {"kind": "kept", "value": "0.50"},
        {"to": "party:seller", "kind": "remainder"},
    ]
    shop.rule_id = await shop.rule({**COMMISSION, "name": "half", "parts": parts})
    other = await _released(shop, "ch_owned", "K2")
    with pytest.raises(ShareAboveCap):
        await _divide(shop, other, parts={"party:agent": 1_001})
    assert await _divide(shop, other, parts={"party:agent": 1_000, "party:seller": 4_000}) == 5_000
    assert order_id != other
    assert await shop.differences() == []


async def test_after_the_freeze_what_was_kept_is_the_owners(shop: Market) -> None:
    order_id = await _released(shop, "ch_owned")
    await shop.advance(timedelta(days=180))
    with pytest.raises(FreezeOver):
        await _divide(shop, order_id, parts={"party:agent": 5})
    (collection,) = shop.banks["ch_owned"].held
    shop.banks["ch_owned"].expire(collection)
    day = (BEGIN + timedelta(days=180)).date()
    await shop.advance(timedelta(days=1))
    await reconcile.fetch_statements(shop.context, "ch_owned", [BEGIN.date(), day])
    await reconcile.reconcile(shop.context, "ch_owned", BEGIN.date(), day + timedelta(days=1))
    assert [line for line in await shop.books() if "escrow" in line] == []
    assert await _state(shop, order_id) == "released"
    assert await shop.differences() == []
    with pytest.raises(NotKept):
        await _divide(shop, order_id, parts={"party:agent": 5})
    await refunds.refund_orders(shop.context, [AskRefund(order_id, "R1", 100)])
    await shop.work()
    assert await shop.differences() == []


async def test_an_order_of_several_sellers_must_say_which(shop: Market) -> None:
    (taken,) = await shop.take(shop.order("K1", "ch_pooled", [("ana", 1_000, 0), ("bia", 500, 0)]))
    with pytest.raises(SellerAmbiguous):
        await _divide(shop, taken.order_id, parts={"party:seller": 5})
    assert await _divide(shop, taken.order_id, parts={shop.sellers["bia"]: 300}) == 300
    await release.release_orders(shop.context, [taken.order_id])
    await shop.work()
    assert await shop.differences() == []
    assert await _broken(shop) == []


@pytest.mark.parametrize("channel", CHANNELS)
async def test_a_later_split_that_the_channel_refuses_goes_the_next_day(shop: Market, channel: str) -> None:
    order_id = await _released(shop, channel)
    shop.banks[channel].decline["split"] = Declined("429", Refusal.LIMIT_EXCEEDED, "not today")
    await _divide(shop, order_id, parts={"party:agent": 700, "fee": 50})
    assert "custody member:bia:withdrawable: 700" not in await shop.books()
    await shop.advance(timedelta(days=1))
    books = await shop.books()
    assert "custody member:bia:withdrawable: 700" in books
    assert f"custody escrow:{order_id}: 1250" in books
    assert "platform revenue: 550" in books
    assert await shop.differences() == []


async def test_where_money_is_pooled_refunds_take_of_what_is_kept_and_end_at_zero(shop: Market) -> None:
    order_id = await _released(shop, "ch_pooled")
    await refunds.refund_orders(shop.context, [AskRefund(order_id, "R1", 5_000)])
    await shop.work()
    assert f"custody escrow:{order_id}: 1000" in await shop.books()
    await _divide(shop, order_id, parts={"party:agent": 400})
    (other,) = await shop.take(shop.order("A9", "ch_pooled", [("ana", 90_000, 0)]))
    await release.release_orders(shop.context, [other.order_id])
    await shop.work()
    await refunds.refund_orders(shop.context, [AskRefund(order_id, "R2")])
    await shop.work()
    assert [line for line in await shop.books() if f"escrow:{order_id}" in line] == []
    assert "custody member:bia:withdrawable: 400" not in await shop.books()
    assert await shop.differences() == []


async def test_where_a_merchant_owns_the_money_a_refund_waits_until_the_kept_part_is_split(shop: Market) -> None:
    order_id = await _released(shop, "ch_owned")
    with pytest.raises(RefundWaits):
        await refunds.refund_orders(shop.context, [AskRefund(order_id, "R1", 1_000)])
    await _divide(shop, order_id, parts={"party:seller": 2_000})
    await refunds.refund_orders(shop.context, [AskRefund(order_id, "R1", 1_000)])
    await shop.work()
    assert await shop.differences() == []


async def test_a_rule_that_gives_everything_but_the_fee_later(shop: Market) -> None:
    parts = [{"to": "fee", "kind": "percent", "value": "0.05"}, {"kind": "kept", "value": "0.95"}]
    shop.rule_id = await shop.rule({**COMMISSION, "name": "later", "fee_bearer": "platform", "parts": parts})
    order_id = await _released(shop, "ch_pooled")
    assert "custody fee: 440" in await shop.books()
    await refunds.refund_orders(shop.context, [AskRefund(order_id, "R1", 1_000)])
    await shop.work()
    assert await shop.differences() == []
    await _divide(shop, order_id, parts={"party:agent": 100, "fee": 7})
    assert await shop.differences() == []
    assert "custody member:bia:withdrawable: 100" in await shop.books()


async def test_a_payee_whom_the_order_did_not_name_is_refused_by_the_database_too(shop: Market) -> None:
    order_id = await _released(shop, "ch_pooled")
    stranger = await shop.seller("cid")
    insert = (
        "INSERT INTO splits.kept_part (org_id, order_id, collection_id, position, role, party, amount_minor, divided_by, divided_at)"
        " SELECT $1, $2, collection_id, 9, 'party:agent', $3, 5, 'person:x', now() FROM splits.allocation LIMIT 1"
    )
    with pytest.raises(Exception, match="kept_part_org_id_order_id_role_party_fkey"):
        async with shop.context.transaction() as tx:
            await tx.run(insert, tx.org, order_id, stranger)
    with pytest.raises(Exception, match="permission denied"):
        async with shop.context.transaction() as tx:
            await tx.run("UPDATE orders.party SET party = $1", stranger)
