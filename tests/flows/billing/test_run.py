"""The billing run: several workers, a poison subscription, a worker that dies; each period billed once, no number lost."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise
from typing import cast

from cauce.billing.customers.rules import CustomerData
from cauce.billing.subscriptions.sweeps import RENEW
from cauce.flows.billing import renew, signup
from cauce.flows.billing.signup import Signup
from cauce.flows.billing.upcoming import upcoming_invoice
from cauce.flows.context import Runtime
from cauce.storage.database import Row, Tx
from cauce.storage.orgclock import freeze
from cauce.storage.sweeps import Sweep, run_chunk
from tests.flows.billing.shop import BEGIN, Shop, flat, per_unit

MANY = 120
MONTH = timedelta(days=31)


class WorkerDied(OSError):
    """Stands for a worker that is gone: the transaction it held is rolled back."""


async def subscribed(seller: Shop, count: int) -> list[str]:
    """Customers who pay by terms, so that no provider is concerned."""
    await seller.plan("pro", flat(1_000), per_unit("250"))
    found = []
    for n in range(count):
        command = Signup(
            CustomerData(f"c{n}"), "pro", "eur", {"seats": str(n % 5)}, collection="send_invoice", net_days=60
        )
        found.append((await signup.sign_up(seller.context, command)).subscription_id)
    return found


async def worker(seller: Shop, dies_at: Sequence[int] = ()) -> None:
    """A worker that sweeps until nothing is due, dying just before some of its commits."""
    chunks = 0

    async def process(tx: Tx, rows: list[Row]) -> None:
        nonlocal chunks
        chunks += 1
        await renew.run(cast(Runtime, None), tx, rows)
        if chunks in dies_at:
            raise WorkerDied

    small = Sweep(RENEW.name, RENEW.rank, RENEW.find, RENEW.claim, RENEW.set_due, RENEW.next_due, rows_max=7)
    while True:
        try:
            if not await run_chunk(seller.runtime.db, small, [seller.org_id], process):
                return
        except WorkerDied:
            await asyncio.sleep(0)


async def test_two_workers_that_die_bill_every_period_once(seller: Shop) -> None:
    ids = await subscribed(seller, MANY)
    previews = {one: (await upcoming_invoice(seller.context, one)).bill.priced.total_minor for one in ids}
    async with seller.context.transaction() as tx:
        await freeze(tx, BEGIN + MONTH)
    await asyncio.gather(worker(seller, (2, 3, 9)), worker(seller, (1, 5)))
    invoices = [each for one in ids for each in await seller.invoices(one)]
    assert len(invoices) == 2 * MANY
    assert sorted(each["sequence"] for each in invoices) == list(range(1, 2 * MANY + 1))
    run = [each for each in invoices if each["sequence"] > MANY]
    assert {each["subscription_id"]: each["total_minor"] for each in run} == previews
    await seller.prove()


async def test_a_poison_subscription_stands_alone_and_its_neighbours_go_on(seller: Shop) -> None:
    ids = await subscribed(seller, 20)
    async with seller.context.transaction() as tx:
        await tx.run(
            "UPDATE subscriptions.item SET price_id = 'price_gone' WHERE org_id = $1 AND subscription_id = $2",
            tx.org,
            ids[7],
        )
        await freeze(tx, BEGIN + MONTH)
    await worker(seller)
    billed = [len(await seller.invoices(one)) for one in ids]
    assert billed == [2] * 7 + [1] + [2] * 12
    assert await seller.parked() == ["subscriptions.renew: there is no price price_gone"]
    await seller.prove()


async def test_years_of_a_sleeping_system_are_caught_up_in_due_order(seller: Shop) -> None:
    ids = await subscribed(seller, 3)
    async with seller.context.transaction() as tx:
        await freeze(tx, BEGIN + 36 * MONTH)
    await worker(seller)
    for one in ids:
        invoices = await seller.invoices(one)
        assert len(invoices) == 37
        assert all(a["period_end"] == b["period_start"] for a, b in pairwise(invoices))
        assert all(each["issued_on"] == each["period_start"] for each in invoices)
    await seller.prove()
