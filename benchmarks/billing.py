"""Billing: invoices per second of the run, beside the same rules one subscription and one transaction at a time.

The run is done by two processes, as two `cauce worker` on two cores would: one decides while the other's chunk is being
written. The baseline is one process with one connection. Each subscription has a base fee and a seat line; one in ten has graduated usage of thirty days; every line has tax.
An invoice is finalized with its number, lines, journal, events and due time for collection. A first chunk is billed and
the statistics are gathered before the clock starts, as autovacuum would have done on a system that has lived a day.
"""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from benchmarks import processes
from benchmarks.bench import Bench
from benchmarks.registry import row
from cauce.billing.catalog import service as catalog
from cauce.billing.catalog.rules import NewPlan, NewPrice, PriceKind
from cauce.billing.subscriptions.sweeps import RENEW, TRIAL_END
from cauce.billing.usage import service as usage
from cauce.billing.usage.rules import Aggregation
from cauce.flows.billing import renew, trials
from cauce.flows.context import RowProcessor, Runtime
from cauce.pricing.schedule import Billing
from cauce.storage.database import Database, Row, Tx
from cauce.storage.sweeps import TRANSIENT, Sweep, run_chunk

RUN_SUBSCRIPTIONS = 100_000
SMALL_RUN_SUBSCRIPTIONS = 10_000
BASELINE_SUBSCRIPTIONS = 1_000
BIG_ACCOUNT_SUBSCRIPTIONS = 30_000
TRIALS = 10_000
MILLION = 1_000_000
WORKERS = 2
WARM = 2_000

_CUSTOMERS = """
INSERT INTO customers.customer (org_id, id, external_id, email, name, created_at)
SELECT $1, 'cus_' || lpad(g::text, 26, '0'), 'e' || g, 'e' || g || '@example.org', 'Name ' || g, now() FROM generate_series(1, $2::int) g
"""
_SUBSCRIPTIONS = """
INSERT INTO subscriptions.subscription (org_id, id, customer_id, plan_id, product_id, status, currency, timezone, interval_unit, interval_count,
  anchor_on, anchor_time, period_index, period_start, period_end, due_kind, due_at, trial_end, created_at)
SELECT $1, 'sub_' || lpad(g::text, 26, '0'), 'cus_' || lpad((1 + g % $9::int)::text, 26, '0'), CASE WHEN g % 10 = 0 THEN $4::text ELSE $3::text END, $5, $6::text, 'eur', 'UTC',
       'month', 1, CASE WHEN $6 = 'active' THEN $7::date ELSE $8::date END, '00:00', CASE WHEN $6 = 'active' THEN 0 ELSE -1 END,
       CASE WHEN $6 = 'active' THEN $7::date END, CASE WHEN $6 = 'active' THEN $8::date END,
       CASE WHEN $6 = 'active' THEN 'renew' ELSE 'trial_end' END, $8::date::timestamp AT TIME ZONE 'UTC',
       CASE WHEN $6 <> 'active' THEN $8::date::timestamp AT TIME ZONE 'UTC' END, now()
  FROM generate_series(1, $2::int) g
"""
_ITEMS = """
INSERT INTO subscriptions.item (org_id, id, subscription_id, price_id, quantity, created_at)
SELECT $1, 'si_' || lpad(g::text, 25, '0') || $5::text, 'sub_' || lpad(g::text, 26, '0'), CASE WHEN g % 10 = 0 THEN $4::text ELSE $3::text END, 1 + $5::text::int * (g % 7), now()
  FROM generate_series(1, $2::int) g
"""
_METERED = """
INSERT INTO subscriptions.item (org_id, id, subscription_id, price_id, quantity, created_at)
SELECT $1, 'si_' || lpad(g::text, 25, '0') || '2', 'sub_' || lpad(g::text, 26, '0'), $3, 1, now() FROM generate_series(10, $2::int, 10) g
"""
_USED = """
INSERT INTO usage.rollup (org_id, subscription_id, meter_key, day, events, total, highest, latest, latest_at)
SELECT $1, 'sub_' || lpad(g::text, 26, '0'), 'calls', $3::date + d, 5, 40, 9, 9, now() FROM generate_series(10, $2::int, 10) g, generate_series(0, 27) d
"""
_METHODS = """
INSERT INTO payments.method (org_id, id, customer_id, channel_id, customer_ref, ref, kind, is_default, created_at)
SELECT $1, 'pm_' || lpad(g::text, 26, '0'), 'cus_' || lpad(g::text, 26, '0'), 'ch', 'c' || g, 'm' || g, 'card', true, now() FROM generate_series(1, $2::int) g
"""


