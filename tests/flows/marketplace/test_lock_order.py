"""Orders are locked before their collections, by everybody: what comes at the same moment waits, and never in a ring."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from cauce.flows.marketplace import reconcile, refunds
from cauce.flows.marketplace.freeze import freeze_due
from cauce.flows.marketplace.refunds import AskRefund
from cauce.marketplace.orders import store as order_store
from cauce.storage.database import Tx
from tests.flows.marketplace.bank import OWNED, Bank
from tests.flows.marketplace.market import BEGIN, Market, market
from tests.support.waiting import until_blocked

DAYS = 180


@pytest.fixture
async def shop(dsn: str) -> AsyncIterator[Market]:
    async with market(dsn, {"ch": Bank(OWNED)}) as one:
        yield one


async def _waits_at_nothing(tx: Tx, order_id: str) -> None:
    """Whoever holds the order gets its collections at once: nobody holds them and waits for him."""
    await tx.run("SET LOCAL lock_timeout = '1s'")
    assert await order_store.collections_of(tx, [order_id], lock=True)


async def test_a_statements_release_and_a_refund_at_the_same_moment(shop: Market) -> None:
    (taken,) = await shop.take(shop.order("A1", "ch", [("ana", 1_000, 0)]))
    await shop.advance(timedelta(days=DAYS))
    (collection,) = shop.banks["ch"].held
    shop.banks["ch"].expire(collection)
    await shop.advance(timedelta(days=1))
    day = (BEGIN + timedelta(days=DAYS)).date()
    await reconcile.fetch_statements(shop.context, "ch", [BEGIN.date(), day])
    async with shop.context.transaction() as tx:
        await order_store.lock_orders(tx, [taken.order_id])
        comparing = asyncio.create_task(reconcile.reconcile(shop.context, "ch", BEGIN.date(), day + timedelta(days=1)))
        await until_blocked(shop.context.db)
        await _waits_at_nothing(tx, taken.order_id)
    await comparing
    await refunds.refund_orders(shop.context, [AskRefund(taken.order_id, "R1", 100)])
    await shop.work()
    assert await shop.differences() == []


async def test_the_warning_of_a_freeze_leaves_out_an_order_that_somebody_works_on(shop: Market) -> None:
    (taken,) = await shop.take(shop.order("A1", "ch", [("ana", 1_000, 0)]))
    warned = "SELECT count(*) FROM storage.event WHERE type = 'order.freeze_will_expire'"
    claim = order_store.FREEZE
    async with shop.context.transaction() as tx:
        due_at = await tx.value("SELECT due_at FROM orders.collection")
    await shop.advance(due_at - BEGIN - timedelta(seconds=1))
    async with shop.context.transaction() as holder:
        await order_store.lock_orders(holder, [taken.order_id])
        async with shop.context.transaction() as tx:
            rows = await tx.rows(claim.claim.replace("org.now", "'infinity'"), [tx.org], 10, None)
            assert [row["order_id"] for row in rows] == [taken.order_id]
            await freeze_due(shop.runtime, tx, rows)
            assert await tx.value(warned) == 0
        await _waits_at_nothing(holder, taken.order_id)
    await shop.advance(timedelta(days=1))
    async with shop.context.transaction() as tx:
        assert await tx.value(warned) == 1
