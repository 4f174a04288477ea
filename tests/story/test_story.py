"""From the pricing page to the return: told plainly, with dying workers, with doubled webhooks, and by hand. One outcome.

A fifth run has no help desk: the chat is our own, and all else is the same.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from cauce.entrypoints.worker.loop import Worker
from tests.entrypoints.screenshots import CHROMIUM
from tests.story.harm import Echo, dying_workers
from tests.story.people import Customer, Operator
from tests.story.stage import Stage, open_stage
from tests.story.telling import Story

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM, reason="no Chromium on this machine; as root on Debian: apt install chromium"),
]


@asynccontextmanager
async def working(stage: Stage) -> AsyncIterator[None]:
    """A worker beside the block."""
    worker = Worker(stage.product.runtime, poll_millis=100)
    task = asyncio.create_task(worker.run())
    try:
        yield
    finally:
        worker.stop()
        await task


async def told(story: Story) -> dict[str, Any]:
    """What a run comes to; where it breaks, what both browsers show is said with it."""
    try:
        return await story.play()
    except BaseException as exc:
        for page in (story.stage.customer, story.stage.operator):
            exc.add_note(f"{page.url}\n{(await page.locator('body').inner_text())[:2_000]}")
        failed = "SELECT kind, state, error FROM storage.job WHERE org_id = $1 AND error <> ''"
        exc.add_note(str(await story.stage.rows(failed)))
        raise


@pytest.fixture(scope="module")
async def plain(shared_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the story comes to when nothing goes wrong."""
    async with open_stage(shared_dsn, tmp_path_factory.mktemp("home")) as stage, working(stage):
        return await told(Story(stage, Customer(stage), Operator(stage)))


def test_the_story_told_plainly(plain: dict[str, Any]) -> None:
    assert [one[1] for one in plain["invoices"]] == ["paid"] * len(plain["invoices"])
    assert [one[3] for one in plain["invoices"]] == [5_800, 8_300, 5_800, 5_800]  # the second with the extra charge
    assert plain["instances"] == [("ready", "running", "")]
    assert {row[2] for row in plain["messages"]} == {"sent"}
    assert len(plain["said"]) == 2


@pytest.mark.soak
async def test_a_worker_killed_at_every_step_changes_nothing(plain: dict[str, Any], dsn: str, tmp_path: Path) -> None:
    async with open_stage(dsn, tmp_path) as stage, dying_workers(stage, seed=7) as mortals:
        story = Story(stage, Customer(stage), Operator(stage), mortals.before_step)
        assert await told(story) == plain
        assert mortals.deaths >= 6


@pytest.mark.soak
async def test_every_webhook_doubled_and_told_again_in_any_order_changes_nothing(
    plain: dict[str, Any], dsn: str, tmp_path: Path
) -> None:
    async with open_stage(dsn, tmp_path) as stage, working(stage):
        echo = Echo(stage, random.Random(7))
        await echo.double()
        assert await told(Story(stage, Customer(stage), Operator(stage), echo.before_step)) == plain


@pytest.mark.soak
async def test_every_step_by_hand_changes_nothing(plain: dict[str, Any], dsn: str, tmp_path: Path) -> None:
    async with open_stage(dsn, tmp_path) as stage, working(stage):
        operator = Operator(stage, by_hand=True)
        await operator.take_over_every_step()
        assert await told(Story(stage, Customer(stage), operator)) == plain
        done = await stage.rows("SELECT DISTINCT step FROM relations.task WHERE org_id = $1 AND state = 'done'")
        assert {"instance.provision", "trial.end", "invoice.collect", "subscription.renew"} <= {
            one["step"] for one in done
        }


async def test_without_a_help_desk_only_the_help_desk_is_missing(
    plain: dict[str, Any], dsn: str, tmp_path: Path
) -> None:
    async with open_stage(dsn, tmp_path, help_desk=False) as stage, working(stage):
        outcome = await told(Story(stage, Customer(stage), Operator(stage)))
    plain["outside"].pop("help desk")
    assert outcome == plain
