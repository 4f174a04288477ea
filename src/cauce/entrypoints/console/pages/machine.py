"""The machine room: jobs and what was buried, commands that wait for a person, stopped channels, the sandbox's clock."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from starlette.requests import Request
from starlette.responses import Response

from cauce.channels import service as channels
from cauce.channels import stops
from cauce.entrypoints.console.view import ROWS, action, back_to, framed, page
from cauce.entrypoints.web.sessions import Session
from cauce.entrypoints.web.tables import Button, Cell, Table, buttons, columns, ident, moment, text, word
from cauce.flows import clock, refused_keys
from cauce.flows.giving_up import give_up
from cauce.gateway.classes import shown_text
from cauce.kernel.errors import InvalidRequest
from cauce.storage import audit, jobs, sweeps
from cauce.storage.database import Row
from cauce.storage.directory.people import Role

_MAY = (Role.ADMIN, Role.DEVELOPER)
DAYS_MAX = 3_650


async def show_jobs(request: Request, session: Session) -> Response:
    """How much waits, what was given up and why."""
    async with session.context.transaction() as tx:
        depth = await jobs.depth(tx)
        buried = await jobs.buried(tx, rows_max=ROWS)
        parked = await sweeps.parked(tx, ROWS)
        held = await stops.needing_person(tx, ROWS)
        stopped = [row for row in await channels.list_channels(tx) if row["stopped_at"] is not None]
        misconfigured = await stops.stops(tx)
    tables = [_held_table(held)] if held else []
    tables += [_stops_table(stopped, misconfigured)] if stopped or misconfigured else []
    return await framed(request, session, "console/jobs.html", depth=depth, buried=buried, parked=parked, tables=tables)


def _held_table(rows: Sequence[Row]) -> Table:
    """Commands that a provider put off as often as they are tried."""
    return Table(
        columns("jobs.kind", "jobs.command", "jobs.error", "jobs.since", ">"),
        [
            (
                text(row["operation"], note=row["object_id"]),
                ident(row["key"]),
                text(shown_text(str((row["outcome"] or {}).get("reason", "")))),
                moment(row["needs_person_since"]),
                buttons(
                    Button(f"/console/commands/{row['key']}/try_again", "jobs.retry"),
                    Button(f"/console/commands/{row['key']}/give_up", "jobs.give_up", danger=True),
                ),
            )
            for row in rows
        ],
        title="jobs.held",
    )


def _stops_table(stopped: Sequence[Row], misconfigured: Sequence[Row]) -> Table:
    """Channels that are asked nothing, wholly or for one merchant."""

    def resume(channel_id: str, merchant_ref: str | None) -> Cell:
        fields = (("merchant_ref", merchant_ref),) if merchant_ref is not None else ()
        return buttons(Button(f"/console/channels/{channel_id}/resume", "jobs.resume", fields=fields, danger=True))

    by_signature = [
        (ident(row["id"]), text(""), word("jobs.signatures"), moment(row["stopped_at"]), resume(row["id"], None))
        for row in stopped
    ]
    by_setup = [
        (
            ident(row["channel_id"]),
            text(row["merchant_ref"]),
            text(row["message"], note=row["code"]),
            moment(row["stopped_at"]),
            resume(row["channel_id"], row["merchant_ref"]),
        )
        for row in misconfigured
    ]
    headings = columns("custody.channel", "jobs.merchant", "jobs.error", "jobs.since", ">")
    return Table(headings, [*by_signature, *by_setup], title="jobs.stopped")


async def try_command_again(request: Request, session: Session, _fields: dict[str, str]) -> Response:
    """Let a command be tried again under its key."""
    await refused_keys.try_again(session.context, request.path_params["key"])
    return back_to("/console/jobs")


async def give_command_up(request: Request, session: Session, _fields: dict[str, str]) -> Response:
    """Give a command up that the provider does not know."""
    await give_up(session.context, request.path_params["key"])
    return back_to("/console/jobs")


async def resume_calls(request: Request, session: Session, fields: dict[str, str]) -> Response:
    """Let a channel be asked again, or only of one merchant."""
    merchant_ref = fields.get("merchant_ref")
    await refused_keys.resume_calls(session.context, request.path_params["channel_id"], merchant_ref)
    return back_to("/console/jobs")


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
    action("/console/commands/{key}/try_again", try_command_again, roles=_MAY),
    action("/console/commands/{key}/give_up", give_command_up, roles=_MAY),
    action("/console/channels/{channel_id}/resume", resume_calls, roles=_MAY),
    page("/console/clock", show_clock),
    action("/console/clock/advance", advance),
]
