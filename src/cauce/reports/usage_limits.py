"""What is used of quotas that a meter counts, in the period that runs (I5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from cauce.storage.database import Tx
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__, "usage_limits.sql")


@dataclass(frozen=True, slots=True)
class LimitStanding:
    """One limited feature of a subscription: its plan's quota and what of it is used since `period_start`."""

    subscription_id: str
    customer_id: str
    feature: str
    overage: str
    warn_percent: tuple[int, ...]
    quota: int
    period_start: date
    used: Decimal


async def standings(tx: Tx, subscription_ids: Sequence[str]) -> list[LimitStanding]:
    """The limited features of these subscriptions, by subscription and feature."""
    return [
        LimitStanding(**{**dict(row), "warn_percent": tuple(row["warn_percent"])})
        for row in await tx.rows(QUERIES.standing, tx.org, list(subscription_ids))
    ]
