"""Marketplace: orders into escrow, split outcomes of twelve legs, payouts, import, and statements against the books.

The provider is left out: a holder with a capability record stands in, so what is measured is ours. A first chunk runs and the
statistics are gathered before the clock starts, as autovacuum would have done on a system that has lived a day.
"""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from fractions import Fraction
from typing import Any

from benchmarks import processes
from benchmarks.bench import Bench
from benchmarks.registry import row
from cauce.channels import store as channels
from cauce.channels.service import create_channel
from cauce.flows.context import Context, Runtime
from cauce.flows.instruct import Concluded
from cauce.flows.marketplace import applied, merchants, orders, release
from cauce.flows.registry import REGISTRY
from cauce.gateway.capabilities import Can, Capabilities, PayoutRoute, ProviderClass, Sourced, SplitMoment
from cauce.gateway.collecting import Operation
from cauce.gateway.outcome import Done
from cauce.gateway.provider import Channel
from cauce.gateway.splitting import SplitResult
from cauce.marketplace.merchants.rules import NewAccount, NewMerchant
from cauce.marketplace.orders.rules import NewLine, NewOrder, NewPayment
from cauce.storage.audit import Actor
from cauce.storage.database import Database
from cauce.storage.directory.orgs import Mode, create_org
from cauce.storage.sealing import Sealer

NOW = datetime(2030, 1, 7, 9, tzinfo=UTC)
CHANNEL = "ch_bench"
SELLERS = 1_000
BULK = 500
BULK_ORDERS = 10_000
SPLIT_ORDERS = int(os.environ.get("SPLIT_ORDERS", "20000"))
PARTIES = 10
WORKERS = 2
"""As many as there are cores: one decides while the other's chunk is written."""

SEALER = Sealer.of(b"b" * 32)
_SPLITS = "SELECT key FROM channels.instruction WHERE org_id = $1 AND operation = 'split' ORDER BY key"
_READ = date(2026, 11, 2)
TERMS = Capabilities(
    can=frozenset({Can.COLLECTS, Can.SPLITS, Can.REFUNDS, Can.REPORTS, Can.PAYS_OUT}),
    provider_class=ProviderClass.LICENSED_PSP,
    split_moments=frozenset({SplitMoment.LATER}),
    payout_route=PayoutRoute.PROVIDER,
    receivers_per_call_max=Sourced(50, "receivers", "benchmark", _READ),
    share_max=Fraction(1),
    statement_kinds=frozenset({"all"}),
)


class Desk:
    """Stands in for the doors to providers: one channel whose capabilities are known."""

    async def open(self, org_id: int, channel_id: str) -> tuple[Channel, Any]:
        return Channel(channel_id, org_id, "bench", False, ""), None

    def capabilities(self, _channel: Channel) -> Capabilities:
        return TERMS


@dataclass
class Market:
    """An organization with a channel, sellers and a rule."""

    context: Context
    sellers: list[str]
    rule_id: str


@asynccontextmanager
async def market(bench: Bench, parts: int = 0) -> AsyncIterator[Market]:
    """A thousand sellers, and a rule with the platform's commission and `parts` more parties."""
    async with bench.database() as database:
        async with database.transaction() as tx:
            org = await create_org(tx, "Bench", Mode.SANDBOX, frozen_at=NOW)
        runtime = _runtime(database)
        context = runtime.context(org.id, actor=Actor("person:maker"))
        async with context.transaction() as tx:
            await create_channel(tx, SEALER, "bench", "Bench", settings={}, secrets={}, channel_id=CHANNEL)
        sellers = await merchants.create_merchants(
            context, [NewMerchant(f"Seller {n}", external_id=f"s{n}") for n in range(SELLERS)]
        )
        await merchants.connect_merchants(
            context, [NewAccount(one, CHANNEL, ref=f"acct_{n}", agreement="A") for n, one in enumerate(sellers)]
        )
        others = [{"to": f"party:p{n}", "kind": "percent", "value": "0.01"} for n in range(parts)]
        rule = {
            "name": "bench",
            "currency": "eur",
            "parts": [
                {"to": "fee", "kind": "percent", "value": "0.12"},
                *others,
                {"to": "party:seller", "kind": "remainder"},
            ],
        }
        rule_id, version = await merchants.draft_split_rule(context, rule)
        await merchants.activate_split_rule(runtime.context(org.id, actor=Actor("person:checker")), rule_id, version)
        yield Market(context, sellers, rule_id)


