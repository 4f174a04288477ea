"""A payment method of Stripe's as ours, pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from cauce.gateway.charging import SavedMethod

Json = Mapping[str, Any]


def saved_method(method: Json) -> SavedMethod:
    """A payment method."""
    card = method.get("card") or {}
    return SavedMethod(
        ref=method["id"],
        kind=method["type"],
        brand=card.get("brand") or method["type"],
        last4=card.get("last4") or "",
        expires_on=_first_invalid_day(card),
        fingerprint=card.get("fingerprint") or "",
    )


def _first_invalid_day(card: Json) -> date | None:
    if not card.get("exp_year"):
        return None
    year, month = int(card["exp_year"]), int(card["exp_month"])
    return date(year + month // 12, month % 12 + 1, 1)
