"""`/v1/holidays/{market}`: the days that payout schedules of business days do not count, by market."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from cauce.entrypoints.api.access import MarketplaceWriter, Reader
from cauce.entrypoints.api.replay import answer_once
from cauce.entrypoints.api.resources import PLAIN_TEXT, whole_list
from cauce.entrypoints.api.shapes import Body
from cauce.flows.context import Context
from cauce.flows.marketplace.merchants import change_market_holidays
from cauce.marketplace.settlement import holidays as store
from cauce.marketplace.settlement.holidays import DAYS_MAX, Holiday

router = APIRouter(prefix="/v1/holidays", tags=["settlement"])

Market = Annotated[
    str, Path(pattern=r"^[a-z0-9-]{1,32}$", description="as schedules name it; `default` for those that name none")
]


class DayBody(Body):
    """A day on which banks are closed, or (`works`) open although it is a weekend."""

    day: date
    works: bool = False
    name: Annotated[str, Field(max_length=100, pattern=PLAIN_TEXT)] = ""


class HolidaysBody(Body):
    """Days to add or change, and days to forget."""

    days: Annotated[list[DayBody], Field(max_length=DAYS_MAX)] = Field(default_factory=list)
    removed: Annotated[list[date], Field(max_length=DAYS_MAX)] = Field(default_factory=list)


@router.get("/{market}")
async def list_holidays(caller: Reader, market: Market) -> dict[str, Any]:
    """The days of a market, in order."""
    async with caller.context.transaction() as tx:
        rows = await store.holidays(tx, _name(market))
    return whole_list([{"object": "holiday", **dict(row), "market": market} for row in rows])


@router.put("/{market}")
async def change_holidays(request: Request, caller: MarketplaceWriter, market: Market, body: HolidaysBody) -> Response:
    """Change a market's holidays. Settlements that were due on a day that is closed by now wait for the next open one."""

    async def work(context: Context) -> object:
        days = [Holiday(one.day, one.works, one.name) for one in body.days]
        moved = await change_market_holidays(context, _name(market), days, body.removed)
        return {"object": "holidays", "market": market, "settlements_moved": moved}

    return await answer_once(request, caller.context, work, status=200)


def _name(market: str) -> str:
    return "" if market == "default" else market
