"""`/v1/payouts`, `/v1/payout_schedules`, `/v1/settlements`: what leaves for merchants' banks, when, approved by whom."""

from __future__ import annotations

import asyncio
from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from cauce.entrypoints.api.access import MarketplaceWriter, Reader
from cauce.entrypoints.api.catalog import Key, Name
from cauce.entrypoints.api.replay import answer_once
from cauce.entrypoints.api.resources import Expand, Filter, Id, expand, resource, resources, whole_list
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
from cauce.entrypoints.documents import settlement as documents
from cauce.entrypoints.web.texts import translator
from cauce.flows.context import Context
from cauce.flows.marketplace import merchants as flow
from cauce.flows.marketplace import pay_out, payout_pauses
from cauce.marketplace.settlement import store
from cauce.marketplace.settlement.rules import UnknownPayout
from cauce.reports import marketplace as report
from cauce.reports import merchants as merchant_report
from cauce.reports import settlements
from cauce.storage.database import Tx

router = APIRouter(prefix="/v1", tags=["settlement"])


class StatementFormat(StrEnum):
    """How a settlement statement is written."""

    CSV = "csv"
    PDF = "pdf"


class PayoutBody(Body):
    """How much of a merchant's withdrawable money to pay out now."""

    merchant: Key
    channel: Key
    amount: PositiveAmount
    currency: Currency


class ScheduleBody(Body):
    """A payout schedule: interval, weekdays, delay, minimum and the like, as the guide of settlement says."""

    name: Name
    schedule: dict[str, Any]
    is_default: bool = Field(default=False)


@router.get("/payouts")
async def list_payouts(
    caller: Reader,
    state: Filter = "",
    merchant: Filter = "",
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = "",
    expanded: Expand = [],  # noqa: B006 - FastAPI copies it
) -> dict[str, Any]:
    """Payouts, newest first."""
    async with caller.context.transaction() as tx:
        rows = await report.payouts(
            tx,
            before=unpack_cursor(cursor) or None,
            rows_max=limit + 1,
            state=state or None,
            merchant_id=merchant or None,
        )
        page = listing(rows, limit, lambda row: row["id"])
        page["data"] = resources("payout", page["data"])
        await expand(tx, page["data"], expanded)
    return page


@router.post("/payouts", status_code=201)
async def create_payout(request: Request, caller: MarketplaceWriter, body: PayoutBody) -> Response:
    """Pay out by hand; over the schedule's threshold it waits for a second person."""

    async def work(context: Context) -> object:
        async with caller.context.transaction() as tx:
            await merchant_report.one(tx, body.merchant)
        command = pay_out.AskPayout(body.merchant, body.channel, body.currency, body.amount)
        return await _outside(caller.context, await pay_out.request_payout(context, command))

    return await answer_once(request, caller.context, work, moves_money=True)


@router.get("/payouts/{payout_id}")
async def show_payout(caller: Reader, payout_id: Id) -> dict[str, Any]:
    """One payout."""
    return await _outside(caller.context, payout_id)


@router.post("/payouts/{payout_id}/approve")
async def approve_payout(request: Request, caller: MarketplaceWriter, payout_id: Id) -> Response:
    """Approve a payout that waits, as somebody else than who asked for it."""

    async def work(context: Context) -> object:
        await pay_out.approve_payouts(context, [payout_id])
        return await _outside(caller.context, payout_id)

    return await answer_once(request, caller.context, work, status=200, moves_money=True)


@router.post("/payouts/{payout_id}/cancel")
async def cancel_payout(request: Request, caller: MarketplaceWriter, payout_id: Id) -> Response:
    """Withdraw a payout that was not approved; the merchant has his money again."""

    async def work(context: Context) -> object:
        await pay_out.cancel_payouts(context, [payout_id])
        return await _outside(caller.context, payout_id)

    return await answer_once(request, caller.context, work, status=200, moves_money=True)


@router.get("/payout_pauses")
async def list_pauses(caller: Reader) -> dict[str, Any]:
    """Which channels and merchants are paid nothing out now, and why."""
    async with caller.context.transaction() as tx:
        return whole_list(
            resources("payout_pause", [*await store.channel_pauses(tx), *await store.merchant_pauses(tx)])
        )


