"""Figures of the subscription half, as of any day: recurring revenue and how it moved, trials, money, debts, what is deferred.

Sums come from `reports.daily`, which the statements that change subscriptions, invoices and payments keep up by
themselves, so their cost does not grow with the number of invoices. Days are those of UTC; nothing is converted from
one currency into another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from cauce.storage.database import Row, Tx
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__, "analytics.sql")
_MOVEMENTS = ("new", "expansion", "contraction", "churn", "reactivation")
_PAYING, _RUNNING = ("active", "past_due"), ("trialing", "active", "past_due")
_MONTHS = 12

Figures = Mapping[str, Any]


async def summary(tx: Tx, since: date, on: date) -> list[Figures]:
    """Per currency: what stands at the end of day `on`, and what the days from `since` to `on` brought."""
    by_currency: dict[str, dict[str, Row]] = {}
    for row in await tx.rows(QUERIES.totals, tx.org, since, on):
        by_currency.setdefault(row["currency"], {})[row["measure"]] = row
    return [_summary(currency, measures) for currency, measures in by_currency.items()]


def _summary(currency: str, measures: Mapping[str, Row]) -> Figures:
    def stands(name: str, what: str = "amount_minor") -> int:
        return int(measures[name][what]) if name in measures else 0

    def brought(name: str) -> int:
        return stands(name, "since_minor")

    def moved(name: str) -> int:
        return stands(name, "since_count")

    mrr = sum(stands(f"mrr.{kind}") for kind in _MOVEMENTS)
    mrr_before = mrr - sum(brought(f"mrr.{kind}") for kind in _MOVEMENTS)
    paying = sum(stands(f"state.{state}", "count") for state in _PAYING)
    decided = moved("trial.converted") + moved("trial.lost")
    return {
        "currency": currency,
        "mrr_minor": mrr,
        "arr_minor": mrr * _MONTHS,
        **{f"mrr_{kind}_minor": brought(f"mrr.{kind}") for kind in _MOVEMENTS},
        "mrr_churn_bps": per_ten_thousand(-brought("mrr.churn"), mrr_before),
        "paying": paying,
        "trialing": stands("state.trialing", "count"),
        "churned": moved("mrr.churn"),
        "trials_started": moved("trial.started"),
        "trials_converted": moved("trial.converted"),
        "trials_lost": moved("trial.lost"),
        "trial_conversion_bps": per_ten_thousand(moved("trial.converted"), decided),
        "invoiced_minor": brought("invoiced"),
        "invoices": moved("invoiced"),
        "collected_minor": brought("collected"),
        "fee_minor": brought("fee"),
        "refunded_minor": brought("refunded"),
        "credited_minor": brought("credited"),
        "recovered_minor": brought("recovered"),
        "lost_minor": brought("lost"),
        "outstanding_minor": stands("outstanding"),
        "outstanding_invoices": stands("outstanding", "count"),
    }


def per_ten_thousand(part: int, whole: int) -> int | None:
    """A share in basis points, cut; None of nothing."""
    return part * 10_000 // whole if whole > 0 else None


async def states(tx: Tx, on: date) -> list[Figures]:
    """How many subscriptions were in each state at the end of a day, per currency."""
    rows = await tx.rows(QUERIES.totals, tx.org, on, on)
    return [
        {"currency": row["currency"], "state": row["measure"].removeprefix("state."), "subscriptions": row["count"]}
        for row in rows
        if row["measure"].startswith("state.") and row["count"]
    ]


async def daily(tx: Tx, since: date, until: date) -> list[Figures]:
    """Per day and currency: recurring revenue and debts at its end, what it brought; every day of the time."""
    standing = {one["currency"]: one for one in await summary(tx, since, since - timedelta(days=1))}
    changes = {(row["day"], row["currency"]): row for row in await tx.rows(QUERIES.per_day, tx.org, since, until)}
    found: list[Figures] = []
    for currency in sorted({*standing, *(currency for _, currency in changes)}):
        before = standing.get(currency, {})
        mrr, owed = before.get("mrr_minor", 0), before.get("outstanding_minor", 0)
        for number in range((until - since).days + 1):
            day = since + timedelta(days=number)
            row = changes.get((day, currency))
            mrr += row["mrr_change_minor"] if row else 0
            owed += row["outstanding_change_minor"] if row else 0
            brought = {
                name: row[name] if row else 0 for name in ("invoiced_minor", "collected_minor", "refunded_minor")
            }
            found.append({"day": day, "currency": currency, "mrr_minor": mrr, "outstanding_minor": owed, **brought})
    return found


async def movements(tx: Tx, since: date, until: date) -> list[Row]:
    """Per month and currency how recurring revenue moved: new, expansion, contraction, churn, reactivation."""
    return await tx.rows(QUERIES.movements, tx.org, since, until)


async def ageing(tx: Tx, on: date) -> list[Row]:
    """What was outstanding at the end of a day: not yet overdue (0), overdue up to 30 and 60 days, longer (90)."""
    return await tx.rows(QUERIES.ageing, tx.org, on)


async def deferred_schedule(tx: Tx) -> list[Row]:
    """In which month what is billed already becomes revenue. Read from the lines, so it costs what is deferred."""
    return await tx.rows(QUERIES.deferred, tx.org)


async def books(tx: Tx) -> list[Row]:
    """Per currency what the ledger says of revenue, deferred revenue and tax."""
    return await tx.rows(QUERIES.books, tx.org)


async def people(tx: Tx) -> list[Row]:
    """How many customers there are, are active, suspended, in recovery, with a method on file."""
    return await tx.rows(QUERIES.people, tx.org)


async def sold(tx: Tx) -> list[Row]:
    """Subscriptions by plan, currency and interval, with what waits for a decision and what fixed terms still hold."""
    return await tx.rows(QUERIES.sold, tx.org)


async def sales(tx: Tx, since: date, until: date) -> list[Row]:
    """What was billed net by kind of line: recurring, usage, one-time and the others."""
    return await tx.rows(QUERIES.sales, tx.org, since, until)


async def times_to_first_payment(tx: Tx, since: date, until: date) -> list[Row]:
    """Per week, median and 95th percentile from a customer's beginning to his first payment, in seconds."""
    return await tx.rows(QUERIES.first_payments, tx.org, since, until + timedelta(days=1))


async def times_to_ready_instance(tx: Tx, since: date, until: date) -> list[Row]:
    """Per week, median and 95th percentile from the request of an instance to its readiness, in seconds."""
    return await tx.rows(QUERIES.ready_instances, tx.org, since, until + timedelta(days=1))


async def recovery(tx: Tx, since: date, until: date) -> list[Row]:
    """Of recoveries that began then, per plan, policy and retry: how many were recovered, how much, in basis points (H5)."""
    return await tx.rows(QUERIES.recovery, tx.org, since, until + timedelta(days=1))


async def find_unfolded(scheduler_tx: Tx) -> list[int]:
    """Organizations with changes that are not folded into their days yet."""
    return [row["org_id"] for row in await scheduler_tx.rows(QUERIES.find_unfolded)]


async def fold(tx: Tx, rows_max: int) -> int:
    """Move changes into their days, at most `rows_max`; how many. Figures are the same before and after."""
    return int(await tx.value(QUERIES.fold, tx.org, rows_max))


def columns_of(rows: Sequence[Figures | Row]) -> list[str]:
    """The names of the columns of a table of figures."""
    return list(rows[0].keys()) if rows else []
