"""What the recipes of the custody book share: the holder's accounts, building a journal, the mirror of the fee (T21).

The custody book of one channel and currency mirrors what the holder of the money says each party owns. `fee` is the
only account in it that is the platform's; whatever moves it is mirrored in the platform book in the same batch, so
that `fee_due_from_custody` equals the sum of `fee` at every commit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache

from cauce.ledger.rules import Account, Book, Journal, Leg

IN_TRANSIT = "psp_in_transit"
BANK = "custody_bank"
FEE = "fee"
INTEREST = "interest"
MARKETING = "marketing"
SUSPENSE = "suspense"
PAYOUTS = "payout_in_transit"
REFUNDS = "refund_in_transit"
POSITION = "position_in_transit"

OWN_BANK = "own_bank"
FEE_DUE = "fee_due_from_custody"
REVENUE = "revenue"
PROVIDER_COST = "provider_cost"
SUBSIDY_EXPENSE = "subsidy_expense"
ADVANCE_RECEIVABLE = "advance_receivable"

Amounts = Mapping[str, int]
"""Account code -> minor units; zero amounts are left out of the journal."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose custody book it is: the channel and the currency."""

    channel_id: str
    currency: str

    def account(self, code: str) -> Account:
        """An account of this custody book."""
        return _account(Book.CUSTODY, self.channel_id, self.currency, code)

    def own(self, code: str) -> Account:
        """The platform book's account in the same currency."""
        return _account(Book.PLATFORM, "", self.currency, code)


@lru_cache(maxsize=16_384)
def _account(book: Book, channel_id: str, currency: str, code: str) -> Account:
    """The same value for the same name: journals of a batch name the same merchants again and again."""
    return Account(book, channel_id, currency, code)


@dataclass(frozen=True, slots=True)
class Event:
    """What a journal is about: its key, the business object, the provider's evidence, the instant it took effect."""

    key: str
    reference: str
    evidence: str
    at: datetime


def escrow(order_id: str) -> str:
    """The code of the money parked for one order."""
    return f"escrow:{order_id}"


def pending(merchant_id: str) -> str:
    """The code of a merchant's money that cannot be withdrawn yet."""
    return f"member:{merchant_id}:pending"


def withdrawable(merchant_id: str) -> str:
    """The code of a merchant's money that can be withdrawn."""
    return f"member:{merchant_id}:withdrawable"


def frozen(merchant_id: str) -> str:
    """The code of a merchant's money that the provider froze."""
    return f"member:{merchant_id}:frozen"


def external(merchant_id: str) -> str:
    """The code of money delivered to an account whose balance the provider does not show."""
    return f"member:{merchant_id}:external"


def custody_journal(recipe: str, holder: Holder, event: Event, debits: Amounts, credits: Amounts) -> Journal:
    """A journal of one custody book; zero amounts are left out, and an account on both sides is netted."""
    legs = _legs(holder, debits, credits, own=False)
    return Journal(f"{recipe}:{event.key}", recipe, event.reference, event.at, legs, event.evidence)


def platform_journal(recipe: str, holder: Holder, event: Event, debits: Amounts, credits: Amounts) -> Journal:
    """A journal of the platform book."""
    legs = _legs(holder, debits, credits, own=True)
    return Journal(f"{recipe}:own:{event.key}", recipe, event.reference, event.at, legs, event.evidence)


def linked(*journals: Journal) -> list[Journal]:
    """Journals that are posted together or not at all, linked by the first one's key."""
    return [replace(journal, link=journals[0].key) for journal in journals] if len(journals) > 1 else list(journals)


def mirrored(journal: Journal, holder: Holder, *, borne_by_platform_minor: int = 0) -> list[Journal]:
    """T21: `journal` and, where it moves `fee`, its linked mirror in the platform book.

    `borne_by_platform_minor` is the provider's fee by which the platform's part was made smaller: it is shown as
    revenue and as cost, both.
    """
    fee = holder.account(FEE)
    moved = -sum(leg.amount_minor for leg in journal.legs if leg.account == fee)
    revenue = moved + borne_by_platform_minor
    debits, credits = _mirror_of(journal.recipe, moved, revenue, borne_by_platform_minor)
    if not any((*debits.values(), *credits.values())):
        return [journal]
    legs = _legs(holder, debits, credits, own=True)
    mirror = replace(journal, key=f"T21:{journal.key}", recipe="T21", legs=legs, link=journal.key)
    return [replace(journal, link=journal.key), mirror]


def _mirror_of(recipe: str, moved: int, revenue: int, cost: int) -> tuple[dict[str, int], dict[str, int]]:
    other = {"T03": PROVIDER_COST, "T16": ADVANCE_RECEIVABLE}.get(recipe, REVENUE)
    if other != REVENUE:
        return ({FEE_DUE: moved}, {other: moved}) if moved >= 0 else ({other: -moved}, {FEE_DUE: -moved})
    net: dict[str, int] = {FEE_DUE: moved, PROVIDER_COST: cost, REVENUE: -revenue}
    return (
        {code: amount for code, amount in net.items() if amount > 0},
        {code: -amount for code, amount in net.items() if amount < 0},
    )


def _legs(holder: Holder, debits: Amounts, credits: Amounts, *, own: bool) -> tuple[Leg, ...]:
    net: dict[str, int] = {}
    for code, amount in debits.items():
        net[code] = net.get(code, 0) + amount
    for code, amount in credits.items():
        net[code] = net.get(code, 0) - amount
    account = holder.own if own else holder.account
    return tuple([Leg(account(code), amount) for code, amount in net.items() if amount])
