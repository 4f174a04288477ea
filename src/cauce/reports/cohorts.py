"""Who stayed, what a customer is worth, what campaigns did (N2): read from the transition log, the payments, the messages.

A cohort is the customers who first paid a recurring fee in a month, per currency; months are those of UTC.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Any

from cauce.kernel.money import half_up
from cauce.reports import analytics
from cauce.reports.analytics import Figures, per_ten_thousand
from cauce.storage.database import Row, Tx
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__, "cohorts.sql")
EFFECT_DAYS = 30
"""How long after the first message of a campaign a customer's step counts as its effect."""

_BEGIN = date(1970, 1, 1)


async def cohorts(tx: Tx, since: date, until: date) -> list[Figures]:
    """Per cohort from `since` on and month after its first, 0 included: customers who still pay and what they pay a month."""
    rows = await tx.rows(QUERIES.cohorts, tx.org, since, until)
    return [{**dict(row), "kept_bps": per_ten_thousand(row["customers"], row["size"])} for row in rows]


async def lifetime_values(tx: Tx, _since: date, until: date) -> list[Figures]:
    """Per currency, over all customers who ever paid a recurring fee: what one paid so far, and what one will pay.

    `expected_minor` is the recurring revenue of a paying customer over the share of them that is lost a month; None
    while nobody was lost.
    """
    rows = await cohorts(tx, _BEGIN, until)
    money = {one["currency"]: one for one in await analytics.summary(tx, _BEGIN, until)}
    return [
        _lifetime(currency, [row for row in rows if row["currency"] == currency], money.get(currency, {}))
        for currency in sorted({row["currency"] for row in rows})
    ]


def _lifetime(currency: str, rows: Sequence[Figures], money: Figures) -> Figures:
    last = {row["cohort"]: row for row in rows}  # rows come in order of months
    customers, paying = sum(row["size"] for row in last.values()), sum(row["customers"] for row in last.values())
    mrr = sum(row["mrr_minor"] for row in last.values())
    exposed = lost = 0
    for before, after in pairwise(rows):
        if before["cohort"] == after["cohort"]:
            exposed += before["customers"]
            lost += before["customers"] - after["customers"]
    paid = money.get("collected_minor", 0) - money.get("refunded_minor", 0)
    return {
        "currency": currency,
        "customers": customers,
        "paying": paying,
        "paid_minor": paid,
        "paid_per_customer_minor": half_up(Fraction(paid, customers)),
        "mrr_per_customer_minor": half_up(Fraction(mrr, paying)) if paying else 0,
        "lost_a_month_bps": per_ten_thousand(max(lost, 0), exposed),
        "expected_minor": half_up(Fraction(mrr * exposed, paying * lost)) if paying and lost > 0 else None,
    }


async def campaign_effects(tx: Tx, since: date, until: date) -> list[Figures]:
    """Per campaign: customers whom a message first reached in the time, and how many of them paid more within
    `EFFECT_DAYS`; beside them those whose steps were all held back."""
    rows: list[Row] = await tx.rows(QUERIES.effects, tx.org, since, until + timedelta(days=1), EFFECT_DAYS)
    return [{**dict(row), "gained_bps": per_ten_thousand(row["gained"], row["customers"])} for row in rows]


def matrix(rows: Sequence[Figures], months_max: int) -> list[dict[str, Any]]:
    """Cohorts as rows with their kept shares by month, the newest first."""
    found: dict[date, dict[str, Any]] = {}
    for row in rows:
        one = found.setdefault(row["cohort"], {"cohort": row["cohort"], "size": row["size"], "kept_bps": []})
        if len(one["kept_bps"]) < months_max:
            one["kept_bps"].append(row["kept_bps"])
    return [found[cohort] for cohort in sorted(found, reverse=True)]
