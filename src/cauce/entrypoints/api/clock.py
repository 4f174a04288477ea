"""`/v1/clock`: a sandbox's time, and sending it forward."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fastapi import APIRouter
from pydantic import AwareDatetime, BaseModel
from starlette.requests import Request
from starlette.responses import Response

from cauce.entrypoints.api.access import Admin, Reader
from cauce.entrypoints.api.replay import answer_once
from cauce.flows import clock
from cauce.flows.context import Context
from cauce.storage import orgclock

router = APIRouter(prefix="/v1/clock", tags=["clock"])


class AdvanceBody(BaseModel):
    """Where the clock shall go; not before its present time."""

    to: AwareDatetime


@router.get("")
async def show(caller: Reader) -> dict[str, Any]:
    """The organization's time and the advance that is under way, if any."""
    async with caller.context.transaction() as tx:
        now = await caller.context.now(tx)
        advance = await orgclock.open_advance(tx)
    return {"object": "clock", "now": now, "livemode": caller.holder.livemode, "advance": _advance(advance)}


@router.post("/advance", status_code=202)
async def advance(request: Request, caller: Admin, body: AdvanceBody) -> Response:
    """Send a sandbox's clock forward; a worker walks it there in due order."""

    async def work(context: Context) -> object:
        return _advance(await clock.begin_advance(context, body.to))

    return await answer_once(request, caller.context, work, status=202)


@router.get("/advances/{advance_id}")
async def read_advance(caller: Reader, advance_id: str) -> dict[str, Any] | None:
    """How far an advance has come."""
    async with caller.context.transaction() as tx:
        return _advance(await orgclock.read_advance(tx, advance_id))


def _advance(found: orgclock.Advance | None) -> dict[str, datetime | str | int | None] | None:
    if found is None:
        return None
    return {
        "object": "clock_advance",
        "id": found.id,
        "from": found.started_at,
        "to": found.target_at,
        "reached": found.reached_at,
        "done_at": found.done_at,
        "steps": found.steps,
        "error": found.error,
    }
