"""Refunds before and after the split, in part and whole, on both kinds of holder; what a holder refuses goes back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from cauce.flows.instruct import Concluded
from cauce.flows.marketplace import cancel, refunds, release
from cauce.flows.marketplace.refunded import conclude_refunds
from cauce.flows.marketplace.refunds import AskRefund
from cauce.gateway.collecting import Operation
from cauce.gateway.outcome import Declined, Refusal
from cauce.ledger.rules import JournalRefused
from cauce.marketplace.orders import store as order_store
from cauce.marketplace.orders.refunding import RefundExceedsPaid
from cauce.marketplace.splits import store as split_store
from tests.flows.marketplace.bank import OWNED, POOLED, Bank
from tests.flows.marketplace.market import BEGIN, Market, market


@pytest.fixture(params=["owned", "pooled"])
async def shop(dsn: str, request: pytest.FixtureRequest) -> AsyncIterator[Market]:
    capabilities = OWNED if request.param == "owned" else POOLED
    async with market(dsn, {"ch": Bank(capabilities)}) as one:
        yield one


async def _float(shop: Market) -> None:
    """An order of another day leaves commission at the holder, from which a fee that is not given back is borne."""
    await shop.take(shop.order("F1", "ch", [("bia", 50_000, 0)], deliver_at=BEGIN))
    await shop.advance(timedelta(hours=1))


async def _escrow(shop: Market) -> list[str]:
    return [line for line in await shop.books() if "escrow" in line or "refund_in_transit" in line]


async def test_a_canceled_order_is_refunded_whole_and_nothing_stays_in_escrow(shop: Market) -> None:
    await _float(shop)
    (taken,) = await shop.take(shop.order("A1", "ch", [("ana", 10_000, 500), ("bia", 300, 0)], 4_000, 6_800))
    await cancel.cancel_orders(shop.context, [taken.order_id])
    await shop.work()
    assert await _escrow(shop) == []
    assert await shop.differences() == []
    assert sum(held.refunded for held in shop.banks["ch"].held.values()) == 10_800


async def test_refunds_in_parts_before_the_split_leave_the_rest_to_the_parties(shop: Market) -> None:
    await _float(shop)
    (taken,) = await shop.take(shop.order("A1", "ch", [("ana", 10_000, 500)]))
    for number, amount in (("1", 3_333), ("2", 3_333)):
        await refunds.refund_orders(shop.context, [AskRefund(taken.order_id, number, amount)])
        await shop.work()
        assert await shop.differences() == []
    await release.release_orders(shop.context, [taken.order_id])
    await shop.advance(timedelta(hours=2))
    assert await _escrow(shop) == []
    assert await shop.differences() == []


async def test_refunds_in_parts_after_the_split_end_at_zero(shop: Market) -> None:
    await _float(shop)
    (taken,) = await shop.take(shop.order("A1", "ch", [("ana", 10_000, 500), ("bia", 333, 0)], deliver_at=BEGIN))
    await shop.advance(timedelta(hours=1))
    for number, amount in enumerate((1, 5_000, 3_333, 2_499)):
        await refunds.refund_orders(shop.context, [AskRefund(taken.order_id, str(number), amount)])
        await shop.work()
        assert await _escrow(shop) == []
        assert await shop.differences() == []
    books = await shop.books()
    assert [line for line in books if "member:ana" in line] == []
    with pytest.raises(RefundExceedsPaid):
        await refunds.refund_orders(shop.context, [AskRefund(taken.order_id, "more", 1)])


async def test_the_same_number_refunds_once(shop: Market) -> None:
    await _float(shop)
    (taken,) = await shop.take(shop.order("A1", "ch", [("ana", 10_000, 0)]))
    first = await refunds.refund_orders(shop.context, [AskRefund(taken.order_id, "1", 100)])
    again = await refunds.refund_orders(shop.context, [AskRefund(taken.order_id, "1", 100)])
    assert first == again
    await shop.work()
    assert sum(call.startswith("refund") for call in shop.banks["ch"].calls) == 1


async def test_a_refund_that_the_holder_refuses_goes_back_to_where_it_was_taken(shop: Market) -> None:
    await _float(shop)
    (taken,) = await shop.take(shop.order("A1", "ch", [("ana", 10_000, 0)]))
    before = await shop.books()
    shop.banks["ch"].decline["refund"] = Declined("NO", Refusal.FORBIDDEN, "not today")
    await refunds.refund_orders(shop.context, [AskRefund(taken.order_id, "1")])
    await shop.work()
    assert await shop.books() == before
    await refunds.refund_orders(shop.context, [AskRefund(taken.order_id, "2")])
    await shop.work()
    assert await _escrow(shop) == []
    assert await shop.differences() == []


async def test_a_part_that_cannot_come_back_fails_the_refund_and_takes_nothing(shop: Market) -> None:
    await _float(shop)
    (taken,) = await shop.take(shop.order("A1", "ch", [("ana", 10_000, 0)], deliver_at=BEGIN))
    await shop.advance(timedelta(hours=1))
    before = await shop.books()
    shop.banks["ch"].decline["reverse"] = Declined("SHORT", Refusal.INSUFFICIENT_FUNDS, "spent")
    await refunds.refund_orders(shop.context, [AskRefund(taken.order_id, "1")])
    await shop.work()
    assert await shop.books() == before
    await refunds.refund_orders(shop.context, [AskRefund(taken.order_id, "2")])
    await shop.work()
    assert await shop.differences() == []
    assert [line for line in await shop.books() if "member:ana" in line] == []


async def test_two_refusals_of_one_payment_known_at_once_give_back_both(shop: Market) -> None:
    await _float(shop)
    (taken,) = await shop.take(shop.order("A1", "ch", [("ana", 10_000, 500)]))
    before = await _escrow(shop), await _said(shop, taken.order_id)
    for number, amount in (("1", 100), ("2", 2_000)):
        await refunds.refund_orders(shop.context, [AskRefund(taken.order_id, number, amount)])
    refused = Declined("SHORT", Refusal.INSUFFICIENT_FUNDS, "spent")
    async with shop.context.transaction() as tx:
        keys = await tx.rows(
            "SELECT attempt_key FROM orders.refund WHERE org_id = $1 AND order_id = $2", tx.org, taken.order_id
        )
        at = await shop.context.now(tx)
        told = [Concluded(key, "refund", Operation.REFUND, "ch", "", None, refused, at) for (key,) in keys]
        await conclude_refunds(shop.context, tx, told)
    assert len(told) == 2
    assert (await _escrow(shop), await _said(shop, taken.order_id)) == before


async def _said(shop: Market, order_id: str) -> list[tuple[int, int]]:
    async with shop.context.transaction() as tx:
        rows = await order_store.collections_of(tx, [order_id])
        parts = await split_store.allocations_of(tx, [row["id"] for row in rows])
    said = [(row["escrow_minor"], row["refunded_minor"]) for row in rows]
    return said + [(one["position"], one["reversed_minor"]) for mine in parts.values() for one in mine]


async def test_lost_answers_to_refunds_and_reversals_move_money_once(shop: Market) -> None:
    await _float(shop)
    (taken,) = await shop.take(shop.order("A1", "ch", [("ana", 10_000, 500)], deliver_at=BEGIN))
    await shop.advance(timedelta(hours=1))
    shop.banks["ch"].lose = 5
    await refunds.refund_orders(shop.context, [AskRefund(taken.order_id, "1")])
    await shop.advance(timedelta(hours=3))
    assert await _escrow(shop) == []
    assert await shop.differences() == []


async def test_a_fee_that_nobody_can_bear_refuses_the_refund(dsn: str) -> None:
    async with market(dsn, {"ch": Bank(POOLED)}) as shop:
        (taken,) = await shop.take(shop.order("A1", "ch", [("ana", 10_000, 500)]))
        with pytest.raises(JournalRefused):
            await cancel.cancel_orders(shop.context, [taken.order_id])
