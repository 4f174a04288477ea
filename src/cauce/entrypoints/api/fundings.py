"""`/v1/fundings`: money that is not an order's: member top-ups and their undoing, subsidies, advances, fee sweeps."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from cauce.entrypoints.api.access import MarketplaceWriter, Reader
from cauce.entrypoints.api.catalog import Key
from cauce.entrypoints.api.replay import answer_once
from cauce.entrypoints.api.resources import PLAIN_TEXT, Filter, Id, resource, resources
from cauce.entrypoints.api.shapes import (
    LIMIT_DEFAULT,
    Body,
    Currency,
    Cursor,
    Limit,
    PositiveAmount,
    listing,
    unpack_cursor,
)
from cauce.flows.context import Context
from cauce.flows.marketplace import funds
from cauce.flows.marketplace.funds import AskFunding
from cauce.marketplace.settlement import funding as store
from cauce.marketplace.settlement import suspense
from cauce.marketplace.settlement.funding import FundingKind

router = APIRouter(prefix="/v1/fundings", tags=["fundings"])

Maybe = Annotated[str, Field(max_length=255, pattern=PLAIN_TEXT)]


class FundingBody(Body):
    """One movement. `merchant`: whose money or whose benefit; `parent`: the top-up to undo, the advance to recover, the
    credit in suspense to give, or what was given and is taken back."""

    kind: FundingKind
    channel: Key
    amount: PositiveAmount
    currency: Currency
    merchant: Maybe = ""
    order: Maybe = ""
    parent: Maybe = ""


@router.get("")
async def list_fundings(
    caller: Reader, kind: Filter = "", merchant: Filter = "", limit: Limit = LIMIT_DEFAULT, cursor: Cursor = ""
) -> dict[str, Any]:
    """Such movements, newest first."""
    async with caller.context.transaction() as tx:
        rows = await store.page(tx, before=unpack_cursor(cursor), kind=kind, merchant_id=merchant, rows_max=limit + 1)
    page = listing(rows, limit, lambda row: row["id"])
    return page | {"data": resources("funding", page["data"])}


@router.get("/suspense")
async def list_suspense(
    caller: Reader, state: Filter = "", limit: Limit = LIMIT_DEFAULT, cursor: Cursor = ""
) -> dict[str, Any]:
    """Credits whose owner is not known, newest first; `state=open`: of which something has none yet. `assign_suspense`
    gives one to a merchant, or to the platform's marketing account."""
    async with caller.context.transaction() as tx:
        rows = await suspense.page(tx, before=unpack_cursor(cursor), open_only=state == "open", rows_max=limit + 1)
    page = listing(rows, limit, lambda row: row["id"])
    return page | {"data": resources("suspense_item", page["data"])}


@router.post("", status_code=201)
async def request_funding(request: Request, caller: MarketplaceWriter, body: FundingBody) -> Response:
    """Ask for a movement; what the channel cannot do is refused. Subsidies, advances and what is
    said of suspense wait for a second key or person."""

    async def work(context: Context) -> object:
        asked = AskFunding(body.kind, body.channel, body.currency, body.amount, body.merchant, body.order, body.parent)
        return await _shown(caller.context, await funds.request_funding(context, asked))

    return await answer_once(request, caller.context, work, moves_money=True)


@router.post("/{funding_id}/approve")
async def approve_funding(request: Request, caller: MarketplaceWriter, funding_id: Id) -> Response:
    """Approve a subsidy or an advance; somebody else than who asked for it does this."""

    async def work(context: Context) -> object:
        await funds.approve_funding(context, funding_id)
        return await _shown(caller.context, funding_id)

    return await answer_once(request, caller.context, work, status=200, moves_money=True)


async def _shown(context: Context, funding_id: str) -> dict[str, Any]:
    async with context.transaction() as tx:
        return resource("funding", dict(await store.lock_one(tx, funding_id)))
