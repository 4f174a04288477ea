"""A marketplace on a frozen clock: an organization, channels at banks in memory, merchants, a rule, and its books as text."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from cauce.channels.service import SEND_JOB, create_channel
from cauce.flows import automation_steps, clock, giving_up, instruct, runner
from cauce.flows.context import Context, JobKind, Registry, Runtime
from cauce.flows.marketplace import merchants, orders, steps
from cauce.flows.marketplace.orders import Taken
from cauce.ledger import reading
from cauce.ledger.rules import Book
from cauce.marketplace.merchants.rules import NewAccount, NewMerchant
from cauce.marketplace.orders import store as order_store
from cauce.marketplace.orders.rules import NewLine, NewOrder, NewPayment
from cauce.storage.audit import Actor
from cauce.storage.database import SCHEDULER_ROLE, Database, Tx
from cauce.storage.directory.orgs import Mode, create_org
from cauce.storage.sealing import Sealer
from tests.flows.marketplace.bank import Bank, Desk

BEGIN = datetime(2026, 1, 15, 9, 0, tzinfo=UTC)  # a Thursday
REGISTRY = Registry(
    {
        clock.ADVANCE_JOB: clock.ADVANCE,
        SEND_JOB: JobKind(instruct.send, step=automation_steps.instruction),
        instruct.ASK_JOB: JobKind(instruct.ask),
        giving_up.GIVE_UP_JOB: JobKind(giving_up.end_given_up),
        **steps.JOBS,
    },
    (instruct.ASK_SWEEP, *steps.SWEEPS),
    steps.EVENT_FLOWS,
    concluders=steps.CONCLUDERS,
    mismatched=steps.MISMATCHED,
)
COMMISSION = {
    "name": "commission",
    "currency": "brl",
    "base": "lines",
    "parts": [
        {"to": "fee", "kind": "percent", "value": "0.12"},
        {"to": "party:seller", "kind": "remainder"},
    ],
}


@dataclass
class BankClocks:
    """Keeps the banks' clocks where the organization's is."""

    banks: list[Bank] = field(default_factory=list)

    async def next_timer_at(self, org_id: int) -> datetime | None:
        return None

    async def set(self, org_id: int, instant: datetime) -> datetime | None:
        for bank in self.banks:
            bank.now = instant
        return await self.next_timer_at(org_id)


@dataclass
class Market:
    """One organization at work."""

    runtime: Runtime
    org_id: int
    banks: dict[str, Bank]
    sellers: dict[str, str] = field(default_factory=dict)
    rule_id: str = ""

    @property
    def context(self) -> Context:
        """Work as the operator who makes things."""
        return self.runtime.context(self.org_id, actor=Actor("person:maker"))

    @property
    def checker(self) -> Context:
        """Work as the second person."""
        return self.runtime.context(self.org_id, actor=Actor("person:checker"))

    async def rule(self, document: dict[str, Any]) -> str:
        """Draft a rule and let the second person activate it."""
        rule_id, version = await merchants.draft_split_rule(self.context, document)
        await merchants.activate_split_rule(self.checker, rule_id, version)
        return rule_id

    async def seller(self, name: str, **account: Any) -> str:
        """A merchant with an active account at every channel."""
        (merchant_id,) = await merchants.create_merchants(self.context, [NewMerchant(name, external_id=name)])
        await merchants.connect_merchants(
            self.context,
            [NewAccount(merchant_id, one, ref=f"acct_{name}", agreement="A-1", **account) for one in self.banks],
        )
        self.sellers[name] = merchant_id
        return merchant_id

    def order(
        self, number: str, channel: str, lines: Sequence[tuple[str, int, int]], *payments: int, **more: Any
    ) -> NewOrder:
        """An order of (seller, price, freight) lines; without payments one over the total."""
        return NewOrder(
            external_id=number,
            channel_id=channel,
            currency="brl",
            lines=tuple(NewLine(self.sellers[name], price, freight) for name, price, freight in lines),
            rule_id=more.pop("rule_id", self.rule_id),
            placed_at=more.pop("placed_at", BEGIN),
            payments=tuple(NewPayment(amount) for amount in payments),
            **more,
        )

    async def take(self, *new: NewOrder) -> list[Taken]:
        """Take orders and let everything run that is due."""
        found = await orders.take_orders(self.context, new)
        await self.work()
        return found

    async def work(self) -> None:
        """Everything that is due now, until nothing is."""
        await self.advance(timedelta(0))

    async def advance(self, by: timedelta) -> None:
        """Let the clock walk on."""
        async with self.context.transaction() as tx:
            target = await self.context.now(tx) + by
        await clock.begin_advance(self.context, target)
        while True:
            claimed = await runner.claim_jobs(self.runtime, [self.org_id], kinds=[clock.ADVANCE_JOB])
            if not claimed:
                break
            await runner.run_jobs(self.runtime, claimed)
        async with self.context.transaction() as tx:
            assert await self.context.now(tx) == target

    async def books(self) -> list[str]:
        """Every account that is not empty, as `book code: amount on its own side`, with names for merchants."""
        names = {merchant: name for name, merchant in self.sellers.items()}
        async with self.context.transaction() as tx:
            found = await reading.standings(tx, rows_max=1_000)
        lines = []
        for one in found:
            if one.balance_minor:
                code = ":".join(names.get(part, part) for part in one.account.code.split(":"))
                lines.append(f"{one.account.book} {code}: {one.normal_minor}")
        return sorted(lines)

    async def differences(self) -> list[str]:
        """Where the custody book and the banks' own books differ, and trial balances that are not zero."""
        async with self.context.transaction() as tx:
            found = await reading.standings(tx, rows_max=1_000)
            wrong = [f"{total}" for total in await reading.trial_balance(tx) if total.balance_minor]
            wrong += await _escrow_columns(tx, found)
        wrong += _fee_mirror(found)
        for channel_id, bank in self.banks.items():
            mine = [one for one in found if one.account.channel_id == channel_id]
            for name, merchant in self.sellers.items():
                ours = sum(one.normal_minor for one in mine if one.account.code.startswith(f"member:{merchant}:"))
                theirs = bank.available.get(f"acct_{name}", 0)
                if ours != theirs:
                    wrong.append(f"{channel_id} {name}: ours {ours}, theirs {theirs}")
            parked = sum(one.normal_minor for one in mine if one.account.code.startswith(("escrow:", "refund_in")))
            fee = sum(one.normal_minor for one in mine if one.account.code == "fee")
            theirs = sum(held.frozen for held in bank.held.values())
            pool = 0 if bank.owned else bank.available.get("", 0)
            if parked + fee != theirs + pool:
                wrong.append(f"{channel_id}: parked {parked}, fee {fee}, theirs {theirs + pool}")
        return wrong


