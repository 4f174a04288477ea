"""What a business must know of an offer before it chooses a channel: the facts that each provider's `facts.py` states.

Technical limits of a connected channel are in `capabilities`; these are the ones that decide between offers, also of
providers that this version cannot talk to yet. `source` says where the values were read and when.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

FOUNDING = "text, about 2019–2020"
"""The founding comparison: what was said of an offer then."""


class SolutionClass(StrEnum):
    """The kinds of solution that the founding comparison and this one distinguish."""

    BANK = "bank"
    WECHAT_SPLIT = "wechat_split"
    WALLET_SPLIT = "wallet_split"
    LICENSED_THIRD_PARTY = "licensed_third_party"
    FOUR_PARTY = "four_party"
    CARD_SCHEME = "card_scheme"


@dataclass(frozen=True, slots=True)
class Offer:
    """One offer. Shares in basis points of the order; `freeze_days` and `share_max_bps` None: no limit is named.

    `lead_time_weeks` to go live; `surfaces`: where payers pay (wechat, alipay, web, card); `countries` None: anywhere
    but where an offer of its own stands; `said_then` is the founding comparison's word, "" where it had none.
    `lead_time_weeks`, `cost_level` and `development_effort` are our estimates [assumed]: no vendor's page states them.
    """

    name: str
    title: str
    provider: str
    solution_class: SolutionClass
    surfaces: frozenset[str]
    source: str
    countries: frozenset[str] = frozenset({"CN"})
    share_max_bps: int | None = None
    freeze_days: int | None = None
    receivers_max: int | None = None
    takes_parts_back: bool = True
    lead_time_weeks: int = 8
    foreign_bank_weeks: int | None = None  # with a bank that is not its partner
    development_effort: str = "medium"
    cost_level: str = "medium"
    compliance: str = "clear"
    opens_accounts: str = "none"
    own_top_ups: bool = False
    bank_sub_ledger: bool = False
    manual_work: bool = False
    relayed_payout: bool = False
    custody_bank: str = ""
    said_then: str = ""
    rank: int = 50  # among offers that fit equally the lowest goes first
