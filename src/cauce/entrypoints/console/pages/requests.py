"""The request log: what was sent to providers and how it ended. Bodies stay sealed."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from cauce.entrypoints.console.view import asked, following, listed, page, search_filter
from cauce.entrypoints.web.rendering import locale_of
from cauce.entrypoints.web.sessions import Session
from cauce.entrypoints.web.tables import Cell, Input, Table, columns, ident, moment, state, text
from cauce.entrypoints.web.texts import translator
from cauce.reports import orders
from cauce.reports import oversight as report
from cauce.storage.database import Row

_FAILED_FROM = 400


async def show(request: Request, session: Session) -> Response:
    """Exchanges, newest first."""
    wanted = asked(request, "correlation", "channel", "ending", "before")
    before = int(wanted["before"]) if wanted["before"].isdigit() and len(wanted["before"]) < 19 else report.LATEST
    async with session.context.transaction() as tx:
        rows = await report.requests(
            tx,
            before=before,
            channel_id=wanted["channel"],
            correlation=wanted["correlation"],
            failed=wanted["ending"] == "failed",
        )
        channels = await orders.channel_names(tx)
    t = translator(locale_of(request))
    choices = (("", "–"), *((row["id"], row["name"]) for row in channels))
    endings = (("", t("filter.all")), ("failed", t("requests.failed")))
    filters = (
        search_filter(wanted["correlation"], "pat_…", name="correlation"),
        Input("channel", "orders.channel", value=wanted["channel"], options=choices, required=False),
        Input("ending", "requests.ending", value=wanted["ending"], options=endings, required=False),
    )
    table = Table(
        columns("requests.when", "requests.what", "requests.key", "requests.ending", "requests.elapsed>"),
        [_line(row) for row in rows],
        none="requests.none",
    )
    return await listed(
        request,
        session,
        "nav.requests",
        lead="requests.lead",
        tables=[table],
        filters=filters,
        next=following(request, rows),
    )


def _line(row: Row) -> tuple[Cell, ...]:
    failed = row["status"] is None or row["status"] >= _FAILED_FROM
    return (
        moment(row["started_at"]),
        text(f"{row['method']} {row['operation']}", note=f"{row['channel']} · {row['url']}"),
        ident(row["correlation"], href=f"/console/objects/{row['correlation']}" if row["correlation"] else ""),
        state("failed" if failed else "succeeded", note=row["failure"] or str(row["status"])),
        text(f"{row['elapsed_ms']} ms"),
    )


routes = [page("/console/requests", show)]
