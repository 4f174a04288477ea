"""Alipay as a choice among channels."""

from __future__ import annotations

from cauce.gateway.choosing import FOUNDING, Offer, SolutionClass

OFFERS = (
    Offer(
        "alipay",
        "Alipay merchant split",
        "alipay",
        SolutionClass.WALLET_SPLIT,
        frozenset({"alipay"}),
        "Alipay, merchant split access guide and SDK models, read 2026-11",
        share_max_bps=3_000,
        freeze_days=30,
        receivers_max=15_000,
        lead_time_weeks=2,
        cost_level="low",
        said_then=f"none, expected for 2020, thought closed to others ({FOUNDING}); now open, with these limits",
        rank=14,
    ),
)
