"""Group commit: those who come together are done together, and one that fails harms nobody."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from cauce.flows.context import Context, Runtime
from cauce.flows.together import together
from cauce.storage import jobs
from cauce.storage.database import Database, Tx
from cauce.storage.directory.orgs import Org
from cauce.storage.gathering import Gathering
from cauce.storage.jobs import Job, LeaseLost
from tests.storage.test_jobs import claim, let_leases_run_out, new
from tests.support import toy


async def _all(runtime: Runtime, org: Org, claimed: Sequence[Job], name: str, act: Any) -> list[Any]:
    contexts = [(runtime.context(org.id).for_job(job), job) for job in claimed]
    answers = [together(one, name, job.payload["name"], act) for one, job in contexts]
    return await asyncio.gather(*answers, return_exceptions=True)


class Doubling:
    """Doubles numbers; the whole group fails when there is a zero in it."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []

    async def __call__(self, numbers: Sequence[int]) -> list[int | BaseException]:
        self.groups.append(list(numbers))
        await asyncio.sleep(0)
        if 0 in numbers:
            raise ZeroDivisionError
        return [OverflowError() if number > 100 else 2 * number for number in numbers]


async def test_those_who_come_at_the_same_moment_are_done_in_one_group() -> None:
    work = Doubling()
    gathering = Gathering(work)
    assert await asyncio.gather(*(gathering.do(n) for n in range(1, 6))) == [2, 4, 6, 8, 10]
    assert work.groups == [[1, 2, 3, 4, 5]]
    assert gathering.is_idle


async def test_one_that_fails_fails_alone() -> None:
    gathering = Gathering(Doubling())
    found = await asyncio.gather(*(gathering.do(n) for n in (1, 0, 101, 3)), return_exceptions=True)
    assert (found[0], found[3]) == (2, 6)
    assert isinstance(found[1], ZeroDivisionError)
    assert isinstance(found[2], OverflowError)


async def test_one_that_goes_away_takes_nothing_from_the_others() -> None:
    work = Doubling()
    gathering = Gathering(work)
    leaving, staying = asyncio.create_task(gathering.do(1)), asyncio.create_task(gathering.do(2))
    await asyncio.sleep(0)
    leaving.cancel()
    assert await staying == 4
    assert await gathering.do(5) == 10


async def test_a_job_whose_lease_has_ended_takes_no_part_in_a_shared_transaction(
    database: Database, org: Org, dsn: str
) -> None:
    async with database.transaction(org.id) as tx:
        await jobs.enqueue(tx, [new("late")])
    (late,) = await claim(database, org)
    await let_leases_run_out(dsn)
    async with database.transaction(org.id) as tx:
        await jobs.enqueue(tx, [new("a"), new("b")])
    in_time = await claim(database, org)
    transactions: list[Tx] = []

    async def note(_context: Context, tx: Tx, names: list[str]) -> list[str]:
        transactions.append(tx)
        return [name.upper() for name in names]

    async with toy.toy_runtime(dsn, database) as runtime:
        found = await _all(runtime, org, (*in_time, late), "note", note)
    assert found[:2] == ["A", "B"]
    assert isinstance(found[2], LeaseLost)
    assert len(transactions) == 1


async def test_a_shared_transaction_that_fails_is_done_again_one_by_one(database: Database, org: Org, dsn: str) -> None:
    async with database.transaction(org.id) as tx:
        await jobs.enqueue(tx, [new(name) for name in ("good", "poison", "fine")])
    claimed = await claim(database, org)

    async def spend(_context: Context, tx: Tx, names: list[str]) -> list[str]:
        await jobs.enqueue(tx, [new(f"{name} paid") for name in names])
        if "poison" in names:
            raise ValueError(names)
        return names

    async with toy.toy_runtime(dsn, database) as runtime:
        found = await _all(runtime, org, claimed, "spend", spend)
    assert [one if isinstance(one, str) else type(one) for one in found] == ["good", ValueError, "fine"]
    async with database.transaction(org.id) as tx:
        kept = [row["payload"]["name"] for row in await jobs.page(tx) if row["state"] == "waiting"]
    assert sorted(kept) == ["fine paid", "good paid"]


async def test_jobs_are_proved_in_one_statement(database: Database, org: Org, dsn: str) -> None:
    async with database.transaction(org.id) as tx:
        await jobs.enqueue(tx, [new(f"j{n}") for n in range(3)])
    claimed = await claim(database, org)
    async with database.transaction(org.id) as tx:
        assert await jobs.prove(tx, claimed) == {job.id for job in claimed}
    await let_leases_run_out(dsn)
    async with database.transaction(org.id) as tx:
        assert await jobs.prove(tx, claimed) == set()
