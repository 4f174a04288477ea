"""Random marketplace programs end with the custody book equal to the simulator's books, on a wallet and on a card scheme."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from cauce.entrypoints.demo.proof import prove
from cauce.entrypoints.demo.stage import Stage
from cauce.flows.marketplace import reconcile
from tests.flows.marketplace import provider_books
from tests.flows.marketplace.programs import open_place, run
from tests.flows.threads import at_work, silent

PROGRAMS = int(os.environ.get("CAUCE_PROGRAMS", "200"))
PROGRAMS_SOAK = 2_000
A_BATCH = 50
PROVIDERS = {"wechat": ("cny", "CN"), "stripe": ("brl", "BR")}


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Thousands of requests and planted faults are not worth a line each."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.configure(**before)


async def _many(dsn: str, home: Path, provider: str, seeds: range, *, keeps: bool = False) -> None:
    currency, country = PROVIDERS[provider]
    async with at_work(dsn, home) as product:
        for first in range(seeds.start, seeds.stop, A_BATCH):
            org = await product.sandbox_org(f"{provider} {first}")
            stage = Stage(product.app, org, product.sandbox_url, silent)
            batch = range(first, min(first + A_BATCH, seeds.stop))
            place = await open_place(stage, provider, currency, country, batch, keeps=keeps)
            await run(place)
            wrong = await provider_books.differences(place)
            assert not wrong, "\n".join(wrong)
            proof = await prove(stage)
            assert proof.holds, proof
            assert await reconcile.check_mirror(stage.context, place.channel_id) == {}


@pytest.mark.parametrize("provider", sorted(PROVIDERS))
async def test_programs_end_in_the_providers_books(dsn: str, tmp_path: Path, provider: str) -> None:
    await _many(dsn, tmp_path, provider, range(PROGRAMS // 2))


@pytest.mark.soak
@pytest.mark.parametrize("provider", sorted(PROVIDERS))
async def test_many_programs_end_in_the_providers_books(dsn: str, tmp_path: Path, provider: str) -> None:
    await _many(dsn, tmp_path, provider, range(10_000, 10_000 + PROGRAMS_SOAK // 2))


@pytest.mark.parametrize("provider", sorted(PROVIDERS))
async def test_programs_that_keep_parts_for_later_end_there_too(dsn: str, tmp_path: Path, provider: str) -> None:
    await _many(dsn, tmp_path, provider, range(20_000, 20_000 + PROGRAMS // 8), keeps=True)
