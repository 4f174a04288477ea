"""What goes wrong in the runs that are not plain: workers that die, webhooks that come twice and late, in any order."""

from __future__ import annotations

import asyncio
import random
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.story.stage import Stage
from tests.support import product_worker

CALLERS = ("stripe", "intercom")
_LATEST_COMMIT = 25


@dataclass
class Mortals:
    """Workers in processes of their own. Each step begins with one killed, and with one that dies at some commit of it."""

    stage: Stage
    seed: int
    process: subprocess.Popen[bytes] | None = None
    deaths: int = 0
    stopping: bool = False
    _dice: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._dice = random.Random(self.seed)

    async def before_step(self, _step: str) -> None:
        """kill -9, and the next one dies by itself soon."""
        if self.process is not None:
            self.process.kill()
        self.process = self._start(self._dice.randrange(1, _LATEST_COMMIT))

    async def watch(self) -> None:
        """Whoever died is followed by one that lives."""
        while not self.stopping:
            if self.process is not None and self.process.poll() is not None:
                self.deaths += 1
                self.process = self._start(0)
            await asyncio.sleep(0.1)

    def _start(self, die_at: int) -> subprocess.Popen[bytes]:
        return product_worker.start(self.stage.product, die_at, after=self._dice.random() < 0.5)


@asynccontextmanager
async def dying_workers(stage: Stage, seed: int) -> AsyncIterator[Mortals]:
    """Workers beside the block, none of which lives long."""
    mortals = Mortals(stage, seed)
    watching = asyncio.create_task(mortals.watch())
    try:
        yield mortals
    finally:
        mortals.stopping = True
        await watching
        if mortals.process is not None:
            mortals.process.terminate()
            await asyncio.to_thread(mortals.process.wait)


@dataclass(frozen=True, slots=True)
class Echo:
    """Every webhook comes twice at once, and once more after its step, in any order."""

    stage: Stage
    dice: random.Random

    async def double(self) -> None:
        """From now on; and what tells of a payment overtakes the answer to the request that caused it."""
        await self.stage.control.callback_rule("stripe", "before_reply", kind="payment_intent.*", times=100_000)
        for caller in CALLERS:
            await self.stage.control.callback_rule(caller, "duplicate", times=100_000, copies=2)

    async def before_step(self, _step: str) -> None:
        """What was told in the steps before is told again."""
        for caller in CALLERS:
            told = await self.stage.control.callbacks(caller)
            self.dice.shuffle(told)
            for callback in told:
                await self.stage.control.resend(caller, callback["id"])
        await self.stage.control.quiet()
