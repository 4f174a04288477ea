"""The billing run under workers that are killed at random: each period billed once, no number lost, the books balanced."""

from __future__ import annotations

import asyncio
import random

import pytest
from benchmarks.bench import Bench
from benchmarks.billing import seed as seed_subscriptions

from cauce.billing.subscriptions import service as subscriptions
from cauce.flows.billing.renew import preview_renewals
from cauce.ledger.verify import verify
from cauce.storage.database import Database
from cauce.storage.directory.orgs import Mode
from tests.support import billing_worker, toy

pytestmark = pytest.mark.asyncio


async def bill_under_kills(dsn: str, database: Database, seed: int, *, count: int, sample: int, rows_max: int) -> int:
    """Bill `count` subscriptions with two workers of which one dies again and again; how many deaths there were."""
    chance = random.Random(seed)
    org_id = (await toy.make_org(database, Mode.LIVE)).id
    await seed_subscriptions(Bench(dsn, 1), database, org_id, count, count, "active")
    previews = await preview(database, org_id, chance.sample(range(1, count + 1), sample))
    deaths = 0
    while await due(database, org_id):
        die_at = chance.randint(1, 4) if deaths < 6 else 0
        pair = [billing_worker.start(dsn, org_id, rows_max, die_at, after=chance.random() < 0.5)]
        pair.append(billing_worker.start(dsn, org_id, rows_max, die_at and chance.randint(1, 6), after=False))
        codes = [await asyncio.to_thread(process.wait, 1_800) for process in pair]
        assert set(codes) <= {0, -9}, codes
        deaths += codes.count(-9)
    await prove(database, org_id, count, previews)
    return deaths


async def preview(database: Database, org_id: int, numbers: list[int]) -> dict[str, int]:
    """What single previews say that these subscriptions will be billed."""
    found = {}
    async with database.transaction(org_id) as tx:
        for number in numbers:
            one = await subscriptions.read(tx, f"sub_{number:026}")
            (invoice,) = await preview_renewals(tx, [one])
            found[one.id] = invoice.total_minor
    return found


async def due(database: Database, org_id: int) -> int:
    async with database.transaction(org_id) as tx:
        return int(await tx.value("SELECT count(*) FROM subscriptions.subscription WHERE due_at <= now()"))


async def prove(database: Database, org_id: int, count: int, previews: dict[str, int]) -> None:
    """Exactly `count` invoices, numbered 1 to `count`, as previewed, and as much in the books as on the invoices."""
    async with database.transaction(org_id) as tx:
        row = await tx.row(
            "SELECT count(*) AS many, count(DISTINCT subscription_id) AS each, min(sequence) AS first, max(sequence) AS last, "
            "count(DISTINCT sequence) AS numbers, sum(total_minor)::bigint AS total FROM invoicing.invoice"
        )
        assert row is not None
        assert (row["many"], row["each"], row["first"], row["last"], row["numbers"]) == (count, count, 1, count, count)
        billed = await tx.rows(
            "SELECT subscription_id, total_minor FROM invoicing.invoice WHERE subscription_id = ANY ($1)",
            list(previews),
        )
        assert {one["subscription_id"]: one["total_minor"] for one in billed} == previews
        owed = await tx.value(
            "SELECT sum(balance_minor)::bigint FROM ledger.account WHERE code LIKE 'customer:%:receivable'"
        )
        assert owed == row["total"]
        assert await tx.value("SELECT count(*) FROM ledger.journal") == count
        assert await tx.value("SELECT sum(balance_minor)::bigint FROM ledger.account") == 0
        assert await verify(tx) == []


async def test_two_workers_killed_at_random_bill_every_period_once(fault_dsn: str, fault_database: Database) -> None:
    assert await bill_under_kills(fault_dsn, fault_database, 1, count=300, sample=40, rows_max=20) > 0


@pytest.mark.soak
async def test_a_hundred_thousand_as_well(fault_dsn: str, fault_database: Database) -> None:
    assert await bill_under_kills(fault_dsn, fault_database, 2, count=100_000, sample=1_000, rows_max=2_000) > 0
