"""What a chunk of subscriptions is billed by, loaded in one query: customer, items, discounts, pending lines, usage, credit.

Prices are not part of it: they never change, so the process remembers them. Plans, tax rates and meters are a few rows
per organization and read once per chunk by whoever needs them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
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


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What one subscription is billed by. `used`: per meter (events, total, highest, latest) of the period that ends."""

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


async def load_surroundings(tx: Tx, subscription_ids: Sequence[str]) -> dict[str, Surroundings]:
    """The surroundings of each subscription."""
    return {
        row["id"]: _surroundings(row) for row in await tx.rows(QUERIES.surroundings, tx.org, list(subscription_ids))
    }


async def aggregations(tx: Tx) -> dict[str, str]:
    """How each meter of the organization counts."""
    return {row["key"]: row["aggregation"] for row in await tx.rows(QUERIES.aggregations, tx.org)}


async def distinct_values(tx: Tx, wanted: Sequence[tuple[str, str, date, date]]) -> dict[tuple[str, str], int]:
    """Distinct values per (subscription, meter) between two local days, the second excluded."""
    if not wanted:
        return {}
    rows = await tx.rows(QUERIES.distinct_values, tx.org, *[list(column) for column in zip(*wanted, strict=True)])
    return {(row["subscription_id"], row["meter_key"]): row["values"] for row in rows}


def _surroundings(row: Row) -> Surroundings:
    items = tuple(
        map(
            ItemRow,
            row["ids"] or (),
            row["price_ids"] or (),
            row["quantities"] or (),
            row["adjust_minor"] or (),
            row["adjust_percent"] or (),
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
    )


@dataclass(frozen=True, slots=True)
class UsageTarget:
    """Whose subscription counts a customer's use of a meter; None when nobody is billed for it. `limited`: against a quota."""

    customer_id: str
    subscription_id: str | None
    timezone: str
    limited: bool = False


async def usage_targets(tx: Tx, external_ids: Sequence[str]) -> dict[str, dict[str, UsageTarget]]:
    """External id -> meter -> target; under the meter "" what only identifies the customer."""
    found: dict[str, dict[str, UsageTarget]] = {}
    for row in await tx.rows(QUERIES.usage_targets, tx.org, sorted(set(external_ids))):
        targets = found.setdefault(row["external_id"], {"": UsageTarget(row["customer_id"], None, "UTC")})
        if row["meter_key"] is not None:
            targets[row["meter_key"]] = UsageTarget(
                row["customer_id"], row["subscription_id"], row["timezone"], row["limited"]
            )
    return found
