"""kill -9 of the worker at any commit of both threads, before it or after it: the next worker ends in the same books."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.flows.threads import at_work, play_market, play_shop, stage_of
from tests.support import product_worker
from tests.support.runtime import World, world

MARKET = ("stripe", "brl", "BR")
COMMITS_SOAK = 120


@asynccontextmanager
async def dying_at(product: World, *commits: int, after: bool = False) -> AsyncIterator[None]:
    """Workers beside the block, one after the other: those that die at these commits, then one that lives."""
    stopped = asyncio.Event()

    async def keep_working() -> None:
        dying = iter(commits)
        while not stopped.is_set():
            die_at = next(dying, 0)
            process = product_worker.start(product, die_at, after=after)
            ended = asyncio.create_task(asyncio.to_thread(process.wait))
            stopping = asyncio.create_task(stopped.wait())
            await asyncio.wait({ended, stopping}, return_when=asyncio.FIRST_COMPLETED)
            stopping.cancel()
            if not ended.done():
                process.terminate()
            await ended

    keeper = asyncio.create_task(keep_working())
    try:
        yield
    finally:
        stopped.set()
        await keeper


@pytest.mark.parametrize(("commit", "after"), [(11, False), (47, True)])
async def test_a_market_whose_worker_is_killed_ends_in_the_same_books(
    dsn: str, tmp_path: Path, commit: int, after: bool
) -> None:
    async with at_work(dsn, tmp_path) as product:
        plain = await play_market(await stage_of(product), *MARKET)
    async with world(dsn, tmp_path, sandbox=True) as product, dying_at(product, commit, after=after):
        assert await play_market(await stage_of(product), *MARKET) == plain


@pytest.mark.parametrize(("commit", "after"), [(19, True)])
async def test_a_subscription_whose_worker_is_killed_ends_in_the_same_books(
    dsn: str, tmp_path: Path, commit: int, after: bool
) -> None:
    async with at_work(dsn, tmp_path) as product:
        plain = await play_shop(await stage_of(product), "stripe")
    async with world(dsn, tmp_path, sandbox=True) as product, dying_at(product, commit, after=after):
        assert await play_shop(await stage_of(product), "stripe") == plain


@pytest.mark.soak
@pytest.mark.parametrize("after", [False, True])
async def test_a_worker_may_die_at_any_commit(dsn: str, tmp_path: Path, after: bool) -> None:
    async with at_work(dsn, tmp_path) as product:
        market, shop = (
            await play_market(await stage_of(product), *MARKET),
            await play_shop(await stage_of(product), "stripe"),
        )
    for commit in range(1, COMMITS_SOAK):
        async with world(dsn, tmp_path, sandbox=True) as product, dying_at(product, commit, after=after):
            assert await play_market(await stage_of(product), *MARKET) == market
            assert await play_shop(await stage_of(product), "stripe") == shop
