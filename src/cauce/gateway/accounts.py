"""Merchants at the provider: connected accounts, receivers, payout instruments, payouts, balances."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from cauce.gateway.outcome import Outcome
from cauce.gateway.splitting import ReceiverKind
from cauce.kernel.money import Money


@dataclass(frozen=True, slots=True)
class AccountRequest:
    """Open (or register as a receiver) one merchant at the provider.

    `legal_form` and `trade_place` are those of `requirements-marketplace.md` §4.1; `under_merchant_ref` is the
    order's own merchant for providers that register receivers per merchant.
    """

    key: str
    merchant_id: str
    name: str
    kind: ReceiverKind
    legal_form: str
    trade_place: str
    country: str
    email: str = ""
    existing_ref: str = ""  # the merchant's own account number at the provider, where he has one already
    under_merchant_ref: str = ""
    details: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BankSeen:
    """A bank account that the provider keeps for a merchant. `key` is ours where it was bound from here, else "".

    `is_default`: what the provider pays to in this currency when no bank account is named. `holder_name` "" is not shown.
    """

    ref: str
    currency: str
    last4: str
    holder_name: str
    is_default: bool
    key: str = ""


@dataclass(frozen=True, slots=True)
class Account:
    """A merchant as the provider sees him. `banks` is None where they were not read with it."""

    ref: str
    can_receive: bool
    can_pay_out: bool
    needs: tuple[str, ...] = ()
    onboarding_url: str = ""
    banks: tuple[BankSeen, ...] | None = None


@dataclass(frozen=True, slots=True)
class InstrumentRequest:
    """Attach a bank account of the same owner. `token` stands for the number where the provider takes tokens."""

    key: str
    account_ref: str
    holder_name: str
    currency: str
    country: str
    number: str = ""
    token: str = ""


@dataclass(frozen=True, slots=True)
class Instrument:
    """A payout instrument at the provider; only the last four digits ever leave the adapter."""

    ref: str
    last4: str
    verified: bool


@dataclass(frozen=True, slots=True)
class PayoutRequest:
    """Send `amount` of the account's withdrawable money to its instrument."""

    key: str
    account_ref: str
    instrument_ref: str
    amount: Money
    description: str
    metadata: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Payout:
    """What the provider says of a payout; `fee_minor` is borne by the account."""

    ref: str
    amount: Money
    arrives_at: datetime | None = None
    paid_at: datetime | None = None
    fee_minor: int = 0


@dataclass(frozen=True, slots=True)
class SubBalance:
    """One balance that the provider shows. `kind` is pending, available or frozen; `account_ref` "" is the platform's own."""

    account_ref: str
    kind: str
    balance: Money


class OpensAccounts(Protocol):
    """A channel that knows merchants by name."""

    async def open_account(self, request: AccountRequest) -> Outcome[Account]: ...

    async def close_account(self, ref: str) -> Outcome[Account]: ...


class BindsInstruments(Protocol):
    """A channel that keeps merchants' bank accounts."""

    async def attach_instrument(self, request: InstrumentRequest) -> Outcome[Instrument]: ...

    async def detach_instrument(self, account_ref: str, instrument_ref: str) -> Outcome[Instrument]: ...


class PaysOut(Protocol):
    """A channel that pays merchants' money to their bank accounts when told."""

    async def payout(self, request: PayoutRequest) -> Outcome[Payout]: ...


class ChecksSetup(Protocol):
    """A channel whose account must be set in a certain way before it may hold others' money (K1)."""

    async def setup_findings(self) -> list[str]:
        """What is set wrong at the provider, in words; empty when others' money is safe there. What cannot be read is wrong."""
        ...


class ReportsBalances(Protocol):
    """A channel that shows what each party owns at it."""

    async def balances(self, account_refs: tuple[str, ...]) -> list[SubBalance]:
        """The balances of these accounts ("" for the platform's own), as of now."""
        ...


class ReportsParked(Protocol):
    """A channel that says of each payment how much of it is frozen and not divided yet."""

    async def parked(self, refs: tuple[str, ...]) -> dict[str, int]:
        """By the provider's number of the payment, minor units as of now; one of which it does not tell is left out."""
        ...
