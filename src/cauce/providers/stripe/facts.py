"""Stripe Connect as a choice among channels."""

from __future__ import annotations

from cauce.gateway.choosing import Offer, SolutionClass

OFFERS = (
    Offer(
        "stripe",
        "Stripe Connect",
        "stripe",
        SolutionClass.CARD_SCHEME,
        frozenset({"card", "web"}),
        "Stripe Connect documentation, read 2026-11",
        countries=frozenset(),
        lead_time_weeks=1,
        said_then="not in the founding comparison",
        rank=22,
    ),
)
