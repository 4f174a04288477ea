"""Ping An's witness accounts as a choice among channels."""

from __future__ import annotations

from cauce.gateway.choosing import FOUNDING, Offer, SolutionClass

OFFERS = (
    Offer(
        "pingan",
        "Ping An Bank witness accounts (JZB)",
        "pingan",
        SolutionClass.BANK,
        frozenset({"wechat", "alipay", "web", "card"}),
        "Ping An JZB interface documents, read 2026-11",
        receivers_max=30,
        lead_time_weeks=12,
        development_effort="high",
        cost_level="high",
        own_top_ups=True,
        bank_sub_ledger=True,
        custody_bank="Ping An Bank",
        said_then=f"for large platforms: high threshold, much development ({FOUNDING})",
        rank=20,
    ),
)
