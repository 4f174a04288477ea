"""Marketplace at size: payout runs, statements against the books, import of order files; each small and at its full size.

The large rows are measured when they are asked for (`make bench ONLY=reconcile.1m`) and may not grow in memory.
CAUCE_BENCH_SHARE=20 takes one in twenty of their size, to see that they work.
"""

from __future__ import annotations

import csv
import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from benchmarks.bench import Bench, flat_memory
from benchmarks.marketplace import BULK, CHANNEL, NOW, SELLERS, gather_statistics, market, new_orders
from benchmarks.registry import row
from cauce.flows.marketplace import orders, reconcile, settle
from cauce.flows.marketplace.import_orders import ImportTerms, import_orders
from cauce.flows.marketplace.order_files import OrderFiles
from cauce.gateway.reporting import LineKind, StatementLine
from cauce.kernel.ids import new_id
from cauce.kernel.money import Money
from cauce.ledger.posting import post
from cauce.ledger.recipes.collections import paid_into_escrow
from cauce.ledger.recipes.custody import Event, Holder
from cauce.ledger.recipes.members import topped_up
from cauce.marketplace.merchants import service as merchant_service
from cauce.marketplace.merchants.rules import NewAccount, NewMerchant
from cauce.marketplace.settlement import store as settlement_store
from cauce.storage.sweeps import run_chunk

_SHARE = int(os.environ.get("CAUCE_BENCH_SHARE", "1"))
MILLION = 1_000_000 // _SHARE
MERCHANTS = 100_000 // _SHARE
PREPARED = 5_000
FLAT_MIB = 96
"""What chunks, plans and the interpreter's own pools may take; a million of anything kept would be several times that."""


@row("marketplace.payout_run", "merchants/s")
async def payout_run(bench: Bench) -> float:
    """5,000 merchants settled on their day: batch, payout, instruction and posting, a chunk in a transaction."""
    return await _payouts(bench, 5_000)


@row("payouts.100k", "merchants/s", is_large=True)
async def payout_run_large(bench: Bench) -> float:
    """A payout run of 100,000 merchants."""
    return await _payouts(bench, MERCHANTS)


async def _payouts(bench: Bench, count: int) -> float:
    async with market(bench) as one:
        for start in range(0, count, PREPARED):
            async with one.context.transaction() as tx:
                await _payees(tx, start, min(PREPARED, count - start))

        async def process(tx: Any, rows: Any) -> None:
            await settle.settle_due(one.context.runtime, tx, rows)

        await run_chunk(one.context.db, settlement_store.DUE, [one.context.org_id], process)
        await gather_statistics(bench)
        with bench.stopwatch() as watch, flat_memory(FLAT_MIB):
            while await run_chunk(one.context.db, settlement_store.DUE, [one.context.org_id], process):
                pass
        async with bench.owner() as owner:
            assert await owner.fetchval("SELECT count(*) FROM settlement.payout WHERE amount_minor = 1000") == count
    return watch.rate(count - settlement_store.DUE.rows_max)


async def _payees(tx: Any, first: int, count: int) -> None:
    new = [NewMerchant(f"Payee {n}") for n in range(first, first + count)]
    ids = await merchant_service.create_merchants(tx, new, at=NOW, actor="bench")
    accounts = [NewAccount(each, CHANNEL, ref=f"payee_{n}", agreement="A") for n, each in enumerate(ids, first)]
    await merchant_service.connect_merchants(tx, accounts, at=NOW, actor="bench")
    await settlement_store.schedule_standings(tx, [(each, CHANNEL, "eur", NOW) for each in ids])
    holder = Holder(CHANNEL, "eur")
    credits = [topped_up(holder, Event(one, one, one, NOW), f"member:{one}:withdrawable", 1_000) for one in ids]
    await post(tx, credits)


@row("reconcile.100k", "lines/s")
async def reconcile_lines(bench: Bench) -> float:
    """100,000 statement lines that are in, against as many journals; all agree but one in ten thousand."""
    return await _reconcile(bench, 100_000)


@row("reconcile.1m", "lines/s", is_large=True)
async def reconcile_million(bench: Bench) -> float:
    """A million statement lines against a million journals."""
    return await _reconcile(bench, MILLION)


async def _reconcile(bench: Bench, count: int) -> float:
    async with market(bench) as one:
        holder, ids = Holder(CHANNEL, "eur"), [new_id("col") for _ in range(count)]
        at = NOW - timedelta(days=1)  # days are compared when they are over
        for start in range(0, count, PREPARED):
            journals = [
                paid_into_escrow(holder, Event(each, "ord", each, at), f"ord{n % 1_000}", 1_000 + n % 991)
                for n, each in enumerate(ids[start : start + PREPARED], start)
            ]
            async with one.context.transaction() as tx:
                await post(tx, journals)

        async def lines() -> AsyncIterator[StatementLine]:
            for n, each in enumerate(ids):
                wrong = 1 if n % 10_000 == 7 else 0
                amount = Money(1_000 + n % 991 + wrong, "eur")
                yield StatementLine(f"{n:09}", LineKind.COLLECTION, amount, at, key=each)

        with flat_memory(FLAT_MIB):
            await reconcile.take_statement(one.context, CHANNEL, "all", at.date(), lines())
        await gather_statistics(bench)
        with bench.stopwatch() as watch, flat_memory(FLAT_MIB):
            found = await reconcile.reconcile(one.context, CHANNEL, at.date(), NOW.date())
        assert found.breaks == len(range(7, count, 10_000)), found
    return watch.rate(count)


@row("import.20k", "orders/s")
async def import_files(bench: Bench) -> float:
    """20,000 orders of three files imported as paid: joined on disk, planned, written, parked in escrow."""
    return await _import(bench, 20_000)


@row("import.1m", "orders/s", is_large=True)
async def import_million(bench: Bench) -> float:
    """A million orders imported."""
    return await _import(bench, MILLION)


async def _import(bench: Bench, count: int) -> float:
    async with market(bench) as one:
        with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
            _write_files(Path(folder), count)
            await orders.take_orders(one.context, new_orders(one, BULK))
            await gather_statistics(bench)
            terms = ImportTerms(CHANNEL, "eur", one.rule_id, paid_ref="tx:")
            with bench.stopwatch() as watch, flat_memory(FLAT_MIB):
                found = await import_orders(one.context, OrderFiles.within(Path(folder)), terms)
        assert found.accepted == count, found
    return watch.rate(count)


def _write_files(folder: Path, count: int) -> None:
    header = {
        "orders": ["order_id", "status", "purchased_at", "approved_at", "delivered_at"],
        "items": ["order_id", "item", "seller_id", "price_cents", "freight_cents"],
        "payments": ["order_id", "sequence", "method", "amount_cents"],
    }
    rows: dict[str, Iterator[list[Any]]] = {
        "orders": ([f"o{n}", "delivered", f"2029-12-{n % 28 + 1:02}T10:00:00Z", "", ""] for n in range(count)),
        "items": ([f"o{n}", 1, f"s{n % SELLERS}", 10_000, 500] for n in range(count)),
        "payments": ([f"o{n}", 1, "card", 10_500] for n in range(count)),
    }
    for name, columns in header.items():
        with (folder / f"{name}.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(columns)
            writer.writerows(rows[name])
