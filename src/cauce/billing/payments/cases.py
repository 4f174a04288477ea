"""Recoveries of debt: at most one open per subscription, its retries and its grace as due columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

from cauce.billing.payments.rules import DunningCase, Recovery
from cauce.billing.payments.store import QUERIES
from cauce.storage.database import Row, Tx


async def insert(tx: Tx, cases: Sequence[DunningCase]) -> None:
    """New recoveries."""
    if cases:
        await tx.run(
            QUERIES.insert_cases,
            tx.org,
            [one.id for one in cases],
            [one.subscription_id for one in cases],
            [one.customer_id for one in cases],
            [one.state for one in cases],
            [msgspec.to_builtins(one.policy) for one in cases],
            [one.tries for one in cases],
            [one.refusal for one in cases],
            [one.currency for one in cases],
            [one.due_at for one in cases],
            [one.grace_at for one in cases],
            [one.started_at for one in cases],
        )


async def lock_open(tx: Tx, subscription_ids: Iterable[str]) -> dict[str, DunningCase]:
    """The open recoveries of subscriptions, locked, by subscription."""
    rows = await tx.rows(QUERIES.lock_open_cases, tx.org, sorted(set(subscription_ids)))
    return {row["subscription_id"]: case_of(row) for row in rows}


async def save(tx: Tx, cases: Sequence[DunningCase], at: datetime) -> None:
    """Write locked recoveries."""
    if cases:
        await tx.run(
            QUERIES.save_cases,
            tx.org,
            [one.id for one in cases],
            [one.state for one in cases],
            [one.tries for one in cases],
            [one.refusal for one in cases],
            [one.recovered_minor for one in cases],
            [one.restricted for one in cases],
            [one.due_at for one in cases],
            [one.grace_at for one in cases],
            at,
        )


async def last_successes(tx: Tx, customer_ids: Iterable[str]) -> dict[str, datetime]:
    """When each of these customers last paid through a provider."""
    rows = await tx.rows(QUERIES.last_payments, tx.org, sorted(set(customer_ids)))
    return {row["customer_id"]: row["paid_at"] for row in rows}


def case_of(row: Row) -> DunningCase:
    """A recovery from its row."""
    names = DunningCase.__slots__
    return DunningCase(
        **{name: row[name] for name in names if name != "policy"}, policy=msgspec.convert(row["policy"], Recovery)
    )
