"""Which channel fits a business: hard limits exclude, then the first rule that speaks puts one in front. Pure.

The rules stand in one order (a to j): a business that sells only its own needs no settlement channel, one that would
take others' money into its own account gets none (K1), the rest is a choice among what the limits leave.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cauce.gateway.choosing import Offer, SolutionClass

MANY_ORDERS_A_MONTH = 1_000_000
"""From here on a platform is large: a bank's sub-ledger is worth its lead time."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What a business says of itself. Shares in basis points; days and weeks are whole; "" and None: not said.

    `surfaces`: where its buyers pay, by the names of the offers. `money_first`: whose account buyers' money reaches first.
    """

    sells_for_others: bool = True
    money_first: str = "provider"
    surfaces: frozenset[str] = frozenset({"web"})
    country: str = "CN"
    merchants: int = 1
    orders_a_month: int = 0
    share_to_others_bps: int = 0
    receivers: int = 1
    days_to_release: int = 0
    takes_parts_back: bool = False
    developers: int = 1
    cost_first: bool = False
    risk_accepted_by: str = ""
    bank: str = ""
    bank_is_partner: bool = True
    launch_in_weeks: int | None = None
    bank_sub_ledger: bool = False
    own_top_ups: bool = False
    business_to_business: bool = False
    physical_accounts: bool = False
    relayed_payout_forbidden: bool = False


@dataclass(frozen=True, slots=True)
class Ranked:
    """An offer that fits: why it stands where it stands, and what to be warned of."""

    name: str
    reason: str
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Excluded:
    """An offer that does not fit: why, and what would lift it ("" for nothing)."""

    name: str
    reason: str
    lifted_by: str = ""


@dataclass(frozen=True, slots=True)
class Recommendation:
    """Offers from best to worst, and those left out; `verdict` where no settlement channel is due at all."""

    ranked: tuple[Ranked, ...]
    excluded: tuple[Excluded, ...]
    verdict: str = ""

    @property
    def first(self) -> str:
        """The name of the first choice, or "" for none."""
        return self.ranked[0].name if self.ranked else ""


def recommend(answers: Answers, offers: Sequence[Offer]) -> Recommendation:
    """Rank the offers for a business, with a reason for each rank and each exclusion."""
    if not answers.sells_for_others:
        return Recommendation((), (), "It sells only its own: no settlement channel is needed, billing alone.")
    if answers.money_first == "platform":
        reason = "others' money may not reach an account of the platform first (K1)"
        return Recommendation((), tuple(Excluded(one.name, reason) for one in offers), f"Refused: {reason}.")
    excluded: list[Excluded] = []
    left: list[Offer] = []
    for one in sorted(offers, key=lambda offer: offer.rank):
        found = next((no for limit in _LIMITS if (no := limit(answers, one)) is not None), None)
        if found is None:
            left.append(one)
        else:
            excluded.append(found)
    if answers.bank and not answers.bank_is_partner:
        excluded += [_foreign_bank(answers, one) for one in left if one.foreign_bank_weeks is not None]
    why, chosen = next(((why, one.name) for why, prefers in _RULES for one in left if prefers(answers, one)), ("", ""))
    left.sort(key=lambda one: one.name != chosen)
    ranked = tuple(Ranked(one.name, why if one.name == chosen else _behind(one), _warnings(one)) for one in left)
    return Recommendation(ranked, tuple(excluded))


def _country(answers: Answers, one: Offer) -> Excluded | None:
    here = answers.country in one.countries if one.countries else answers.country != "CN"
    return None if here else Excluded(one.name, f"it does not serve {answers.country}")


def _surface(answers: Answers, one: Offer) -> Excluded | None:
    missing = sorted(answers.surfaces - one.surfaces)
    return Excluded(one.name, f"payers cannot pay by {', '.join(missing)}") if missing else None


def _share(answers: Answers, one: Offer) -> Excluded | None:
    if one.share_max_bps is None or answers.share_to_others_bps <= one.share_max_bps:
        return None
    return Excluded(
        one.name, f"cap {one.share_max_bps // 100} % unless raised", "a higher cap, applied for by each merchant"
    )


def _receivers(answers: Answers, one: Offer) -> Excluded | None:
    if one.receivers_max is None or answers.receivers <= one.receivers_max:
        return None
    return Excluded(one.name, f"at most {one.receivers_max} receivers an order", "fewer receivers an order")


def _freeze(answers: Answers, one: Offer) -> Excluded | None:
    if one.freeze_days is None or answers.days_to_release <= one.freeze_days:
        return None
    return Excluded(one.name, f"freeze {one.freeze_days} d is shorter than the release", "an earlier release")


def _reversal(answers: Answers, one: Offer) -> Excluded | None:
    if one.takes_parts_back or not answers.takes_parts_back:
        return None
    return Excluded(one.name, "parts cannot be taken back")


def _lead_time(answers: Answers, one: Offer) -> Excluded | None:
    if answers.launch_in_weeks is None or one.lead_time_weeks <= answers.launch_in_weeks:
        return None
    return Excluded(one.name, f"about {one.lead_time_weeks} weeks to go live", "a later launch")


def _relayed(answers: Answers, one: Offer) -> Excluded | None:
    if not answers.relayed_payout_forbidden or not one.relayed_payout:
        return None
    return Excluded(one.name, "relayed payout is forbidden here", "allowing payouts through a reserve account")


def _risk(answers: Answers, one: Offer) -> Excluded | None:
    if one.compliance != "some_risk" or answers.risk_accepted_by:
        return None
    return Excluded(one.name, "nobody has accepted its compliance risk", "a named person who accepts it")


def _named_bank(answers: Answers, one: Offer) -> Excluded | None:
    if one.solution_class is not SolutionClass.FOUR_PARTY or one.custody_bank or answers.bank:
        return None
    return Excluded(one.name, "its custodian bank is not named (K16)", "naming the bank")


_LIMITS: tuple[Callable[[Answers, Offer], Excluded | None], ...] = (
    _country, _surface, _share, _receivers, _freeze, _reversal, _lead_time, _relayed, _risk, _named_bank,
)  # fmt: skip


def _foreign_bank(answers: Answers, one: Offer) -> Excluded:
    return Excluded(
        f"{one.name} with {answers.bank}",
        f"about {one.foreign_bank_weeks} weeks: the bank is not its partner",
        "another bank",
    )


_RULES: tuple[tuple[str, Callable[[Answers, Offer], bool]], ...] = (
    (
        "a large platform, or one that needs a bank's sub-ledger, own top-ups or business customers: the bank",
        lambda a, one: _is_large(a) and one.solution_class is SolutionClass.BANK,
    ),
    (
        "merchants need physical bank accounts",
        lambda a, one: a.physical_accounts and one.opens_accounts == "physical account",
    ),
    ("buyers pay with this wallet only: its own split", lambda a, one: _is_its_wallet(a, one)),
    (
        "cost comes first and a named person accepts the risk: four-party",
        lambda a, one: (
            a.cost_first
            and bool(a.risk_accepted_by)
            and one.solution_class is SolutionClass.FOUR_PARTY
            and one.opens_accounts == "e-account"
        ),
    ),
    (
        "nobody can develop: files by hand, with its warnings",
        lambda a, one: (
            not a.developers
            and one.development_effort == "none"
            and one.solution_class is SolutionClass.LICENSED_THIRD_PARTY
        ),
    ),
    ("cards outside China", lambda a, one: a.country != "CN" and one.solution_class is SolutionClass.CARD_SCHEME),
    (
        "a licensed third party, the custodian pays out directly",
        lambda _, one: one.solution_class is SolutionClass.LICENSED_THIRD_PARTY and not one.manual_work,
    ),
)


def _is_its_wallet(answers: Answers, one: Offer) -> bool:
    """Whether every buyer pays in the one place that this offer is made for."""
    wallets = (SolutionClass.WECHAT_SPLIT, SolutionClass.WALLET_SPLIT)
    return one.solution_class in wallets and answers.surfaces == one.surfaces


def _is_large(answers: Answers) -> bool:
    needs = answers.bank_sub_ledger or answers.own_top_ups or answers.business_to_business
    return needs or answers.orders_a_month >= MANY_ORDERS_A_MONTH


def _behind(one: Offer) -> str:
    if one.relayed_payout and not one.manual_work:
        return "below strong coupling II: its payout is relayed through a reserve account"
    if one.manual_work:
        return "it works by files and hands"
    return f"{one.title}: fits, but no rule prefers it here"


def _warnings(one: Offer) -> tuple[str, ...]:
    found = ["payouts are relayed through a reserve account"] if one.relayed_payout else []
    found += ["manual work, one exit"] if one.manual_work else []
    found += ["lower cost, some compliance risk: check that the named bank holds and moves the money"] * (
        one.compliance == "some_risk"
    )
    found += [one.said_then] if one.said_then.startswith("none") else []
    return tuple(found)
