"""The billing run: due, done, parked, pace and time left, looked at again by itself every two seconds."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from cauce.entrypoints.console.pages.home import Figure
from cauce.entrypoints.console.view import ROWS, framed, page
from cauce.entrypoints.web.rendering import locale_of
from cauce.entrypoints.web.sessions import Session
from cauce.entrypoints.web.tables import Table, columns, ident, moment, number, text
from cauce.entrypoints.web.texts import translator
from cauce.kernel.clock import wall_now
from cauce.reports.run_progress import SWEEP, RunProgress, run_progress
from cauce.storage import sweeps


async def show(request: Request, session: Session) -> Response:
    """How far the run is; with `hx-request` only what moves."""
    async with session.context.transaction() as tx:
        found = await run_progress(tx, await session.context.now(tx), wall_now())
        parked = [row for row in await sweeps.parked(tx, ROWS) if row["sweep"] == SWEEP] if found.parked else []
    table = Table(
        columns("run.subscription", "run.error", "run.due_since", "run.parked_at"),
        [
            (
                ident(row["row_key"], href=f"/console/subscriptions/{row['row_key']}"),
                text(row["error"]),
                moment(row["due_at"]),
                moment(row["parked_at"]),
            )
            for row in parked
        ],
        none="run.none_parked",
        title="run.parked",
    )
    return await framed(
        request,
        session,
        "console/billing_run_moving.html" if request.headers.get("hx-request") else "console/billing_run.html",
        progress=found,
        figures=_figures(found, locale_of(request)),
        parked=table,
    )


def _figures(found: RunProgress, locale: str) -> list[Figure]:
    left = found.seconds_left
    return [
        Figure("run.due", [number(found.due)], "/console/subscriptions"),
        Figure("run.done", [number(found.done)], "/console/invoices"),
        Figure("run.parked_now", [number(found.parked)]),
        Figure("run.pace", [number(found.done_minute)]),
        Figure("run.left", [text("–" if left is None else duration(left, locale))]),
    ]


def duration(seconds: int, locale: str) -> str:
    """A time in the two largest of hours, minutes and seconds."""
    t = translator(locale)
    hours, minutes = divmod(seconds // 60, 60)
    if hours:
        return t("run.hours_minutes", hours=hours, minutes=minutes)
    return t("run.minutes_seconds", minutes=minutes, seconds=seconds % 60) if minutes else t("run.seconds", n=seconds)


routes = [page("/console/billing_run", show)]
