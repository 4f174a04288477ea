"""What another engine bills at a provider: its subscriptions, as far as they are taken over from it (A10). Read only but for the end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from cauce.gateway.charging import SavedMethod
from cauce.gateway.outcome import Outcome
from cauce.kernel.money import Money


class ForeignStatus(StrEnum):
    """How a subscription stands there, as far as it matters here."""

    ACTIVE = "active"
    TRIALING = "trialing"
    IN_DEBT = "in_debt"
    PAUSED = "paused"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class ForeignPrice:
    """A price there. `unit_amount`: minor units for one, decimal text. `peculiar`: why it cannot be had here as it stands."""

    ref: str
    key: str
    product_ref: str
    currency: str
    unit_amount: str
    interval: str
    interval_count: int
    tax_inclusive: bool = False
    nickname: str = ""
    peculiar: str = ""


@dataclass(frozen=True, slots=True)
class ForeignItem:
    """One line of a subscription."""

    price: ForeignPrice
    quantity: int


@dataclass(frozen=True, slots=True)
class ForeignCustomer:
    """A customer there. `balance`: what he has to his credit, below zero what he owes beside his invoices."""

    ref: str
    email: str
    name: str
    country: str
    metadata: dict[str, str] = field(default_factory=dict)
    method: SavedMethod | None = None
    balance: Money | None = None


@dataclass(frozen=True, slots=True)
class ForeignSubscription:
    """A subscription there.

    `ends_there`: it ends with its period by itself. `by_us`: because we asked for that. `is_ours`: it was never theirs.
    `peculiar`: why it cannot be taken over as it stands ("": it can).
    """

    ref: str
    customer: ForeignCustomer
    status: ForeignStatus
    currency: str
    items: tuple[ForeignItem, ...]
    period_end: datetime | None
    anchor_at: datetime | None = None
    trial_end: datetime | None = None
    method: SavedMethod | None = None
    ends_there: bool = False
    by_us: bool = False
    is_ours: bool = False
    peculiar: str = ""


@dataclass(frozen=True, slots=True)
class ForeignInvoice:
    """An invoice there; `is_open`: it waits for its money."""

    ref: str
    subscription_ref: str
    total: Money
    is_open: bool


class ImportsBilling(Protocol):
    """A provider with an engine of its own that can be taken over from. The lists raise `CannotRead` when one fails."""

    def foreign_products(self) -> AsyncIterator[tuple[str, str]]:
        """(id, name) of each product."""
        ...

    def foreign_customers(self) -> AsyncIterator[ForeignCustomer]: ...

    def foreign_subscriptions(self) -> AsyncIterator[ForeignSubscription]:
        """All of them, those that ended too, newest first."""
        ...

    def foreign_invoices(self) -> AsyncIterator[ForeignInvoice]:
        """Newest first."""
        ...

    async def end_foreign(self, key: str, ref: str) -> Outcome[ForeignSubscription]:
        """Let a subscription end with the period that is paid, and mark that it was we; twice is once."""
        ...
