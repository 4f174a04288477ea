"""A seller of subscriptions on a frozen clock: catalogue, customers with cards, and what happened as text."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from cauce.billing.catalog import service as catalog
from cauce.billing.catalog.rules import NewPlan, NewPrice, PlanPolicy
from cauce.billing.customers import service as customers
from cauce.billing.customers.rules import CustomerData
from cauce.billing.payments import service as payments
from cauce.billing.subscriptions import service as subscriptions
from cauce.billing.subscriptions.rules import Subscription
from cauce.channels.service import SEND_JOB, create_channel
from cauce.flows import clock, instruct, runner
from cauce.flows.billing import signup, steps
from cauce.flows.billing.signup import SignedUp, Signup
from cauce.flows.context import Context, JobKind, Registry, Runtime
from cauce.gateway.charging import SavedMethod
from cauce.ledger import reading
from cauce.reports import analytics
from cauce.storage import outbox
from cauce.storage.audit import Actor
from cauce.storage.database import SCHEDULER_ROLE, Database, Tx
from cauce.storage.directory.orgs import Mode, create_org
from cauce.storage.sealing import Sealer
from tests.flows.billing.cards import CardClocks, Cards, Desk

BEGIN = datetime(2026, 1, 15, 9, 0, tzinfo=UTC)
CHANNEL = "ch_cards"
REGISTRY = Registry(
    {
        clock.ADVANCE_JOB: clock.ADVANCE,
        SEND_JOB: JobKind(instruct.send),
        instruct.ASK_JOB: JobKind(instruct.ask),
        **steps.JOBS,
    },
    (instruct.ASK_SWEEP, *steps.SWEEPS),
    steps.EVENT_FLOWS,
    concluders=steps.CONCLUDERS,
    unresolved=steps.UNRESOLVED,
)


def flat(amount_minor: int, key: str = "base", currency: str = "eur", **more: Any) -> NewPrice:
    """A monthly base fee."""
    return NewPrice(key, currency, {"type": "flat", "amount_minor": amount_minor}, nickname=key.capitalize(), **more)


def per_unit(unit_amount: str, key: str = "seats", currency: str = "eur", **more: Any) -> NewPrice:
    """A monthly price per unit."""
    return NewPrice(key, currency, {"type": "per_unit", "unit_amount": unit_amount}, nickname=key.capitalize(), **more)


async def all_standings(tx: Tx) -> list[reading.Standing]:
    """Every account of the organization, however many customers it has."""
    found: list[reading.Standing] = []
    while rows := await reading.standings(tx, after=found[-1].id if found else 0, rows_max=1_000):
        found += rows
    return found


@dataclass
class Shop:
    """One organization at work."""

    runtime: Runtime
    org_id: int
    cards: Cards
    product_id: str = ""
    names: dict[str, str] = field(default_factory=dict)

    @property
    def context(self) -> Context:
        """Work as an operator."""
        return self.runtime.context(self.org_id, actor=Actor("person:operator"))

    async def plan(self, key: str, *prices: NewPrice, policy: PlanPolicy | None = None, **more: Any) -> str:
        """A plan of the one product."""
        async with self.context.transaction() as tx:
            now = await self.context.now(tx)
            if not self.product_id:
                self.product_id = await catalog.create_product(tx, "app", "The app", now=now)
            plan = NewPlan(
                key,
                more.pop("product_id", self.product_id),
                key.capitalize(),
                prices,
                policy=policy or PlanPolicy(),
                **more,
            )
            return await catalog.create_plan(tx, plan, now=now)

    async def sign_up(self, who: str, plan: str, **more: Any) -> SignedUp:
        """A subscription for the customer with this external id; what is due now is done."""
        about = {name: more.pop(name) for name in ("timezone", "country", "email", "tax_treatment") if name in more}
        command = Signup(CustomerData(who, name=who.capitalize(), **about), plan, more.pop("currency", "eur"), **more)
        done = await signup.sign_up(self.context, command)
        self.names[done.customer_id] = who
        await self.work()
        return done

    async def card(self, who: str, behaviour: str = "good", fingerprint: str = "") -> str:
        """Put a card on file, as a finished set-up would, before the customer has any subscription; its id."""
        async with self.context.transaction() as tx:
            now = await self.context.now(tx)
            customer, _ = await customers.put(tx, CustomerData(who, name=who.capitalize()), now=now, actor="test")
            self.names[customer.id] = who
            ref = f"pm_{who}_{behaviour}_{len(self.cards.cards)}"
            self.cards.cards[ref] = behaviour
            saved = SavedMethod(ref, "card", "visa", "4242", date(2030, 1, 1), fingerprint or f"fp_{ref}")
            method, _ = await payments.save_method(tx, customer.id, CHANNEL, f"c_{customer.id}", saved, now=now)
            return method.id

    async def subscription(self, subscription_id: str) -> Subscription:
        """The subscription as it stands."""
        async with self.context.transaction() as tx:
            return await subscriptions.read(tx, subscription_id)

    async def invoices(self, subscription_id: str) -> list[dict[str, Any]]:
        """The subscription's invoices in order of number, each with its lines."""
        async with self.context.transaction() as tx:
            found = await tx.rows(
                "SELECT * FROM invoicing.invoice WHERE org_id = $1 AND subscription_id = $2 ORDER BY sequence",
                tx.org,
                subscription_id,
            )
            lines = await tx.rows(
                "SELECT l.* FROM invoicing.line l WHERE l.org_id = $1 AND l.subscription_id = $2 ORDER BY invoice_id, number",
                tx.org,
                subscription_id,
            )
        return [
            {**dict(one), "lines": [dict(line) for line in lines if line["invoice_id"] == one["id"]]} for one in found
        ]

    async def story(self, object_id: str) -> list[str]:
        """What happened to an object, in order."""
        async with self.context.transaction() as tx:
            return [row["type"] for row in await outbox.events_of(tx, object_id)]

    async def access(self, subscription_id: str) -> str:
        """The level that the subscription gives."""
        async with self.context.transaction() as tx:
            level: str = await tx.value(
                "SELECT level FROM entitlements.access WHERE org_id = $1 AND subscription_id = $2",
                tx.org,
                subscription_id,
            )
            return level

    async def books(self) -> list[str]:
        """Every account that is not empty, as `code: amount on its own side`, with names for customers."""
        async with self.context.transaction() as tx:
            found = await all_standings(tx)
            assert all(not total.balance_minor for total in await reading.trial_balance(tx))
        lines = []
        for one in found:
            if one.balance_minor:
                code = ":".join(self.names.get(part, part) for part in one.account.code.split(":"))
                lines.append(f"{code}: {one.normal_minor}")
        return sorted(lines)

    async def prove(self) -> None:
        """Lines sum to invoices, open invoices to receivables, deferred lines to the account, numbers have no gap."""
        async with self.context.transaction() as tx:
            wrong = await tx.rows(
                "SELECT i.number FROM invoicing.invoice i JOIN LATERAL (SELECT coalesce(sum(l.total_minor), 0) AS total,"
                " coalesce(sum(l.tax_minor), 0) AS tax FROM invoicing.line l WHERE l.org_id = i.org_id AND l.invoice_id = i.id) s ON true"
                " WHERE i.org_id = $1 AND (s.total <> i.total_minor OR s.tax <> i.tax_minor)",
                tx.org,
            )
            assert not wrong, wrong
            owed = await tx.value(
                "SELECT coalesce(sum(total_minor - credit_minor - paid_minor - credited_minor - lost_minor), 0)"
                " FROM invoicing.invoice WHERE org_id = $1 AND status = 'open'",
                tx.org,
            )
            deferred = await tx.value(
                "SELECT coalesce(sum(net_minor - credited_net_minor - recognized_minor), 0) FROM invoicing.line l"
                " WHERE l.org_id = $1 AND deferred",
                tx.org,
            )
            gaps = await tx.value(
                "SELECT count(*) FROM (SELECT sequence, row_number() OVER (ORDER BY sequence) AS n FROM invoicing.invoice"
                " WHERE org_id = $1 AND sequence IS NOT NULL) s WHERE sequence <> n",
                tx.org,
            )
            found = await all_standings(tx)
            assert all(not total.balance_minor for total in await reading.trial_balance(tx))
            await prove_figures(tx, owed)
        assert gaps == 0
        assert sum(one.normal_minor for one in found if one.account.code.endswith(":receivable")) == owed
        assert sum(one.normal_minor for one in found if one.account.code == "deferred") == deferred

    async def parked(self) -> list[str]:
        """What could not be processed."""
        async with self.context.transaction() as tx:
            rows = await tx.rows("SELECT sweep, error FROM storage.parked WHERE org_id = $1", tx.org)
            jobs = await tx.rows("SELECT kind, error FROM storage.job WHERE org_id = $1 AND error IS NOT NULL", tx.org)
        return [f"{row[0]}: {row[1]}" for row in (*rows, *jobs)]

    async def work(self) -> None:
        """Everything that is due now, until nothing is."""
        await self.advance(timedelta(0))

    async def advance(self, by: timedelta) -> None:
        """Let the clock walk on."""
        async with self.context.transaction() as tx:
            target = await self.context.now(tx) + by
        await self.advance_to(target)

    async def advance_to(self, target: datetime) -> None:
        """Let the clock walk to an instant."""
        await clock.begin_advance(self.context, target)
        await self.walk()
        async with self.context.transaction() as tx:
            assert await self.context.now(tx) == target
        assert await self.parked() == []

    async def walk(self) -> None:
        """Do what the clock's present advance asks for, to its end."""
        while True:
            claimed = await runner.claim_jobs(self.runtime, [self.org_id], kinds=[clock.ADVANCE_JOB])
            if not claimed:
                break
            await runner.run_jobs(self.runtime, claimed)


