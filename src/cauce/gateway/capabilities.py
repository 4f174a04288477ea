"""The capability record: what one provider can do and where its limits are, read by planner and console.

A number here comes from the provider's `limits.py`, where it stands with source and date. `None` means that the
provider names no limit. What a channel cannot do fails when the plan is made, with the limit and its source.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from fractions import Fraction
from typing import Protocol

from cauce.gateway.errors import CapabilityMissing


class Can(StrEnum):
    """One per capability Protocol; the conformance suite runs the part that a provider names."""

    OPENS_ACCOUNTS = "opens_accounts"
    BINDS_INSTRUMENTS = "binds_instruments"
    COLLECTS = "collects"
    COMBINES_PAYMENTS = "combines_payments"
    SPLITS = "splits"
    REVERSES_SPLITS = "reverses_splits"
    FINISHES_ORDERS = "finishes_orders"
    HOLDS = "holds"
    REFUNDS = "refunds"
    PAYS_OUT = "pays_out"
    FUNDS = "funds"
    SWEEPS_FEE = "sweeps_fee"
    SUBSIDISES_ORDERS = "subsidises_orders"
    ANSWERS = "answers"
    REPORTS_BALANCES = "reports_balances"
    REPORTS_PARKED = "reports_parked"
    CHECKS_SETUP = "checks_setup"
    REPORTS = "reports"
    NOTIFIES = "notifies"
    LISTS_NOTICES = "lists_notices"
    REMEMBERS_CUSTOMERS = "remembers_customers"
    SAVES_METHODS = "saves_methods"
    CHARGES_SAVED = "charges_saved"
    LINKS_PAYMENT = "links_payment"
    SENDS_MESSAGES = "sends_messages"
    TRACKS_CONTACTS = "tracks_contacts"
    RUNS_INSTANCES = "runs_instances"
    RUNS_PROGRAMS = "runs_programs"
    SHOWS_CHAT = "shows_chat"
    IMPORTS_BILLING = "imports_billing"


class TopUpKind(StrEnum):
    """What of a member's own money a channel takes into his sub-account."""

    NONE = "none"
    ORDER_BOUND = "order_bound"  # for one order
    OWN = "own"


class SplitMoment(StrEnum):
    """When a collection may be divided."""

    AT_PAY = "at_pay"
    LATER = "later"
    AT_RELEASE = "at_release"


class ProviderClass(StrEnum):
    """Who holds the money (K16)."""

    BANK = "bank"
    LICENSED_PSP = "licensed_psp"
    CARD_SCHEME_PSP = "card_scheme_psp"
    NONE = "none"  # holds no money: mail, help desk, instance runner


class PayoutRoute(StrEnum):
    """By whom and how a merchant's money reaches his bank."""

    CUSTODIAN_DIRECT = "custodian_direct"
    VIA_PSP_RESERVE = "via_psp_reserve"
    PROVIDER = "provider"
    MANUAL = "manual"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Sourced:
    """A number of the outside world with the page it was read on and the day of reading."""

    value: int
    unit: str
    source: str
    read_on: date


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What one provider can do. Limits are `Sourced`; see `requirements-marketplace.md` §3 for each key."""

    can: frozenset[Can]
    provider_class: ProviderClass = ProviderClass.NONE
    currencies: frozenset[str] | None = None  # None: every ISO 4217 currency
    split_moments: frozenset[SplitMoment] = frozenset()
    payout_route: PayoutRoute = PayoutRoute.NONE
    per_party_subledger: bool = False
    collects_for_caller: bool = (
        False  # every payment reaches the caller's own account: no other seller's may be taken (K1)
    )
    platform_refs: frozenset[str] = frozenset()  # the caller's own accounts there
    receivers_per_call_max: Sourced | None = None
    requests_per_order_max: Sourced | None = None
    share_max: Fraction | None = None  # None: must be read from the provider (`ReportsShareCap`) before planning
    share_cap_excludes_owner: bool = False
    freeze_days_max: Sourced | None = None
    auto_release_to_owner: bool = False
    split_delay_seconds_min: Sourced | None = None
    reversal_window_days: Sourced | None = None
    reversals_per_receiver_max: Sourced | None = None  # of one split
    reversals_per_split_max: Sourced | None = None
    persons_return: bool = True  # whether parts come back from persons' accounts
    refund_window_days: Sourced | None = None
    orders_per_payment_max: Sourced | None = None  # merchants' orders that one payment of a payer is for
    order_subsidy_minor_max: Sourced | None = None  # what the platform may add to one payment
    refunds_per_payment_max: Sourced | None = None
    refund_returns_fee: bool = False  # the provider gives its fee back with a refund, in proportion
    amount_min_minor: dict[str, int] = field(default_factory=dict)  # per currency: smallest charge
    idempotency_window_hours: Sourced | None = None
    requests_per_second_max: Sourced | None = None
    notices_kept_days: Sourced | None = None  # how long what it told can be read again
    notice_is_final: bool = False  # True: a verified notice may conclude without asking again
    negative_balance_supported: bool = False
    account_statement_kind: str = ""  # the statement that each connected account has of its own, as `kind/number`
    member_topup: TopUpKind = TopUpKind.NONE
    pay_from_balance: bool = False
    statement_kinds: frozenset[str] = frozenset()
    statement_offset_hours: Sourced | None = None  # how far the day of a statement is ahead of UTC
    id_max_len: int = 64

    def require(self, *needed: Can, what: str) -> None:
        """Raise `CapabilityMissing` naming the first of `needed` that is absent; `what` says who needs it."""
        for capability in needed:
            if capability not in self.can:
                raise CapabilityMissing(
                    f"{what} needs a channel that {capability.value.replace('_', ' ')}", needs=capability
                )


class ReportsShareCap(Protocol):
    """A provider whose largest share to others must be asked for, never assumed."""

    async def share_cap(self, merchant_ref: str) -> Fraction:
        """The largest part of one order that may go to parties other than its own merchant."""
        ...
