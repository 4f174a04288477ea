"""Moves to a plan's newest version that wait for a renewal: one per subscription, beside the customer's own change (A7)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import msgspec

from cauce.billing.subscriptions.store import QUERIES
from cauce.storage.database import Tx


@dataclass(frozen=True, slots=True)
class Move:
    """To the version `plan_id` of the plan `plan_key`, at the first renewal on or after `not_before`."""

    id: str
    subscription_id: str
    plan_key: str
    plan_id: str
    not_before: date
    effective_on: date
    currency: str
    old_amount_minor: int
    new_amount_minor: int


async def insert(tx: Tx, moves: Sequence[Move], now: datetime) -> None:
    """New moves of locked subscriptions that have none."""
    if moves:
        plain: list[dict[str, Any]] = [msgspec.to_builtins(one) for one in moves]
        await tx.run(
            QUERIES.insert_migrations,
            tx.org,
            [one.id for one in moves],
            [one.subscription_id for one in moves],
            [{key: value for key, value in one.items() if key not in ("id", "subscription_id")} for one in plain],
            now,
        )


async def of(tx: Tx, subscription_ids: Sequence[str]) -> dict[str, Move]:
    """The moves that wait, by subscription, locked."""
    rows = await tx.rows(QUERIES.migrations, tx.org, list(subscription_ids))
    return {
        row["subscription_id"]: msgspec.convert(
            {"id": row["id"], "subscription_id": row["subscription_id"], **row["content"]}, Move
        )
        for row in rows
    }
