"""What the story plays on: the whole product with its pages, simulators, real instances, a worker, and its clock in our hands."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Page, async_playwright

from cauce.app import connect_app
from cauce.app.sandbox import connect_sandbox_channel
from cauce.billing.catalog import service as catalog
from cauce.billing.catalog.policy_parts import InstancePolicy
from cauce.billing.catalog.rules import NewPlan, PlanPolicy
from cauce.billing.outreach import tracks
from cauce.entrypoints.api.app import create_api
from cauce.entrypoints.console.routes import console_routes
from cauce.entrypoints.portal.routes import portal_routes
from cauce.flows import clock, portal_settings
from cauce.flows.context import Context
from cauce.kernel.clock import wall_now
from cauce.providers.kit.control import SandboxControl
from cauce.providers.kit.sandbox import create_sandbox_app
from cauce.providers.kit.serving import serving
from cauce.storage import jobs, orgclock
from cauce.storage.audit import Actor
from cauce.storage.directory import people
from cauce.storage.directory.orgs import Mode, Org, create_org
from cauce.storage.directory.people import Role
from tests.entrypoints.screenshots import CHROMIUM, OPTIONS
from tests.flows.billing.shop import flat, per_unit
from tests.support.runtime import World, _free_port, settings_for

BEGIN = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)  # a Monday
OWNER = "ana@studio.example"
PLAN = "studio"
LOOK_SECONDS = 50 / 1000
PROVIDERS = ("stripe", "smtp", "demo_app")
HELP_DESK = "intercom"
GOALS = (
    tracks.Goal("project_made", "Make a project", "https://studio.example/help/project"),
    tracks.Goal("colleague_invited", "Invite a colleague", "https://studio.example/help/colleague"),
)


@dataclass
class Stage:
    """The product, one organization with its channels, and two browsers: the customer's and the operator's."""

    product: World
    org: Org
    customer: Page
    operator: Page
    channels: dict[str, str] = field(default_factory=dict)

    @property
    def help_desk(self) -> bool:
        """Whether the chat is that of a help desk, and not our own."""
        return HELP_DESK in self.channels

    @property
    def context(self) -> Context:
        """Work as the owner."""
        return self.product.runtime.context(self.org.id, actor=Actor(f"person:{OWNER}"))

    @property
    def control(self) -> SandboxControl:
        """What steers the simulators."""
        return self.product.control(self.org)

    @property
    def portal(self) -> str:
        """The address of the hosted pages."""
        return f"{self.product.runtime.public_url}/portal/{self.org.public_id}"

    @property
    def console(self) -> str:
        """The address of the console."""
        return f"{self.product.runtime.public_url}/console"

    async def now(self) -> datetime:
        """The organization's time."""
        async with self.context.transaction() as tx:
            return await orgclock.org_now(tx)

    async def advance(self, target: datetime) -> None:
        """Send the clock to `target`; the worker walks it there."""
        begun = await clock.begin_advance(self.context, target)
        while True:
            async with self.context.transaction() as tx:
                found = await orgclock.read_advance(tx, begun.id)
            if found.done_at is not None:
                assert found.error is None, found.error
                return
            await asyncio.sleep(LOOK_SECONDS)

    async def next_due(self) -> datetime | None:
        """When something happens next: a due row, a job, a simulator's timer."""
        async with self.context.transaction() as tx:
            found = [await tx.value(kind.sweep.next_due, tx.org) for kind in self.product.runtime.registry.sweeps]
            found.append(await jobs.next_due(tx))
        found.append(await self.control.next_timer_at())
        return min((at for at in found if at is not None), default=None)

    async def mails(self, to: str) -> list[dict[str, Any]]:
        """What the mail sink keeps for an address, oldest first."""
        kept = (await self.control.verb("smtp", "messages", {"to": to}))["messages"]
        return sorted(kept, key=lambda mail: str(mail["at"]))

    async def rows(self, query: str, *arguments: object) -> list[dict[str, Any]]:
        """Rows of this organization ($1 is its number)."""
        async with self.context.transaction() as tx:
            return [dict(row) for row in await tx.rows(query, tx.org, *arguments)]


@asynccontextmanager
async def open_stage(dsn: str, home: Path, *, help_desk: bool = True) -> AsyncIterator[Stage]:
    """Everything but a worker, and a fresh organization that sells one plan with a trial and instances."""
    async with AsyncExitStack() as stack:
        os.environ["CAUCE_HOME"] = str(home)  # where demo applications live, for us and for workers of their own
        sandbox_url = await stack.enter_async_context(serving(create_sandbox_app()))
        port = await _free_port()
        settings = settings_for(home, port=port)
        app = await connect_app(settings, dsn, stack, sandbox_url=sandbox_url)
        api = create_api(app.runtime, settings, pages=[*console_routes(), *portal_routes()])
        url = await stack.enter_async_context(serving(api, port=port))
        async with app.runtime.db.transaction() as tx:
            org = await create_org(tx, "Studio", Mode.SANDBOX, frozen_at=BEGIN)
        playwright = await stack.enter_async_context(async_playwright())
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        stack.push_async_callback(browser.close)
        stage = Stage(World(app, url, sandbox_url), org, await _page(browser), await _page(browser))
        await _set_up(stage, help_desk)
        try:
            yield stage
        finally:
            await stage.control.verb("demo_app", "stop", {})


async def _page(browser: Browser) -> Page:
    context = await browser.new_context(locale="en-US")
    page = await context.new_page()
    page.set_default_timeout(120_000)
    return page


async def _set_up(stage: Stage, help_desk: bool) -> None:
    app = stage.product.app
    for provider in (*PROVIDERS, HELP_DESK) if help_desk else PROVIDERS:
        stage.channels[provider] = await connect_sandbox_channel(
            app.runtime, app.client, stage.org, provider, stage.product.sandbox_url
        )
    await stage.control.set_clock(BEGIN)
    async with stage.context.transaction() as tx:
        product_id = await catalog.create_product(tx, "studio", "Studio", now=BEGIN, actor=stage.context.actor.name)
        plan = NewPlan(
            PLAN,
            product_id,
            "Studio",
            (flat(4_900), per_unit("900")),
            trial_days=14,
            policy=PlanPolicy(instance=InstancePolicy(runner="demo_app")),
        )
        await catalog.create_plan(tx, plan, now=BEGIN, actor=stage.context.actor.name)
        await tracks.put_goals(tx, PLAN, GOALS)
        chat = stage.channels.get(HELP_DESK, "")
        await portal_settings.save_settings(tx, stage.context, origins=[], redirects=[], chat_channel=chat)
    async with app.runtime.db.transaction() as tx:
        person_id = await people.add_member(tx, stage.org.id, OWNER, Role.OWNER, name="Ana")
        token = await people.make_link(tx, person_id, stage.org.id, wall_now())
    await stage.operator.goto(f"{stage.product.runtime.public_url}/sign-in?token={token}")
    await stage.operator.click("button")
