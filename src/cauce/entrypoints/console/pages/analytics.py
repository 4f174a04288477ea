"""Revenue figures of twelve months in one currency: what stands, how it moved, who stayed, what is owed; each table as CSV."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import dropwhile
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from cauce.entrypoints.api import analytics as door
from cauce.entrypoints.console.pages.home import Figure
from cauce.entrypoints.console.view import asked, framed, page
from cauce.entrypoints.web.charts import BarChart, bar_chart
from cauce.entrypoints.web.rendering import day as day_text
from cauce.entrypoints.web.rendering import locale_of, money
from cauce.entrypoints.web.sessions import Session
from cauce.entrypoints.web.tables import Cell, Input, Table, amount, columns, day, number, text, word
from cauce.kernel.calendar.months import add_months
from cauce.kernel.errors import NotFound
from cauce.reports import analytics as report
from cauce.reports import cohorts

MONTHS = 12
_MOVEMENTS = ("new", "expansion", "reactivation", "contraction", "churn")


@dataclass(frozen=True, slots=True)
class _Year:
    """What the page shows, all of one currency."""

    summary: report.Figures
    months: Sequence[dict[str, Any]]
    cohorts: Sequence[dict[str, Any]]
    lifetime: report.Figures | None
    effects: Sequence[Any]
    ageing: Sequence[Any]
    deferred: Sequence[Any]
    plans: Sequence[Any]
    first_payment: Sequence[Any]
    ready_instance: Sequence[Any]


async def show(request: Request, session: Session) -> Response:
    """The twelve months up to today."""
    wanted = asked(request, "currency")["currency"]
    async with session.context.transaction() as tx:
        today = (await session.context.now(tx)).date()
        since = add_months(today.replace(day=1), 1 - MONTHS)
        summaries = sorted(await report.summary(tx, since, today), key=lambda one: -one["mrr_minor"])
        summary = next((one for one in summaries if one["currency"] == wanted), summaries[0] if summaries else None)
        year = await _read(tx, summary, since, today) if summary is not None else None
    currencies = tuple((one["currency"], one["currency"].upper()) for one in summaries)
    return await framed(
        request,
        session,
        "console/analytics.html",
        filters=[Input("currency", "analytics.currency", value=summary["currency"], options=currencies)]
        if summary is not None and len(currencies) > 1
        else (),
        figures=_figures(year) if year else (),
        charts=_charts(year, locale_of(request)) if year else (),
        tables=_tables(year) if year else (),
        downloads=[figure.value for figure in door.Figure],
    )


async def download(request: Request, session: Session) -> Response:
    """One table of figures as a CSV file, of the same twelve months."""
    name = request.path_params["figure"]
    if name not in door.Figure.__members__.values():
        raise NotFound(f"there is no table {name}", param="figure")
    rows = await door.figures_of(session.context, door.Figure(name), None, None)
    headers = {"content-disposition": f'attachment; filename="{name}.csv"'}
    return Response(door.as_csv(rows), media_type="text/csv", headers=headers)


async def _read(tx: Any, summary: report.Figures, since: date, today: date) -> _Year:
    currency = summary["currency"]

    def own(rows: Sequence[Any]) -> list[Any]:
        return [row for row in rows if row["currency"] == currency]

    kept = own(await cohorts.cohorts(tx, since, today))
    lifetime = own(await cohorts.lifetime_values(tx, since, today))
    return _Year(
        summary,
        _months(own(await report.daily(tx, since, today)), own(await report.movements(tx, since, today))),
        cohorts.matrix(kept, MONTHS),
        lifetime[0] if lifetime else None,
        await cohorts.campaign_effects(tx, since, today),
        own(await report.ageing(tx, today)),
        own(await report.deferred_schedule(tx)),
        own(await report.sold(tx)),
        await report.times_to_first_payment(tx, since, today),
        await report.times_to_ready_instance(tx, since, today),
    )


def _months(days: Sequence[Any], movements: Sequence[Any]) -> list[dict[str, Any]]:
    """Per month what stood at its end and what it brought, from the first month with anything on."""
    found: dict[date, dict[str, Any]] = {}
    for row in days:
        one = found.setdefault(row["day"].replace(day=1), {"collected_minor": 0, "invoiced_minor": 0})
        one["mrr_minor"] = row["mrr_minor"]
        for name in ("collected_minor", "invoiced_minor"):
            one[name] += row[name]
    for row in movements:
        found[row["month"]][row["kind"]] = row["change_minor"]
    rows = [{"month": month, **one} for month, one in sorted(found.items())]
    return list(dropwhile(lambda row: not any(value for name, value in row.items() if name != "month"), rows))


def _figures(year: _Year) -> list[Figure]:
    one, currency = year.summary, year.summary["currency"]
    worth = year.lifetime["expected_minor"] if year.lifetime else None
    return [
        Figure("home.mrr", [amount(one["mrr_minor"], currency)]),
        Figure("analytics.arr", [amount(one["arr_minor"], currency)]),
        Figure("home.paying", [number(one["paying"])]),
        Figure("analytics.churn", [_share(year.lifetime["lost_a_month_bps"] if year.lifetime else None)]),
        Figure("analytics.conversion", [_share(one["trial_conversion_bps"])]),
        Figure("analytics.lifetime", [amount(worth, currency)]),
        Figure("analytics.collected", [amount(one["collected_minor"], currency)]),
        Figure("analytics.recovered", [amount(one["recovered_minor"], currency)]),
        Figure("analytics.refunded", [amount(one["refunded_minor"], currency)]),
        Figure("home.outstanding", [amount(one["outstanding_minor"], currency)]),
    ]


def _charts(year: _Year, locale: str) -> list[tuple[str, BarChart]]:
    def chart(name: str) -> BarChart:
        return bar_chart(
            [
                (day_text(row["month"], locale), row[name], money(row[name], year.summary["currency"], locale))
                for row in year.months
            ]
        )

    return [("home.mrr", chart("mrr_minor")), ("analytics.chart_collected", chart("collected_minor"))]


def _tables(year: _Year) -> list[Table]:
    return [
        _movements(year),
        _kept(year),
        _plans(year),
        _aged(year),
        _deferred(year),
        _effects(year),
        _times(year.first_payment, "customers", "analytics.first_payment"),
        _times(year.ready_instance, "instances", "analytics.ready_instance"),
    ]


def _movements(year: _Year) -> Table:
    currency = year.summary["currency"]
    rows = [
        (
            day(row["month"]),
            *(amount(row.get(kind, 0), currency) for kind in _MOVEMENTS),
            amount(row["mrr_minor"], currency),
        )
        for row in reversed(year.months)
    ]
    heads = (f"analytics.{'lost' if kind == 'churn' else kind}>" for kind in _MOVEMENTS)
    return Table(columns("analytics.month", *heads, "home.mrr>"), rows, title="analytics.movements")


def _kept(year: _Year) -> Table:
    shown = (0, 1, 2, 3, 6, 9, 11)
    heads = tuple(f"analytics.after_{month}>" for month in shown)
    rows = [
        (
            day(one["cohort"]),
            number(one["size"]),
            *(_share(one["kept_bps"][month]) if month < len(one["kept_bps"]) else text("") for month in shown),
        )
        for one in year.cohorts
    ]
    return Table(columns("analytics.cohort", "analytics.customers>", *heads), rows, title="analytics.cohorts")


def _plans(year: _Year) -> Table:
    currency = year.summary["currency"]
    rows = [
        (
            text(row["plan"]),
            number(row["running"]),
            number(row["waiting_cancellation"]),
            number(row["canceled"]),
            amount(row["mrr_minor"], currency),
        )
        for row in year.plans
    ]
    heads = ("analytics.plan", "analytics.running>", "analytics.leaving>", "analytics.left>", "home.mrr>")
    return Table(columns(*heads), rows, title="analytics.plans")


def _aged(year: _Year) -> Table:
    rows = [
        (
            word(f"analytics.aged_{row['days_up_to']}"),
            number(row["invoices"]),
            amount(row["amount_minor"], row["currency"]),
        )
        for row in year.ageing
    ]
    heads = ("analytics.age", "analytics.invoices>", "analytics.amount>")
    return Table(columns(*heads), rows, title="analytics.ageing")


def _deferred(year: _Year) -> Table:
    rows = [(day(row["month"]), amount(row["amount_minor"], row["currency"])) for row in year.deferred]
    return Table(columns("analytics.month", "analytics.amount>"), rows, title="analytics.deferred")


def _effects(year: _Year) -> Table:
    rows = [
        (
            text(row["campaign"]),
            word(f"analytics.{row['met']}"),
            number(row["customers"]),
            number(row["gained"]),
            _share(row["gained_bps"]),
        )
        for row in year.effects
    ]
    heads = ("analytics.campaign", "analytics.met", "analytics.customers>", "analytics.gained>", "analytics.share>")
    return Table(columns(*heads), rows, title="analytics.effects")


def _times(rows: Sequence[Any], counted: str, title: str) -> Table:
    cells = [
        (day(row["week"]), number(row[counted]), _hours(row["median_seconds"]), _hours(row["p95_seconds"]))
        for row in rows
    ]
    heads = ("analytics.week", f"analytics.{counted}>", "analytics.median>", "analytics.p95>")
    return Table(columns(*heads), cells, title=title)


def _share(bps: int | None) -> Cell:
    return text("–" if bps is None else f"{bps // 100}.{bps % 100 // 10} %")


def _hours(seconds: int) -> Cell:
    """The unit that says most: days, hours, minutes or seconds."""
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return text(f"{seconds // size} {unit}")
    return text(f"{seconds} s")


routes = [page("/console/analytics", show), page("/console/analytics/{figure}.csv", download)]
