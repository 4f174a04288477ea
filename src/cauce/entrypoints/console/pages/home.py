"""The first page: what comes in, what is owed, what is kept for others, what waits for somebody, what happened lately."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from starlette.requests import Request
from starlette.responses import Response

from cauce.entrypoints.console.view import framed, page
from cauce.entrypoints.web.charts import BarChart, bar_chart
from cauce.entrypoints.web.rendering import day as day_text
from cauce.entrypoints.web.rendering import locale_of, money
from cauce.entrypoints.web.sessions import Session
from cauce.entrypoints.web.tables import Cell, Table, amount, columns, number, text
from cauce.reports import activity
from cauce.reports import dashboard as report
from cauce.storage.database import Row

DAYS = 30
_LATEST = 8
_CURRENCIES_MAX = 3


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of the first page, with a line per currency; `href` leads to what it is made of."""

    text: str
    values: Sequence[Cell]
    href: str = ""


async def show(request: Request, session: Session) -> Response:
    """Figures, charts, custody, the latest events."""
    async with session.context.transaction() as tx:
        now = await session.context.now(tx)
        since = now - timedelta(days=DAYS - 1)
        revenue = await report.revenue(tx)
        collected = await report.collected(tx, since)
        outstanding = await report.outstanding(tx)
        volume = await report.orders_volume(tx, since, now)
        custody = await report.in_custody(tx)
        waiting = await report.waiting(tx)
        billed = await report.collected_per_day(tx, collected[0]["currency"], since, now) if collected else []
        sold = await report.orders_per_day(tx, volume[0]["currency"], since, now) if volume else []
        events = await activity.latest_events(tx, _LATEST)
    charts = [
        (key, _chart(rows, currencies[0]["currency"], locale_of(request)))
        for key, rows, currencies in (("home.chart_collected", billed, collected), ("home.chart_orders", sold, volume))
        if rows
    ]
    return await framed(
        request,
        session,
        "console/home.html",
        figures=_figures(revenue, collected, outstanding, volume, waiting),
        charts=charts,
        custody=_custody_table(custody),
        events=events,
    )


def _figures(
    revenue: list[Row], collected: list[Row], outstanding: list[Row], volume: list[Row], waiting: Row
) -> list[Figure]:
    def sums(rows: list[Row], name: str) -> list[Cell]:
        return [amount(row[name], row["currency"]) for row in rows[:_CURRENCIES_MAX]]

    paying = sum(row["paying"] for row in revenue)
    trialing = sum(row["trialing"] for row in revenue)
    return [
        Figure("home.mrr", sums([row for row in revenue if row["mrr_minor"]], "mrr_minor"), "/console/subscriptions"),
        Figure("home.paying", [number(paying)], "/console/subscriptions?state=active"),
        Figure("home.trialing", [number(trialing)], "/console/subscriptions?state=trialing"),
        Figure("home.collected", sums(collected, "collected_minor"), "/console/invoices?state=paid"),
        Figure("home.outstanding", sums(outstanding, "outstanding_minor"), "/console/invoices?state=open"),
        Figure("home.volume", sums(volume, "collected_minor"), "/console/orders"),
        Figure("home.breaks", [number(waiting["breaks"])], "/console/breaks?state=open"),
        Figure("home.approvals", [number(waiting["approvals"])], "/console/payouts?state=requested"),
        Figure("home.recoveries", [number(waiting["recoveries"])], "/console/subscriptions?state=past_due"),
        Figure("home.buried", [number(waiting["buried"])], "/console/jobs"),
    ]


def _chart(rows: list[Row], currency: str, locale: str) -> BarChart:
    return bar_chart(
        [
            (day_text(row["day"], locale), row["amount_minor"], money(row["amount_minor"], currency, locale))
            for row in rows
        ]
    )


def _custody_table(rows: list[Row]) -> Table:
    return Table(
        columns("custody.channel", "custody.escrow>", "custody.merchants>", "custody.fee>", "custody.in_transit>", "custody.total>"),
        [
            (
                text(row["channel"]),
                *(
                    amount(row[name], row["currency"])
                    for name in ("escrow_minor", "merchants_minor", "fee_minor", "in_transit_minor", "total_minor")
                ),
            )
            for row in rows
        ],
        none="custody.none",
        title="custody.title",
    )  # fmt: skip


routes = [page("/console", show)]
