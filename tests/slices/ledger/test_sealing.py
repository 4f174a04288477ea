"""Seals cover exactly what can no longer grow, whoever posts meanwhile."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from cauce.ledger.posting import post
from cauce.ledger.sealing import find_unsealed, seal, seal_all, unsealed
from cauce.ledger.verify import verify
from cauce.storage.database import Database
from tests.slices.ledger.books import codes, move, new_org, user


@pytest.fixture
async def org(database: Database) -> int:
    """An organization of the test's own."""
    return await new_org(database)


async def test_seals_chain_and_cover_everything(database: Database, org: int) -> None:
    for _ in range(3):
        await codes(database, org, *(move(user("a"), user("b"), 1) for _ in range(10)))
        assert await seal_all(database, org) == 10
    async with database.transaction(org) as tx:
        assert await unsealed(tx) == 0 and await seal(tx) == 0
        assert [row["number"] for row in await tx.rows("SELECT number FROM ledger.seal ORDER BY number")] == [1, 2, 3]
        assert await verify(tx) == []


async def test_a_seal_holds_at_most_so_many_journals(database: Database, org: int) -> None:
    await codes(database, org, *(move(user("a"), user("b"), 1) for _ in range(25)))
    async with database.transaction(org) as tx:
        assert [await seal(tx, 10) for _ in range(4)] == [10, 10, 5, 0]


async def test_nothing_is_sealed_past_a_transaction_that_may_still_post(database: Database, org: int) -> None:
    await codes(database, org, move(user("a"), user("b"), 1), move(user("c"), user("d"), 1))
    async with database.transaction(org) as slow:
        await post(slow, [move(user("a"), user("b"), 2)])
        await codes(database, org, move(user("c"), user("d"), 3))
        assert await seal_all(database, org) == 0
        async with database.transaction(org) as tx:
            assert await unsealed(tx) == 3
    assert await seal_all(database, org) == 4
    async with database.transaction(org) as tx:
        assert await verify(tx) == []


async def test_seals_under_many_writers_never_miss_a_journal(database: Database, org: int) -> None:
    done = asyncio.Event()

    async def writer(name: str) -> None:
        for _ in range(30):
            await codes(database, org, *(move(user(name), user(f"{name}x"), 1) for _ in range(5)))

    async def sealer() -> int:
        count = 0
        while not done.is_set():
            count += await seal_all(database, org)
            await asyncio.sleep(0)
        return count

    sealing = [asyncio.create_task(sealer()) for _ in range(2)]
    await asyncio.gather(*(writer(f"w{number}") for number in range(6)))
    done.set()
    sealed = sum(await asyncio.gather(*sealing)) + await seal_all(database, org)
    assert sealed == 900
    async with database.transaction(org) as tx:
        assert await verify(tx) == []


async def test_sealing_goes_on_in_a_database_whose_transaction_numbers_began_again(
    dsn: str, database: Database, org: int
) -> None:
    """What a restore from a dump looks like: the mark names a transaction that this server has not reached."""
    await codes(database, org, move(user("a"), user("b"), 1))
    owner = await asyncpg.connect(dsn)
    await owner.execute("INSERT INTO ledger.seal_mark VALUES ($1, 1, 10 ^ 15)", org)
    await owner.close()
    assert await seal_all(database, org) == 1


async def test_organizations_with_something_to_seal_are_found(database: Database, org: int) -> None:
    other = await new_org(database)
    await codes(database, org, move(user("a"), user("b"), 1))
    async with database.transaction([org, other]) as tx:
        assert await find_unsealed(tx) == [org]
    await seal_all(database, org)
    async with database.transaction([org, other]) as tx:
        assert await find_unsealed(tx) == []
