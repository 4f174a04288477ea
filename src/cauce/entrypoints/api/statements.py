"""`/v1/statements`, `/v1/cases`, `/v1/reconciliation_metrics`: bank files taken in, differences grouped, and how it goes."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from cauce.channels.service import read_channel
from cauce.entrypoints.api.access import MarketplaceWriter, Reader
from cauce.entrypoints.api.catalog import Key
from cauce.entrypoints.api.replay import answer_once
from cauce.entrypoints.api.resources import PLAIN_TEXT, Filter, Id, resource, resources
from cauce.entrypoints.api.shapes import LIMIT_DEFAULT, Body, Cursor, Limit, listing, unpack_cursor
from cauce.entrypoints.bank_statements import take_file
from cauce.flows.context import Context
from cauce.flows.marketplace import breaks
from cauce.flows.marketplace.daily import reconcile_daily
from cauce.kernel.errors import NotFound
from cauce.marketplace.reconciliation import store
from cauce.marketplace.reconciliation.rules import TIMING_DAYS, Severity
from cauce.providers.kit.bankfiles import Format, parse_csv_map
from cauce.reports import settlements as report
from cauce.storage.database import Tx

router = APIRouter(prefix="/v1", tags=["reconciliation"])

Text = Annotated[str, Field(min_length=1, max_length=200, pattern=PLAIN_TEXT)]
BREAKS_MAX = 500


class TermsBody(Body):
    """How a channel's statements are judged: what fees may differ by (type -> minor units), and for how many days a
    difference may be a matter of the cut-off. `accept_max_amount`: the largest difference that two persons may accept,
    minor units (any, if left out)."""

    fee_tolerances: dict[Key, Annotated[int, Field(ge=0, le=1_000_000)]] = Field(default_factory=dict)
    timing_days: Annotated[int, Field(ge=0, le=30)] = TIMING_DAYS
    accept_max_amount: Annotated[int, Field(ge=0)] | None = None


class DailyBody(Body):
    """The hour of the organization's day at which a channel is reconciled; null: not by itself."""

    hour: Annotated[int, Field(ge=0, le=23)] | None


class MapBody(Body):
    """How CSV statements of a channel are read: columns, encoding, dates, amounts, as the guide of reconciliation says."""

    map: dict[str, Any]


class CaseBody(Body):
    """Breaks of one cause, who looks into it, and how soon: critical 4 hours, high 1 day, normal 3 days."""

    breaks: Annotated[list[Key], Field(min_length=1, max_length=BREAKS_MAX)]
    cause: Text
    owner: Text
    severity: Severity = Severity.NORMAL


class AssignBody(Body):
    """Who looks into the case from now on."""

    owner: Text


@router.get("/statements")
async def list_statements(
    caller: Reader, channel: Filter = "", limit: Limit = LIMIT_DEFAULT, cursor: Cursor = ""
) -> dict[str, Any]:
    """Statements that were taken in, newest first."""
    after = unpack_cursor(cursor)
    async with caller.context.transaction() as tx:
        before = int(after) if after.isdigit() else 0
        rows = await store.statements(tx, channel, before=before, rows_max=limit + 1)
    page = listing(rows, limit, lambda row: str(row["id"]))
    shown = [{**dict(row), "id": row["public_id"]} for row in page["data"]]
    for one in shown:
        del one["public_id"]
    return page | {"data": resources("statement", shown)}


@router.post("/statements", status_code=201)
async def upload_statement(
    request: Request,
    caller: MarketplaceWriter,
    channel: Annotated[str, Query(min_length=1, max_length=100, pattern=PLAIN_TEXT)],
    file_format: Annotated[Format, Query(alias="format")],
    day: date | None = None,
) -> Response:
    """Take in a bank statement: the body is the file (CSV by the channel's map, MT940 or camt.053). The same file again
    changes nothing; one that does not add up posts nothing and is kept as a break."""
    data = await request.body()

    async def work(_context: Context) -> object:
        context = caller.context  # several transactions, each of which may come again without harm
        async with context.transaction() as tx:
            await read_channel(tx, channel)
        taken = await take_file(context, channel, file_format, data, day=day)
        return {"object": "statement", "channel": channel, **taken}

    return await answer_once(request, caller.context, work)


