"""B16, B17: credit that plans grant, and what of it is not used. What is used is a leg of the invoice (B01)."""

from __future__ import annotations

from datetime import datetime

from cauce.ledger.recipes.billing import granted, journal_of, platform
from cauce.ledger.rules import Journal


def credit_of_plan(
    grant_id: str, customer_id: str, currency: str, at: datetime, *, amount_minor: int
) -> Journal | None:
    """B16: credit that a plan grants with a period, at the cost of revenue."""
    return journal_of(
        f"granted:{grant_id}",
        "B16",
        grant_id,
        at,
        ((platform(currency, "revenue"), amount_minor), (granted(customer_id, currency), -amount_minor)),
    )


def grant_lapsed(
    lapse_id: str, grant_id: str, customer_id: str, currency: str, at: datetime, *, amount_minor: int
) -> Journal | None:
    """B17: what is left of a grant lapses by time or is taken back."""
    return journal_of(
        f"lapsed:{lapse_id}",
        "B17",
        grant_id,
        at,
        ((granted(customer_id, currency), amount_minor), (platform(currency, "revenue"), -amount_minor)),
    )
