"""One provider connected to its simulator, and the few things that a test of any provider needs to do with it.

What differs between vendors is steered by the common control surface: `payer` lets the payer act, `merchant` makes a
seller who can receive. Nothing here knows a vendor.
"""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2

from cauce.gateway.accounts import AccountRequest
from cauce.gateway.capabilities import Can, Capabilities
from cauce.gateway.charging import ChargeRequest, CustomerRequest, SavedMethod, SetupRequest
from cauce.gateway.collecting import Collection, CollectRequest, FetchRequest, Operation, RefundRequest
from cauce.gateway.outcome import Declined, Done, Outcome, Pending, Refusal, Unknown
from cauce.gateway.provider import Channel, Kit, Provider
from cauce.gateway.splitting import ReceiverKind, SplitPart, SplitRequest
from cauce.kernel.clock import wall_now
from cauce.kernel.ids import new_id
from cauce.kernel.money import Money
from cauce.providers.kit.cache import MemoryCache
from cauce.providers.kit.control import SandboxControl
from cauce.providers.kit.transport import Exchange, HttpTransport
from tests.providers.receiver import Receiver

START = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
ROUNDS_MAX = 6
_numbers = itertools.count(1)


@dataclass
class Rig:
    """A fresh tenant at one provider's simulator, its clock at START, and a gateway connected to it."""

    provider: Provider
    channel: Channel
    gateway: Any
    control: SandboxControl
    receiver: Receiver
    exchanges: list[Exchange] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.provider.name

    @property
    def capabilities(self) -> Capabilities:
        return self.provider.capabilities(self.channel)

    def can(self, *needed: Can) -> bool:
        return self.capabilities.can >= set(needed)

    @property
    def currency(self) -> str:
        known = self.capabilities.currencies
        return "eur" if known is None else sorted(known)[0]

    def money(self, amount_minor: int) -> Money:
        return Money(amount_minor, self.currency)

    @staticmethod
    def key(operation: str) -> str:
        """A key as the core allots it: short, plain characters, never twice."""
        return new_id(operation[:3])

    async def advance(self, **span: int) -> None:
        self.now += timedelta(**span)
        await self.control.set_clock(self.now)

    now: datetime = START

    # -- state of the books ------------------------------------------------------------------------------------------

    async def postings(self) -> int:
        """How many movements the provider has booked; its books must sum to zero."""
        books = await self.control.books(self.name)
        assert books["wrong"] == [], "the simulator's books do not add up"
        return len(books["postings"])

    # -- the loop that every flow runs -------------------------------------------------------------------------------

    async def to_the_end(
        self, outcome: Outcome[Any], send: Callable[[], Awaitable[Outcome[Any]]], ask: FetchRequest
    ) -> Outcome[Any]:
        """While unknown, ask under the same key and send again only what the provider has never seen."""
        for _ in range(ROUNDS_MAX):
            if not isinstance(outcome, Unknown):
                return outcome
            outcome = await self.gateway.fetch(ask)
            if isinstance(outcome, Declined) and outcome.refusal is Refusal.NOT_FOUND:
                outcome = await send()
        raise AssertionError(f"the outcome stayed unknown: {outcome}")

    async def finished(self, outcome: Outcome[Any], ask: FetchRequest) -> Outcome[Any]:
        """The final outcome of something pending, with the provider's clock moved on a little."""
        for _ in range(ROUNDS_MAX):
            if not isinstance(outcome, Pending):
                return outcome
            await self.advance(days=1)
            outcome = await self.gateway.fetch(ask)
        raise AssertionError(f"the outcome stayed pending: {outcome}")

    async def finished_or_waiting(self, outcome: Outcome[Any], ask: FetchRequest) -> Outcome[Any]:
        """Like `finished`, but what waits for a payer may go on waiting."""
        if isinstance(outcome, Pending) and ask.operation is not Operation.COLLECT:
            return await self.finished(outcome, ask)
        return outcome

    # -- things that tests begin with --------------------------------------------------------------------------------

    async def customer(self) -> str:
        request = CustomerRequest(self.key("ensure"), new_id("cus"), "ana@example.com", "Ana", metadata={"plan": "pro"})
        outcome = await self.gateway.ensure_customer(request)
        assert isinstance(outcome, Done), outcome
        ref: str = outcome.value.ref
        return ref

    async def saved_method(self, customer_ref: str, method: str = "good") -> SavedMethod:
        """A card that behaves as told, saved by the customer on the provider's form."""
        key = self.key("setup")
        begun = await self.gateway.begin_setup(SetupRequest(key, customer_ref, "https://shop.example/back"))
        assert isinstance(begun, Pending) and begun.value.next_action is not None, begun
        await self.control.payer(self.name, "approve", key=key, method=method)
        done = await self.gateway.fetch(FetchRequest(Operation.SETUP, key, begun.value.ref))
        assert isinstance(done, Done) and done.value.method is not None, done
        saved: SavedMethod = done.value.method
        return saved

    def charge(self, customer_ref: str, method: SavedMethod, amount_minor: int = 1999) -> ChargeRequest:
        return ChargeRequest(
            self.key("charge"),
            customer_ref,
            method.ref,
            self.money(amount_minor),
            "Invoice 7",
            metadata={"invoice": "7"},
        )

    async def merchant(self) -> str:
        return await self.control.merchant(self.name, name="Shop", currency=self.currency)

    async def receiver_of(self, own: str) -> str:
        """A second seller, registered where the provider wants receivers to be known."""
        ref = await self.merchant()
        if self.can(Can.OPENS_ACCOUNTS):
            request = AccountRequest(
                key=self.key("open"),
                merchant_id=new_id("mer"),
                name="Shop",
                kind=ReceiverKind.MERCHANT,
                legal_form="company",
                trade_place="online",
                country="US",
                existing_ref=ref,
                under_merchant_ref=own,
            )
            opened = await self.gateway.open_account(request)
            assert isinstance(opened, Done), opened
            ref = opened.value.ref
        return ref

    def collect(self, own: str, amount_minor: int = 10_000) -> CollectRequest:
        return CollectRequest(
            key=self.key("collect"),
            order_ref=f"order-{next(_numbers)}",
            amount=self.money(amount_minor),
            description="An order",
            merchant_ref=own,
            notify_url=self.receiver.url,
            splits_later=True,
        )

    async def paid(self, own: str, amount_minor: int = 10_000) -> tuple[CollectRequest, Collection]:
        """A collection that its payer has paid."""
        request = self.collect(own, amount_minor)
        begun = await self.gateway.collect(request)
        assert isinstance(begun, Pending | Done), begun
        if isinstance(begun, Pending):
            await self.control.payer(self.name, "approve", key=request.key)
        ask = FetchRequest(Operation.COLLECT, request.key, begun.value.ref, merchant_ref=own)
        paid = await self.gateway.fetch(ask)
        assert isinstance(paid, Done), paid
        assert paid.value.amount == request.amount
        return request, paid.value

    def refund(self, request: CollectRequest, paid: Collection, amount_minor: int) -> RefundRequest:
        return RefundRequest(
            key=self.key("refund"),
            collection_key=request.key,
            collection_ref=paid.ref,
            amount=self.money(amount_minor),
            collected=request.amount,
            reason="requested_by_customer",
            merchant_ref=request.merchant_ref,
            notify_url=self.receiver.url,
        )

    def split(
        self, request: CollectRequest, paid: Collection, receiver: str, amount_minor: int = 1_000
    ) -> SplitRequest:
        part = SplitPart("part1", receiver, ReceiverKind.MERCHANT, amount_minor, "a share")
        return SplitRequest(self.key("split"), request.key, paid.ref, request.merchant_ref, self.currency, (part,))

    async def past_split_delay(self) -> None:
        """Let the time pass that the provider wants between payment and split."""
        await self.advance(minutes=5)


async def connect(provider: Provider, sandbox_url: str, http: httpx2.AsyncClient, receiver: Receiver) -> Rig:
    """A rig for a fresh tenant."""
    assert provider.sandbox_channel is not None
    tenant = f"{provider.name}{next(_numbers)}"
    control = SandboxControl(http, sandbox_url, tenant)
    made = provider.sandbox_channel(tenant, control.face_url(provider.name), receiver.url)
    await control.register(provider.name, made.registration)
    await control.set_clock(START)
    channel = made.opened(provider.name, channel_id=f"ch_{tenant}", org_id=1)
    exchanges: list[Exchange] = []

    async def keep(exchange: Exchange) -> None:
        exchanges.append(exchange)

    transport = HttpTransport(channel, http, sink=keep)
    kit = Kit(transport, MemoryCache(), wall_now, new_id)
    return Rig(provider, channel, provider.connect(channel, kit), control, receiver, exchanges)
