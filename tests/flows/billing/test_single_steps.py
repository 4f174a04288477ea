"""Each step alone by hand, or after approval, ends as by itself (O10): one life per step and mode, side by side in one seller.

Every life has a plan of its own, in which one step waits for a person; one plan waits for nobody. All live through the
same days, and whatever waits is done before the clock walks on. Then ledger, invoices, payments, messages, mails, events,
campaigns and instances of each are those of the life that waited for nobody.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cauce.billing.catalog import service as catalog
from cauce.billing.catalog.policy_parts import DunningPolicy, InstancePolicy
from cauce.billing.catalog.rules import NewPlan, PlanPolicy
from cauce.billing.customers.rules import CustomerData
from cauce.billing.relations.rules import Mode
from cauce.flows import automation, clock, runner
from cauce.flows.automation_steps import STEPS
from cauce.flows.billing import cancel, correct, methods, signup
from cauce.flows.billing.signup import SignedUp, Signup
from cauce.flows.context import Context
from cauce.reports import automation as report
from cauce.storage import jobs
from cauce.storage.audit import Actor
from cauce.storage.directory.orgs import Org
from tests.flows.billing.shop import flat
from tests.support.runtime import BEGIN, World, world

ELSEWHERE = {"payout.send", "subscription.lapse"}
"""Payouts belong to the marketplace, `test_payout_approvals` plays them by hand; nobody's time runs out in this life."""

OURS = [step.name for step in STEPS if step.name not in ELSEWHERE]
OFTEN = {
    "instance.provision": Mode.MANUAL,
    "trial.end": Mode.ASSISTED,
    "invoice.collect": Mode.MANUAL,
    "subscription.renew": Mode.ASSISTED,
    "payment.retry": Mode.MANUAL,
}
"""What is played with every change; all steps in either mode with the full counts."""

BY_ITSELF = "by itself"
DAYS = 170
OUTCOMES = {
    "ledger": "SELECT a.code, p.currency, a.balance_minor FROM ledger.account a JOIN ledger.pool p ON p.org_id = a.org_id AND p.id = a.pool_id"
    " WHERE a.org_id = $1 AND (a.code LIKE '%' || $2 || '%' OR a.code LIKE '%' || $3 || '%') ORDER BY a.code",
    "invoices": "SELECT status, reason, total_minor, paid_minor, credited_minor, issued_on::text, period_start::text FROM invoicing.invoice"
    " WHERE org_id = $1 AND customer_id = $2 ORDER BY id",
    "payments": "SELECT amount_minor, refunded_minor, paid_at::date::text FROM payments.payment WHERE org_id = $1 AND customer_id = $2 ORDER BY id",
    "messages": "SELECT template, channel, state, created_at::date::text FROM outreach.message WHERE org_id = $1 AND customer_id = $2 ORDER BY 4, 1",
    "campaigns": "SELECT campaign, step, state, reason FROM outreach.step WHERE org_id = $1 AND customer_id = $2 ORDER BY 1, 2, 3, 4",
    "events": "SELECT e.type, coalesce(m.created_at, e.occurred_at)::date::text FROM storage.event e LEFT JOIN outreach.message m ON m.org_id = e.org_id"
    " AND m.id = e.object_id WHERE e.org_id = $1 AND e.customer_id = $2 AND e.type NOT LIKE 'task.%' ORDER BY 2, 1",
    "instances": "SELECT state, wanted, failure FROM provisioning.instance WHERE org_id = $1 AND customer_id = $2",
    "access": "SELECT level FROM entitlements.access WHERE org_id = $1 AND customer_id = $2",
}


@dataclass
class Life:
    """A customer of the plan in which `step` waits ("" for none)."""

    step: str
    mode: Mode
    product_id: str = ""
    done: SignedUp | None = None

    @property
    def name(self) -> str:
        return f"{self.step} {self.mode}" if self.step else BY_ITSELF

    @property
    def key(self) -> str:
        return re.sub(r"\W", "-", self.name)

    @property
    def customer_id(self) -> str:
        assert self.done is not None
        return self.done.customer_id


