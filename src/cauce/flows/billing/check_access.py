"""What a customer may use now: the state of the bill, and above it what was granted by hand (I1, I2, I7).

Many questions of one organization are answered with one query. The decision is pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cauce.billing.entitlements.rules import Level, highest, overridden
from cauce.flows.context import Context
from cauce.reports.resources import entitlements
from cauce.storage.database import Row

_USABLE = (Level.FULL, Level.GRACE)


@dataclass(frozen=True, slots=True)
class Check:
    """May this customer (id or external id) use a feature ("": anything at all) of a product ("": any)?"""

    customer: str
    feature: str = ""
    product: str = ""


@dataclass(frozen=True, slots=True)
class Checked:
    """The answer. `value` is the feature's: a flag, a quota, a tier; None when nothing gives it."""

    customer_id: str
    level: Level
    allowed: bool
    value: Any = None


async def check_access(context: Context, questions: Sequence[Check]) -> list[Checked | None]:
    """One answer per question, in order; None for a customer who does not exist."""
    async with context.transaction() as tx:
        now = await context.now(tx)
        rows = await entitlements(tx, sorted({one.customer for one in questions}))
    by_customer: dict[str, list[Row]] = {}
    for row in rows:
        by_customer.setdefault(row["named"], []).append(row)
    return [decide(by_customer.get(one.customer, ()), one, now) for one in questions]


def decide(rows: Sequence[Mapping[str, Any] | Row], asked: Check, now: datetime) -> Checked | None:
    """The answer from the rows of one customer.

    A level by hand stands above the state's, a feature by hand above the plan's, a suspension above everything.
    """
    if not rows:
        return None
    suspended: bool = rows[0]["suspended"]
    mine = [row for row in rows if not asked.product or row["product_id"] in ("", asked.product)]
    bills = [row for row in mine if row["features"] is not None]
    grants = [row for row in mine if row["features"] is None and (row["ends_at"] is None or row["ends_at"] > now)]
    by_hand = [(row["product_id"], Level(row["level"])) for row in grants if row["level"] is not None]
    held = [(row, _level(Level(row["level"]), row["product_id"], by_hand, suspended)) for row in bills]
    alone = [_level(Level.NONE, product_id, by_hand, suspended) for product_id, _ in by_hand]
    level = highest([*alone, *(level for _, level in held)])
    customer_id = rows[0]["customer_id"]
    if not asked.feature:
        return Checked(customer_id, level, level in _USABLE)
    given = [row["value"] for row in grants if row["feature"] == asked.feature]
    if given:
        return Checked(customer_id, level, bool(given[-1]) and not suspended, given[-1])
    having = [(row["features"][asked.feature], level) for row, level in held if asked.feature in row["features"]]
    usable = [value for value, level in having if level in _USABLE]
    value = _best(usable or [value for value, _ in having])
    return Checked(customer_id, level, bool(usable) and bool(value), value)


def _level(state: Level, product_id: str, by_hand: Sequence[tuple[str, Level]], suspended: bool) -> Level:
    granted = [level for product, level in by_hand if product in ("", product_id)]
    return overridden(state, granted, suspended=suspended)


def _best(values: Sequence[Any]) -> Any:
    """The most generous of several subscriptions: the larger number, the flag that is set, else the first."""
    if len(values) > 1 and all(isinstance(value, int) for value in values):
        return max(values)
    return values[0] if values else None