def _runtime(database: Database) -> Runtime:
    return Runtime(db=database, scheduler=database, sealer=SEALER, gateways=Desk(), registry=REGISTRY)


def new_orders(market: Market, count: int, parts: int = 0) -> list[NewOrder]:
    found = []
    for n in range(count):
        roles = {f"p{k}": market.sellers[(n + k + 1) % SELLERS] for k in range(parts)}
        found.append(
            NewOrder(
                external_id=f"direct{n:08}",
                channel_id=CHANNEL,
                currency="eur",
                lines=(NewLine(market.sellers[n % SELLERS], 10_000 + n % 977, 500),),
                rule_id=market.rule_id,
                placed_at=NOW,
                payments=(NewPayment(10_500 + n % 977, ref=f"tx_{n}", paid_at=NOW, fee_minor=60),),
                parties=roles,
            )
        )
    return found


async def gather_statistics(bench: Bench) -> None:
    async with bench.owner() as owner:
        await owner.execute("ANALYZE")


@row("marketplace.bulk_orders", "orders/s")
async def bulk_orders(bench: Bench) -> float:
    """Paid orders, 500 a call: planned by the rule, written with lines, collection and parts, parked in escrow."""
    async with market(bench) as one:
        new = new_orders(one, BULK_ORDERS + BULK)
        await orders.take_orders(one.context, new[-BULK:])
        del new[-BULK:]
        await gather_statistics(bench)
        with bench.stopwatch() as watch:
            for start in range(0, len(new), BULK):
                taken = await orders.take_orders(one.context, new[start : start + BULK])
                assert all(each.is_new for each in taken)
    return watch.rate(BULK_ORDERS)


@row("marketplace.conclude_splits", "orders/s")
async def conclude_splits(bench: Bench) -> float:
    """Outcomes of splits of twelve legs (escrow, ten parties beside the seller), 500 in a transaction, two workers."""
    async with market(bench, PARTIES) as one:
        new = new_orders(one, SPLIT_ORDERS, PARTIES)
        ids = [each.order_id for each in await orders.take_orders(one.context, new[:BULK])]
        await gather_statistics(bench)
        for start in range(BULK, len(new), BULK):
            ids += [each.order_id for each in await orders.take_orders(one.context, new[start : start + BULK])]
        for start in range(0, len(ids), BULK):
            await release.release_orders(one.context, ids[start : start + BULK])
        await gather_statistics(bench)
        workers = [
            await processes.start("benchmarks.marketplace", bench.dsn, one.context.org_id, place)
            for place in range(WORKERS)
        ]
        with bench.stopwatch() as watch:
            done = await processes.run_out(workers)
        async with bench.owner() as owner:
            assert await owner.fetchval("SELECT count(*) FROM splits.split WHERE state = 'applied'") == done == len(ids)
    return watch.rate(done)


async def conclude(dsn: str, org_id: int, place: int) -> None:
    """A worker process: the answers of every second chunk, read before the clock starts, are concluded."""
    database = await Database.connect(dsn)
    try:
        context = _runtime(database).context(org_id, actor=Actor("system"))
        chunks = await _answers(context, place)

        async def work() -> int:
            for chunk in chunks:
                async with context.transaction() as tx:
                    await applied.conclude_splits(context, tx, chunk)
            return sum(map(len, chunks))

        await processes.at_the_word(work)
    finally:
        await database.close()


async def _answers(context: Context, place: int) -> list[list[Concluded]]:
    chunks = []
    async with context.transaction() as tx:
        keys = [row["key"] for row in await tx.rows(_SPLITS, tx.org)]
        for start in range(place * BULK, len(keys), WORKERS * BULK):
            asked = await channels.lock_instructions(tx, keys[start : start + BULK])
            chunks.append([
                Concluded(
                    each.key, "splits.split", Operation.SPLIT, CHANNEL, each.object_id, each.request,
                    Done(SplitResult("ref", (), NOW)), NOW,
                )
                for each in asked
            ])  # fmt: skip
    return chunks


if __name__ == "__main__":
    import uvloop

    uvloop.run(conclude(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
