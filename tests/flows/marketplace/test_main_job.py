"""The main job through real simulators over HTTP, on both kinds of channel: books equal to the cent, only true breaks."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cauce.entrypoints.demo import real_orders
from cauce.entrypoints.demo.stage import Stage
from cauce.entrypoints.worker.loop import Worker
from tests.flows.marketplace.test_import import ITEMS, ORDERS, PAYMENTS
from tests.support.runtime import world

BEGIN = datetime(2026, 1, 15, tzinfo=UTC)


@pytest.mark.parametrize("provider", ["wechat", "stripe"])
async def test_order_files_end_with_equal_books_and_only_the_odd_payment_as_a_break(
    dsn: str, tmp_path: Path, provider: str
) -> None:
    for name, text in (("orders", ORDERS), ("items", ITEMS), ("payments", PAYMENTS)):
        (tmp_path / f"{name}.csv").write_text(text)
    async with world(dsn, tmp_path / "home", sandbox=True) as product:
        org = await product.sandbox_org(frozen_at=BEGIN)
        worker = Worker(product.runtime, concurrency=8)
        working = asyncio.create_task(worker.run())
        stage = Stage(product.app, org, product.sandbox_url, lambda _line: None)
        found = await real_orders.play(stage, tmp_path, provider)
        worker.stop()
        await working
    assert (found.orders, found.refused) == (5, 3), "the third seller is on board here"
    assert found.breaks == [{"order_id": "o2", "type": "amount", "amount_minor": 7, "kind": "order"}]
    assert set(found.trial_balance_minor.values()) == {0}
    assert found.custody_difference_minor == 0
    assert found.refunded_minor == 4_250
    assert found.paid_out_minor > 14_000
