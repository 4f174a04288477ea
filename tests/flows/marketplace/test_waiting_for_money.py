"""`wait_top_up`: a party that lacks its part, or an owner who lacks the refund, is waited for; the wait ends with a person."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from cauce.flows.giving_up import give_up
from cauce.flows.marketplace import refunds, release, retries, withdrawing
from cauce.flows.marketplace.pay_out import AskPayout, request_payout
from cauce.flows.marketplace.refunds import AskRefund
from cauce.flows.refused_keys import NothingWaits, try_again
from tests.flows.marketplace.bank import OWNED, POOLED, Bank
from tests.flows.marketplace.market import Market, market

SHARED: dict[str, Any] = {
    "name": "shared",
    "currency": "brl",
    "base": "amount",
    "parts": [
        {"to": "fee", "kind": "percent", "value": "0.10"},
        {"to": "party:agent", "kind": "percent", "value": "0.15"},
        {"to": "party:seller", "kind": "remainder"},
    ],
    "refund": {"policy": "proportional", "on_shortfall": "wait_top_up", "who_bears_provider_fee": "seller"},
}
CHANNELS = pytest.mark.parametrize("channel", ["ch_owned", "ch_pooled"])


@pytest.fixture
async def shop(dsn: str) -> AsyncIterator[Market]:
    async with market(dsn, {"ch_owned": Bank(OWNED), "ch_pooled": Bank(POOLED)}) as one:
        one.rule_id = await one.rule(SHARED)
        yield one


async def _rows(shop: Market, query: str, *values: Any) -> list[dict[str, Any]]:
    async with shop.context.transaction() as tx:
        return [dict(row) for row in await tx.rows(query, *values)]


async def _refund_state(shop: Market) -> str:
    (row,) = await _rows(shop, "SELECT state FROM orders.refund")
    return str(row["state"])


async def _told(shop: Market, kind: str) -> int:
    return len(await _rows(shop, "SELECT id FROM storage.event WHERE type = $1", kind))


async def _short(shop: Market, channel: str, name: str = "bia") -> str:
    """An order that was divided, whose agent has been paid out, and is refunded whole; the order."""
    new = shop.order("A1", channel, [("ana", 10_000, 0)], parties={"agent": shop.sellers["bia"]})
    (taken,) = await shop.take(new)
    assert taken.refused is None, taken.refused
    await release.release_orders(shop.context, [taken.order_id])
    await shop.work()
    (row,) = [line for line in await shop.books() if line.startswith(f"custody member:{name}:withdrawable")]
    await request_payout(shop.context, AskPayout(shop.sellers[name], channel, "brl", int(row.rpartition(" ")[2])))
    await shop.work()
    await refunds.refund_orders(shop.context, [AskRefund(taken.order_id, "R1", 4_000)])
    await shop.work()
    return taken.order_id


async def _agents_part(shop: Market) -> dict[str, Any]:
    (row,) = await _rows(
        shop,
        "SELECT i.key, i.state, i.access, i.needs_person_since FROM channels.instruction i JOIN splits.reversal r ON r.id = i.key"
        " WHERE r.party = $1",
        shop.sellers["bia"],
    )
    return row


async def _earns(shop: Market, channel: str) -> None:
    """The agent gets money again: he sells something himself."""
    (taken,) = await shop.take(shop.order("B1", channel, [("bia", 5_000, 0)], parties={"agent": shop.sellers["ana"]}))
    await release.release_orders(shop.context, [taken.order_id])
    await shop.work()


@CHANNELS
async def test_a_part_that_its_party_lacks_is_waited_for_and_taken_under_its_key(shop: Market, channel: str) -> None:
    await _short(shop, channel)
    waiting = await _agents_part(shop)
    assert (await _refund_state(shop), waiting["state"], waiting["access"]) == ("reversing_splits", "unknown", "funds")
    assert await _told(shop, "instruction.unresolved") == 0, "it is known that nothing happened"
    await shop.advance(timedelta(days=3))
    assert await _refund_state(shop) == "reversing_splits" and await shop.differences() == []
    await _earns(shop, channel)
    await shop.advance(timedelta(days=2))
    assert await _refund_state(shop) == "succeeded"
    after = await _agents_part(shop)
    assert (after["key"], after["state"]) == (waiting["key"], "succeeded")
    assert await shop.differences() == []


async def test_the_wait_for_a_part_ends_with_a_person_who_tries_again_or_gives_up(shop: Market) -> None:
    await _short(shop, "ch_pooled")
    bank = shop.banks["ch_pooled"]
    await shop.advance(timedelta(days=29))
    assert (await _agents_part(shop))["needs_person_since"] is None
    await shop.advance(timedelta(days=3))
    waiting = await _agents_part(shop)
    assert waiting["needs_person_since"] is not None and await _told(shop, "instruction.needs_attention") == 1
    asked = len([call for call in bank.calls if call.endswith(waiting["key"])])
    await shop.advance(timedelta(days=10))
    assert len([call for call in bank.calls if call.endswith(waiting["key"])]) == asked, "sent no more by itself"
    await try_again(shop.context, waiting["key"])
    await shop.work()
    assert len([call for call in bank.calls if call.endswith(waiting["key"])]) == asked + 1
    await give_up(shop.context, waiting["key"])
    await shop.work()
    assert await _refund_state(shop) == "failed"
    assert await shop.differences() == []
    with pytest.raises(NothingWaits):
        await give_up(shop.context, waiting["key"])


async def test_the_wait_for_the_owners_money_ends_after_thirty_days_and_a_person_looks_again(shop: Market) -> None:
    await _short(shop, "ch_owned", name="ana")
    assert await _refund_state(shop) == "funding"
    await shop.advance(timedelta(days=40))
    assert (await _refund_state(shop), await _told(shop, "order_refund.needs_attention")) == ("funding", 1)
    (refund,) = await _rows(shop, "SELECT id FROM orders.refund")
    (taken,) = await shop.take(
        shop.order("B1", "ch_owned", [("ana", 9_000, 0)], parties={"agent": shop.sellers["bia"]})
    )
    await release.release_orders(shop.context, [taken.order_id])
    await shop.advance(timedelta(days=3))
    assert await _refund_state(shop) == "funding", "nobody looks any more"
    await retries.retry_refund(shop.context, refund["id"])
    await shop.work()
    assert await _refund_state(shop) == "succeeded"
    assert await shop.differences() == []


async def test_or_he_withdraws_it(shop: Market) -> None:
    await _short(shop, "ch_owned", name="ana")
    await shop.advance(timedelta(days=40))
    (refund,) = await _rows(shop, "SELECT id FROM orders.refund")
    await withdrawing.cancel_refund(shop.context, refund["id"])
    assert await _refund_state(shop) == "canceled"
    assert await shop.differences() == []
