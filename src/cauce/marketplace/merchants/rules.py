"""Who a merchant is, what states his account at a channel and his payout instrument go through, when he may be paid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from cauce.gateway.accounts import Account, BankSeen
from cauce.kernel.errors import Conflict, Forbidden, InvalidRequest, NotFound
from cauce.kernel.machine import BEGIN, Machine, Transition, steps

COOL_OFF = timedelta(hours=24)
"""How long a changed payout instrument rests before money goes there (K18)."""


HOLDER_UNKNOWN = "—"
"""Stands for the holder of a bank account whose name the channel does not show; whoever approves it must know him."""


class LegalForm(StrEnum):
    """What a merchant is in law, as the acquirers distinguish it."""

    ENTERPRISE = "enterprise"
    INSTITUTION = "institution"
    SOLE_TRADER = "sole_trader"
    OTHER_ORGANISATION = "other_organisation"
    NATURAL_PERSON = "natural_person"


class TradePlace(StrEnum):
    """Where he trades."""

    PHYSICAL = "physical"
    ONLINE = "online"
    BOTH = "both"


class UnknownMerchant(NotFound):
    """There is no such merchant."""

    code = "unknown_merchant"


class MerchantNotPayable(Conflict):
    """The merchant has no active account with an agreement at this channel, so no money may go to him (K7, K10)."""

    code = "merchant_not_payable"


class PersonTradesOnline(InvalidRequest):
    """A natural person trades online only."""

    code = "person_trades_online"


class HolderDiffers(InvalidRequest):
    """A payout instrument belongs to the merchant himself: the holder's name differs from his (K3)."""

    code = "holder_differs"


class NoAgreement(Conflict):
    """The merchant has no acquiring or split agreement at this channel, so no account is opened there (K7, K10)."""

    code = "no_agreement"


class InstrumentInUse(Conflict):
    """A payout to this instrument is on its way; detach it when that has ended."""

    code = "instrument_in_use"


class SamePerson(Forbidden):
    """A second person must approve this (K18)."""

    code = "second_person_needed"


class MerchantNotClosable(Conflict):
    """Something of the merchant is still open: money, orders, refunds or payout instruments; `open` says what."""

    code = "merchant_not_closable"


NEEDS_BANK = ("payout_instrument",)
"""What an account needs whose bank takes no money."""

MERCHANT = Machine(
    "merchant",
    ("active", "restricted", "closed"),
    (
        *steps("create", (BEGIN,), "active"),
        Transition("update", "active", "update", "active"),
        Transition("update", "restricted", "update", "restricted"),
        *steps("restrict", ("active",), "restricted"),
        *steps("reactivate", ("restricted",), "active"),
        *steps("close", ("active", "restricted"), "closed"),
    ),
)

ACCOUNT = Machine(
    "connected account",
    ("draft", "submitted", "verifying", "action_required", "active", "restricted", "closing", "closed", "rejected"),
    (
        *steps("open", (BEGIN,), "draft"),
        *steps("register", (BEGIN, "draft"), "active"),  # the merchant brings an account that the channel knows
        *steps("submit", ("draft",), "submitted"),
        *steps("verify", ("submitted", "action_required"), "verifying"),
        *steps("ask", ("submitted", "verifying"), "action_required"),
        *steps("activate", ("submitted", "verifying", "action_required", "restricted"), "active"),
        *steps("restrict", ("active",), "restricted"),
        *steps("reject", ("submitted", "verifying", "action_required"), "rejected"),
        *steps("close", ("active", "restricted"), "closing"),
        *steps("end", ("closing",), "closed"),
    ),
)

INSTRUMENT = Machine(
    "payout instrument",
    ("requested", "challenge_sent", "verified", "default", "detached", "failed", "expired", "locked"),
    (
        *steps("request", (BEGIN,), "requested"),
        *steps("challenge", ("requested",), "challenge_sent"),
        *steps("verify", ("requested", "challenge_sent"), "verified"),
        *steps("fail", ("requested", "challenge_sent"), "failed"),
        *steps("expire", ("challenge_sent",), "expired"),
        *steps("lock", ("challenge_sent",), "locked"),
        Transition("approve", "verified", "approve", "default"),
        Transition("replace", "default", "replace", "verified"),
        *steps("detach", ("verified", "default"), "detached"),
    ),
)


