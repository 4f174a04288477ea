"""`/v1/reconciliation_runs`, `/v1/breaks`, `/v1/channels/compare`: our books against the holders', and what holders can do."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from cauce.channels import service as channels
from cauce.entrypoints.api.access import MarketplaceWriter, Reader
from cauce.entrypoints.api.catalog import Key
from cauce.entrypoints.api.replay import answer_once
from cauce.entrypoints.api.resources import PLAIN_TEXT, Filter, Id, resource, resources, whole_list
from cauce.entrypoints.api.shapes import LIMIT_DEFAULT, Body, Cursor, Limit, listing, unpack_cursor
from cauce.flows.context import Context
from cauce.flows.marketplace import breaks, reconcile
from cauce.kernel.errors import Conflict, InvalidRequest
from cauce.marketplace.reconciliation.rules import Template, check_template, template_for
from cauce.reports import marketplace as marketplace_report
from cauce.reports import oversight as report
from cauce.storage import audit
from cauce.storage.database import Row, Tx

router = APIRouter(prefix="/v1", tags=["reconciliation"])

DAYS_MAX = 92
_PROPOSED = "break.propose"

Said = Annotated[str, Field(min_length=1, max_length=1_000, pattern=PLAIN_TEXT)]


class NothingProposed(Conflict):
    """No resolution of this break waits for a second person."""

    code = "no_resolution_proposed"


class RunBody(Body):
    """Which days of a channel to compare: from `from_day`, before `until_day` (UTC). `fetch`: get statements first."""

    channel: Key
    from_day: date
    until_day: date
    fetch: bool = True


class ResolutionBody(Body):
    """How a break ends: `explain` moves nothing; `correct` and `accept` wait for a second person. Evidence always.

    `template`: what a correction posts (the break's `template` names it); without one it posts nothing."""

    outcome: Annotated[str, Field(pattern="^(explain|correct|accept)$")]
    template: Template | None = None
    resolution: Said
    evidence: Said


@router.get("/breaks")
async def list_breaks(
    caller: Reader, state: Filter = "", limit: Limit = LIMIT_DEFAULT, cursor: Cursor = ""
) -> dict[str, Any]:
    """Differences between our books and the holders', newest first; `state=open`: those that nobody has resolved."""
    async with caller.context.transaction() as tx:
        rows = await report.breaks(tx, before=unpack_cursor(cursor), state=state, rows_max=limit + 1)
    page = listing(rows, limit, lambda row: row["id"])
    return page | {"data": resources("break", page["data"])}


@router.get("/breaks/{break_id}")
async def show_break(caller: Reader, break_id: Id) -> dict[str, Any]:
    """One difference, with the resolution that waits for a second person, if one does."""
    return await _outside(caller.context, break_id)


@router.post("/breaks/{break_id}/resolve")
async def resolve_break(request: Request, caller: MarketplaceWriter, break_id: Id, body: ResolutionBody) -> Response:
    """Explain a difference, or propose what shall be done; the proposal takes effect when a second person approves."""

    async def work(context: Context) -> object:
        async with context.transaction() as tx:
            one = await report.one_break(tx, break_id)
            if body.template:
                check_template(body.template, body.outcome, one["type"], one["theirs_minor"])
            if body.outcome == "explain":
                await breaks.resolve_break(
                    context, tx, break_id, "explain", body.resolution, body.evidence, by=context.actor.name
                )
            else:
                await audit.record(tx, context.actor, _PROPOSED, break_id, after=_proposal(body))
        return await _outside(caller.context, break_id)

    return await answer_once(request, caller.context, work, status=200, moves_money=True)


@router.post("/breaks/{break_id}/approve")
async def approve_resolution(request: Request, caller: MarketplaceWriter, break_id: Id) -> Response:
    """Let the proposed resolution take effect, as somebody else than who proposed it."""

    async def work(context: Context) -> object:
        async with context.transaction() as tx:
            await report.one_break(tx, break_id)
            proposed = await _proposed(tx, break_id)
            if proposed is None:
                raise NothingProposed(param="break")
            said = proposed["after"]
            await breaks.resolve_break(
                context, tx, break_id, said["trigger"], said["resolution"], said["evidence"], by=proposed["actor"],
                approved_by=context.actor.name, template=said.get("template", ""),
            )  # fmt: skip
        return await _outside(caller.context, break_id)

    return await answer_once(request, caller.context, work, status=200, moves_money=True)


@router.get("/reconciliation_runs")
async def list_runs(caller: Reader, limit: Limit = LIMIT_DEFAULT, cursor: Cursor = "") -> dict[str, Any]:
    """Reconciliation runs, newest first."""
    async with caller.context.transaction() as tx:
        rows = await marketplace_report.runs(tx, before=unpack_cursor(cursor) or None, rows_max=limit + 1)
    page = listing(rows, limit, lambda row: row["id"])
    return page | {"data": resources("reconciliation_run", page["data"])}


@router.post("/reconciliation_runs/{run_id}/close")
async def close_run(request: Request, caller: MarketplaceWriter, run_id: Id) -> Response:
    """Close a run by hand while differences are open that are not critical. One without open differences closes by itself."""

    async def work(context: Context) -> object:
        await breaks.close_run(context, run_id)
        async with caller.context.transaction() as tx:
            return resource("reconciliation_run", await marketplace_report.one_run(tx, run_id))

    return await answer_once(request, caller.context, work, status=200)


@router.post("/reconciliation_runs", status_code=201)
async def run(request: Request, caller: MarketplaceWriter, body: RunBody) -> Response:
    """Fetch a channel's statements of these days and compare everything that is new on either side."""
    days = (body.until_day - body.from_day).days
    if not 0 < days <= DAYS_MAX:
        raise InvalidRequest(f"a run covers 1 to {DAYS_MAX} days", param="until_day")

    async def work(_context: Context) -> object:
        context = caller.context  # several transactions, each of which may come again without harm
        lines = 0
        if body.fetch:
            each = [date.fromordinal(body.from_day.toordinal() + n) for n in range(days)]
            lines = await reconcile.fetch_statements(context, body.channel, each)
        done = await reconcile.reconcile(context, body.channel, body.from_day, body.until_day)
        return {
            "object": "reconciliation_run",
            "id": done.run_id,
            "channel": body.channel,
            "new_lines": lines,
            "ours": done.ours,
            "theirs": done.theirs,
            "new_breaks": done.breaks,
        }

    return await answer_once(request, caller.context, work)


@router.get("/channels/compare")
async def compare_channels(caller: Reader) -> dict[str, Any]:
    """What each channel can do and where its limits are, each number with its source and day of reading."""
    async with caller.context.transaction() as tx:
        rows = await channels.list_channels(tx)
    data = []
    for row in rows:
        channel, _ = await caller.context.gateway(row["id"])
        plain = msgspec.to_builtins(caller.context.runtime.gateways.capabilities(channel), enc_hook=str)
        data.append({"object": "channel_capabilities", "channel": row["id"], "provider": channel.provider, **plain})
    return whole_list(data)


def _proposal(body: ResolutionBody) -> dict[str, str]:
    # The console writes and reads the same line: a proposal made here may be approved there.
    said = {"trigger": body.outcome, "resolution": body.resolution, "evidence": body.evidence}
    return {**said, "template": body.template.value} if body.template else said


async def _proposed(tx: Tx, break_id: str) -> Row | None:
    lines = await audit.page(tx, object_id=break_id)
    return next((row for row in lines if row["action"] == _PROPOSED and not row["refused"]), None)


async def _outside(context: Context, break_id: str) -> dict[str, Any]:
    async with context.transaction() as tx:
        row = await report.one_break(tx, break_id)
        proposed = await _proposed(tx, break_id) if row["state"] in ("open", "assigned") else None
    waits = None if proposed is None else {"by": proposed["actor"], **proposed["after"]}
    template = template_for(row["type"], row["theirs_minor"])
    return resource("break", row, proposed_resolution=waits, template=template and template.value)
