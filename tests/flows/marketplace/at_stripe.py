"""One seller at Stripe's simulator, over real HTTP with real webhooks: an order of his paid, released and settled weekly."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from cauce.channels.store import instructions_of
from cauce.entrypoints.demo.stage import Stage
from cauce.entrypoints.worker.loop import Worker
from cauce.flows.marketplace import merchants, orders
from cauce.ledger import reading
from cauce.marketplace.merchants.rules import NewAccount, NewMerchant
from cauce.marketplace.orders.rules import NewLine, NewOrder, NewPayment
from cauce.storage.database import Row
from tests.support.runtime import BEGIN, world

STRIPE = "stripe"
COMMISSION = {
    "name": "commission",
    "currency": "brl",
    "base": "lines",
    "parts": [{"to": "fee", "kind": "percent", "value": "0.12"}, {"to": "party:seller", "kind": "remainder"}],
}


@dataclass
class StripeMarket:
    """The stage with one channel and one seller, Ana."""

    stage: Stage
    channel: str
    seller: str
    ref: str
    rule_id: str

    async def buy(self, number: str, price_minor: int, *, method: str = "good", deliver_days: int = 3) -> str:
        """An order that its payer pays now; its id."""
        lines = (NewLine(self.seller, price_minor, 0),)
        (taken,) = await orders.take_orders(
            self.stage.context,
            [
                NewOrder(
                    number, self.channel, "brl", lines, self.rule_id, await self.stage.now(),
                    payments=(NewPayment(price_minor, "credit_card"),),
                    deliver_at=await self.stage.now() + timedelta(days=deliver_days),
                )
            ],
        )  # fmt: skip
        assert taken.refused is None
        await self.stage.settle()
        async with self.stage.context.transaction() as tx:
            keys = [row["key"] for row in await instructions_of(tx, taken.order_id)]
        for key in keys:
            await self.stage.control.payer(STRIPE, "approve", key=key, method=method)
        await self.stage.settle()
        return taken.order_id

    async def forward(self, days: float) -> None:
        """Let so many days pass."""
        await self.stage.advance(await self.stage.now() + timedelta(days=days))

    async def objects(self, kind: str) -> list[dict[str, Any]]:
        """Stripe's objects of a kind, oldest first."""
        state = await self.stage.control._ask("GET", f"/{STRIPE}/_sim/state")
        return list(state["objects"].get(kind, {}).values())

    async def rows(self, query: str) -> list[Row]:
        """Rows of the organization ($1)."""
        async with self.stage.context.transaction() as tx:
            return await tx.rows(query, tx.org)

    async def told(self, noun: str) -> list[str]:
        """The types of the events of a noun so far."""
        found = await self.rows("SELECT type FROM storage.event WHERE org_id = $1 ORDER BY id")
        return [row["type"] for row in found if row["type"].startswith(f"{noun}.")]

    async def books(self) -> dict[str, int]:
        """What is not empty, by account, in minor units of its own side."""
        async with self.stage.context.transaction() as tx:
            found = await reading.standings(tx, rows_max=1_000)
        named = {one.account.code.replace(self.seller, "ana"): one.normal_minor for one in found}
        return {code: minor for code, minor in named.items() if minor}

    async def theirs(self) -> int:
        """What Stripe says Ana has."""
        books = await self.stage.control.books(STRIPE, postings=False)
        assert books["wrong"] == []
        return sum(one["balance_minor"] for one in books["balances"] if one["account"].split("/")[0] == self.ref)


@asynccontextmanager
async def stripe_market(dsn: str, home: Path) -> AsyncIterator[StripeMarket]:
    """The running product with its worker, and the seller ready to be paid."""
    async with world(dsn, home, sandbox=True) as product:
        worker = Worker(product.runtime)
        task = asyncio.create_task(worker.run())
        try:
            org = await product.sandbox_org("Market")
            stage = Stage(product.app, org, product.sandbox_url, print)
            channel = await stage.channel(STRIPE)
            await stage.control.set_clock(BEGIN)
            (seller,) = await merchants.create_merchants(stage.context, [NewMerchant("Ana", "ana")])
            ref = await stage.control.merchant(STRIPE, name="Ana", country="BR", currency="brl")
            await merchants.connect_merchants(stage.context, [NewAccount(seller, channel, ref=ref, agreement="A-1")])
            rule_id, version = await merchants.draft_split_rule(stage.context, COMMISSION)
            await merchants.activate_split_rule(stage.second_person, rule_id, version)
            weekly = {"interval": "weekly", "weekdays": [0]}
            await merchants.create_payout_schedule(stage.context, "weekly", weekly, is_default=True)
            yield StripeMarket(stage, channel, seller, ref, rule_id)
        finally:
            worker.stop()
            await task