@asynccontextmanager
async def shop(dsn: str, cards: Cards | None = None, *, begin: datetime = BEGIN) -> AsyncIterator[Shop]:
    """A sandbox organization with a channel at a card company."""
    db = await Database.connect(dsn)
    scheduler = await Database.connect(dsn, role=SCHEDULER_ROLE, connections_max=2)
    sealer = Sealer.of(b"k" * 32)
    company = cards or Cards(now=begin)
    try:
        async with db.transaction() as tx:
            org = await create_org(tx, "Shop", Mode.SANDBOX, frozen_at=begin)
        runtime = Runtime(
            db=db,
            scheduler=scheduler,
            sealer=sealer,
            gateways=Desk(company),
            registry=REGISTRY,
            sandbox_clocks=CardClocks(company),
        )
        async with db.transaction(org.id) as tx:
            await create_channel(tx, sealer, "cards", "Cards", settings={}, secrets={}, channel_id=CHANNEL)
        yield Shop(runtime, org.id, company)
    finally:
        await scheduler.close()
        await db.close()


async def prove_figures(tx: Tx, owed_minor: int) -> None:
    """The figures that grew with what happened are those that counting everything anew gives, folded or not."""
    far = date(2190, 1, 1)
    counted = await tx.row(
        "SELECT (SELECT coalesce(sum(mrr_minor), 0)::bigint FROM subscriptions.subscription WHERE org_id = $1) AS mrr,"
        " (SELECT coalesce(sum(total_minor), 0)::bigint FROM invoicing.invoice WHERE org_id = $1 AND finalized_at IS NOT NULL) AS invoiced,"
        " (SELECT coalesce(sum(amount_minor), 0)::bigint FROM payments.payment WHERE org_id = $1) AS collected,"
        " (SELECT coalesce(sum(refunded_minor), 0)::bigint FROM payments.payment WHERE org_id = $1) AS refunded,"
        " (SELECT coalesce(sum(recovered_minor), 0)::bigint FROM payments.dunning_case WHERE org_id = $1) AS recovered,"
        " (SELECT coalesce(sum(total_minor), 0)::bigint FROM invoicing.credit_note WHERE org_id = $1 AND voided_at IS NULL) AS credited",
        tx.org,
    )
    assert counted is not None
    statuses = await tx.rows(
        "SELECT status, count(*) AS many FROM subscriptions.subscription WHERE org_id = $1 GROUP BY status", tx.org
    )
    for _ in ("as they came", "folded"):
        found = await analytics.summary(tx, date(1970, 1, 1), far)
        for name in ("mrr", "invoiced", "collected", "refunded", "recovered", "credited"):
            assert sum(one[f"{name}_minor"] for one in found) == counted[name], name
        assert sum(one["outstanding_minor"] for one in found) == owed_minor
        assert sum(row["amount_minor"] for row in await analytics.ageing(tx, far)) == owed_minor
        by_state: dict[str, int] = {}
        for one in await analytics.states(tx, far):
            by_state[one["state"]] = by_state.get(one["state"], 0) + one["subscriptions"]
        assert {k: v for k, v in by_state.items() if v} == {row["status"]: row["many"] for row in statuses}
        await analytics.fold(tx, 100_000)
    deferred = await analytics.deferred_schedule(tx)
    left = await tx.value(
        "SELECT coalesce(sum(net_minor - credited_net_minor - recognized_minor), 0)::bigint FROM invoicing.line"
        " WHERE org_id = $1 AND deferred",
        tx.org,
    )
    assert sum(row["amount_minor"] for row in deferred) == left
