"""A seller whose customers get instances: the product over a real runner (signed webhooks to its simulator), time in our hands."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from cauce.billing.catalog import service as catalog
from cauce.billing.catalog.policy_parts import InstancePolicy
from cauce.billing.catalog.rules import NewPlan, PlanPolicy
from cauce.billing.customers.rules import CustomerData
from cauce.flows import clock, runner
from cauce.flows.billing import signup
from cauce.flows.billing.signup import SignedUp, Signup
from cauce.flows.context import Context
from cauce.providers.kit.control import SandboxControl
from cauce.reports import instances
from cauce.storage import outbox
from cauce.storage.audit import Actor
from cauce.storage.directory.orgs import Org
from tests.flows.billing.shop import flat, per_unit
from tests.support.runtime import World, world


@dataclass
class Landlord:
    """One organization with one runner."""

    product: World
    org: Org
    channel_id: str
    product_id: str = ""
    policies: dict[str, Any] = field(default_factory=dict)

    @property
    def context(self) -> Context:
        """Work as an operator."""
        return self.product.runtime.context(self.org.id, actor=Actor("person:operator"))

    @property
    def control(self) -> SandboxControl:
        """What steers the runner."""
        return self.product.control(self.org)

    async def plan(
        self, key: str = "team", *, trial_days: int = 14, policy: PlanPolicy | None = None, **more: Any
    ) -> str:
        """A plan that runs instances; `more`: fields of its instance policy."""
        chosen = policy or PlanPolicy(instance=InstancePolicy(**{"runner": "hook", **more}))
        async with self.context.transaction() as tx:
            now = await self.context.now(tx)
            if not self.product_id:
                self.product_id = await catalog.create_product(tx, "app", "The app", now=now)
            prices = (flat(2_900), per_unit("500"))
            plan = NewPlan(key, self.product_id, key.capitalize(), prices, trial_days=trial_days, policy=chosen)
            return await catalog.create_plan(tx, plan, now=now)

    async def sign_up(self, who: str = "ana", plan: str = "team", **more: Any) -> SignedUp:
        """A subscription; what is due now is done."""
        customer = CustomerData(who, email=f"{who}@example.com", name=who.capitalize())
        done = await signup.sign_up(self.context, Signup(customer, plan, "eur", **more))
        await self.work()
        return done

    async def instance(self, done: SignedUp) -> dict[str, Any]:
        """The instance of a subscription as the API shows it."""
        async with self.context.transaction() as tx:
            row = await instances.of_subscription(tx, done.subscription_id)
        assert row is not None
        return dict(row)

    async def at_runner(self) -> dict[str, Any]:
        """What the runner has: instance id -> state, data, operations."""
        found: dict[str, Any] = (await self.control.verb("hook", "instances", {}))["instances"]
        return found

    async def hooks(self) -> list[str]:
        """The hooks that the runner got, in order, repeats too."""
        return [call["operation"] for call in await self.control.calls("hook")]

    async def answer(self, *answers: dict[str, Any]) -> None:
        """What the runner answers to its next hooks."""
        for one in answers:
            await self.control.verb("hook", "answer", one)

    async def story(self, object_id: str) -> list[str]:
        """What happened to an object, in order."""
        async with self.context.transaction() as tx:
            return [row["type"] for row in await outbox.events_of(tx, object_id)]

    async def work(self) -> None:
        """Everything that is due now, until nothing is."""
        await self.advance()

    async def advance(self, **by: int) -> None:
        """Let the clock walk on."""
        async with self.context.transaction() as tx:
            target = await self.context.now(tx) + timedelta(**by)
        await clock.begin_advance(self.context, target)
        while claimed := await runner.claim_jobs(self.product.runtime, [self.org.id], kinds=[clock.ADVANCE_JOB]):
            await runner.run_jobs(self.product.runtime, claimed)


@asynccontextmanager
async def landlord(dsn: str, home: Path) -> AsyncIterator[Landlord]:
    """The product with simulators, a fresh organization and its runner."""
    async with world(dsn, home, sandbox=True) as product:
        org = await product.sandbox_org()
        yield Landlord(product, org, await product.channel(org, "hook"))
