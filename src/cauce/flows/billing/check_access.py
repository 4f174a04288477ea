"""What a customer may use now: the state of the bill, and above it what was granted by hand (I1, I2, I7).

Many questions of one organization are answered with one query. The decision is pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from cauce.billing.entitlements.rules import Level, highest, overridden, rank
from cauce.flows.context import Context
from cauce.reports.resources import entitlements
from cauce.reports.usage_limits import standings
from cauce.storage.database import Row, Tx

_USABLE = (Level.FULL, Level.GRACE)
Used = Mapping[tuple[str, str], Decimal]
"""(subscription, feature) -> what is used of its quota."""

_NOTHING_USED: Used = {}


@dataclass(frozen=True, slots=True)
class Check:
    """May this customer or member of one (id or external id) use a feature ("": anything at all) of a product ("": any)?"""

    customer: str
    feature: str = ""
    product: str = ""


@dataclass(frozen=True, slots=True)
class Checked:
    """The answer. `value` is the feature's: a flag, a quota, a tier; None when nothing gives it.

    `used` and `remaining` of a quota that a meter counts, in the period that runs.
    """

    customer_id: str
    level: Level
    allowed: bool
    value: Any = None
    used: Decimal | None = None
    remaining: Decimal | None = None


async def check_access(context: Context, questions: Sequence[Check]) -> list[Checked | None]:
    """One answer per question, in order; None for a customer who does not exist."""
    async with context.transaction() as tx:
        now = await context.now(tx)
        rows = await entitlements(tx, sorted({one.customer for one in questions}))
        used = await used_of(tx, rows, {one.feature for one in questions})
    named: dict[str, dict[str, list[Row]]] = {}
    for row in rows:
        named.setdefault(row["named"], {}).setdefault(row["customer_id"], []).append(row)
    return [_best_of(named.get(one.customer, {}), one, now, used) for one in questions]


def _best_of(by_customer: Mapping[str, Sequence[Row]], asked: Check, now: datetime, used: Used) -> Checked | None:
    """The answer for one name: of himself, and of every team that he is a member of, the most generous (I6)."""
    if len(by_customer) == 1:
        return decide(next(iter(by_customer.values())), asked, now, used)
    answers = [decide(rows, asked, now, used) for _, rows in sorted(by_customer.items())]
    found = [one for one in answers if one is not None]
    return max(found, key=lambda one: (one.allowed, rank(one.level)), default=None)


async def used_of(tx: Tx, rows: Sequence[Row], features: Set[str]) -> Used:
    """What is used of those of these features that a meter limits; asks nothing where none is limited."""
    limited = {row["subscription_id"] for row in rows if row["limits"] and not features.isdisjoint(row["limits"])}
    found = await standings(tx, sorted(limited)) if limited else []
    return {(one.subscription_id, one.feature): one.used for one in found}


def decide(
    rows: Sequence[Mapping[str, Any] | Row], asked: Check, now: datetime, used: Used = _NOTHING_USED
) -> Checked | None:
    """The answer from the rows of one customer; `used` is what `used_of` found.

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
    having = [(row, level) for row, level in held if asked.feature in row["features"]]
    usable = [row for row, level in having if level in _USABLE]
    counted = _counted(usable, asked.feature, used)
    if given:
        return _within(Checked(customer_id, level, bool(given[-1]) and not suspended, given[-1]), counted)
    value = _best([row["features"][asked.feature] for row in usable or [row for row, _ in having]])
    return _within(Checked(customer_id, level, bool(usable) and bool(value), value), counted)


def _counted(usable: Sequence[Mapping[str, Any] | Row], feature: str, used: Used) -> tuple[Decimal, bool] | None:
    """What is used of a limited feature by the subscription with the largest quota, and whether more is allowed."""
    limited = [row for row in usable if feature in row["limits"]]
    if not limited:
        return None
    most = max(limited, key=lambda row: row["features"][feature])
    return used.get((most["subscription_id"], feature), Decimal(0)), most["limits"][feature]["overage"] == "allow"


def _within(answer: Checked, counted: tuple[Decimal, bool] | None) -> Checked:
    if counted is None or type(answer.value) is not int:
        return answer
    used, more_allowed = counted
    left = max(answer.value - used, Decimal(0))
    return replace(answer, allowed=answer.allowed and (left > 0 or more_allowed), used=used, remaining=left)


def _level(state: Level, product_id: str, by_hand: Sequence[tuple[str, Level]], suspended: bool) -> Level:
    granted = [level for product, level in by_hand if product in ("", product_id)]
    return overridden(state, granted, suspended=suspended)


def _best(values: Sequence[Any]) -> Any:
    """The most generous of several subscriptions: the larger number, the flag that is set, else the first."""
    if len(values) > 1 and all(isinstance(value, int) for value in values):
        return max(values)
    return values[0] if values else None
