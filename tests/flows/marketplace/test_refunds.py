"""Refunds before and after the split, in part and whole, on both kinds of holder; what a holder refuses goes back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from cauce.flows.instruct import Concluded
from cauce.flows.marketplace import cancel, refunds, release
from cauce.flows.marketplace.refunded import conclude_refunds
from cauce.flows.marketplace.refunds import AskRefund
from cauce.flows.marketplace.retries import RefundNotRetryable, retry_refund
from cauce.gateway.collecting import Operation
from cauce.gateway.outcome import Declined, Refusal
from cauce.ledger.rules import JournalRefused
from cauce.marketplace.orders import store as order_store
from cauce.marketplace.orders.refunding import RefundExceedsPaid, RefundWaits
from cauce.marketplace.splits import store as split_store
from cauce.marketplace.splits.rules.refunds import PolicyIncomplete
from cauce.marketplace.splits.rules.schema import RefundPolicy
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


@pytest.mark.parametrize("divided", [False, True])
@pytest.mark.parametrize("lost", [0, 1, 2])
async def test_refunds_under_way_together_share_the_fee_that_the_holder_rounds(
    dsn: str, divided: bool, lost: int
) -> None:
    """The holder gives 2 of its fee for 250 each time; 2 and 1 were expected, and the rest takes all that is left."""
    async with market(dsn, {"ch": Bank(OWNED)}) as shop:
        (taken,) = await shop.take(
            shop.order("A1", "ch", [("ana", 10_000, 500)], deliver_at=BEGIN if divided else None)
        )
        await shop.advance(timedelta(hours=3))
        bank = shop.banks["ch"]
        bank.lose = lost
        for number, amount in (("1", 250), ("2", 250), ("3", None)):
            await refunds.refund_orders(shop.context, [AskRefund(taken.order_id, number, amount)])
        await shop.advance(timedelta(hours=3))
        assert [held.refunded for held in bank.held.values()] == [10_500]
        assert (await _said(shop, taken.order_id))[0] == (0, 10_500)
        assert await shop.differences() == []
        assert [line for line in await shop.books() if "custody" in line] == []


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


# -- refunds of pooled money that fail after some of it came back ---------------------------------------------------------


@pytest.fixture
async def pool(dsn: str) -> AsyncIterator[Market]:
    async with market(dsn, {"ch": Bank(POOLED)}) as one:
        await _float(one)
        yield one


async def _divided(pool: Market) -> str:
    """An order of two sellers whose money they have."""
    (taken,) = await pool.take(pool.order("A1", "ch", [("ana", 10_000, 500), ("bia", 5_000, 0)], deliver_at=BEGIN))
    await pool.advance(timedelta(hours=1))
    return taken.order_id


async def _all_of(pool: Market, order_id: str) -> tuple[list[str], list[tuple[int, int]]]:
    assert await pool.differences() == []
    return await pool.books(), await _said(pool, order_id)


async def _nothing_is_left(pool: Market, order_id: str) -> None:
    assert await _escrow(pool) == []
    assert await pool.differences() == []
    assert [line for line in await pool.books() if "member:ana" in line] == []
    assert pool.banks["ch"].available["acct_ana"] == 0
    assert all(escrow == 0 for escrow, _ in (await _said(pool, order_id))[:1])


SHORT = Declined("SHORT", Refusal.INSUFFICIENT_FUNDS, "spent")


async def test_a_refund_that_lacks_one_of_two_parts_ends_as_if_it_had_not_been_asked(pool: Market) -> None:
    order_id = await _divided(pool)
    before = await _all_of(pool, order_id)
    pool.banks["ch"].decline["reverse acct_bia"] = SHORT
    await refunds.refund_orders(pool.context, [AskRefund(order_id, "1")])
    await pool.work()
    assert await _all_of(pool, order_id) == before
    assert sum(call.startswith("split") for call in pool.banks["ch"].calls) == 4, "one to ana once more"
    await refunds.refund_orders(pool.context, [AskRefund(order_id, "2")])
    await pool.work()
    await _nothing_is_left(pool, order_id)


@pytest.mark.parametrize(
    "lost", [("reverse acct_ana",), ("reverse acct_bia",), ("reverse acct_ana", "reverse acct_bia")], ids=" and ".join
)
async def test_answers_to_reversals_may_come_in_any_order(pool: Market, lost: tuple[str, ...]) -> None:
    order_id = await _divided(pool)
    before = await _all_of(pool, order_id)
    bank = pool.banks["ch"]
    bank.decline["reverse acct_bia"] = SHORT
    bank.lost |= set(lost)
    await refunds.refund_orders(pool.context, [AskRefund(order_id, "1")])
    await pool.work()
    with pytest.raises((RefundWaits, RefundExceedsPaid)):
        await refunds.refund_orders(pool.context, [AskRefund(order_id, "2")])
    await pool.advance(timedelta(hours=2))
    assert await _all_of(pool, order_id) == before
    await refunds.refund_orders(pool.context, [AskRefund(order_id, "2")])
    await pool.work()
    await _nothing_is_left(pool, order_id)


async def test_a_part_that_cannot_be_sent_again_lies_parked_and_is_tried_the_next_day(pool: Market) -> None:
    order_id = await _divided(pool)
    before = await _all_of(pool, order_id)
    pool.banks["ch"].decline |= {"reverse acct_bia": SHORT, "split acct_ana": Declined("NO", Refusal.FORBIDDEN, "no")}
    await refunds.refund_orders(pool.context, [AskRefund(order_id, "1")])
    await pool.work()
    parked = await _all_of(pool, order_id)
    assert parked[1][0][0] == 9_237, "it is seen on the order"
    assert [line for line in parked[0] if "member:ana" in line] == []
    await pool.advance(timedelta(days=1))
    assert await _all_of(pool, order_id) == before


async def test_a_refund_takes_what_lies_parked_before_it_asks_anybody(pool: Market) -> None:
    order_id = await _divided(pool)
    bank = pool.banks["ch"]
    bank.decline |= {"reverse acct_bia": SHORT, "split acct_ana": Declined("NO", Refusal.FORBIDDEN, "no")}
    await refunds.refund_orders(pool.context, [AskRefund(order_id, "1")])
    await pool.work()
    asked = len(bank.calls)
    await refunds.refund_orders(pool.context, [AskRefund(order_id, "2")])
    await pool.work()
    assert [call.split()[0] for call in bank.calls[asked:]] == ["reverse", "refund"]
    await _nothing_is_left(pool, order_id)
    await pool.advance(timedelta(days=2))
    await _nothing_is_left(pool, order_id)


async def test_a_refund_waits_for_a_part_that_is_on_its_way_again(pool: Market) -> None:
    order_id = await _divided(pool)
    bank = pool.banks["ch"]
    bank.decline["reverse acct_bia"] = SHORT
    bank.lost.add("split acct_ana")
    await refunds.refund_orders(pool.context, [AskRefund(order_id, "1")])
    await pool.work()
    with pytest.raises(RefundWaits):
        await refunds.refund_orders(pool.context, [AskRefund(order_id, "2")])
    await pool.advance(timedelta(hours=2))
    await refunds.refund_orders(pool.context, [AskRefund(order_id, "2")])
    await pool.work()
    await _nothing_is_left(pool, order_id)


async def test_a_refund_takes_a_part_back_over_the_splits_that_carried_it(pool: Market) -> None:
    order_id = await _divided(pool)
    bank = pool.banks["ch"]
    for number, amount in enumerate((3_000, 4_000)):
        bank.decline["reverse acct_bia"] = SHORT
        await refunds.refund_orders(pool.context, [AskRefund(order_id, str(number), amount)])
        await pool.work()
    asked = len(bank.calls)
    await refunds.refund_orders(pool.context, [AskRefund(order_id, "half", 9_000)])
    await pool.work()
    assert await pool.differences() == []
    assert [call.split()[0] for call in bank.calls[asked:]].count("reverse") == 3, (
        "ana's from the original and once more"
    )
    await refunds.refund_orders(pool.context, [AskRefund(order_id, "rest")])
    await pool.work()
    await _nothing_is_left(pool, order_id)
    assert {left for (_, ref), left in bank.carried.items() if ref == "acct_ana"} == {0}


async def test_a_refund_that_the_holder_refuses_after_the_parts_came_back(shop: Market) -> None:
    await _float(shop)
    order_id = await _divided(shop)
    before = await _all_of(shop, order_id)
    shop.banks["ch"].decline["refund"] = Declined("NO", Refusal.FORBIDDEN, "not today")
    (refund_id,) = (await refunds.refund_orders(shop.context, [AskRefund(order_id, "1", 10_000)]))[order_id][:1]
    await shop.work()
    if not shop.banks["ch"].owned:
        assert await _all_of(shop, order_id) == before, "the parties have their parts again"
        with pytest.raises(RefundNotRetryable):
            await retry_refund(shop.context, refund_id)
        await refunds.refund_orders(shop.context, [AskRefund(order_id, "2")])
    else:
        await retry_refund(shop.context, refund_id)
        await shop.work()
        assert await shop.differences() == []
        await refunds.refund_orders(shop.context, [AskRefund(order_id, "2")])
    await shop.work()
    await _nothing_is_left(shop, order_id)


async def test_one_refund_may_go_by_another_policy_than_the_rule(shop: Market) -> None:
    (taken,) = await shop.take(shop.order("O1", "ch", [("ana", 10_000, 0)]))
    first = AskRefund(taken.order_id, "R1", 1_000, policy=RefundPolicy.PLATFORM_FIRST)
    await refunds.refund_orders(shop.context, [first])
    async with shop.context.transaction() as tx:
        (row,) = await tx.rows("SELECT policy, taken FROM orders.refund")
        parts = {
            part["party"]: part["reversed_minor"]
            for part in await tx.rows("SELECT party, reversed_minor FROM splits.allocation")
        }
    assert row["policy"] == "platform_first"
    assert parts["fee"] == sum(parts.values()) > 900, "the platform's part goes first"
    for policy, order in ((RefundPolicy.BY_ORDER, ()), (RefundPolicy.EXPLICIT, ()), (RefundPolicy.KEEP_FEE, ("fee",))):
        with pytest.raises(PolicyIncomplete):
            await refunds.refund_orders(
                shop.context, [AskRefund(taken.order_id, "R2", 100, policy=policy, order=order)]
            )
    await shop.work()
    await refunds.refund_orders(
        shop.context, [AskRefund(taken.order_id, "R3", 500, policy=RefundPolicy.BY_ORDER, order=("party:seller",))]
    )
    await shop.work()
    assert await shop.differences() == []
