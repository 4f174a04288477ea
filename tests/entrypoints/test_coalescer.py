"""Group commit: everybody gets their own true answer, after durability, whatever happens to the others."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import asyncpg
import pytest

from cauce.entrypoints.api.coalescer import Coalescer
from cauce.kernel.errors import Overloaded, Unavailable
from cauce.ledger.posting import post_at_once
from cauce.ledger.rules import Code, Item, Result
from cauce.storage.database import Database
from tests.slices.ledger.books import balance, codes, count_rows, credit, move, new_org, user


class Door:
    """The real ledger, with what a test wants to happen at its door."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.sizes: list[int] = []
        self.gate: asyncio.Event | None = None
        self.failures: list[Exception] = []
        self.failures_after: list[Exception] = []
        self.poison = ""

    async def __call__(self, org_id: int, items: Sequence[Item]) -> list[Result]:
        self.sizes.append(len(items))
        if self.gate is not None:
            await self.gate.wait()
        if self.failures:
            raise self.failures.pop(0)
        if self.poison and any(getattr(item, "reference", "") == self.poison for item in items):
            raise ValueError("poison")
        results = await post_at_once(self.database, org_id, items)
        if self.failures_after:
            raise self.failures_after.pop(0)
        return results


@pytest.fixture
async def org(shared_database: Database) -> int:
    """An organization whose accounts exist."""
    org_id = await new_org(shared_database)
    await codes(shared_database, org_id, move(user("a"), user("b"), 1), move(user("bank"), credit("c"), 50))
    return org_id


@pytest.fixture
def door(shared_database: Database) -> Door:
    """A door of the test's own."""
    return Door(shared_database)


async def test_concurrent_requests_share_few_commits_and_each_gets_its_own_answer(
    shared_database: Database, door: Door, org: int
) -> None:
    coalescer = Coalescer(door)
    items = [move(credit("c"), user("bank"), 1) if n % 2 else move(user("a"), user("b"), n + 1) for n in range(300)]
    answers = await asyncio.gather(*(coalescer.post(org, [item]) for item in items))
    flat = [answer.code for (answer,) in answers]
    assert flat[::2] == [Code.POSTED] * 150
    assert flat[1::2] == [Code.POSTED] * 50 + [Code.INSUFFICIENT] * 100, "in the order of asking"
    assert len(door.sizes) <= 4 and sum(door.sizes) == 300
    async with shared_database.transaction(org) as tx:
        for item, (answer,) in zip(items, answers, strict=True):
            if answer.code is Code.POSTED:
                assert (
                    await tx.value("SELECT key FROM ledger.journal WHERE org_id = $1 AND id = $2", org, answer.id)
                    == item.key
                )


async def test_an_idle_ledger_is_asked_at_once_and_a_busy_one_in_batches(door: Door, org: int) -> None:
    coalescer, door.gate = Coalescer(door), asyncio.Event()
    first = asyncio.create_task(coalescer.post(org, [move(user("a"), user("b"), 1)]))
    while not door.sizes:
        await asyncio.sleep(0)
    others = [asyncio.create_task(coalescer.post(org, [move(user("a"), user("b"), 1)])) for _ in range(20)]
    await asyncio.sleep(0)
    assert coalescer.waiting(org) == 20
    door.gate.set()
    await asyncio.gather(first, *others)
    assert door.sizes == [1, 20] and coalescer.waiting(org) == 0


async def test_a_full_queue_says_when_to_come_back(door: Door, org: int) -> None:
    coalescer, door.gate = Coalescer(door, waiting_items_max=10), asyncio.Event()
    taken = [asyncio.create_task(coalescer.post(org, [move(user("a"), user("b"), 1)])) for _ in range(1)]
    while not door.sizes:
        await asyncio.sleep(0)
    taken += [asyncio.create_task(coalescer.post(org, [move(user("a"), user("b"), 1)])) for _ in range(10)]
    await asyncio.sleep(0)
    with pytest.raises(Overloaded) as refused:
        await coalescer.post(org, [move(user("a"), user("b"), 1)])
    assert refused.value.retry_after_seconds >= 1
    door.gate.set()
    answers = await asyncio.gather(*taken)
    assert all(answer.code is Code.POSTED for (answer,) in answers)


async def test_a_poison_submission_fails_alone(shared_database: Database, door: Door, org: int) -> None:
    coalescer, door.poison = Coalescer(door), "poison"
    items = [move(user("a"), user("b"), 1, reference="poison" if n in (7, 42) else "fine") for n in range(64)]
    answers = await asyncio.gather(*(coalescer.post(org, [item]) for item in items), return_exceptions=True)
    assert [n for n, answer in enumerate(answers) if isinstance(answer, ValueError)] == [7, 42]
    assert sum(isinstance(answer, list) and answer[0].code is Code.POSTED for answer in answers) == 62
    assert await count_rows(shared_database, org, "journal") == 2 + 62


async def test_a_deadlock_or_a_broken_connection_is_tried_again(door: Door, org: int) -> None:
    coalescer = Coalescer(door)
    door.failures = [asyncpg.DeadlockDetectedError("deadlock"), ConnectionResetError()]
    (answer,) = await coalescer.post(org, [move(user("a"), user("b"), 1)])
    assert answer.code is Code.POSTED and len(door.sizes) == 3