@router.put("/channels/{channel_id}/statement_map")
async def set_map(request: Request, caller: MarketplaceWriter, channel_id: Id, body: MapBody) -> Response:
    """Say how CSV statements of this channel are read; each import remembers the version of the map."""

    async def work(context: Context) -> object:
        parse_csv_map(body.map)
        async with context.transaction() as tx:
            await read_channel(tx, channel_id)
            version = await store.set_csv_map(tx, channel_id, body.map)
        return {"object": "statement_map", "channel": channel_id, "version": version, "map": body.map}

    return await answer_once(request, caller.context, work, status=200)


@router.put("/channels/{channel_id}/reconciliation_terms")
async def set_terms(request: Request, caller: MarketplaceWriter, channel_id: Id, body: TermsBody) -> Response:
    """Set what may differ without being a break: fees by type, and days of timing. Amounts have no tolerance."""

    async def work(context: Context) -> object:
        async with context.transaction() as tx:
            await read_channel(tx, channel_id)
            await store.set_terms(tx, channel_id, body.fee_tolerances, body.timing_days, body.accept_max_amount)
        return {"object": "reconciliation_terms", "channel": channel_id, **body.model_dump()}

    return await answer_once(request, caller.context, work, status=200)


@router.put("/channels/{channel_id}/daily_reconciliation")
async def set_daily(request: Request, caller: MarketplaceWriter, channel_id: Id, body: DailyBody) -> Response:
    """Have a channel's statements fetched and compared every day at an hour of the organization's clock, or no longer."""

    async def work(_context: Context) -> object:
        async with caller.context.transaction() as tx:
            await read_channel(tx, channel_id)
        await reconcile_daily(caller.context, channel_id, body.hour)
        return {"object": "daily_reconciliation", "channel": channel_id, "hour": body.hour}

    return await answer_once(request, caller.context, work, status=200)


@router.post("/breaks/{break_id}/confirm_match")
async def confirm_match(request: Request, caller: MarketplaceWriter, break_id: Id) -> Response:
    """Confirm that this difference and those proposed with it are halves of one thing: all of them are explained."""

    async def work(context: Context) -> object:
        together = await breaks.confirm_match(context, break_id)
        return {"object": "match", "breaks": together}

    return await answer_once(request, caller.context, work, status=200, moves_money=True)


@router.get("/cases")
async def list_cases(
    caller: Reader, state: Filter = "", limit: Limit = LIMIT_DEFAULT, cursor: Cursor = ""
) -> dict[str, Any]:
    """Cases, newest first; `state=open`: those that are not closed."""
    async with caller.context.transaction() as tx:
        rows = await report.cases(tx, before=unpack_cursor(cursor), open_only=state == "open", rows_max=limit + 1)
    page = listing(rows, limit, lambda row: row["id"])
    return page | {"data": resources("case", page["data"])}


@router.post("/cases", status_code=201)
async def open_case(request: Request, caller: MarketplaceWriter, body: CaseBody) -> Response:
    """Group open breaks of one cause under an owner; the case closes with its last break."""

    async def work(context: Context) -> object:
        case_id = await breaks.open_case(context, body.breaks, body.cause, body.owner, body.severity)
        return await _case(caller.context, case_id)

    return await answer_once(request, caller.context, work)


@router.post("/cases/{case_id}/assign")
async def assign_case(request: Request, caller: MarketplaceWriter, case_id: Id, body: AssignBody) -> Response:
    """Give an open case to somebody else."""

    async def work(context: Context) -> object:
        await breaks.assign_case(context, case_id, body.owner)
        return await _case(caller.context, case_id)

    return await answer_once(request, caller.context, work, status=200)


@router.get("/reconciliation_metrics")
async def show_metrics(caller: Reader) -> dict[str, Any]:
    """Open breaks by age and amount, how long they take to close, and what the last thirty days' runs matched."""
    async with caller.context.transaction() as tx:
        found, runs = await report.metrics(tx, await caller.context.now(tx))
    return {
        "object": "reconciliation_metrics",
        "breaks": resources("break_metrics", found),
        "runs": [
            resource(
                "run_metrics",
                row,
                match_rate_bps=row["matched"] * 10_000 // row["compared"] if row["compared"] else None,
            )
            for row in runs
        ],
    }


async def _case(context: Context, case_id: str) -> dict[str, Any]:
    async with context.transaction() as tx:
        return await _shown(tx, case_id)


async def _shown(tx: Tx, case_id: str) -> dict[str, Any]:
    rows = await report.cases(tx, before=f"{case_id}~", rows_max=1)
    if not rows or rows[0]["id"] != case_id:
        raise NotFound(f"there is no case {case_id}", param="case")
    return resource("case", rows[0])
