"""Several processes on one channel keep its pace together."""

from __future__ import annotations

import asyncio
from itertools import pairwise

from cauce.channels import store
from cauce.channels.service import reserve_calls
from cauce.providers.kit.rate import RateLimiter
from cauce.storage.database import Database
from tests.support import toy

INTERVAL, SLACK = 40_000, 160_000


async def test_processes_take_places_in_one_line_that_never_overlap(database: Database) -> None:
    org = await toy.make_org(database)
    taken: list[tuple[int, int]] = []

    async def process(calls: int) -> None:
        for _ in range(10):
            async with database.transaction(org.id) as tx:
                first, now = await store.reserve_calls(tx, "ch_a", calls, INTERVAL, SLACK)
            assert first >= now - SLACK, "a line that rested makes up no more than its slack"
            taken.append((first, calls))

    await asyncio.gather(process(1), process(3), process(5))
    taken.sort()
    for (first, calls), (following, _) in pairwise(taken):
        assert following >= first + calls * INTERVAL
    async with database.transaction(org.id) as tx:
        first, now = await store.reserve_calls(tx, "ch_b", 1, INTERVAL, SLACK)
    assert first == now - SLACK, "another channel has a line of its own"


async def test_a_call_goes_at_a_place_of_its_process_and_places_are_asked_for_as_many_as_wait(
    database: Database,
) -> None:
    org = await toy.make_org(database)
    asked: list[int] = []

    async def reserve(calls: int, interval_micros: int, slack_micros: int) -> int:
        asked.append(calls)
        async with database.transaction(org.id) as tx:
            return await reserve_calls(tx, "ch_a", calls, interval_micros, slack_micros)

    limiters = [RateLimiter(1_000, burst=10, reserve=reserve) for _ in range(2)]
    went = await asyncio.gather(*(limiter.take(60) for limiter in limiters for _ in range(40)))
    assert all(went)
    assert sum(asked) >= 80, "no call goes without a place; one that a place passed by takes another"
    assert max(asked) == 10
    before = len(asked)
    assert await RateLimiter(0, reserve=reserve).take(0)
    assert len(asked) == before, "where nothing is limited nobody is asked"
