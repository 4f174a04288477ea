"""Customers who pay by subscription: remembered at the provider, with saved methods, charged while absent."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Protocol

from cauce.gateway.collecting import NextAction
from cauce.gateway.outcome import Outcome
from cauce.kernel.money import Money


@dataclass(frozen=True, slots=True)
class CustomerRequest:
    """The customer as the provider should know him; `metadata` shows our state in its dashboard (C8)."""

    key: str
    customer_id: str
    email: str
    name: str
    ref: str = ""  # "" on the first call
    metadata: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CustomerRecord:
    """The customer at the provider."""

    ref: str


@dataclass(frozen=True, slots=True)
class SetupRequest:
    """Begin to save a method; the payer completes it on the provider's element or page."""

    key: str
    customer_ref: str
    return_url: str
    hosted: bool = False  # True: a page of the provider instead of an element on ours
    metadata: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SavedMethod:
    """A saved method. `fingerprint` is equal for the same card saved twice (C7)."""

    ref: str
    kind: str
    brand: str
    last4: str
    expires_on: date | None  # first day on which it is no longer valid
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Setup:
    """What the provider says of a set-up; `method` once it is complete."""

    ref: str
    next_action: NextAction | None = None
    method: SavedMethod | None = None


@dataclass(frozen=True, slots=True)
class ChargeRequest:
    """Charge a saved method while the payer is absent."""

    key: str
    customer_ref: str
    method_ref: str
    amount: Money
    description: str
    statement_descriptor: str = ""
    metadata: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Charge:
    """What the provider says of a charge; `fee_minor` (in the currency of `settled`) and `settled` are None until it tells them (G14)."""

    ref: str
    amount: Money
    paid_at: datetime | None = None
    fee_minor: int | None = None
    settled: Money | None = None
    next_action: NextAction | None = None


@dataclass(frozen=True, slots=True)
class LinkRequest:
    """A page or secret with which the customer pays one invoice himself."""

    key: str
    customer_ref: str
    invoice_id: str
    amount: Money
    description: str
    return_url: str
    metadata: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PaymentLink:
    """Where to send the customer; the charge that comes of it carries `key`."""

    ref: str
    next_action: NextAction


class RemembersCustomers(Protocol):
    """A provider that keeps a record per customer."""

    async def ensure_customer(self, request: CustomerRequest) -> Outcome[CustomerRecord]: ...

    async def update_customer(self, request: CustomerRequest) -> Outcome[CustomerRecord]: ...

    async def forget_customer(self, ref: str) -> Outcome[CustomerRecord]: ...


class SavesMethods(Protocol):
    """A provider that saves methods for later charges."""

    async def begin_setup(self, request: SetupRequest) -> Outcome[Setup]: ...

    async def list_methods(self, customer_ref: str) -> Outcome[tuple[SavedMethod, ...]]: ...

    async def detach_method(self, customer_ref: str, method_ref: str) -> Outcome[SavedMethod]: ...


class ChargesSaved(Protocol):
    """A provider that charges a saved method while the payer is absent."""

    async def charge_saved(self, request: ChargeRequest) -> Outcome[Charge]:
        """`Declined(ACTION_REQUIRED)` when the bank wants the payer present."""
        ...

    async def cancel_charge(self, key: str, ref: str) -> Outcome[Charge]: ...


class LinksPayment(Protocol):
    """A provider with a page on which one invoice is paid."""

    async def link_payment(self, request: LinkRequest) -> Outcome[PaymentLink]: ...
