"""A business to look at: an organization that sells subscriptions and runs a marketplace, its pages served over real HTTP.

Everything in it was made by flows on a frozen clock, against a card company and two holders of money in memory, so
the pages show what the product books and nothing else.
"""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from cauce.app import connect_app
from cauce.billing.conversations.rules import Person
from cauce.billing.outreach import runs
from cauce.billing.outreach.automations import from_plain
from cauce.billing.relations import knowing as relations
from cauce.billing.relations.filters import filter_from
from cauce.channels import service as channels
from cauce.entrypoints.api.app import create_api
from cauce.entrypoints.console.routes import console_routes
from cauce.entrypoints.portal.routes import portal_routes
from cauce.flows import clock, runner
from cauce.flows.billing import correct, extra
from cauce.flows.chat import talking
from cauce.flows.context import Context, Runtime
from cauce.flows.marketplace import reconcile
from cauce.flows.marketplace.merchants import create_payout_schedule
from cauce.gateway.capabilities import Can, Capabilities
from cauce.gateway.charging import Charge, LinkRequest, PaymentLink, Setup, SetupRequest
from cauce.gateway.collecting import ActionKind, NextAction
from cauce.gateway.outcome import Done, Outcome, Pending
from cauce.gateway.provider import Channel
from cauce.gateway.reaching import Message, SentMessage
from cauce.gateway.reporting import LineKind, StatementLine
from cauce.kernel.clock import wall_now
from cauce.kernel.ids import new_id
from cauce.kernel.money import Money
from cauce.marketplace.compliance import service as compliance
from cauce.marketplace.compliance.rules import NewLicence
from cauce.providers.kit.serving import serving
from cauce.storage.audit import Actor
from cauce.storage.directory import people
from cauce.storage.directory.orgs import Mode, Org, create_org
from cauce.storage.directory.people import Role
from tests.flows.billing.cards import CAPABILITIES, Cards
from tests.flows.billing.shop import CHANNEL, Shop, flat, per_unit
from tests.flows.marketplace.bank import OWNED, POOLED, Bank
from tests.flows.marketplace.market import COMMISSION, Market
from tests.support.runtime import settings_for

BEGIN = datetime(2026, 1, 15, 9, 0, tzinfo=UTC)
LONG_NAME = "Río Grande Software y Compañía de Servicios Digitales del Noroeste, Sociedad Anónima"
OWNER, VIEWER = "ana@example.com", "viewer@example.com"
BANKS = {"ch_wallet": ("Wallet", OWNED), "ch_scheme": ("Cards of the marketplace", POOLED)}


MAIL = "ch_mail"


@dataclass
class Mailbox:
    """Takes every mail and keeps it."""

    taken: list[Message] = field(default_factory=list)

    async def send(self, message: Message) -> Outcome[SentMessage]:
        self.taken.append(message)
        return Done(SentMessage(message.key))


@dataclass
class Holders:
    """The gateways of the stage: one card company, two holders, one mail relay."""

    cards: Cards
    banks: dict[str, Bank]
    mail: Mailbox = field(default_factory=Mailbox)
    others: dict[str, tuple[Channel, Any, Capabilities]] = field(default_factory=dict)

    async def open(self, org_id: int, channel_id: str) -> tuple[Channel, Any]:
        if channel_id == CHANNEL:
            return Channel(channel_id, org_id, "cards", False, ""), self.cards
        if channel_id in self.others:
            return self.others[channel_id][:2]
        if channel_id == MAIL:
            return Channel(channel_id, org_id, "mail", False, ""), self.mail
        return Channel(channel_id, org_id, "bank", False, ""), self.banks[channel_id]

    def capabilities(self, channel: Channel) -> Capabilities:
        if channel.id in self.others:
            return self.others[channel.id][2]
        if channel.id == MAIL:
            return Capabilities(can=frozenset({Can.SENDS_MESSAGES}))
        return CAPABILITIES if channel.id == CHANNEL else self.banks[channel.id].capabilities


@dataclass
class HostedCards(Cards):
    """A card company with a page of its own, where a card is typed in; without it, an element on ours."""

    async def begin_setup(self, request: SetupRequest) -> Outcome[Any]:
        if not request.hosted:
            return await super().begin_setup(request)
        page = NextAction(ActionKind.REDIRECT, f"https://cards.example/setup/{request.key}")
        return self.done.setdefault(request.key, Pending(Setup(f"seti_{request.key}", page), 60))

    async def link_payment(self, request: LinkRequest) -> Outcome[Any]:
        page = NextAction(ActionKind.REDIRECT, f"https://cards.example/pay/{request.key}")
        self.done[request.key] = Pending(Charge(f"cs_{request.key}", request.amount, next_action=page), 60)
        return Done(PaymentLink(f"cs_{request.key}", page))