@dataclass
class House:
    """A seller with a card company, a mail relay and a runner of instances, all at the simulators."""

    product: World
    org: Org
    cards: str

    @property
    def context(self) -> Context:
        return self.product.runtime.context(self.org.id, actor=Actor("person:operator"))

    async def open(self, lives: Sequence[Life]) -> None:
        policy = PlanPolicy(instance=InstancePolicy(runner="hook"), dunning=DunningPolicy(grace_days=3))
        async with self.context.transaction() as tx:
            now = await self.context.now(tx)
            for one in lives:
                one.product_id = await catalog.create_product(tx, one.key, "The app", now=now)
                plan = NewPlan(one.key, one.product_id, "Team", (flat(2_900),), trial_days=14, policy=policy)
                await catalog.create_plan(tx, plan, now=now)
        for one in lives:
            if one.step:
                await automation.set_mode(self.context, one.step, one.mode, one.key)

    async def card(self, one: Life, behaviour: str) -> None:
        """A card at the provider's form, charged from now on."""
        command = methods.BeginSetup(one.customer_id, self.cards, "https://shop.example/back")
        begun = await methods.begin_setup(self.context, command)
        await self.settle()
        await self.product.control(self.org).payer("stripe", "approve", key=begun.setup_id, method=behaviour)
        await self.settle()
        async with self.context.transaction() as tx:
            saved = (await methods.read_setup(tx, begun.setup_id)).method_id
        assert saved is not None
        await methods.make_default(self.context, one.customer_id, saved)

    async def settle(self) -> None:
        """Everything that is due now happens, what waits for a person too."""
        for _ in range(50):
            await self.product.control(self.org).quiet()
            await self._walk(await self.now())
            async with self.context.transaction() as tx:
                waiting = [row["id"] for row in await report.tasks(tx)]
            if not waiting:
                return
            for task_id in waiting:
                await automation.release(self.context, task_id)
        raise AssertionError("there is always another task")

    async def until(self, target: datetime) -> None:
        """From one due step to the next."""
        while True:
            await self.settle()
            due_at = await self.next_due()
            if due_at is None or due_at > target:
                break
            await self._walk(max(due_at, await self.now()))
        await self._walk(target)
        await self.settle()

    async def next_due(self) -> datetime | None:
        async with self.context.transaction() as tx:
            found = [await tx.value(kind.sweep.next_due, tx.org) for kind in self.product.runtime.registry.sweeps]
            found.append(await jobs.next_due(tx))
        found.append(await self.product.control(self.org).next_timer_at())
        return min((at for at in found if at is not None), default=None)

    async def now(self) -> datetime:
        async with self.context.transaction() as tx:
            return await self.context.now(tx)

    async def _walk(self, target: datetime) -> None:
        await clock.begin_advance(self.context, target)
        while claimed := await runner.claim_jobs(self.product.runtime, [self.org.id], kinds=[clock.ADVANCE_JOB]):
            await runner.run_jobs(self.product.runtime, claimed)

    async def outcome(self, one: Life) -> dict[str, Any]:
        """What a life came to, without the names that differ."""

        def plain(value: object) -> object:
            return re.sub(r"[a-z]+_[0-9a-z]{26}", "*", value) if isinstance(value, str) else value

        found: dict[str, Any] = {}
        async with self.context.transaction() as tx:
            for name, query in OUTCOMES.items():
                more = (one.customer_id, one.product_id) if "$3" in query else (one.customer_id,)
                found[name] = [tuple(map(plain, row)) for row in await tx.rows(query, tx.org, *more)]
        mails = (await self.product.control(self.org).verb("smtp", "messages", {"to": f"{one.key}@example.com"}))[
            "messages"
        ]
        return {**found, "mails": sorted(re.sub(r"INV-\d+", "INV", mail["subject"]) for mail in mails)}


async def live(house: House, lives: Sequence[Life]) -> dict[str, dict[str, Any]]:
    """Trial, its end, a card, a refund, renewals, a card that is refused until access ends, a return, a cancellation."""
    await house.open(lives)

    async def day(number: int) -> None:
        await house.until(BEGIN + timedelta(days=number))

    for one in lives:
        person = CustomerData(one.key, email=f"{one.key}@example.com", name="Ana")
        one.done = await signup.sign_up(house.context, Signup(person, one.key, "eur"))
    await day(16)
    for one in lives:
        await house.card(one, "good")
    await day(20)
    for one in lives:
        async with house.context.transaction() as tx:
            paid = await tx.value(
                "SELECT id FROM invoicing.invoice WHERE org_id = $1 AND customer_id = $2 AND status = 'paid' ORDER BY id LIMIT 1",
                tx.org, one.customer_id,
            )  # fmt: skip
        await correct.credit_invoice(
            house.context, correct.CreditInvoice(paid, "kindness", total_minor=900, refund=True)
        )
    await day(50)
    for one in lives:
        await house.card(one, "insufficient_funds")
    await day(100)
    for one in lives:
        await house.card(one, "good")
    await day(103)
    for one in lives:
        assert one.done is not None
        await cancel.cancel(house.context, cancel.Cancel(one.done.subscription_id))
    await day(DAYS)
    return {one.name: await house.outcome(one) for one in lives}


@pytest.fixture
async def house(dsn: str, tmp_path: Path) -> AsyncIterator[House]:
    async with world(dsn, tmp_path, sandbox=True) as product:
        org = await product.sandbox_org(frozen_at=BEGIN)
        cards = await product.channel(org, "stripe")
        for provider in ("smtp", "hook"):
            await product.channel(org, provider)
        await product.control(org).set_clock(BEGIN)
        yield House(product, org, cards)


async def compare(house: House, lives: Sequence[Life]) -> None:
    found = await live(house, [Life("", Mode.AUTOMATIC), *lives])
    plain = found.pop(BY_ITSELF)
    seen = {kind for kind, _ in plain["events"]}
    missing = {step.name for step in STEPS if step.name in OURS and not seen & {*step.events, *step.failures}}

    assert missing == set(), "the life comes to every step"
    differing = {
        (name, part): (sorted(set(outcome[part]) - set(plain[part])), sorted(set(plain[part]) - set(outcome[part])))
        for name, outcome in found.items()
        for part in plain
        if outcome[part] != plain[part]
    }
    assert differing == {}
    async with house.context.transaction() as tx:
        done = await tx.rows(
            "SELECT DISTINCT step, plan_key FROM relations.task WHERE org_id = $1 AND state = 'done'", tx.org
        )
    assert {(one.step, one.key) for one in lives} == {(row["step"], row["plan_key"]) for row in done}


async def test_a_step_alone_by_hand_or_after_approval_ends_as_by_itself(house: House) -> None:
    await compare(house, [Life(step, mode) for step, mode in OFTEN.items()])


@pytest.mark.soak
async def test_each_step_in_either_mode_ends_as_by_itself(house: House) -> None:
    await compare(house, [Life(step, mode) for step in OURS for mode in (Mode.MANUAL, Mode.ASSISTED)])
