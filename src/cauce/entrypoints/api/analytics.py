"""`/v1/analytics/…`: figures of the subscription half as JSON or CSV, as of any day, per currency."""

from __future__ import annotations

import csv
import io
from collections.abc import Awaitable, Callable, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import Response

from cauce.entrypoints.api.access import Reader
from cauce.entrypoints.api.resources import resource, whole_list
from cauce.flows.context import Context
from cauce.kernel.calendar.months import add_months
from cauce.kernel.errors import InvalidRequest
from cauce.reports import analytics as report
from cauce.reports import cohorts
from cauce.storage.database import Tx

router = APIRouter(prefix="/v1", tags=["analytics"])
DAYS_MAX = 3_700
_YEARS = range(1_970, 2_200)
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


class Figure(StrEnum):
    """What can be asked for."""

    SUMMARY = "summary"
    DAILY = "daily"
    MOVEMENTS = "movements"
    STATES = "states"
    AGEING = "ageing"
    DEFERRED = "deferred_revenue"
    BOOKS = "books"
    CUSTOMERS = "customers"
    PLANS = "plans"
    SALES = "sales"
    FIRST_PAYMENT = "time_to_first_payment"
    READY_INSTANCE = "time_to_ready_instance"
    COHORTS = "cohorts"
    LIFETIME = "lifetime_values"
    EFFECTS = "campaign_effects"
    RECOVERY = "recovery"


class Form(StrEnum):
    """How a table is written."""

    JSON = "json"
    CSV = "csv"


_Read = Callable[[Tx, date, date], Awaitable[Sequence[Any]]]
_READERS: dict[Figure, _Read] = {
    Figure.SUMMARY: report.summary,
    Figure.DAILY: report.daily,
    Figure.MOVEMENTS: report.movements,
    Figure.STATES: lambda tx, _, until: report.states(tx, until),
    Figure.AGEING: lambda tx, _, until: report.ageing(tx, until),
    Figure.DEFERRED: lambda tx, *_: report.deferred_schedule(tx),
    Figure.BOOKS: lambda tx, *_: report.books(tx),
    Figure.CUSTOMERS: lambda tx, *_: report.people(tx),
    Figure.PLANS: lambda tx, *_: report.sold(tx),
    Figure.SALES: report.sales,
    Figure.FIRST_PAYMENT: report.times_to_first_payment,
    Figure.READY_INSTANCE: report.times_to_ready_instance,
    Figure.COHORTS: cohorts.cohorts,
    Figure.LIFETIME: cohorts.lifetime_values,
    Figure.EFFECTS: cohorts.campaign_effects,
    Figure.RECOVERY: report.recovery,
}


@router.get("/analytics/{figure}", response_model=None)
async def read_figures(
    caller: Reader,
    figure: Figure,
    since: Annotated[
        date | None, Query(description="first day; by default the month's first, eleven months earlier")
    ] = None,
    until: Annotated[date | None, Query(description="last day; by default today in the organization's time")] = None,
    form: Annotated[Form, Query(alias="format")] = Form.JSON,
) -> dict[str, Any] | Response:
    """One table of figures: what stands at the end of `until`, what the days since `since` brought."""
    rows = await figures_of(caller.context, figure, since, until)
    if form is Form.CSV:
        return Response(as_csv(rows), media_type="text/csv")
    return whole_list([resource(figure.value, row) for row in rows])


async def figures_of(context: Context, figure: Figure, since: date | None, until: date | None) -> Sequence[Any]:
    """The rows of one table; by default of twelve months up to the organization's today."""
    async with context.transaction() as tx:
        last = until or (await context.now(tx)).date()
        first = since or add_months(last.replace(day=1), -11)
        if first.year not in _YEARS or last.year not in _YEARS or not 0 <= (last - first).days <= DAYS_MAX:
            raise InvalidRequest(f"`since` is on or before `until`, at most {DAYS_MAX} days", param="since")
        return await _READERS[figure](tx, first, last)


def as_csv(rows: Sequence[Any]) -> str:
    """A table with a heading; amounts in minor units, days by ISO 8601."""
    text = io.StringIO()
    writer = csv.writer(text)
    names = report.columns_of(rows)
    writer.writerow(names)
    writer.writerows([_cell(row[name]) for name in names] for row in rows)
    return text.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    if isinstance(value, str) and value.startswith(_FORMULA_STARTS):
        return f"'{value}"  # text that a spreadsheet would take for a formula
    return "" if value is None else value
