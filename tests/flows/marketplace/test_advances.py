"""Refunds whose parties have less than they must return: what the platform advances, what it gets back, who bears the fee."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from cauce.flows.marketplace import cancel, pay_out, refunds
from cauce.flows.marketplace.pay_out import AskPayout
from cauce.flows.marketplace.purses import RefundPartyShort
from cauce.flows.marketplace.refunds import AskRefund
from cauce.gateway.capabilities import Can
from cauce.gateway.outcome import Declined, Refusal
from tests.flows.marketplace.bank import OWNED, POOLED, Bank
from tests.flows.marketplace.market import BEGIN, COMMISSION, Market, market

ADVANCED = COMMISSION | {"name": "advanced", "refund": {"on_shortfall": "platform_advance"}}
SHORT = Declined("SHORT", Refusal.INSUFFICIENT_FUNDS, "spent")


@pytest.fixture
async def pool(dsn: str) -> AsyncIterator[Market]:
    """A holder that pools money, commission of another day at it, and a rule by which the platform advances."""
    async with market(dsn, {"ch": Bank(POOLED)}) as shop:
        await shop.take(shop.order("F1", "ch", [("bia", 200_000, 0)], deliver_at=BEGIN))
        await shop.advance(timedelta(hours=1))
        shop.rule_id = await shop.rule(ADVANCED)
        yield shop


async def _sold(shop: Market, number: str, price: int, **more: Any) -> str:
    async with shop.context.transaction() as tx:
        now = await shop.context.now(tx)
    (taken,) = await shop.take(shop.order(number, "ch", [("ana", price, 0)], deliver_at=now, placed_at=now, **more))
    assert taken.refused is None
    await shop.advance(timedelta(hours=1))
    return taken.order_id


async def _of(shop: Market, code: str) -> int:
    found = [line for line in await shop.books() if line.split(" ", 1)[1].startswith(f"{code}: ")]
    return int(found[0].rpartition(" ")[2]) if found else 0


async def _paid_out(shop: Market, amount: int) -> None:
    await pay_out.request_payout(shop.context, AskPayout(shop.sellers["ana"], "ch", "brl", amount))
    await shop.work()


async def _refund(shop: Market, order_id: str, number: str, amount: int | None = None) -> str:
    (refund_id,) = (await refunds.refund_orders(shop.context, [AskRefund(order_id, number, amount)]))[order_id]
    await shop.work()
    assert await shop.differences() == []
    async with shop.context.transaction() as tx:
        return str(await tx.value("SELECT state FROM orders.refund WHERE org_id = $1 AND id = $2", tx.org, refund_id))


async def test_what_a_party_has_no_more_is_advanced_and_recovered_from_the_next_sale(pool: Market) -> None:
    order_id = await _sold(pool, "A1", 10_000)
    before = await _of(pool, "fee")
    await _paid_out(pool, 5_000)
    assert await _refund(pool, order_id, "1") == "succeeded"
    assert await _of(pool, "advance_receivable") == 5_000, "his part is 8,740, of which 3,740 were there"
    assert await _of(pool, "member:ana:withdrawable") == 0
    assert before - await _of(pool, "fee") == 5_000 + 1_200 + 60, (
        "the platform's own part and the provider's fee besides"
    )
    await _sold(pool, "A2", 2_000)
    assert await _of(pool, "advance_receivable") == 5_000 - 1_748, "all of the next sale"
    assert pool.banks["ch"].available["acct_ana"] == 0
    await _sold(pool, "A3", 10_000)
    assert (await _of(pool, "advance_receivable"), await pool.differences()) == (0, [])
    assert await _of(pool, "member:ana:withdrawable") == 8_740 - (5_000 - 1_748)


async def test_a_party_that_the_holder_finds_short_is_advanced_too(pool: Market) -> None:
    order_id = await _sold(pool, "A1", 10_000)
    pool.banks["ch"].decline["reverse"] = SHORT
    assert await _refund(pool, order_id, "1", 5_000) == "succeeded"
    taken = await _of(pool, "advance_receivable")
    assert taken == 4_370
    assert await _of(pool, "member:ana:withdrawable") == 8_740
    assert await _refund(pool, order_id, "2") == "succeeded"
    assert await _of(pool, "member:ana:withdrawable") == 4_370, "the rest came from him"


async def test_an_advance_is_undone_with_its_refund(pool: Market) -> None:
    order_id = await _sold(pool, "A1", 10_000)
    await _paid_out(pool, 5_000)
    before = await pool.books()
    pool.banks["ch"].decline["refund"] = Declined("NO", Refusal.FORBIDDEN, "not today")
    assert await _refund(pool, order_id, "1") == "failed"
    assert await pool.books() == before
    assert await _refund(pool, order_id, "2") == "succeeded"
    assert await _of(pool, "advance_receivable") == 5_000


async def test_a_part_that_repaid_a_debt_is_advanced_when_it_is_refunded(pool: Market) -> None:
    first = await _sold(pool, "A1", 10_000)
    await _paid_out(pool, 8_740)
    await _refund(pool, first, "1")
    second = await _sold(pool, "A2", 10_000)
    assert (await _of(pool, "advance_receivable"), await _of(pool, "member:ana:withdrawable")) == (0, 0)
    assert await _refund(pool, second, "1", 5_000) == "succeeded"
    assert await _of(pool, "advance_receivable") == 4_370
    assert await _refund(pool, second, "2") == "succeeded"
    assert await _of(pool, "advance_receivable") == 8_740


async def test_lost_and_refused_answers_of_a_recovery_take_it_once(pool: Market) -> None:
    order_id = await _sold(pool, "A1", 10_000)
    await _paid_out(pool, 8_740)
    await _refund(pool, order_id, "1")
    pool.banks["ch"].decline["reverse"] = SHORT
    await _sold(pool, "A2", 1_000)
    assert (await _of(pool, "advance_receivable"), await _of(pool, "member:ana:withdrawable")) == (8_740, 874)
    pool.banks["ch"].lost.add("reverse acct_ana")
    await _sold(pool, "A3", 1_000)
    await pool.advance(timedelta(hours=3))
    assert (await _of(pool, "advance_receivable"), await _of(pool, "member:ana:withdrawable")) == (7_866, 874)
    assert await pool.differences() == []


async def test_without_commission_at_the_holder_nothing_is_advanced(dsn: str) -> None:
    async with market(dsn, {"ch": Bank(POOLED)}) as shop:
        shop.rule_id = await shop.rule(ADVANCED)
        order_id = await _sold(shop, "A1", 10_000)
        await _paid_out(shop, 8_740)
        with pytest.raises(Exception, match="lacks the balance"):
            await refunds.refund_orders(shop.context, [AskRefund(order_id, "1")])
        assert await shop.differences() == []


async def test_an_owner_who_lacks_it_is_advanced_by_the_channel_and_pays_it_back(dsn: str) -> None:
    async with market(dsn, {"ch": Bank(replace(OWNED, can=OWNED.can | {Can.FUNDS}))}) as shop:
        shop.rule_id = await shop.rule(ADVANCED)
        order_id = await _sold(shop, "A1", 10_000)
        await _paid_out(shop, 8_000)
        await _refund(shop, order_id, "1")
        await shop.work()
        assert await shop.differences() == []
        assert sum(held.refunded for held in shop.banks["ch"].held.values()) == 10_000
        assert await _of(shop, "advance_receivable") == 8_000
        await _sold(shop, "A2", 20_000)
        assert await _of(shop, "advance_receivable") == 0
        assert await _of(shop, "fee") == 8_000, "it lies at the holder, the platform's"
        assert shop.banks["ch"].available["acct_ana"] == await _of(shop, "member:ana:withdrawable") == 17_480 - 8_000


async def test_what_an_owner_has_left_is_counted_once_for_two_refunds(dsn: str) -> None:
    async with market(dsn, {"ch": Bank(replace(OWNED, can=OWNED.can | {Can.FUNDS}))}) as shop:
        shop.rule_id = await shop.rule(ADVANCED)
        sold = [await _sold(shop, number, 10_000) for number in ("A1", "A2")]
        await _paid_out(shop, 15_000)
        await refunds.refund_orders(shop.context, [AskRefund(order_id, "1") for order_id in sold])
        await shop.work()
        assert await shop.differences() == []
        assert sum(held.refunded for held in shop.banks["ch"].held.values()) == 20_000
        assert await _of(shop, "advance_receivable") == 15_000, "what he was paid, and no more"


@pytest.mark.parametrize(
    ("capabilities", "shortfall"),
    [(OWNED, "platform_advance"), (OWNED, "negative_balance"), (POOLED, "negative_balance")],
    ids=["owned, advance", "owned, negative", "pooled, negative"],
)
async def test_what_a_channel_cannot_do_is_refused_when_it_is_planned(
    dsn: str, capabilities: Any, shortfall: str
) -> None:
    async with market(dsn, {"ch": Bank(capabilities)}) as shop:
        rule = await shop.rule(COMMISSION | {"name": "short", "refund": {"on_shortfall": shortfall}})
        (taken,) = await shop.take(shop.order("A1", "ch", [("ana", 10_000, 0)], rule_id=rule))
        assert taken.refused is not None
        assert taken.refused.code == "capability_missing"
        assert shop.banks["ch"].calls == []


async def test_a_balance_falls_no_further_than_was_granted(dsn: str) -> None:
    async with market(dsn, {"ch": Bank(replace(POOLED, negative_balance_supported=True))}) as shop:
        await shop.take(shop.order("F1", "ch", [("bia", 50_000, 0)], deliver_at=BEGIN))
        shop.rule_id = await shop.rule(
            COMMISSION | {"name": "negative", "refund": {"on_shortfall": "negative_balance"}}
        )
        order_id = await _sold(shop, "A1", 10_000)
        await _paid_out(shop, 8_000)
        asked = len(shop.banks["ch"].calls)
        with pytest.raises(RefundPartyShort):
            await refunds.refund_orders(shop.context, [AskRefund(order_id, "1")])
        assert len(shop.banks["ch"].calls) == asked
        assert await _refund(shop, order_id, "2", 500) == "succeeded"


@pytest.mark.parametrize(
    ("bearer", "ana", "fee"),
    [("platform", 4_370, 600 + 30), ("seller", 4_370 + 30, 600), ("pro_rata", 4_370 + 26, 600 + 4)],
)
async def test_the_fee_that_the_provider_keeps_is_borne_as_the_rule_says(
    dsn: str, bearer: str, ana: int, fee: int
) -> None:
    """Half of 10,000 is refunded, of whose fee of 60 the holder keeps 30."""
    async with market(dsn, {"ch": Bank(POOLED)}) as shop:
        await shop.take(shop.order("F1", "ch", [("bia", 50_000, 0)], deliver_at=BEGIN))
        shop.rule_id = await shop.rule(
            COMMISSION | {"name": bearer, "refund": {"who_bears_provider_fee": bearer}, "fee_bearer": "seller"}
        )
        order_id = await _sold(shop, "A1", 10_000)
        had, earned = await _of(shop, "member:ana:withdrawable"), await _of(shop, "fee")
        assert await _refund(shop, order_id, "1", 5_000) == "succeeded"
        gave = had - await _of(shop, "member:ana:withdrawable"), earned - await _of(shop, "fee")
        assert sum(gave) == 5_000
        assert abs(gave[0] - ana) <= 1
        assert abs(gave[1] - fee) <= 1
        assert await _refund(shop, order_id, "2") == "succeeded"
        assert await _of(shop, "member:ana:withdrawable") == 0
        assert earned - await _of(shop, "fee") == 10_000 - had, "beyond the parts the platform bears it"


@pytest.mark.parametrize("divided", [True, False])
async def test_a_fee_beyond_the_sellers_part_is_advanced_to_him_where_the_rule_says_so(
    pool: Market, divided: bool
) -> None:
    bears = {"on_shortfall": "platform_advance", "who_bears_provider_fee": "seller"}
    rule = await pool.rule(COMMISSION | {"name": "bears", "refund": bears})
    if divided:
        order_id = await _sold(pool, "A1", 10_000, rule_id=rule)
        await _refund(pool, order_id, "1", 2_500)
    else:
        (taken,) = await pool.take(pool.order("A1", "ch", [("ana", 10_000, 0)], rule_id=rule))
        order_id = taken.order_id
        await cancel.cancel_orders(pool.context, [order_id])
        await pool.work()
    if divided:
        assert await _refund(pool, order_id, "2") == "succeeded"
    assert await pool.differences() == []
    assert await _of(pool, "advance_receivable") == 60
    await _sold(pool, "A2", 10_000)
    assert (await _of(pool, "advance_receivable"), await pool.differences()) == (0, [])
