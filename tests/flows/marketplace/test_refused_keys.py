"""A provider that refuses our key decides nothing about anybody's money: what was asked waits and goes on with the right key."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cauce.app.gateways import ChannelGateways
from cauce.channels import store as channel_store
from cauce.entrypoints.demo.proof import prove
from cauce.entrypoints.demo.stage import Stage
from cauce.flows.marketplace import merchants, orders, pay_out, refunds, release
from cauce.flows.marketplace.pay_out import AskPayout
from cauce.flows.marketplace.refunds import AskRefund
from cauce.flows.refused_keys import resume_calls
from cauce.gateway.outcome import Declined, Refusal
from cauce.marketplace.merchants.rules import NewAccount, NewMerchant
from cauce.marketplace.orders.rules import NewLine, NewOrder, NewPayment
from cauce.storage import sealing
from tests.flows.marketplace.bank import OWNED, POOLED, Bank
from tests.flows.marketplace.market import COMMISSION, Market, market
from tests.flows.threads import at_work, stage_of

REFUSED = "sk_test_"


@pytest.fixture
async def shop(dsn: str) -> AsyncIterator[Market]:
    async with market(dsn, {"ch_owned": Bank(OWNED), "ch_pooled": Bank(POOLED)}) as one:
        yield one


async def _told(shop: Market, kind: str) -> int:
    async with shop.context.transaction() as tx:
        return int(await tx.value("SELECT count(*) FROM storage.event WHERE type = $1", f"provider.{kind}"))


async def _refusing(shop: Market) -> list[str]:
    async with shop.context.transaction() as tx:
        return [row["id"] for row in await channel_store.list_channels(tx) if row["key_refused_at"] is not None]


@pytest.mark.parametrize("refusal", [Refusal.AUTH, Refusal.SIGNATURE])
@pytest.mark.parametrize("channel", ["ch_owned", "ch_pooled"])
async def test_every_operation_waits_for_the_key_and_moves_money_once(
    shop: Market, channel: str, refusal: Refusal
) -> None:
    bank = shop.banks[channel]

    async def refused(operation: str) -> None:
        """The next of this operation meets a refused key, and goes on when the key is right again."""
        assert operation not in bank.decline
        assert await _refusing(shop) == [channel]
        before = await shop.books()
        await shop.work()
        assert await shop.books() == before, "nothing moved and nothing was given up"
        await shop.advance(timedelta(minutes=10))
        assert await _refusing(shop) == []

    def refuse(operation: str) -> None:
        bank.refuse_key(operation, Declined("401", refusal, "the key has expired"))

    refuse("collect")
    (taken,) = await shop.take(shop.order("A1", channel, [("ana", 10_000, 0)]))
    await refused("collect")
    refuse("split")
    await release.release_orders(shop.context, [taken.order_id])
    await shop.work()
    await refused("split")
    refuse("refund")
    await refunds.refund_orders(shop.context, [AskRefund(taken.order_id, "R1", 1_000)])
    await shop.work()
    await refused("refund")
    refuse("payout")
    await pay_out.request_payout(shop.context, AskPayout(shop.sellers["ana"], channel, "brl", 1_000))
    await shop.work()
    await refused("payout")
    assert (await _told(shop, "key_invalid"), await _told(shop, "key_valid")) == (4, 4)
    async with shop.context.transaction() as tx:
        states = {row["state"] for row in await tx.rows("SELECT state FROM channels.instruction")}
        failed = await tx.rows("SELECT type FROM storage.event WHERE type LIKE '%.failed'")
    assert (states, failed) == ({"succeeded"}, [])
    assert await shop.differences() == []


async def test_three_wrong_signatures_in_five_minutes_stop_every_call_until_somebody_has_looked(shop: Market) -> None:
    bank, wrong = shop.banks["ch_owned"], Declined("401", Refusal.SIGNATURE, "wrong signature")

    async def stopped() -> list[str]:
        async with shop.context.transaction() as tx:
            return [row["id"] for row in await channel_store.list_channels(tx) if row["stopped_at"] is not None]

    async def take(number: str, *, refused: bool = True, channel: str = "ch_owned") -> None:
        if refused:
            bank.decline["collect"] = wrong
        await shop.take(shop.order(number, channel, [("ana", 1_000, 0)]))

    await take("A1")
    await shop.advance(timedelta(minutes=6))
    await take("A2")
    await take("A3")
    assert await stopped() == [], "two within five minutes"
    await take("A4")
    assert await stopped() == ["ch_owned"]
    assert (await _told(shop, "calls_stopped"), await _told(shop, "calls_resumed")) == (1, 0)
    before = len(bank.calls)
    await take("A5", refused=False)
    await take("B1", refused=False, channel="ch_pooled")
    await shop.advance(timedelta(hours=3))
    assert len(bank.calls) == before, "nothing is asked of it"
    assert len(shop.banks["ch_pooled"].calls) == 1, "other channels go on"
    assert await resume_calls(shop.context, "ch_owned")
    assert not await resume_calls(shop.context, "ch_owned")
    await shop.advance(timedelta(seconds=1))
    assert (await stopped(), await _refusing(shop)) == ([], [])
    async with shop.context.transaction() as tx:
        assert {row["state"] for row in await tx.rows("SELECT state FROM channels.instruction")} == {"succeeded"}
    assert (len(bank.held), await shop.differences()) == (5, [])


async def test_a_stripe_channel_with_a_refused_key_parks_money_and_goes_on_with_the_right_one(
    dsn: str, tmp_path: Path
) -> None:
    async with at_work(dsn, tmp_path) as product:
        stage = await stage_of(product)
        channel = await stage.channel("stripe")
        await stage.control.set_clock(await stage.now())
        order_id, seller = await _order(stage, channel)
        right = await _key(stage, channel, REFUSED)
        await release.release_orders(stage.context, [order_id])
        await stage.settle()
        assert await _states(stage, "split") == {"unknown"}
        assert await _order_state(stage, order_id) == "releasing"
        await stage.advance(await stage.now() + timedelta(days=2))
        assert await _states(stage, "split") == {"unknown"}, "two days later it waits still"
        await _key(stage, channel, right)
        async with stage.context.transaction() as tx:
            await channel_store.ask_refused(tx, [channel], await stage.context.now(tx))
        await stage.advance(await stage.now() + timedelta(minutes=2))
        assert await _states(stage, "split") == {"succeeded"}
        assert await _order_state(stage, order_id) == "released"
        await _key(stage, channel, REFUSED)
        await pay_out.request_payout(stage.context, AskPayout(seller, channel, "brl", 500))
        await refunds.refund_orders(stage.context, [AskRefund(order_id, "R1", 1_000)])
        await stage.advance(await stage.now() + timedelta(hours=8))
        assert await _states(stage, "payout") | await _states(stage, "reverse_split") == {"unknown"}
        await _key(stage, channel, right)
        await stage.advance(await stage.now() + timedelta(days=10))
        assert await _states(stage, "payout") | await _states(stage, "refund") == {"succeeded"}
        assert (await prove(stage)).holds


async def _order(stage: Stage, channel: str) -> tuple[str, str]:
    (seller,) = await merchants.create_merchants(stage.context, [NewMerchant("Ana", "ana")])
    ref = await stage.control.merchant("stripe", name="Ana", country="BR", currency="brl")
    await merchants.connect_merchants(stage.context, [NewAccount(seller, channel, ref=ref, agreement="A-1")])
    rule_id, version = await merchants.draft_split_rule(stage.context, COMMISSION)
    await merchants.activate_split_rule(stage.second_person, rule_id, version)
    new = NewOrder(
        "o-1", channel, "brl", (NewLine(seller, 9_900, 0),), rule_id, await stage.now(), payments=(NewPayment(9_900),)
    )
    (taken,) = await orders.take_orders(stage.context, [new])
    await stage.settle()
    async with stage.context.transaction() as tx:
        keys = await channel_store.keys_in_state(tx, channel, "collect", "pending")
    for key in keys:
        await stage.control.payer("stripe", "approve", key=key)
    await stage.settle()
    return taken.order_id, seller


async def _key(stage: Stage, channel: str, value: str) -> str:
    """Change the channel's key; the one that was there."""
    sealer = stage.context.runtime.sealer
    async with stage.context.transaction() as tx:
        before = (await sealing.get(tx, sealer, channel))["api_key"]
        await sealing.put(tx, sealer, channel, "api_key", value)
    gateways = stage.context.runtime.gateways
    assert isinstance(gateways, ChannelGateways)
    gateways.forget(stage.context.org_id, channel)
    return str(before)


async def _states(stage: Stage, operation: str) -> set[Any]:
    async with stage.context.transaction() as tx:
        rows = await tx.rows("SELECT state FROM channels.instruction WHERE operation = $1", operation)
    return {row["state"] for row in rows}


async def _order_state(stage: Stage, order_id: str) -> str:
    async with stage.context.transaction() as tx:
        return str(await tx.value("SELECT state FROM orders.purchase WHERE id = $1", order_id))