@dataclass(frozen=True, slots=True)
class NewMerchant:
    """A merchant to make. `external_id` is the platform's own number for him, "" for none."""

    name: str
    external_id: str = ""
    legal_form: LegalForm = LegalForm.ENTERPRISE
    trade_place: TradePlace = TradePlace.ONLINE
    country: str = ""
    email: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NewAccount:
    """A merchant's account at a channel. With `ref` and `agreement` it is active at once; else it is opened there."""

    merchant_id: str
    channel_id: str
    ref: str = ""
    agreement: str = ""
    kind: str = "merchant"
    shows_balance: bool = True


@dataclass(frozen=True, slots=True)
class Party:
    """A merchant at a channel, as planning and payout read him."""

    merchant_id: str
    account_id: str
    ref: str
    kind: str
    state: str
    merchant_state: str
    shows_balance: bool
    pays_out: bool
    name: str
    facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def attributes(self) -> dict[str, str]:
        """What conditions of split rules may ask: his metadata, and legal form, trade place, country, kind of account."""
        return {**self.facts, "kind": self.kind}

    @property
    def payable(self) -> bool:
        """Whether money may be credited to him."""
        return self.state == "active" and self.merchant_state == "active"


@dataclass(frozen=True, slots=True)
class PayoutTarget:
    """The instrument that a merchant's payouts go to, and from when it may be used; never before a second person approves."""

    instrument_id: str
    merchant_id: str
    ref: str
    usable_from: datetime | None


def check_merchant(new: NewMerchant) -> None:
    """Raise for a merchant that the law or the database would not have."""
    if not new.name.strip():
        raise InvalidRequest("a merchant needs a name", param="name")
    if new.legal_form is LegalForm.NATURAL_PERSON and new.trade_place is not TradePlace.ONLINE:
        raise PersonTradesOnline(param="trade_place")


def require_payable(parties: Mapping[str, Party], merchant_id: str) -> Party:
    """The party, if money may go to him at this channel; `MerchantNotPayable` otherwise."""
    party = parties.get(merchant_id)
    if party is None or not party.payable:
        state = party.state if party else "without an account"
        raise MerchantNotPayable(f"{merchant_id} is {state} at this channel", param="seller", merchant=merchant_id)
    return party


def check_holder(holder_name: str, merchant_name: str) -> None:
    """`HolderDiffers` unless both names are the same but for case and spaces."""
    if " ".join(holder_name.split()).casefold() != " ".join(merchant_name.split()).casefold():
        raise HolderDiffers(param="holder_name")


def step_of(state: str, account: Account) -> str:
    """The trigger that an account's state at its channel asks for, "" where it stays as it is.

    Who may receive is active; an account that was active and may not any more is restricted (K10).
    """
    if account.can_receive:
        wanted = "activate"
    elif state == "active":
        wanted = "restrict"
    else:
        wanted = "ask" if account.needs or account.onboarding_url else "verify"
    return wanted if wanted in ACCOUNT.allowed(state) else ""


def changed_banks(
    known: Mapping[str, str] | None, seen: Sequence[BankSeen], *, is_told: bool
) -> tuple[dict[str, str], list[BankSeen]]:
    """What the channel pays to by itself now (bank by currency), and those that are there instead of another (K18).

    `known` is None before the banks were ever read: then a change is only what the channel told of (`is_told`). Banks
    bound from here are approved on their own, and a first bank replaces nothing.
    """
    present = {one.currency: one for one in seen if one.is_default}
    after = {**(known or {}), **{currency: one.ref for currency, one in present.items()}}
    foreign = [one for one in present.values() if not one.key]
    if known is None:
        return after, foreign if is_told else []
    return after, [one for one in foreign if known.get(one.currency, one.ref) != one.ref]


def check_second_person(maker: str, approver: str) -> None:
    """`SamePerson` unless somebody else approves."""
    if not approver or approver == maker:
        raise SamePerson(param="approved_by")