@row("billing.baseline.row_by_row", "invoices/s")
async def row_by_row(bench: Bench) -> float:
    """One subscription, one transaction, the same rules, one process."""
    async with _due(bench, "renew", BASELINE_SUBSCRIPTIONS) as (database, org_id):
        one_by_one = replace(RENEW, rows_max=1)
        with bench.stopwatch() as watch:
            done = await _sweep(database, one_by_one, renew.run, org_id, BASELINE_SUBSCRIPTIONS)
        assert done == BASELINE_SUBSCRIPTIONS, f"{done} of {BASELINE_SUBSCRIPTIONS}"
    return watch.rate(done)


@row("billing.run", "invoices/s", against="billing.baseline.row_by_row")
async def run(bench: Bench) -> float:
    """100,000 due subscriptions in chunks, two workers."""
    return await _measure(bench, "renew", RUN_SUBSCRIPTIONS)


@row("billing.run.one_worker", "invoices/s", against="billing.baseline.row_by_row")
async def one_worker(bench: Bench) -> float:
    """The same with one worker, fewer subscriptions."""
    return await _measure(bench, "renew", SMALL_RUN_SUBSCRIPTIONS, workers=1)


@row("billing.run.10k", "invoices/s", against="billing.baseline.row_by_row")
async def small_run(bench: Bench) -> float:
    """10,000 due subscriptions: the cost of an invoice must not depend on how many there are."""
    return await _measure(bench, "renew", SMALL_RUN_SUBSCRIPTIONS)


@row("billing.run.big_account", "invoices/s", against="billing.baseline.row_by_row")
async def big_account(bench: Bench) -> float:
    """30,000 subscriptions of one customer: 3,000 a second are the 10 seconds of the bar."""
    return await _measure(bench, "renew", BIG_ACCOUNT_SUBSCRIPTIONS, customers=1)


@row("billing.scale.10k", "invoices/s")
async def scale_small(bench: Bench) -> float:
    """10,000 due subscriptions, the small end of `billing.scale.1m`."""
    return await _measure(bench, "renew", SMALL_RUN_SUBSCRIPTIONS)


@row("billing.scale.1m", "invoices/s", against="billing.scale.10k")
async def scale_large(bench: Bench) -> float:
    """1,000,000 due subscriptions; the ratio tells what an invoice costs more. Only with CAUCE_BENCH_LARGE=1: it takes long."""
    return await _measure(bench, "renew", MILLION if os.environ.get("CAUCE_BENCH_LARGE") else RUN_SUBSCRIPTIONS)


@row("trials.wave", "trials/s")
async def wave(bench: Bench) -> float:
    """10,000 trials that end in one second, each with a method on file: first invoice, due for collection. Two workers."""
    return await _measure(bench, "trial_end", TRIALS, status="trialing")


_KINDS: dict[str, tuple[Sweep, RowProcessor]] = {"renew": (RENEW, renew.run), "trial_end": (TRIAL_END, trials.run)}


async def _measure(
    bench: Bench, kind: str, count: int, *, customers: int | None = None, status: str = "active", workers: int = WORKERS
) -> float:
    async with _due(bench, kind, count, customers=customers, status=status) as (_, org_id):
        workers_ready = [await processes.start("benchmarks.billing", bench.dsn, org_id, kind) for _ in range(workers)]
        with bench.stopwatch() as watch:
            done = await processes.run_out(workers_ready)
        assert done == count, f"{done} of {count}"
    return watch.rate(count)


