"""From the pricing page to the return: told plainly, with dying workers, with doubled webhooks, and by hand. One outcome."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from cauce.entrypoints.worker.loop import Worker
from tests.entrypoints.screenshots import CHROMIUM
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


async def plainly(dsn: str, home: Path) -> dict[str, Any]:
    """What the story comes to when nothing goes wrong."""
    async with open_stage(dsn, home) as stage, working(stage):
        return await told(Story(stage, Customer(stage), Operator(stage)))


async def told(story: Story) -> dict[str, Any]:
    """What a run comes to; where it breaks, what both browsers show is said with it."""
    try:
        return await story.play()
    except Exception as exc:
        for page in (story.stage.customer, story.stage.operator):
            exc.add_note(f"{page.url}\n{(await page.locator('body').inner_text())[:2_000]}")
        exc.add_note(
            str(await story.stage.rows("SELECT kind, state, error FROM storage.job WHERE org_id = $1 AND error <> ''"))
        )
        raise


async def test_the_story_told_plainly(dsn: str, tmp_path: Path) -> None:
    outcome = await plainly(dsn, tmp_path)
    assert [one[1] for one in outcome["invoices"]] == ["paid"] * len(outcome["invoices"])
    assert outcome["instances"] == [("ready", "running", "")]
