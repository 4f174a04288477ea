"""Rules that divide what the provider's fee leaves: planned with the fee, refunded and divided to the last unit."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from cauce.flows.marketplace import refunds, release, simulate
from cauce.flows.marketplace.refunds import AskRefund
from cauce.gateway.collecting import CollectRequest
from cauce.gateway.reporting import LineKind
from cauce.kernel.money import Money
from cauce.marketplace.orders import store as order_store
from cauce.marketplace.orders.rules import NewOrder, NewPayment
from cauce.marketplace.splits import store as split_store
from cauce.marketplace.splits.service import active_rules
from tests.flows.marketplace.bank import OWNED, POOLED, Bank, Held
from tests.flows.marketplace.market import BEGIN, COMMISSION, Market, market

KINDS = pytest.mark.parametrize("capabilities", [OWNED, POOLED], ids=["owned", "pooled"])
NET = COMMISSION | {"name": "net", "base": "net_of_provider_fee"}


def _paid(order: NewOrder, fee_minor: int) -> NewOrder:
    return replace(order, payments=(NewPayment(order.total_minor, ref="tx1", paid_at=BEGIN, fee_minor=fee_minor),))


async def _arrived(shop: Market, order: NewOrder) -> str:
    """Take an order that was paid elsewhere, and let the holder have its money."""
    (taken,) = await shop.take(order)
    assert taken.refused is None
    bank = shop.banks["ch"]
    async with shop.context.transaction() as tx:
        for row in await order_store.collections_of(tx, [taken.order_id]):
            amount, fee = row["amount_minor"], row["fee_minor"]
            request = CollectRequest(row["id"], order.external_id, Money(amount, "brl"), "", row["merchant_ref"])
            bank.held[row["id"]] = Held(request, fee, amount - fee if bank.owned else 0)
            if not bank.owned:
                bank._add("", amount - fee)
            bank._line(LineKind.COLLECTION, row["id"], amount, fee, "brl", row["merchant_ref"])
    return taken.order_id


async def _parts(shop: Market, order_id: str) -> list[tuple[str, int, int]]:
    names = {merchant: name for name, merchant in shop.sellers.items()}
    async with shop.context.transaction() as tx:
        rows = await order_store.collections_of(tx, [order_id])
        parts = await split_store.allocations_of(tx, [row["id"] for row in rows])
    return [
        (names.get(one["party"], one["party"]), one["amount_minor"], one["reversed_minor"])
        for row in rows
        for one in parts[row["id"]]
    ]


async def _balance(shop: Market, code: str) -> int:
    found = [line for line in await shop.books() if line.startswith(f"custody {code}: ")]
    return int(found[0].rpartition(" ")[2]) if found else 0


@KINDS
async def test_the_commission_is_of_what_the_fee_leaves(dsn: str, capabilities: Any) -> None:
    async with market(dsn, {"ch": Bank(capabilities)}) as shop:
        rule = await shop.rule(NET)
        order_id = await _arrived(shop, _paid(shop.order("A1", "ch", [("ana", 10_000, 500)], rule_id=rule), 600))
        assert await _parts(shop, order_id) == [("fee", 1_128, 0), ("ana", 8_772, 0)], "12 % of 9,400, not of 10,000"
        await release.release_orders(shop.context, [order_id])
        await shop.advance(timedelta(hours=1))
        assert await _balance(shop, "member:ana:withdrawable") == 8_772
        assert shop.banks["ch"].available["acct_ana"] == 8_772
        assert await shop.differences() == []
        assert "platform revenue: 1128" in await shop.books()
        await refunds.refund_orders(shop.context, [AskRefund(order_id, "1", 5_250)])
        await shop.work()
        assert await shop.differences() == []
        if shop.banks["ch"].owned:
            assert await _parts(shop, order_id) == [("fee", 1_128, 564), ("ana", 8_772, 4_386)]


@KINDS
async def test_refunds_in_parts_before_the_split_leave_the_rest_to_divide(dsn: str, capabilities: Any) -> None:
    async with market(dsn, {"ch": Bank(capabilities)}, ("ana", "bia")) as shop:
        rule = await shop.rule(NET)
        lines = [("ana", 7_001, 333), ("bia", 2_000, 0)]
        order_id = await _arrived(shop, _paid(shop.order("A1", "ch", lines, rule_id=rule), 397))
        for number, amount in (("1", 111), ("2", 112), ("3", 2_999)):
            await refunds.refund_orders(shop.context, [AskRefund(order_id, number, amount)])
            await shop.work()
            assert await shop.differences() == []
        await release.release_orders(shop.context, [order_id])
        await shop.advance(timedelta(hours=1))
        assert await _balance(shop, f"escrow:{order_id}") == 0
        assert await shop.differences() == []
        left = sum(amount - back for _, amount, back in await _parts(shop, order_id))
        got = [await _balance(shop, f"member:{name}:withdrawable") for name in ("ana", "bia")]
        swept = sum(int(line.rpartition(" ")[2]) for line in await shop.books() if "own_bank" in line)
        assert left == sum(got) + await _balance(shop, "fee") + swept, "the parts say what everybody has"


async def test_everything_refunded_before_the_split_takes_every_part(dsn: str) -> None:
    async with market(dsn, {"ch": Bank(OWNED)}) as shop:
        rule = await shop.rule(NET)
        order_id = await _arrived(shop, _paid(shop.order("A1", "ch", [("ana", 10_000, 0)], rule_id=rule), 61))
        for number, amount in (("1", 250), ("2", 250), ("3", None)):
            await refunds.refund_orders(shop.context, [AskRefund(order_id, number, amount)])
            await shop.work()
        assert all(amount == back for _, amount, back in await _parts(shop, order_id))
        assert await shop.differences() == []
        assert [line for line in await shop.books() if "custody" in line] == []


@KINDS
async def test_a_fee_that_is_not_known_yet_refuses_the_order(dsn: str, capabilities: Any) -> None:
    async with market(dsn, {"ch": Bank(capabilities)}) as shop:
        rule = await shop.rule(NET)
        (taken,) = await shop.take(shop.order("A1", "ch", [("ana", 10_000, 0)], rule_id=rule))
        assert taken.refused is not None
        assert taken.refused.code == "provider_fee_unknown"
        assert shop.banks["ch"].calls == []
        above = _paid(shop.order("A2", "ch", [("ana", 100, 0)], rule_id=rule), 101)
        (taken,) = await shop.take(above)
        assert taken.refused is not None, "no fee is above its payment"


async def test_a_simulation_takes_the_fee_of_past_payments(dsn: str) -> None:
    async with market(dsn, {"ch": Bank(POOLED)}) as shop:
        await _arrived(shop, _paid(shop.order("A1", "ch", [("ana", 10_000, 0)]), 600))
        async with shop.context.transaction() as tx:
            rule = await shop.rule(NET)
            _, content = (await active_rules(tx, [rule]))[rule]
        found = await simulate.simulate_rule(shop.context, content, BEGIN, BEGIN + timedelta(days=1))
        assert (found.before["fee"], found.after["fee"]) == (1_200, 1_128)
