"""The marketplace thread through Stripe Connect's simulator: order, payer, split, settlement, payout; books equal the provider's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from cauce.channels.store import instructions_of
from cauce.entrypoints.demo.proof import prove
from cauce.entrypoints.demo.stage import Stage
from cauce.entrypoints.worker.loop import Worker
from cauce.flows.marketplace import merchants, orders
from cauce.marketplace.merchants.rules import NewAccount, NewMerchant
from cauce.marketplace.merchants.store import merchants_by_ref
from cauce.marketplace.orders.rules import NewLine, NewOrder, NewPayment
from cauce.reports import activity
from tests.support.runtime import BEGIN, World, world


@pytest.fixture
async def product(dsn: str, tmp_path: Path) -> AsyncIterator[World]:
    async with world(dsn, tmp_path, sandbox=True) as one:
        worker = Worker(one.runtime)
        task = asyncio.create_task(worker.run())
        yield one
        worker.stop()
        await task


async def test_two_sellers_and_a_commission(product: World) -> None:
    org = await product.sandbox_org("Market")
    stage = Stage(product.app, org, product.sandbox_url, print)
    channel = await stage.channel("stripe")
    await stage.control.set_clock(BEGIN)
    ids = await merchants.create_merchants(stage.context, [NewMerchant("Ana", "ana"), NewMerchant("Bo", "bo")])
    refs = [await stage.control.merchant("stripe", name=name, country="BR", currency="brl") for name in ("Ana", "Bo")]
    await merchants.connect_merchants(
        stage.context, [NewAccount(m, channel, ref=r, agreement="A-1") for m, r in zip(ids, refs, strict=True)]
    )
    rule_id, version = await merchants.draft_split_rule(
        stage.context,
        {
            "name": "commission",
            "currency": "brl",
            "base": "lines",
            "parts": [{"to": "fee", "kind": "percent", "value": "0.12"}, {"to": "party:seller", "kind": "remainder"}],
        },
    )
    await merchants.activate_split_rule(stage.second_person, rule_id, version)
    await merchants.create_payout_schedule(
        stage.context, "weekly", {"interval": "weekly", "weekdays": [0]}, is_default=True
    )
    taken = await orders.take_orders(
        stage.context,
        [
            NewOrder(
                "o-1",
                channel,
                "brl",
                (NewLine(ids[0], 9900, 1371), NewLine(ids[1], 1000, 0)),
                rule_id,
                BEGIN,
                payments=(NewPayment(12271, "credit_card"),),
                deliver_at=BEGIN + timedelta(days=3),
            ),
        ],
    )
    assert taken[0].refused is None
    await stage.settle()
    async with stage.context.transaction() as tx:
        collections = [row["key"] for row in await instructions_of(tx, taken[0].order_id)]
    for key in collections:
        await stage.control.payer("stripe", "approve", key=key)
    await stage.advance(BEGIN + timedelta(days=3, hours=6))
    assert await _custody(stage, channel, refs) == {"fee": 1308, "Ana": 9728, "Bo": 849}, (
        "12 % of the price, less the card fee"
    )
    assert await _provider(stage, refs) == {"Ana": 9728, "Bo": 849}
    await stage.advance(BEGIN + timedelta(days=20))
    assert await _custody(stage, channel, refs) == {"fee": 1308}
    assert await _provider(stage, refs) == {"Ana": 0, "Bo": 0}
    assert (await prove(stage)).holds


async def _custody(stage: Stage, channel: str, refs: list[str]) -> dict[str, int]:
    async with stage.context.transaction() as tx:
        by_ref = await merchants_by_ref(tx, channel, refs)
        names = {by_ref[ref]: name for ref, name in zip(refs, ("Ana", "Bo"), strict=True)}
        rows = await activity.accounts(tx)
    found: dict[str, int] = {}
    for row in rows:
        if row["book"] == "custody" and row["normal_side"] == -1:
            owner = names.get(row["code"].split(":")[1], "") if ":" in row["code"] else row["code"]
            found[owner] = found.get(owner, 0) - row["balance_minor"]
    return found


async def _provider(stage: Stage, refs: list[str]) -> dict[str, int]:
    books = await stage.control.books("stripe", postings=False)
    assert books["wrong"] == []
    owners = dict(zip(refs, ("Ana", "Bo"), strict=True))
    return {
        owners[one["account"].split("/")[0]]: one["balance_minor"]
        for one in books["balances"]
        if one["account"].split("/")[0] in owners
    }
