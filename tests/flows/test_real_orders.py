"""The main job on real orders, through both channels: the books balance, and exactly the orders that differ are breaks.

A slice of the shared files that holds every order whose payments differ from its items, every cancelled one, some of
several sellers, some plain ones and some that are never delivered; `make main-job` and the soak run the whole files.
"""

from __future__ import annotations

import csv
import json
import os
import random
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import pytest

from cauce.entrypoints.demo import real_orders
from cauce.entrypoints.demo.real_orders import Result
from cauce.entrypoints.demo.stage import Stage
from cauce.storage.directory.orgs import Mode, create_org
from tests.flows.test_threads_killed import dying_at
from tests.flows.threads import at_work, silent
from tests.support.runtime import World, world

SHARED = Path(os.environ.get("ORDER_FILES", Path(__file__).parents[3] / "shared" / "data" / "marketplace"))
NAMES = ("orders", "items", "payments")
Rows = list[dict[str, str]]

needs_files = pytest.mark.skipif(not SHARED.exists(), reason="the shared order files are not beside the checkout")


def read(name: str) -> Rows:
    with (SHARED / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def differences(items: Rows, payments: Rows) -> dict[str, int]:
    """Order -> payments less items, where they differ."""
    sums: dict[str, int] = defaultdict(int)
    for row in payments:
        sums[row["order_id"]] += int(row["amount_cents"])
    for row in items:
        sums[row["order_id"]] -= int(row["price_cents"]) + int(row["freight_cents"])
    return {order: minor for order, minor in sums.items() if minor}


def chosen_orders(orders: Rows, items: Rows, payments: Rows) -> set[str]:
    sellers: dict[str, set[str]] = defaultdict(set)
    for row in items:
        sellers[row["order_id"]].add(row["seller_id"])
    several = [order for order, names in sellers.items() if len(names) > 1]
    plain = [row["order_id"] for row in orders if row["status"] == "delivered"]
    cancelled = [row["order_id"] for row in orders if row["status"] == "canceled"]
    stuck = [row["order_id"] for row in orders if row["status"] != "canceled" and not row["delivered_at"]]
    return {*differences(items, payments), *cancelled, *several[:6], *plain[::300], *stuck[:3]}


def write_slice(folder: Path, chosen: Iterable[str]) -> None:
    wanted = set(chosen)
    for name in NAMES:
        rows = read(name)
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(row for row in rows if row["order_id"] in wanted)


@dataclass(frozen=True)
class Files:
    """The shared files."""

    orders: Rows
    items: Rows
    payments: Rows

    def check(self, result: Result, chosen: set[str]) -> None:
        """Books balanced, custody as the provider says, and exactly the differing orders as breaks, each with its amount."""
        assert (result.orders, result.refused) == (len(chosen), 0)
        assert not any(result.trial_balance_minor.values())
        assert result.custody_difference_minor == 0
        expected = differences(self.items, self.payments)
        assert len(expected) == 11
        assert {one["order_id"]: one["amount_minor"] for one in result.breaks} == expected
        assert len(result.breaks) == len(expected)
        cancelled = {row["order_id"] for row in self.orders if row["status"] == "canceled"} & chosen
        refunded = sum(int(row["amount_cents"]) for row in self.payments if row["order_id"] in cancelled)
        assert result.refunded_minor == refunded


@pytest.fixture(scope="module")
def files() -> Files:
    return Files(*(read(name) for name in NAMES))


async def _stage(product: World, folder: Path) -> Stage:
    async with product.runtime.db.transaction() as tx:
        org = await create_org(tx, "Orders", Mode.SANDBOX, frozen_at=real_orders.first_day(folder))
    return Stage(product.app, org, product.sandbox_url, silent)


@needs_files
@pytest.mark.parametrize("provider", ["wechat", "stripe"])
async def test_a_slice_of_real_orders_ends_with_exactly_its_differences(
    dsn: str, tmp_path: Path, files: Files, provider: str
) -> None:
    chosen = chosen_orders(files.orders, files.items, files.payments)
    write_slice(tmp_path, chosen)
    async with at_work(dsn, tmp_path) as product:
        result = await real_orders.play(await _stage(product, tmp_path), tmp_path, provider)
    files.check(result, chosen)


@needs_files
@pytest.mark.parametrize(("provider", "commits"), [("wechat", (120, 40)), ("stripe", (90, 25))])
async def test_real_orders_whose_workers_are_killed_come_to_the_same(
    dsn: str, tmp_path: Path, files: Files, provider: str, commits: tuple[int, int]
) -> None:
    chosen = set(
        sorted(
            chosen_orders(files.orders, files.items, files.payments) - set(differences(files.items, files.payments))
        )[:5]
    )
    write_slice(tmp_path, chosen)
    async with at_work(dsn, tmp_path) as product:
        plain = await real_orders.play(await _stage(product, tmp_path), tmp_path, provider)
    async with world(dsn, tmp_path, sandbox=True) as product, dying_at(product, *commits):
        again = await real_orders.play(await _stage(product, tmp_path), tmp_path, provider)
    assert replace(again, seconds=0, orders_per_s=0) == replace(plain, seconds=0, orders_per_s=0)
    assert plain.breaks == []


@pytest.mark.soak
@needs_files
@pytest.mark.parametrize("provider", ["wechat", "stripe"])
async def test_the_whole_files_end_with_exactly_their_differences(
    dsn: str, tmp_path: Path, files: Files, provider: str
) -> None:
    async with at_work(dsn, tmp_path) as product:
        result = await real_orders.play(await _stage(product, SHARED), SHARED, provider)
    files.check(result, {row["order_id"] for row in files.orders})


@pytest.mark.soak
@needs_files
@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("provider", ["wechat", "stripe"])
async def test_the_whole_files_whose_workers_are_killed_at_random_end_the_same(
    dsn: str, tmp_path: Path, files: Files, provider: str, after: bool
) -> None:
    async with at_work(dsn, tmp_path) as product:
        plain = await real_orders.play(await _stage(product, SHARED), SHARED, provider)
    chance = random.Random(f"{provider} {after}")
    commits = [chance.randrange(200, 4_000) for _ in range(30)]
    async with world(dsn, tmp_path, sandbox=True) as product, dying_at(product, *commits, after=after):
        again = await real_orders.play(await _stage(product, SHARED), SHARED, provider)
    files.check(again, {row["order_id"] for row in files.orders})
    assert _as_printed(again) == _as_printed(plain)


def _as_printed(result: Result) -> str:
    """The JSON object of the job without what only tells how long it took."""
    plain = asdict(result)
    return json.dumps({name: plain[name] for name in plain if name not in ("seconds", "orders_per_s")}, sort_keys=True)