@router.post("/channels/{channel_id}/pause_payouts")
async def pause_payouts(request: Request, caller: MarketplaceWriter, channel_id: Id) -> Response:
    """Stop every payout of a channel until somebody lets them go on."""
    return await _paused(request, caller.context, channel_id, paused=True)


@router.post("/channels/{channel_id}/resume_payouts")
async def resume_payouts(request: Request, caller: MarketplaceWriter, channel_id: Id) -> Response:
    """End the operator's pause of a channel's payouts; other reasons stand until they are gone."""
    return await _paused(request, caller.context, channel_id, paused=False)


async def _paused(request: Request, asking: Context, channel_id: str, *, paused: bool) -> Response:
    async def work(context: Context) -> object:
        await payout_pauses.pause_payouts(context, channel_id, paused=paused)
        async with asking.transaction() as tx:
            reasons = [row["reason"] for row in await store.channel_pauses(tx, [channel_id])]
        return {"object": "payout_pause", "channel": channel_id, "reasons": reasons}

    return await answer_once(request, asking, work, status=200)


@router.get("/payout_schedules")
async def list_schedules(caller: Reader) -> dict[str, Any]:
    """Every payout schedule."""
    async with caller.context.transaction() as tx:
        rows = await store.schedules(tx)
    data = [
        {
            "object": "payout_schedule",
            "id": r["id"],
            "name": r["name"],
            "schedule": r["content"],
            "is_default": r["is_default"],
        }
        for r in rows
    ]
    return whole_list(data)


@router.post("/payout_schedules", status_code=201)
async def create_schedule(request: Request, caller: MarketplaceWriter, body: ScheduleBody) -> Response:
    """Make a payout schedule, for merchants who are given it or as the default."""

    async def work(context: Context) -> object:
        schedule_id = await flow.create_payout_schedule(context, body.name, body.schedule, is_default=body.is_default)
        return {"object": "payout_schedule", "id": schedule_id, **body.model_dump()}

    return await answer_once(request, caller.context, work)


@router.get("/settlements")
async def list_settlements(
    caller: Reader,
    merchant: Filter = "",
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = "",
    expanded: Expand = [],  # noqa: B006 - FastAPI copies it
) -> dict[str, Any]:
    """Settlements of merchants, newest first."""
    async with caller.context.transaction() as tx:
        rows = await report.batches(
            tx, before=unpack_cursor(cursor) or None, rows_max=limit + 1, merchant_id=merchant or None
        )
        page = listing(rows, limit, lambda row: row["id"])
        page["data"] = resources("settlement", page["data"])
        await expand(tx, page["data"], expanded)
    return page


@router.get("/settlements/{settlement_id}/statement", response_class=Response)
async def settlement_statement(
    caller: Reader,
    settlement_id: Id,
    file_format: Annotated[StatementFormat, Query(alias="format")] = StatementFormat.CSV,
    locale: Annotated[str, Query(pattern="^(en|es|zh)$")] = "en",
) -> Response:
    """The merchant's statement of one settlement, as CSV or PDF: every movement, and the balance that it closes to."""
    async with caller.context.transaction() as tx:
        found = await settlements.statement(tx, settlement_id)
    if file_format is StatementFormat.PDF:
        made = await asyncio.to_thread(documents.as_pdf, found, translator(locale))
        return Response(made, media_type="application/pdf")
    return Response(documents.as_csv(found), media_type="text/csv")


async def _outside(context: Context, payout_id: str) -> dict[str, Any]:
    async with context.transaction() as tx:
        return await _shown(tx, payout_id)


async def _shown(tx: Tx, payout_id: str) -> dict[str, Any]:
    # The cursor is the id itself: the row right before "one above it" is the payout, when there is one.
    rows = await report.payouts(tx, before=f"{payout_id}~", rows_max=1)
    if not rows or rows[0]["id"] != payout_id:
        raise UnknownPayout(f"there is no payout {payout_id}", param="payout")
    return resource("payout", rows[0])
