"""Allinpay's three ways as choices among channels."""

from __future__ import annotations

from cauce.gateway.choosing import FOUNDING, Offer, SolutionClass

_SOURCE = "Allinpay Yunshangtong interface documents, read 2026-11"
_SURFACES = frozenset({"wechat", "alipay", "web", "card"})
_FOREIGN_BANK_WEEKS = 26  # a bank that is not its partner yet is connected first: half a year is planned for it

OFFERS = (
    Offer(
        "allinpay-strong-2",
        "Allinpay, strong coupling II (custodian pays out)",
        "allinpay",
        SolutionClass.LICENSED_THIRD_PARTY,
        _SURFACES,
        _SOURCE,
        receivers_max=10,
        lead_time_weeks=4,
        foreign_bank_weeks=_FOREIGN_BANK_WEEKS,
        own_top_ups=True,
        said_then=f"recommended: licensed, moderate cost and effort ({FOUNDING})",
        rank=5,
    ),
    Offer(
        "allinpay-strong-1",
        "Allinpay, strong coupling I (payout through its reserve account)",
        "allinpay",
        SolutionClass.LICENSED_THIRD_PARTY,
        _SURFACES,
        _SOURCE,
        receivers_max=10,
        lead_time_weeks=4,
        foreign_bank_weeks=_FOREIGN_BANK_WEEKS,
        compliance="relayed_payout",
        own_top_ups=True,
        relayed_payout=True,
        rank=30,
    ),
    Offer(
        "allinpay-weak",
        "Allinpay, weak coupling (files by hand)",
        "allinpay",
        SolutionClass.LICENSED_THIRD_PARTY,
        _SURFACES,
        _SOURCE,
        receivers_max=5_000,
        lead_time_weeks=3,
        foreign_bank_weeks=_FOREIGN_BANK_WEEKS,
        development_effort="none",
        compliance="relayed_payout",
        manual_work=True,
        relayed_payout=True,
        rank=60,
    ),
)
