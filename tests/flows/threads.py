"""Both threads, played whole against the simulators, and their books as text that two runs can be compared by."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from cauce.entrypoints.demo import market, shop
from cauce.entrypoints.demo.proof import prove
from cauce.entrypoints.demo.stage import Stage
from cauce.entrypoints.worker.loop import Worker
from cauce.reports import activity
from tests.support.runtime import World, world


@dataclass(frozen=True, slots=True)
class FaultyStage(Stage):
    """A stage on which one call to a provider goes wrong: the one after `skip` others."""

    fault: str = ""
    skip: int = 0

    async def channel(self, provider: str, **options: str) -> str:
        """The channel, with its fault waiting."""
        channel_id = await Stage.channel(self, provider, **options)
        if self.fault == "callbacks":
            await self.control.callback_rule(provider, "duplicate", times=1_000)
        elif self.fault:
            await self.control.fault(provider, self.fault, skip=self.skip)
        return channel_id


def silent(_line: str) -> None:
    """Nobody watches."""


@asynccontextmanager
async def at_work(dsn: str, home: Path) -> AsyncIterator[World]:
    """The product with API, simulators and one worker."""
    async with world(dsn, home, sandbox=True) as product:
        worker = Worker(product.runtime, poll_millis=100)
        task = asyncio.create_task(worker.run())
        try:
            yield product
        finally:
            worker.stop()
            await task


async def stage_of(product: World, fault: str = "", skip: int = 0) -> Stage:
    """A fresh organization to play in, where one call goes wrong."""
    return FaultyStage(product.app, await product.sandbox_org(), product.sandbox_url, silent, fault, skip)


async def play_market(stage: Stage, provider: str, currency: str, country: str) -> list[str]:
    """Three orders from payment to payout; the books."""
    place = await market.open_market(stage, provider, currency, country)
    sold = await market.sell(stage, place, 3)
    await stage.advance(sold.last_delivery_at + timedelta(days=15))
    assert await market.owned_by_sellers(stage, place) == await market.owned_at_provider(stage, place)
    return await books(stage, dict(zip(place.seller_ids, market.SELLERS, strict=True)))


async def play_shop(stage: Stage, provider: str) -> list[str]:
    """A trial, a card, three invoices; the books."""
    await shop.play(stage, await shop.open_shop(stage, provider))
    return await books(stage, {})


async def books(stage: Stage, names: dict[str, str]) -> list[str]:
    """Every account that holds anything, with names for numbers that differ from run to run."""
    assert (await prove(stage)).holds
    async with stage.context.transaction() as tx:
        rows = await activity.accounts(tx, rows_max=1_000)
    lines = []
    for row in rows:
        parts = [
            names.get(part, "*" if "_" in part and part[-1].isalnum() and len(part) > 20 else part)
            for part in row["code"].split(":")
        ]
        lines.append(
            f"{row['book']} {':'.join(parts)} {row['currency']} {row['balance_minor']} held {row['held_minor']}"
        )
    return sorted(lines)