async def _escrow_columns(tx: Tx, found: Sequence[reading.Standing]) -> list[str]:
    """What collections say they hold in escrow is what the ledger says, order by order."""
    booked = {
        one.account.code.removeprefix("escrow:"): one.normal_minor for one in found if "escrow:" in one.account.code
    }
    said: dict[str, int] = {}
    for row in await order_store.collections_of(tx, list(booked)):
        said[row["order_id"]] = said.get(row["order_id"], 0) + row["escrow_minor"]
    return [
        f"{key}: said {said.get(key)}, booked {minor}" for key, minor in booked.items() if said.get(key, 0) != minor
    ]


def _fee_mirror(found: Sequence[reading.Standing]) -> list[str]:
    fee = sum(one.normal_minor for one in found if one.account.code == "fee")
    due = sum(one.normal_minor for one in found if one.account.code == "fee_due_from_custody")
    assert all(one.account.book is Book.PLATFORM for one in found if one.account.code == "revenue")
    return [] if fee == due else [f"fee {fee}, due from custody {due}"]


@asynccontextmanager
async def market(dsn: str, banks: dict[str, Bank], sellers: Sequence[str] = ("ana", "bia")) -> AsyncIterator[Market]:
    """A marketplace with a channel for each bank, two sellers and the commission rule."""
    db = await Database.connect(dsn)
    scheduler = await Database.connect(dsn, role=SCHEDULER_ROLE, connections_max=2)
    sealer = Sealer.of(b"k" * 32)
    try:
        async with db.transaction() as tx:
            org = await create_org(tx, "Market", Mode.SANDBOX, frozen_at=BEGIN)
        runtime = Runtime(
            db=db,
            scheduler=scheduler,
            sealer=sealer,
            gateways=Desk(banks),
            registry=REGISTRY,
            sandbox_clocks=BankClocks(list(banks.values())),
        )
        async with db.transaction(org.id) as tx:
            for channel_id in banks:
                await create_channel(tx, sealer, "bank", channel_id, settings={}, secrets={}, channel_id=channel_id)
        one = Market(runtime, org.id, banks)
        for name in sellers:
            await one.seller(name)
        one.rule_id = await one.rule(COMMISSION)
        yield one
    finally:
        await scheduler.close()
        await db.close()