@asynccontextmanager
async def _due(
    bench: Bench, kind: str, count: int, *, customers: int | None = None, status: str = "active"
) -> AsyncIterator[tuple[Database, int]]:
    """An organization with so many due subscriptions; a first chunk is billed and the statistics are gathered."""
    sweep, process = _KINDS[kind]
    async with bench.database() as database:
        org_id = await bench.org(database)
        await seed(bench, database, org_id, count + WARM, customers or count + WARM, status)
        await _sweep(database, replace(sweep, rows_max=WARM), process, org_id, WARM)
        async with bench.owner() as owner:
            await owner.execute("ANALYZE")
        yield database, org_id


async def work(dsn: str, org_id: int, kind: str) -> None:
    """The worker process: sweep until nothing is due."""
    sweep, process = _KINDS[kind]
    database = await Database.connect(dsn)
    try:
        async with database.transaction(org_id) as tx:
            await tx.ping()
        await processes.at_the_word(lambda: _sweep(database, sweep, process, org_id, sys.maxsize))
    finally:
        await database.close()


async def _sweep(database: Database, sweep: Sweep, process: RowProcessor, org_id: int, count: int) -> int:
    async def handle(tx: Tx, rows: list[Row]) -> None:
        await process(cast(Runtime, None), tx, rows)  # these flows need no runtime

    done = 0
    while done < count:
        try:
            taken = await run_chunk(database, sweep, [org_id], handle)
        except TRANSIENT:  # as a worker does: the next round takes them again
            continue
        if not taken:
            break
        done += taken
    return done


async def seed(bench: Bench, database: Database, org_id: int, count: int, customers: int, status: str) -> None:
    """So many subscriptions that fall due on the first of this month, spread over so many customers."""
    today = datetime.now(UTC).date()
    ends = today.replace(day=1)
    starts = (ends - timedelta(days=1)).replace(day=1)
    async with database.transaction(org_id) as tx:
        now = datetime(starts.year, starts.month, 1, tzinfo=UTC)
        product = await catalog.create_product(tx, "app", "The app", now=now)
        await usage.create_meter(tx, "calls", Aggregation.SUM, now)
        await catalog.put_tax_rate(tx, "", "21")
        plain = await catalog.create_plan(tx, NewPlan("plain", product, "Plain", _prices()), now=now)
        metered = await catalog.create_plan(tx, NewPlan("metered", product, "Metered", (*_prices(), _calls())), now=now)
        first = await catalog.prices_of_plan(tx, plain)
        second = await catalog.prices_of_plan(tx, metered)
    async with bench.owner() as owner:
        await owner.execute(_CUSTOMERS, org_id, customers)
        rest: tuple[Any, ...] = (status, starts, ends, customers)
        await owner.execute(_SUBSCRIPTIONS, org_id, count, plain, metered, product, *rest)
        for place, (mine, theirs) in enumerate(zip(first, second[:2], strict=True)):
            await owner.execute(_ITEMS, org_id, count, mine.id, theirs.id, str(place))
        await owner.execute(_METERED, org_id, count, second[2].id)
        await owner.execute(_USED, org_id, count, starts)
        if status == "trialing":
            await owner.execute(_METHODS, org_id, customers)
        await owner.execute("ANALYZE")


def _prices() -> tuple[NewPrice, ...]:
    return (
        NewPrice("base", "eur", {"type": "flat", "amount_minor": 2_900}),
        NewPrice("seats", "eur", {"type": "per_unit", "unit_amount": "500"}),
    )


def _calls() -> NewPrice:
    tiers = [{"up_to": "100", "unit_amount": "10"}, {"up_to": "500", "unit_amount": "8"}, {"unit_amount": "5"}]
    return NewPrice(
        "calls",
        "eur",
        {"type": "graduated", "tiers": tiers},
        kind=PriceKind.USAGE,
        billing=Billing.IN_ARREARS,
        meter_key="calls",
    )


if __name__ == "__main__":
    import uvloop

    uvloop.run(work(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