@dataclass
class Clocks:
    """Keeps everybody's clock where the organization's is."""

    holders: Holders

    async def next_timer_at(self, org_id: int) -> datetime | None:
        return None

    async def set(self, org_id: int, instant: datetime) -> datetime | None:
        self.holders.cards.now = instant
        for bank in self.holders.banks.values():
            bank.now = instant
        return await self.next_timer_at(org_id)


@dataclass
class Stage:
    """Pages at `url`, over one organization at work."""

    runtime: Runtime
    url: str
    org: Org
    shop: Shop
    market: Market
    holders: Holders

    @property
    def mail(self) -> Mailbox:
        """What was mailed."""
        return self.holders.mail

    @property
    def context(self) -> Context:
        """Work as the owner."""
        return self.runtime.context(self.org.id, actor=Actor(f"person:{OWNER}"))

    async def link(self, email: str = OWNER, role: Role = Role.OWNER, org: Org | None = None) -> str:
        """The token of a sign-in link that was just made."""
        chosen = org or self.org
        async with self.runtime.db.transaction() as tx:
            person_id = await people.add_member(tx, chosen.id, email, role)
            return await people.make_link(tx, person_id, chosen.id, wall_now())

    async def work(self) -> None:
        """Everything that is due now, until nothing is."""
        await self.advance(timedelta(0))

    async def advance(self, by: timedelta) -> None:
        """Let the clock walk on."""
        async with self.context.transaction() as tx:
            target = await self.context.now(tx) + by
        await clock.begin_advance(self.context, target)
        while claimed := await runner.claim_jobs(self.runtime, [self.org.id], kinds=[clock.ADVANCE_JOB]):
            await runner.run_jobs(self.runtime, claimed)

    async def other_org(self, name: str = "Elsewhere") -> Org:
        """Another tenant of the same installation."""
        async with self.runtime.db.transaction() as tx:
            return await create_org(tx, name, Mode.SANDBOX, frozen_at=BEGIN)


@asynccontextmanager
async def stage(dsn: str, home: Path, *, port: int = 0) -> AsyncIterator[Stage]:
    """An empty organization and its pages."""
    async with AsyncExitStack() as stack:
        chosen = port or free_port()
        settings = settings_for(home, port=chosen)
        app = await connect_app(settings, dsn, stack)
        holders = Holders(HostedCards(now=BEGIN), {key: Bank(kind) for key, (_, kind) in BANKS.items()})
        runtime = replace(app.runtime, gateways=holders, sandbox_clocks=Clocks(holders))
        api = create_api(runtime, settings, pages=[*console_routes(), *portal_routes()])
        url = await stack.enter_async_context(serving(api, port=chosen))
        async with runtime.db.transaction() as tx:
            org = await create_org(tx, LONG_NAME, Mode.SANDBOX, frozen_at=BEGIN)
        async with runtime.db.transaction(org.id) as tx:
            for key, (name, _) in {CHANNEL: ("Cards", None), MAIL: ("Mail", None), **BANKS}.items():
                provider = {CHANNEL: "cards", MAIL: "mail"}.get(key, "bank")
                await channels.create_channel(
                    tx, runtime.sealer, provider, name, settings={}, secrets={}, channel_id=key
                )
        yield Stage(
            runtime,
            url,
            org,
            Shop(runtime, org.id, holders.cards),
            Market(runtime, org.id, holders.banks),
            holders,
        )


