"""`/v1/fee_rates`: what the platform may take of an order at a channel by its contract; put down by one, approved by another."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from cauce.entrypoints.api.access import Admin, Reader
from cauce.entrypoints.api.catalog import Key
from cauce.entrypoints.api.replay import answer_once
from cauce.entrypoints.api.resources import PLAIN_TEXT, Filter, Id, resource, resources
from cauce.entrypoints.api.shapes import LIMIT_DEFAULT, Body, Cursor, Limit, listing, unpack_cursor
from cauce.flows.context import Context
from cauce.flows.marketplace import compliance as flow
from cauce.marketplace.compliance import service

router = APIRouter(prefix="/v1/fee_rates", tags=["compliance"])


class FeeRateBody(Body):
    """The largest part of an order that is the platform's, in basis points, and the contract that says so."""

    channel: Key
    rate_bps: Annotated[int, Field(strict=True, ge=0, le=10_000)]
    contract: Annotated[str, Field(min_length=1, max_length=255, pattern=PLAIN_TEXT)]


@router.get("")
async def list_fee_rates(
    caller: Reader, channel: Filter = "", limit: Limit = LIMIT_DEFAULT, cursor: Cursor = ""
) -> dict[str, Any]:
    """Rates, newest first; the newest that is approved counts at its channel."""
    async with caller.context.transaction() as tx:
        rows = await service.fee_rate_drafts(tx, before=unpack_cursor(cursor), channel_id=channel, rows_max=limit + 1)
    page = listing(rows, limit, lambda row: row["id"])
    return page | {"data": resources("fee_rate", page["data"])}


@router.post("", status_code=201)
async def draft_fee_rate(request: Request, caller: Admin, body: FeeRateBody) -> Response:
    """Put down a rate; it counts when somebody else has approved it."""

    async def work(context: Context) -> object:
        rate_id = await flow.draft_fee_rate(context, body.channel, body.rate_bps, body.contract)
        return await _shown(caller.context, rate_id)

    return await answer_once(request, caller.context, work)


@router.post("/{rate_id}/approve")
async def approve_fee_rate(request: Request, caller: Admin, rate_id: Id) -> Response:
    """Let a rate count from now on, as somebody else than who put it down."""

    async def work(context: Context) -> object:
        await flow.approve_fee_rate(context, rate_id)
        return await _shown(caller.context, rate_id)

    return await answer_once(request, caller.context, work, status=200)


async def _shown(context: Context, rate_id: str) -> dict[str, Any]:
    async with context.transaction() as tx:
        row = await service.lock_fee_rate_draft(tx, rate_id)
    assert row is not None, "it was written just now"
    return resource("fee_rate", row)