async def test_a_commit_whose_answer_was_lost_is_not_done_twice(
    shared_database: Database, door: Door, org: int
) -> None:
    coalescer = Coalescer(door)
    door.failures_after = [asyncpg.PostgresConnectionError("gone")]
    (answer,) = await coalescer.post(org, [move(user("a"), user("b"), 5)])
    assert answer.code is Code.DUPLICATE and answer.id > 0
    assert await balance(shared_database, org, user("a")) == (6, 0)


async def test_a_database_that_does_not_answer_fails_everybody_at_once(door: Door, org: int) -> None:
    coalescer = Coalescer(door)
    door.failures = [ConnectionRefusedError() for _ in range(50)]
    answers = await asyncio.gather(
        *(coalescer.post(org, [move(user("a"), user("b"), 1)]) for _ in range(8)), return_exceptions=True
    )
    assert all(isinstance(answer, Unavailable) for answer in answers)
    assert len(door.sizes) == 4, "halving would not help"
    door.failures.clear()
    (answer,) = await coalescer.post(org, [move(user("a"), user("b"), 1)])
    assert answer.code is Code.POSTED


async def test_a_caller_that_goes_away_takes_nothing_from_the_others(
    shared_database: Database, door: Door, org: int
) -> None:
    coalescer, door.gate = Coalescer(door), asyncio.Event()
    tasks = [asyncio.create_task(coalescer.post(org, [move(user("a"), user("b"), 1)])) for _ in range(3)]
    while not door.sizes:
        await asyncio.sleep(0)
    late = [asyncio.create_task(coalescer.post(org, [move(user("a"), user("b"), 1)])) for _ in range(3)]
    await asyncio.sleep(0)
    for gone in (tasks[1], late[1]):
        gone.cancel()
    await asyncio.sleep(0)
    door.gate.set()
    answers = await asyncio.gather(*tasks, *late, return_exceptions=True)
    assert [isinstance(answer, asyncio.CancelledError) for answer in answers] == [
        False,
        True,
        False,
        False,
        True,
        False,
    ]
    assert all(answer[0].code is Code.POSTED for answer in answers if isinstance(answer, list))
    # What was under way was posted for the one who left; what still waited was not.
    assert await count_rows(shared_database, org, "journal") == 2 + 3 + 2


async def test_when_the_queue_itself_dies_nobody_is_left_waiting(door: Door, org: int) -> None:
    coalescer, door.gate = Coalescer(door), asyncio.Event()
    tasks = [asyncio.create_task(coalescer.post(org, [move(user("a"), user("b"), 1)])) for _ in range(2)]
    while not door.sizes:
        await asyncio.sleep(0)
    tasks += [asyncio.create_task(coalescer.post(org, [move(user("a"), user("b"), 1)])) for _ in range(2)]
    await asyncio.sleep(0)
    worker = coalescer._queues[org].worker
    assert worker is not None
    worker.cancel()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(answer, Unavailable) for answer in answers)
    door.gate = None
    (answer,) = await coalescer.post(org, [move(user("a"), user("b"), 1)])
    assert answer.code is Code.POSTED


async def test_link_groups_of_two_callers_do_not_melt_into_one(door: Door, org: int) -> None:
    coalescer = Coalescer(door)
    mine = coalescer.post(org, [move(user("a"), user("b"), 1, link="g")])
    theirs = coalescer.post(org, [move(credit("c"), user("b"), 1_000, link="g")])
    (one,), (two,) = await asyncio.gather(mine, theirs)
    assert door.sizes == [2]
    assert (one.code, two.code) == (Code.POSTED, Code.INSUFFICIENT)


async def test_organizations_do_not_wait_for_each_other(shared_database: Database, door: Door, org: int) -> None:
    other = await new_org(shared_database)
    await codes(shared_database, other, move(user("a"), user("b"), 1))
    held = asyncio.Event()

    async def slow_for_one(org_id: int, items: Sequence[Item]) -> list[Result]:
        if org_id == org:
            await held.wait()
        return await door(org_id, items)

    coalescer = Coalescer(slow_for_one)
    waiting = asyncio.create_task(coalescer.post(org, [move(user("a"), user("b"), 1)]))
    (answer,) = await coalescer.post(other, [move(user("a"), user("b"), 1)])
    assert answer.code is Code.POSTED and not waiting.done()
    held.set()
    await waiting


async def test_closing_answers_what_was_taken_and_takes_nothing_more(door: Door, org: int) -> None:
    coalescer = Coalescer(door)
    tasks = [asyncio.create_task(coalescer.post(org, [move(user("a"), user("b"), 1)])) for _ in range(5)]
    await asyncio.sleep(0)
    await coalescer.close()
    answers = await asyncio.gather(*tasks)
    assert all(answer.code is Code.POSTED for (answer,) in answers)
    with pytest.raises(Unavailable):
        await coalescer.post(org, [move(user("a"), user("b"), 1)])
