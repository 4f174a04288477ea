"""Sellers at WeChat Pay's simulator, over real HTTP with real notices: orders of theirs paid, subsidised, divided, refunded."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from cauce.channels.store import instructions_of
from cauce.entrypoints.demo.stage import Stage
from cauce.entrypoints.worker.loop import Worker
from cauce.flows.marketplace import merchants, orders
from cauce.flows.marketplace.orders import Taken
from cauce.flows.marketplace.parked import check_parked
from cauce.flows.marketplace.reconcile import check_mirror, fetch_statements, reconcile
from cauce.ledger import reading
from cauce.marketplace.merchants.rules import NewAccount, NewMerchant
from cauce.marketplace.orders.rules import NewLine, NewOrder, NewPayment
from cauce.storage.database import Row
from tests.support.runtime import BEGIN, world

WECHAT = "wechat"
COMMISSION: dict[str, Any] = {
    "name": "commission",
    "currency": "cny",
    "base": "lines",
    "parts": [{"to": "fee", "kind": "percent", "value": "0.12"}, {"to": "party:seller", "kind": "remainder"}],
    "subsidy_max": 1_000,
}


@dataclass
class WeChatMarket:
    """The stage with one channel of a platform and its second-level merchants by name."""

    stage: Stage
    channel: str
    sellers: dict[str, str] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)
    rule_id: str = ""

    async def take(self, number: str, lines: Sequence[NewLine], **more: Any) -> Taken:
        """An order of these lines, not paid yet."""
        now = await self.stage.now()
        order = NewOrder(number, self.channel, "cny", tuple(lines), more.pop("rule_id", self.rule_id), now, **more)
        (taken,) = await orders.take_orders(self.stage.context, [order])
        await self.stage.settle()
        return taken

    async def buy(self, number: str, *lines: NewLine, deliver_days: int = 3, **more: Any) -> str:
        """An order that its payer pays now; its id."""
        later = await self.stage.now() + timedelta(days=deliver_days)
        taken = await self.take(number, lines, deliver_at=later, **more)
        assert taken.refused is None, taken.refused
        await self.pay(taken.order_id)
        return taken.order_id

    async def pay(self, order_id: str) -> None:
        """The payer pays what is asked of him."""
        await self.pay_anyway(order_id)
        await self.stage.settle()

    async def pay_anyway(self, order_id: str) -> None:
        """He pays, whatever was told him."""
        rows = await self.rows(
            f"SELECT id, combined_id FROM orders.collection WHERE org_id = $1 AND order_id = '{order_id}' AND paid_at IS NULL"
        )
        for key in sorted({row["combined_id"] or row["id"] for row in rows}):
            await self.stage.control.payer(WECHAT, "approve", key=key)

    def line(self, name: str, price_minor: int, **more: Any) -> NewLine:
        """What a seller sells."""
        return NewLine(self.sellers[name], price_minor, **more)

    async def fund(self, minor: int) -> None:
        """The platform has so much in its own account at WeChat Pay."""
        contract = (await self.stage.control._ask("GET", f"/{WECHAT}/_sim/state"))["facts"]
        body = {"mchid": contract["mchid"], "available": minor}
        await self.stage.control.verb(WECHAT, "balance", body)

    async def forward(self, days: float) -> None:
        """Let so many days pass."""
        await self.stage.advance(await self.stage.now() + timedelta(days=days))

    async def rows(self, query: str) -> list[Row]:
        """Rows of the organization ($1)."""
        async with self.stage.context.transaction() as tx:
            return await tx.rows(query, tx.org)

    async def told(self, noun: str) -> list[str]:
        """The types of the events of a noun so far."""
        found = await self.rows("SELECT type FROM storage.event WHERE org_id = $1 ORDER BY id")
        return [row["type"] for row in found if row["type"].startswith(f"{noun}.")]

    async def sent(self, order_id: str) -> list[tuple[str, str]]:
        """(operation, state) of what was asked for an order."""
        async with self.stage.context.transaction() as tx:
            return [(row["operation"], row["state"]) for row in await instructions_of(tx, order_id)]

    async def books(self) -> dict[str, int]:
        """What is not empty, by account, in minor units of its own side, with names for sellers."""
        async with self.stage.context.transaction() as tx:
            found = await reading.standings(tx, rows_max=1_000)
        names = {merchant: name for name, merchant in self.sellers.items()}
        named = {":".join(names.get(p, p) for p in one.account.code.split(":")): one.normal_minor for one in found}
        return {code: minor for code, minor in named.items() if minor}

    async def differences(self) -> dict[str, int]:
        """Where the custody book and WeChat Pay's balances differ; its own books must be right."""
        assert (await self.stage.control.verb(WECHAT, "check", {}))["wrong"] == []
        assert await check_parked(self.stage.context, self.channel) == {}, "order by order"
        return await check_mirror(self.stage.context, self.channel)

    async def reconciled(self) -> None:
        """The bills of all days so far make no break, but for what the platform paid into its own account by hand."""
        await self.forward(2)
        today = (await self.stage.now()).date()
        days = [BEGIN.date() + timedelta(days=n) for n in range((today - BEGIN.date()).days)]
        await fetch_statements(self.stage.context, self.channel, days)
        await reconcile(self.stage.context, self.channel, days[0], today)
        open_ones = await self.rows(
            "SELECT type, kind, key, ours_minor, theirs_minor FROM reconciliation.break WHERE org_id = $1 AND state = 'open' AND kind <> 'other'"
        )
        assert not open_ones, [dict(row) for row in open_ones]


@asynccontextmanager
async def wechat_market(dsn: str, home: Path, names: Sequence[str] = ("ana", "bo")) -> AsyncIterator[WeChatMarket]:
    """The running product with its worker, and sellers ready to be paid."""
    async with world(dsn, home, sandbox=True) as product:
        worker = Worker(product.runtime)
        task = asyncio.create_task(worker.run())
        try:
            org = await product.sandbox_org("Market")
            stage = Stage(product.app, org, product.sandbox_url, print)
            one = WeChatMarket(stage, await stage.channel(WECHAT))
            await stage.control.set_clock(BEGIN)
            ids = await merchants.create_merchants(stage.context, [NewMerchant(name, name) for name in names])
            one.sellers = dict(zip(names, ids, strict=True))
            one.refs = {name: await stage.control.merchant(WECHAT, name=name) for name in names}
            await merchants.connect_merchants(
                stage.context,
                [NewAccount(one.sellers[n], one.channel, ref=one.refs[n], agreement="A-1") for n in names],
            )
            rule_id, version = await merchants.draft_split_rule(stage.context, COMMISSION)
            await merchants.activate_split_rule(stage.second_person, rule_id, version)
            one.rule_id = rule_id
            by_hand = {"interval": "manual"}
            await merchants.create_payout_schedule(stage.context, "by hand", by_hand, is_default=True)
            yield one
        finally:
            worker.stop()
            await task


def paid(amount_minor: int, ref: str) -> NewPayment:
    """A payment that arrived elsewhere."""
    return NewPayment(amount_minor, ref=ref)
