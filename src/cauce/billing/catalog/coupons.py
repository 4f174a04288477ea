"""A coupon as a value."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class Coupon:
    """A coupon as it is stored."""

    id: str
    code: str
    percent: Fraction | None
    amount_minor: int | None
    currency: str | None
    duration: str
    duration_periods: int | None
    product_ids: tuple[str, ...]
    first_purchase: bool
    redemptions_max: int | None
    redemptions: int
    expires_at: datetime | None
    archived_at: datetime | None
