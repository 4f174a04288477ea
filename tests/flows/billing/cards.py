"""A card company in memory: customers, saved cards that behave as their number says, charges once per key, refunds."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any

from cauce.gateway.capabilities import Can, Capabilities, ProviderClass
from cauce.gateway.charging import (
    Charge,
    ChargeRequest,
    CustomerRecord,
    CustomerRequest,
    SavedMethod,
    Setup,
    SetupRequest,
)
from cauce.gateway.collecting import ActionKind, FetchRequest, NextAction, Refund, RefundRequest
from cauce.gateway.outcome import Declined, Done, Outcome, Pending, Refusal, Unknown
from cauce.gateway.provider import Channel

CAPABILITIES = Capabilities(
    can=frozenset(
        {Can.CHARGES_SAVED, Can.SAVES_METHODS, Can.REMEMBERS_CUSTOMERS, Can.REFUNDS, Can.ANSWERS, Can.LINKS_PAYMENT}
    ),
    provider_class=ProviderClass.CARD_SCHEME_PSP,
)
REFUSALS = {
    "poor": Refusal.INSUFFICIENT_FUNDS,
    "stolen": Refusal.HARD,
    "old": Refusal.METHOD_INVALID,
    "auth": Refusal.ACTION_REQUIRED,
}


@dataclass
class Cards:
    """`cards`: method ref -> how it behaves (good, poor, stolen, old, auth, slow). `lose` counts answers to lose."""

    fee_minor: int = 30
    cards: dict[str, str] = field(default_factory=dict)
    done: dict[str, Outcome[Any]] = field(default_factory=dict)
    charged: list[ChargeRequest] = field(default_factory=list)
    tries: list[str] = field(default_factory=list)
    refunded: list[RefundRequest] = field(default_factory=list)
    customers: dict[str, CustomerRequest] = field(default_factory=dict)
    lose: int = 0
    refuse_refunds: bool = False
    amount_min_minor: dict[str, int] = field(default_factory=dict)
    now: datetime = datetime(2026, 1, 15, 9, 0, tzinfo=UTC)

    async def ensure_customer(self, request: CustomerRequest) -> Outcome[Any]:
        self.customers[request.customer_id] = request
        return Done(CustomerRecord(f"c_{request.customer_id}"))

    async def update_customer(self, request: CustomerRequest) -> Outcome[Any]:
        self.customers[request.customer_id] = request
        return Done(CustomerRecord(request.ref))

    async def begin_setup(self, request: SetupRequest) -> Outcome[Any]:
        return self.done.setdefault(
            request.key, Pending(Setup(f"seti_{request.key}", NextAction(ActionKind.PAGE_ELEMENT, "secret")), 3600)
        )

    def complete_setup(
        self, key: str, behaviour: str = "good", fingerprint: str = "fp", expires: date | None = None
    ) -> None:
        """The customer typed in a card."""
        ref = f"pm_{behaviour}_{len(self.cards)}"
        self.cards[ref] = behaviour
        saved = SavedMethod(ref, "card", "visa", "4242", expires or date(2030, 1, 1), fingerprint)
        self.done[key] = Done(Setup(f"seti_{key}", None, saved))

    async def charge_saved(self, request: ChargeRequest) -> Outcome[Any]:
        if request.key in self.done:
            return self.done[request.key]
        self.tries.append(request.key)
        behaviour = self.cards[request.method_ref]
        charge = Charge(f"ch_{request.key}", request.amount, self.now, self.fee_minor)
        outcome: Outcome[Any]
        if behaviour in REFUSALS:
            outcome = Declined(behaviour, REFUSALS[behaviour], f"the card is {behaviour}")
        elif behaviour == "slow":
            outcome = Pending(Charge(f"ch_{request.key}", request.amount), 3600)
        else:
            outcome = Done(charge)
            self.charged.append(request)
        self.done[request.key] = outcome
        if self.lose:
            self.lose -= 1
            return Unknown("the answer was lost", 30)
        return outcome

    def finish(self, key: str, *, well: bool) -> None:
        """A slow charge ends."""
        pending = self.done[key]
        assert isinstance(pending, Pending)
        amount = pending.value.amount
        self.done[key] = (
            Done(Charge(pending.value.ref, amount, self.now, self.fee_minor))
            if well
            else Declined("poor", Refusal.INSUFFICIENT_FUNDS, "no money")
        )

    async def refund(self, request: RefundRequest) -> Outcome[Any]:
        if self.refuse_refunds:
            return Declined("closed", Refusal.WINDOW_CLOSED, "too late")
        if request.key not in self.done:
            self.refunded.append(request)
            self.done[request.key] = Done(Refund(f"re_{request.key}", request.amount, self.now))
        return self.done[request.key]

    async def fetch(self, request: FetchRequest) -> Outcome[Any]:
        return self.done.get(request.key) or Declined("404", Refusal.NOT_FOUND, "no such key")


@dataclass
class Desk:
    """The `Gateways` of a test: one card company for every channel."""

    cards: Cards

    async def open(self, org_id: int, channel_id: str) -> tuple[Channel, Any]:
        return Channel(channel_id, org_id, "cards", False, ""), self.cards

    def forget(self, org_id: int, channel_id: str) -> None:
        """Nothing is remembered here."""

    def capabilities(self, channel: Channel) -> Capabilities:
        return replace(CAPABILITIES, amount_min_minor=self.cards.amount_min_minor)


@dataclass
class CardClocks:
    """Keeps the card company's clock where the organization's is."""

    cards: Cards

    async def next_timer_at(self, org_id: int) -> datetime | None:
        return None

    async def set(self, org_id: int, instant: datetime) -> None:
        self.cards.now = instant
