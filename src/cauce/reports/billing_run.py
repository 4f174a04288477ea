"""What a chunk of subscriptions is billed by, loaded in one query: customer, items, discounts, pending lines, usage, credit.

Prices are not part of it: they never change, so the process remembers them. Plans, tax rates and meters are a few rows
per organization and read once per chunk by whoever needs them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from cauce.storage.database import Row, Tx
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__, "billing_run.sql")


@dataclass(frozen=True, slots=True)
class ItemRow:
    """One price of a subscription and how many of it."""

    id: str
    price_id: str
    quantity: Decimal
    adjust_minor: int = 0
    adjust_percent: Decimal = Decimal(0)
    phases_from: date | None = None


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What one subscription is billed by. `used`: per meter (events, total, highest, latest) of the period that ends;
    `anchor_day`: the remembered day of the month of its billing cycle; `grants`: what the customer has left of granted
    credit, put there by the flow that locks it; `due_notice_days`: what the seller says, None for what is usual."""

    customer_id: str
    country: str
    tax_treatment: str
    suspended: bool
    snapshot: str
    credit_minor: int
    items: tuple[ItemRow, ...]
    discounts: tuple[dict[str, Any], ...]
    pending: tuple[dict[str, Any], ...]
    used: dict[str, list[Any]]
    has_method: bool
    anchor_day: int = 1
    currency: str = ""
    grants: tuple[Any, ...] = ()
    due_notice_days: int | None = None


async def load_surroundings(tx: Tx, subscription_ids: Sequence[str]) -> dict[str, Surroundings]:
    """The surroundings of each subscription."""
    return {
        row["id"]: _surroundings(row) for row in await tx.rows(QUERIES.surroundings, tx.org, list(subscription_ids))
    }


async def aggregations(tx: Tx) -> dict[str, str]:
    """How each meter of the organization counts."""
    return {row["key"]: row["aggregation"] for row in await tx.rows(QUERIES.aggregations, tx.org)}


async def distinct_values(tx: Tx, wanted: Sequence[tuple[str, str, date, date]]) -> dict[tuple[str, str, date], int]:
    """Distinct values per (subscription, meter, first day) between two local days, the second excluded."""
    if not wanted:
        return {}
    rows = await tx.rows(QUERIES.distinct_values, tx.org, *[list(column) for column in zip(*wanted, strict=True)])
    return {(row["subscription_id"], row["meter_key"], row["since"]): row["values"] for row in rows}


async def event_values(
    tx: Tx, wanted: Sequence[tuple[str, str, date, date]]
) -> dict[tuple[str, str, date], list[Fraction]]:
    """The values of events per (subscription, meter, first day) between two local days, the second excluded.

    In order of arrival, those above or at zero that nothing corrected.
    """
    if not wanted:
        return {}
    rows = await tx.rows(QUERIES.event_values, tx.org, *[list(column) for column in zip(*wanted, strict=True)])
    return {
        (row["subscription_id"], row["meter_key"], row["since"]): [Fraction(value) for value in row["values"]]
        for row in rows
    }


async def used_between(
    tx: Tx, wanted: Sequence[tuple[str, date, date]]
) -> dict[tuple[str, date], dict[str, list[Any]]]:
    """(subscription, first day) -> what `Surroundings.used` holds, between two local days, the second excluded."""
    rows = await tx.rows(QUERIES.used_between, tx.org, *[list(column) for column in zip(*wanted, strict=True)])
    found: dict[tuple[str, date], dict[str, list[Any]]] = {}
    for row in rows:
        of_period = found.setdefault((row["subscription_id"], row["since"]), {})
        of_period[row["meter_key"]] = [row["events"], row["total"], row["highest"], row["latest"]]
    return found


@dataclass(frozen=True, slots=True)
class Weighing:
    """A meter's level to be weighed between two local days, the second excluded, over the days of the full period."""

    subscription_id: str
    meter: str
    since: date
    until: date
    full_since: date
    full_until: date
    timezone: str


async def weighted(
    tx: Tx, wanted: Sequence[Weighing], stop: datetime | None = None
) -> dict[tuple[str, str, date], Fraction]:
    """(subscription, meter, first day) -> sum of level times seconds over the seconds of the full period.

    The last level holds to the end, or to the instant `stop`.
    """
    if not wanted:
        return {}
    rows = [
        (one.subscription_id, one.meter, one.since, one.until, one.full_since, one.full_until, one.timezone)
        for one in wanted
    ]
    found = await tx.rows(QUERIES.weighted, tx.org, *[list(column) for column in zip(*rows, strict=True)], stop)
    return {
        (row["subscription_id"], row["meter_key"], row["since"]): Fraction(row["area"]) / Fraction(row["seconds"])
        for row in found
    }


def _surroundings(row: Row) -> Surroundings:
    items = tuple(
        map(
            ItemRow,
            row["ids"] or (),
            row["price_ids"] or (),
            row["quantities"] or (),
            row["adjust_minor"] or (),
            row["adjust_percent"] or (),
            row["phases_from"] or (),
        )
    )
    return Surroundings(
        row["customer_id"],
        row["country"],
        row["tax_treatment"],
        row["suspended"],
        row["snapshot"],
        row["credit_minor"],
        items,
        tuple(row["discounts"] or ()),
        tuple(row["pending"] or ()),
        row["used"] or {},
        row["has_method"],
        row["anchor_day"],
        row["currency"],
        due_notice_days=row["due_notice_days"],
    )


@dataclass(frozen=True, slots=True)
class UsageTarget:
    """Whose subscription counts a customer's use of a meter; "" when nobody is billed for it. `limited`: against a quota.

    `period_start`, of what is not billed yet, is None before the first billed period; `due_at` is when the subscription is looked at next.
    """

    customer_id: str
    subscription_id: str
    timezone: str
    limited: bool = False
    period_start: date | None = None
    due_at: datetime | None = None


async def usage_targets(tx: Tx, external_ids: Sequence[str]) -> dict[str, dict[str, UsageTarget]]:
    """External id -> meter -> target; under the meter "" what only identifies the customer."""
    found: dict[str, dict[str, UsageTarget]] = {}
    for row in await tx.rows(QUERIES.usage_targets, tx.org, sorted(set(external_ids))):
        targets = found.setdefault(row["external_id"], {"": UsageTarget(row["customer_id"], "", "UTC")})
        if row["meter_key"] is not None:
            targets[row["meter_key"]] = UsageTarget(
                row["customer_id"],
                row["subscription_id"],
                row["timezone"],
                row["limited"],
                row["period_start"],
                row["due_at"],
            )
    return found
