"""Holds whose time ran out are swept, on the organization's own clock, whatever captures meanwhile."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from cauce.flows.holds import expire_due
from cauce.ledger.holds import EXPIRY
from cauce.ledger.rules import Code
from cauce.storage.database import SCHEDULER_ROLE, Database, Row, Tx
from cauce.storage.directory.orgs import Mode, create_org
from cauce.storage.sweeps import find_orgs, next_due, parked, run_chunk, unpark
from tests.slices.ledger.books import balance, capture, codes, credit, fresh_key, hold, move, user

NOW = datetime(2026, 3, 1, tzinfo=UTC)
SOON = NOW + timedelta(days=1)


@pytest.fixture
async def org(database: Database) -> int:
    """A sandbox whose clock is frozen at `NOW`, with money on a customer's account."""
    async with database.transaction() as tx:
        org_id = (await create_org(tx, "Test", Mode.SANDBOX, frozen_at=NOW)).id
    await codes(database, org_id, move(user("bank"), credit("c"), 1_000))
    return org_id


async def process(tx: Tx, rows: list[Row]) -> None:
    """The flow, which needs nothing of its runtime."""
    await expire_due(None, tx, rows)  # type: ignore[arg-type]


async def advance(database: Database, org: int, instant: datetime) -> None:
    """Set the frozen clock."""
    async with database.transaction(org) as tx:
        await tx.run("UPDATE directory.org SET clock_frozen_at = $2 WHERE id = $1", org, instant)


async def test_a_hold_expires_when_its_time_has_come_and_not_before(dsn: str, database: Database, org: int) -> None:
    key, wallet = fresh_key(), credit("c")
    await codes(database, org, hold(wallet, 400, key=key, expires_at=SOON), hold(wallet, 100))
    scheduler = await Database.connect(dsn, role=SCHEDULER_ROLE)
    async with scheduler.transaction() as tx:
        assert await find_orgs(tx, EXPIRY) == []
    assert await run_chunk(database, EXPIRY, [org], process) == 0
    async with database.transaction(org) as tx:
        assert await next_due(tx, EXPIRY) == SOON
    await advance(database, org, SOON)
    async with scheduler.transaction() as tx:
        assert await find_orgs(tx, EXPIRY) == [org]
    await scheduler.close()
    assert await run_chunk(database, EXPIRY, [org], process) == 1
    assert await run_chunk(database, EXPIRY, [org], process) == 0
    assert await balance(database, org, wallet) == (-1_000, 100)
    assert await codes(database, org, capture(key, wallet, move(wallet, user("bank"), 1))) == [Code.HOLD_NOT_OPEN]


async def test_a_captured_hold_is_not_due(database: Database, org: int) -> None:
    key, wallet = fresh_key(), credit("c")
    await codes(
        database,
        org,
        hold(wallet, 400, key=key, expires_at=SOON),
        capture(key, wallet, move(wallet, user("bank"), 400)),
    )
    await advance(database, org, SOON)
    assert await run_chunk(database, EXPIRY, [org], process) == 0


async def test_captures_and_expiries_race_without_deadlock_and_one_wins_each_hold(database: Database, org: int) -> None:
    wallet, keys = credit("c"), [fresh_key() for _ in range(60)]
    await codes(database, org, *(hold(wallet, 10, key=key, expires_at=NOW) for key in keys))

    async def take(key: str) -> Code:
        (code,) = await codes(database, org, capture(key, wallet, move(wallet, user("bank"), 10)))
        return code

    async def sweep() -> None:
        while await run_chunk(database, EXPIRY, [org], process):
            pass

    *answers, _, _ = await asyncio.gather(*(take(key) for key in keys), sweep(), sweep())
    taken = answers.count(Code.POSTED)
    assert set(answers) <= {Code.POSTED, Code.HOLD_NOT_OPEN}
    assert await balance(database, org, wallet) == (-1_000 + 10 * taken, 0)
    async with database.transaction(org) as tx:
        assert await parked(tx) == []
        states = await tx.value(
            "SELECT count(*) FILTER (WHERE state = 'expired') FROM ledger.hold WHERE org_id = $1", org
        )
    assert states == 60 - taken


async def test_a_hold_that_cannot_expire_is_parked_alone_and_can_be_let_go(database: Database, org: int) -> None:
    wallet, keys = credit("c"), [fresh_key() for _ in range(5)]
    await codes(database, org, *(hold(wallet, 10, key=key, expires_at=NOW) for key in keys))

    async def stumble(tx: Tx, rows: list[Row]) -> None:
        if any(row["key"] == keys[2] for row in rows):
            raise ValueError("poison")
        await process(tx, rows)

    await run_chunk(database, EXPIRY, [org], stumble)
    assert await balance(database, org, wallet) == (-1_000, 10)
    async with database.transaction(org) as tx:
        (stuck,) = await parked(tx)
        assert stuck["row_key"] == keys[2]
        await unpark(tx, EXPIRY, keys[2])
    await run_chunk(database, EXPIRY, [org], process)
    assert await balance(database, org, wallet) == (-1_000, 0)
