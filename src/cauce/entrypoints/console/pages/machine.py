"""The machine room: jobs and what was buried, the sandbox's clock."""

from __future__ import annotations

from datetime import timedelta

from starlette.requests import Request
from starlette.responses import Response

from cauce.entrypoints.console.view import ROWS, action, back_to, framed, page
from cauce.entrypoints.web.sessions import Session
from cauce.flows import clock
from cauce.kernel.errors import InvalidRequest
from cauce.storage import audit, jobs, sweeps
from cauce.storage.directory.people import Role

DAYS_MAX = 3_650


async def show_jobs(request: Request, session: Session) -> Response:
    """How much waits, what was given up and why."""
    async with session.context.transaction() as tx:
        depth = await jobs.depth(tx)
        buried = await jobs.buried(tx, rows_max=ROWS)
        parked = await sweeps.parked(tx, ROWS)
    return await framed(request, session, "console/jobs.html", depth=depth, buried=buried, parked=parked)


async def retry_job(request: Request, session: Session, _fields: dict[str, str]) -> Response:
    """Let a buried job try again."""
    session.require(Role.ADMIN, Role.DEVELOPER, Role.SUPPORT)
    job_id = request.path_params["job_id"]
    async with session.context.transaction() as tx:
        await jobs.revive(tx, job_id)
        await audit.record(tx, session.context.actor, "job.retry", str(job_id))
    return back_to("/console/jobs")


async def show_clock(request: Request, session: Session) -> Response:
    """The organization's time; a sandbox's can be sent forward."""
    return await framed(request, session, "console/clock.html")


async def advance(_request: Request, session: Session, fields: dict[str, str]) -> Response:
    """Send the sandbox's clock forward by whole days."""
    session.require(Role.ADMIN, Role.DEVELOPER)
    days = fields.get("days", "")
    if not days.isdigit() or not 1 <= int(days) <= DAYS_MAX:
        raise InvalidRequest(f"give 1 to {DAYS_MAX} days", param="days")
    async with session.context.transaction() as tx:
        now = await session.context.now(tx)
    await clock.begin_advance(session.context, now + timedelta(days=int(days)))
    return back_to("/console/clock")


routes = [
    page("/console/jobs", show_jobs),
    action("/console/jobs/{job_id:int}/retry", retry_job),
    page("/console/clock", show_clock),
    action("/console/clock/advance", advance),
]
