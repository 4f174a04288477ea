"""Thirteen businesses and the channel that fits each, with what is excluded and why."""

from __future__ import annotations

from typing import Any

import pytest

from cauce.marketplace.compliance.recommendation import Answers, recommend
from cauce.providers.kit.registry import offers

WECHAT = frozenset({"wechat"})
EVERYWHERE = frozenset({"web", "wechat", "alipay"})

PROFILES: list[tuple[str, dict[str, Any], set[str], dict[str, str]]] = [
    ("mini program", {"surfaces": WECHAT, "share_to_others_bps": 2_000, "receivers": 8}, {"wechat"}, {}),
    (
        "the same with 45 % to others",
        {"surfaces": WECHAT, "share_to_others_bps": 4_500, "receivers": 8},
        {"allinpay-strong-2"},
        {"wechat": "cap 30 % unless raised", "wechat-ecommerce": "cap 30 % unless raised"},
    ),
    (
        "large",
        {"surfaces": EVERYWHERE, "merchants": 1_200, "orders_a_month": 3_000_000, "bank_sub_ledger": True},
        {"pingan"},
        {},
    ),
    ("web and app", {"surfaces": EVERYWHERE, "merchants": 60, "developers": 3}, {"allinpay-strong-2"}, {}),
    ("no developers", {"surfaces": EVERYWHERE, "merchants": 20, "developers": 0}, {"allinpay-weak"}, {}),
    (
        "lowest cost",
        {"surfaces": EVERYWHERE, "cost_first": True, "risk_accepted_by": "Li Na", "bank": "Bank of Somewhere"},
        {"e-account", "e-clearing", "jufutong"},
        {},
    ),
    (
        "lowest cost, nobody accepts the risk",
        {"surfaces": EVERYWHERE, "cost_first": True},
        {"allinpay-strong-2"},
        {"e-clearing": "nobody has accepted its compliance risk"},
    ),
    (
        "physical accounts for tax",
        {"surfaces": EVERYWHERE, "physical_accounts": True, "risk_accepted_by": "Li Na", "bank": "Bank of Somewhere"},
        {"zhifutong"},
        {},
    ),
    ("Alipay only", {"surfaces": frozenset({"alipay"}), "share_to_others_bps": 1_000}, {"alipay"}, {}),
    (
        "cards in Europe",
        {"surfaces": frozenset({"card"}), "country": "DE"},
        {"stripe"},
        {"pingan": "it does not serve DE", "allinpay-strong-2": "it does not serve DE"},
    ),
    ("only its own software", {"sells_for_others": False}, {""}, {}),
    (
        "a bank that is no partner, launch in 4 weeks",
        {"surfaces": EVERYWHERE, "bank": "Bank of Somewhere", "bank_is_partner": False, "launch_in_weeks": 4},
        {"allinpay-strong-2"},
        {"allinpay-strong-2 with Bank of Somewhere": "about 26 weeks: the bank is not its partner"},
    ),
    (
        "money to the platform first",
        {"surfaces": EVERYWHERE, "money_first": "platform"},
        {""},
        {one.name: "others' money may not reach an account of the platform first (K1)" for one in offers()},
    ),
    (
        "hotel, stays 120 days ahead",
        {"surfaces": WECHAT, "days_to_release": 120, "share_to_others_bps": 1_000},
        {"wechat-ecommerce", "pingan", "allinpay-strong-2"},
        {"wechat": "freeze 30 d is shorter than the release"},
    ),
]


@pytest.mark.parametrize(("answers", "first", "excluded"), [p[1:] for p in PROFILES], ids=[p[0] for p in PROFILES])
def test_each_business_gets_its_channel(answers: dict[str, Any], first: set[str], excluded: dict[str, str]) -> None:
    found = recommend(Answers(**answers), offers())
    assert found.first in first
    reasons = {one.name: one.reason for one in found.excluded}
    assert {name: reasons.get(name) for name in excluded} == excluded
    assert not {one.name for one in found.ranked} & set(reasons)
    assert all(one.reason for one in found.ranked)


def test_relayed_payout_ranks_below_and_is_never_offered_where_it_is_forbidden() -> None:
    plain = recommend(Answers(surfaces=EVERYWHERE), offers())
    names = [one.name for one in plain.ranked]
    assert names.index("allinpay-strong-2") < names.index("allinpay-strong-1")
    relayed = next(one for one in plain.ranked if one.name == "allinpay-strong-1")
    assert "relayed" in relayed.reason and relayed.warnings
    forbidden = recommend(Answers(surfaces=EVERYWHERE, relayed_payout_forbidden=True), offers())
    assert "allinpay-strong-1" in {one.name for one in forbidden.excluded}


def test_what_was_said_of_alipay_then_is_told_beside_what_is_true_now() -> None:
    found = recommend(Answers(surfaces=frozenset({"alipay"})), offers())
    assert "none, expected for 2020" in found.ranked[0].warnings[0]
