"""A seller with a mail relay and (when wanted) a help desk at the simulators, its clock frozen, walked by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cauce.billing.catalog import service as catalog
from cauce.billing.catalog.rules import NewPlan, NewPrice, PlanPolicy
from cauce.billing.customers.rules import CustomerData
from cauce.billing.outreach import service as outreach
from cauce.flows import clock, runner
from cauce.flows.billing import signup
from cauce.flows.billing.signup import SignedUp, Signup
from cauce.flows.context import Context
from cauce.storage import outbox
from cauce.storage.audit import Actor
from cauce.storage.database import Row
from cauce.storage.directory.orgs import Org
from tests.support.runtime import BEGIN, World, world


@dataclass
class Office:
    """One organization at work."""

    product: World
    org: Org
    plan_key: str = ""
    channels: dict[str, str] = field(default_factory=dict)

    @property
    def context(self) -> Context:
        """Work as an operator."""
        return self.product.runtime.context(self.org.id, actor=Actor("person:operator"))

    async def plan(
        self, key: str = "pro", *, trial_days: int = 14, policy: PlanPolicy | None = None, amount_minor: int = 3000
    ) -> str:
        """A monthly plan of 30.00 EUR with a trial."""
        async with self.context.transaction() as tx:
            now = await self.context.now(tx)
            product = await catalog.create_product(tx, f"product-{key}", "The app", now=now)
            price = NewPrice("base", "eur", {"type": "flat", "amount_minor": amount_minor}, nickname="Base")
            plan = NewPlan(
                key, product, key.capitalize(), (price,), policy=policy or PlanPolicy(), trial_days=trial_days
            )
            await catalog.create_plan(tx, plan, now=now)
        return key

    async def sign_up(self, who: str, plan: str = "pro", **more: Any) -> SignedUp:
        """A subscription for `who` (mail to `<who>@example.com`); what is due now is done."""
        names = ("timezone", "country", "email", "locale", "name")
        about = {name: more.pop(name) for name in names if name in more}
        data = CustomerData(who, **{"email": f"{who}@example.com", "name": who.capitalize(), **about})
        done = await signup.sign_up(self.context, Signup(data, plan, "eur", **more))
        await self.advance(timedelta(0))
        return done

    async def mails(self, to: str = "") -> list[dict[str, Any]]:
        """What arrived at the relay, oldest first; for `<to>@example.com` or all."""
        body = {"to": f"{to}@example.com"} if to else {}
        found: list[dict[str, Any]] = (await self.control.verb("smtp", "messages", body))["messages"]
        return found

    async def subjects(self, to: str) -> list[str]:
        """The subjects of what arrived for somebody."""
        return [mail["subject"] for mail in await self.mails(to)]

    async def messages(self, customer_id: str = "") -> list[Row]:
        """Our rows, oldest first."""
        async with self.context.transaction() as tx:
            return list(reversed(await outreach.messages(tx, customer_id=customer_id, rows_max=500)))

    async def story(self, object_id: str) -> list[str]:
        """What happened to an object, in order."""
        async with self.context.transaction() as tx:
            return [row["type"] for row in await outbox.events_of(tx, object_id)]

    @property
    def control(self) -> Any:
        """What steers the simulators."""
        return self.product.control(self.org)

    async def now(self) -> datetime:
        """The organization's time."""
        async with self.context.transaction() as tx:
            return await self.context.now(tx)

    async def advance(self, by: timedelta) -> None:
        """Let the clock walk on."""
        await self.advance_to(await self.now() + by)

    async def advance_to(self, target: datetime) -> None:
        """Let the clock walk to an instant; nothing may be left behind broken."""
        await clock.begin_advance(self.context, target)
        runtime = self.product.runtime
        while True:
            claimed = await runner.claim_jobs(runtime, [self.org.id], kinds=[clock.ADVANCE_JOB])
            if not claimed:
                break
            await runner.run_jobs(runtime, claimed)
        assert await self.now() == target
        assert await self.troubles() == []

    async def troubles(self) -> list[str]:
        """What could not be processed."""
        async with self.context.transaction() as tx:
            rows = await tx.rows("SELECT sweep, error FROM storage.parked WHERE org_id = $1", tx.org)
            jobs = await tx.rows("SELECT kind, error FROM storage.job WHERE org_id = $1 AND state = 'buried'", tx.org)
        return [f"{row[0]}: {row[1]}" for row in (*rows, *jobs)]


@asynccontextmanager
async def office(dsn: str, home: Path, *channels: str, begin: datetime = BEGIN) -> AsyncIterator[Office]:
    """A sandbox organization with these channels at the simulators."""
    async with world(dsn, home, sandbox=True) as product:
        org = await product.sandbox_org("Office", frozen_at=begin)
        place = Office(product, org)
        for provider in channels:
            place.channels[provider] = await product.channel(org, provider)
        yield place
