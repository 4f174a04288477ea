"""`/v1/ledger/book_rates`: what one unit of a currency is worth in the book currency; put down once, never changed."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from cauce.entrypoints.api.access import Admin, Reader
from cauce.entrypoints.api.replay import answer_once
from cauce.entrypoints.api.resources import PLAIN_TEXT, Filter
from cauce.entrypoints.api.shapes import LIMIT_DEFAULT, BadCursor, Body, Currency, Cursor, Limit, listing, unpack_cursor
from cauce.flows.context import Context
from cauce.ledger import rates
from cauce.ledger.rates import BookRate

router = APIRouter(prefix="/v1/ledger/book_rates", tags=["ledger"])

_NEWEST = "9999-12-31 zzz"


class RateBody(Body):
    """One unit of `currency` is `rate` (a decimal string) units of the book currency from `valid_on` on."""

    currency: Currency
    valid_on: date
    rate: Annotated[str, Field(pattern=r"^[0-9]{1,12}(\.[0-9]{1,12})?$")]
    source: Annotated[str, Field(min_length=1, max_length=255, pattern=PLAIN_TEXT)]


class RatesBody(Body):
    """Rates in one book currency; the first ones ever make it the organization's."""

    base: Currency
    rates: Annotated[list[RateBody], Field(min_length=1, max_length=1_000)]


@router.get("")
async def list_book_rates(
    caller: Reader, currency: Filter = "", limit: Limit = LIMIT_DEFAULT, cursor: Cursor = ""
) -> dict[str, Any]:
    """Rates, newest day first."""
    day, _, last = (unpack_cursor(cursor) or _NEWEST).partition(" ")
    try:
        before = (date.fromisoformat(day), last)
    except ValueError as exc:
        raise BadCursor(param="cursor") from exc
    async with caller.context.transaction() as tx:
        rows = await rates.rates(tx, currency=currency, before=before, rows_max=limit + 1)
    page = listing(rows, limit, lambda row: f"{row['valid_on']} {row['currency']}")
    return page | {"data": [_shown(row) for row in page["data"]]}


@router.post("", status_code=201)
async def put_book_rates(request: Request, caller: Admin, body: RatesBody) -> Response:
    """Put rates down. The same again changes nothing; another rate for a day that has one is refused."""

    async def work(context: Context) -> object:
        given = [BookRate(one.currency, one.valid_on, Decimal(one.rate), one.source) for one in body.rates]
        async with context.transaction() as tx:
            await rates.put_rates(tx, body.base, given, context.actor)
        return {"object": "book_rates", "base": body.base, "count": len(given)}

    return await answer_once(request, caller.context, work)


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "object": "book_rate",
        "base": row["base"],
        "currency": row["currency"],
        "valid_on": row["valid_on"],
        "rate": format(row["rate"], "f"),
        "source": row["source"],
        "recorded_by": row["recorded_by"],
        "recorded_at": row["recorded_at"],
    }
