"""The main job on real orders, through both channels: the books balance, and exactly the orders that differ are breaks.

A slice of the shared files that holds every order whose payments differ from its items, every cancelled one, some of
several sellers and some plain ones; the whole files run in `make demo ORDERS=…` and in the soak.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import pytest

from cauce.entrypoints.demo import real_orders
from cauce.entrypoints.demo.stage import Stage
from cauce.storage.directory.orgs import Mode, create_org
from tests.flows.threads import at_work, silent

SHARED = Path(__file__).parents[3] / "shared" / "data" / "marketplace"
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
    return {*differences(items, payments), *cancelled, *several[:6], *plain[::300]}


def write_slice(folder: Path, chosen: Iterable[str]) -> None:
    wanted = set(chosen)
    for name in NAMES:
        rows = read(name)
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(row for row in rows if row["order_id"] in wanted)


@needs_files
@pytest.mark.parametrize("provider", ["wechat", "stripe"])
async def test_a_slice_of_real_orders_ends_with_exactly_its_differences(
    dsn: str, tmp_path: Path, provider: str
) -> None:
    orders, items, payments = (read(name) for name in NAMES)
    chosen = chosen_orders(orders, items, payments)
    write_slice(tmp_path, chosen)
    async with at_work(dsn, tmp_path) as product:
        async with product.runtime.db.transaction() as tx:
            org = await create_org(tx, "Orders", Mode.SANDBOX, frozen_at=real_orders.first_day(tmp_path))
        stage = Stage(product.app, org, product.sandbox_url, silent)
        result = await real_orders.play(stage, tmp_path, provider)
    assert (result.orders, result.refused) == (len(chosen), 0)
    assert not any(result.trial_balance_minor.values())
    assert result.custody_difference_minor == 0
    expected = differences(items, payments)
    assert len(expected) == 11
    assert {one["order_id"]: one["amount_minor"] for one in result.breaks} == expected
    assert len(result.breaks) == len(expected)
    cancelled = {row["order_id"] for row in orders if row["status"] == "canceled"} & chosen
    assert result.refunded_minor == sum(int(row["amount_cents"]) for row in payments if row["order_id"] in cancelled)
