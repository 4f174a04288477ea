"""The stage: the whole product running in this process, a fresh sandbox organization, and its clock in our hands."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime

from cauce.app import App
from cauce.app.sandbox import connect_sandbox_channel
from cauce.channels import store as channels
from cauce.entrypoints import processes
from cauce.entrypoints.sandbox.apart import simulators_apart
from cauce.flows import clock
from cauce.flows.context import Context
from cauce.gateway.collecting import Operation
from cauce.kernel.clock import wall_now
from cauce.providers.kit.control import SandboxControl
from cauce.settings import Settings
from cauce.storage import orgclock
from cauce.storage.audit import Actor
from cauce.storage.directory import orgs, people
from cauce.storage.directory.orgs import Mode, Org

OWNER = "owner@example.com"
SECOND_PERSON = "finance@example.com"
_LOOK_SECONDS = 50 / 1000
_SIDE_BY_SIDE = 12

Tell = Callable[[str], None]
"""Says one line to whoever watches."""

Shown = Callable[[int, int], None]
"""How far something is, and of how much."""

ShowProgress = Callable[[str], AbstractContextManager[Shown]]
"""Shows the progress of what the text says while the block runs."""


def unseen(_: str) -> AbstractContextManager[Shown]:
    """Nobody watches."""
    return nullcontext(lambda done, total: None)


async def side_by_side(work: Sequence[Callable[[], Awaitable[object]]], shown: Shown | None = None) -> None:
    """Do all of it, a few at a time, as many customers at their own machines would."""
    gate, done = asyncio.Semaphore(_SIDE_BY_SIDE), 0

    async def one(piece: Callable[[], Awaitable[object]]) -> None:
        nonlocal done
        async with gate:
            await piece()
        done += 1
        if shown is not None:
            shown(done, len(work))

    await asyncio.gather(*(one(piece) for piece in work))


@dataclass(frozen=True, slots=True)
class Stage:
    """What stories play on. `tell` is where they say what happens."""

    app: App
    org: Org
    sandbox_url: str
    tell: Tell = field(repr=False)
    progress: ShowProgress = field(default=unseen, repr=False, kw_only=True)

    @property
    def context(self) -> Context:
        """Working as the owner."""
        return self.app.runtime.context(self.org.id, actor=Actor(f"person:{OWNER}"), cause="demo")

    @property
    def second_person(self) -> Context:
        """Working as somebody else, where two are needed."""
        return self.app.runtime.context(self.org.id, actor=Actor(f"person:{SECOND_PERSON}"), cause="demo")

    @property
    def control(self) -> SandboxControl:
        """What steers this organization's simulators."""
        return SandboxControl(self.app.client, self.sandbox_url, self.org.public_id)

    async def collecting(self, channel_id: str, *states: str) -> list[str]:
        """Keys of payments in one of these states, of one order or of a whole cart."""
        async with self.context.transaction() as tx:
            return [
                key
                for operation in (Operation.COLLECT, Operation.COLLECT_COMBINED)
                for state in states
                for key in await channels.keys_in_state(tx, channel_id, operation, state)
            ]

    async def channel(self, provider: str, **options: str) -> str:
        """A channel at the provider's simulator; its id. `options`: which contract, where the provider has several."""
        return await connect_sandbox_channel(
            self.app.runtime, self.app.client, self.org, provider, self.sandbox_url, **options
        )

    async def now(self) -> datetime:
        """The organization's time."""
        async with self.context.transaction() as tx:
            return await orgclock.org_now(tx)

    async def advance(self, target: datetime) -> None:
        """Send the clock to `target` and wait until everything on the way has happened."""
        begun = await clock.begin_advance(self.context, target)
        while True:
            async with self.context.transaction() as tx:
                found = await orgclock.read_advance(tx, begun.id)
            if found.done_at is not None:
                return
            await asyncio.sleep(_LOOK_SECONDS)

    async def settle(self) -> None:
        """Let everything that is due now happen."""
        await self.control.quiet()
        await self.advance(await self.now())

    async def sign_in_link(self) -> str:
        """A link that signs the owner in to the console once."""
        async with self.app.runtime.db.transaction() as tx:
            person_id = await people.add_member(tx, self.org.id, OWNER, people.Role.OWNER, name="Ana")
            token = await people.make_link(tx, person_id, self.org.id, wall_now())
        return f"{self.app.settings.base_url}/sign-in?token={token}"


@asynccontextmanager
async def open_stage(
    settings: Settings, name: str, begins_at: datetime, tell: Tell, progress: ShowProgress = unseen
) -> AsyncIterator[Stage]:
    """Everything running, and a fresh sandbox organization whose clock stands at `begins_at`."""
    async with (
        simulators_apart(settings),
        processes.running(settings, web=True, worker=True, sandbox=False, command="cauce demo") as app,
    ):
        async with app.runtime.db.transaction() as tx:
            org = await orgs.create_org(tx, name, Mode.SANDBOX, frozen_at=begins_at, timezone="UTC")
        yield Stage(app, org, processes.sandbox_url(settings), tell, progress=progress)