def free_port() -> int:
    """A port that nobody listens at now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


async def play(one: Stage) -> None:
    """Half a year in the life of the business, in little."""
    await _sell_subscriptions(one)
    await _sell_goods(one)
    await _find_breaks(one)
    await _keep_papers(one)
    await _automate(one)


async def _automate(one: Stage) -> None:
    asks = Person(visitor="visitor:stage", name=LONG_NAME, email="compras@rio-grande.example")
    asked = await talking.hear(one.context, asks, "Do you invoice in pesos? " * 8)
    await talking.answer(one.context, asked, "Ana", "Yes, and in reais.")
    told = {"title": "Thank you", "text": "For staying with us."}
    async with one.context.transaction() as tx:
        now = await one.context.now(tx)
        segment = await relations.save_segment(tx, "Teams that pay", filter_from({"plans": ["team"]}), now)
        rule = {
            "events": ["invoice.paid", "subscription.renewed"],
            "segment": segment,
            "conditions": [{"field": "mrr_minor", "op": "at_least", "value": 5_000}, {"field": "owes", "value": False}],
            "actions": [
                {"kind": "tag", "tag": "faithful"},
                {"kind": "message", "template": "note", "category": "marketing", "data": told},
                {"kind": "task", "title": "Send a card", "days": 3},
            ],
        }
        await runs.put(tx, new_id("aut"), "Thank who stays", False, from_plain(rule), now)


async def _sell_subscriptions(one: Stage) -> None:
    shop = one.shop
    await shop.plan("starter", flat(900), flat(1_000, currency="usd"), trial_days=14, features={"projects": 3})
    await shop.plan("team", flat(2_900), per_unit("500"), trial_days=14, features={"projects": 50, "export": True})
    for who in ("ana", "bruno", "阿尔法科技有限公司"):
        await shop.card(who)
    await shop.card("carla", "poor")
    ana = await shop.sign_up("ana", "team", quantities={"seats": "7"}, email="ana@customers.example")
    await shop.sign_up("bruno", "starter", email="bruno@customers.example", country="ES")
    await shop.sign_up("carla", "team", email="carla@customers.example")
    await shop.sign_up("阿尔法科技有限公司", "team", quantities={"seats": "120"}, country="CN")
    await shop.sign_up("dora", "starter", trial_days=0, collection="send_invoice", net_days=14)
    await one.advance(timedelta(days=20))
    await shop.sign_up(LONG_NAME.lower(), "team", email="facturas@rio-grande.example")
    await one.advance(timedelta(days=24))
    await shop.sign_up("eva", "starter", email="eva@customers.example")
    await extra.add_charge(
        one.context, extra.ExtraCharge(ana.subscription_id, 12_000, "Migration of the old data, two days", ask=True)
    )


async def _sell_goods(one: Stage) -> None:
    market = one.market
    for name in ("ana", "bia", "书店", "taller-de-cerámica-y-vidrio-soplado-de-tonalá"):
        await market.seller(name)
    market.rule_id = await market.rule(COMMISSION)
    await create_payout_schedule(
        one.context, "weekly", {"interval": "weekly", "weekdays": [0], "approval_over": 100_000}, is_default=True
    )
    async with one.context.transaction() as tx:
        begin = await one.context.now(tx)
    names = list(market.sellers)
    for number in range(24):
        first, second = names[number % 4], names[(number + 1) % 4]
        channel = "ch_scheme" if number % 3 else "ch_wallet"
        lines = [(first, 12_000 + 931 * number, 500)]
        if channel == "ch_scheme":
            lines.append((second, 4_000 + 77 * number, 0))
        deliver = begin + timedelta(days=number) if number % 4 else None
        order = market.order(
            f"A-{1000 + number}", channel, lines, placed_at=begin + timedelta(hours=9 * number), deliver_at=deliver
        )
        await market.take(order)
    await one.advance(timedelta(days=16))


async def _find_breaks(one: Stage) -> None:
    bank = one.market.banks["ch_scheme"]
    payouts = [place for place, line in enumerate(bank.lines) if line.kind is LineKind.PAYOUT]
    bank.lines[payouts[0]] = replace(bank.lines[payouts[0]], amount=Money(-1_00, "brl"))
    stranger = StatementLine(
        "999999", LineKind.COLLECTION, Money(4_900, "brl"), bank.now, key="", ref="tx_stranger_4711"
    )
    bank.lines.append(stranger)
    async with one.context.transaction() as tx:
        today = (await one.context.now(tx)).date()
    begin = BEGIN.date()
    days = [begin + timedelta(days=number) for number in range((today - begin).days + 1)]
    for channel_id in one.market.banks:
        await reconcile.fetch_statements(one.context, channel_id, days)
        await reconcile.reconcile(one.context, channel_id, begin, today)


async def _keep_papers(one: Stage) -> None:
    async with one.context.transaction() as tx:
        now = await one.context.now(tx)
        await compliance.record_licence(
            tx,
            NewLicence(
                "ch_scheme", "Example Payments Bank", "bank", "payment institution", "PI-2044", "Central bank",
                "own clearing", date(2024, 1, 1), date(2027, 12, 31),
            ),
            at=now,
        )  # fmt: skip
        line = ("POST", "https://provider.example/v1/charges", 200, "", 184, wall_now())
        sealed = channels.sealed_exchange(
            one.runtime.sealer, tx.org, CHANNEL, "charge", "pat_example", line, {"body": "…"}
        )
        lost = ("POST", "https://provider.example/v1/charges", None, "no answer within 30 seconds", 30_000, wall_now())
        unanswered = channels.sealed_exchange(
            one.runtime.sealer, tx.org, CHANNEL, "charge", "pat_example", lost, {"body": "…"}
        )
        await channels.log_exchanges(tx, [sealed, unanswered])
    async with one.context.transaction() as tx:
        row = await tx.row(
            "SELECT id, total_minor FROM invoicing.invoice WHERE org_id = $1 AND status = 'open' AND collection = 'send_invoice'",
            tx.org,
        )
    if row is not None:
        await correct.pay_by_hand(one.context, correct.PayByHand(row["id"], row["total_minor"] // 2, "TRF 88-1"))
