"""The first page: what there is, what happened lately."""

from __future__ import annotations

from datetime import timedelta

from starlette.requests import Request
from starlette.responses import Response

from cauce.entrypoints.console.view import framed, page
from cauce.entrypoints.web.charts import bar_chart
from cauce.entrypoints.web.sessions import Session
from cauce.reports import activity

DAYS = 30
_LATEST = 8


async def show(request: Request, session: Session) -> Response:
    """Figures, events per day, the latest events."""
    async with session.context.transaction() as tx:
        now = await session.context.now(tx)
        per_day = await activity.events_per_day(tx, now - timedelta(days=DAYS), now)
        figures = await activity.figures(tx)
        events = await activity.latest_events(tx, _LATEST)
    points = [(f"{row['day']:%d.%m.}", row["events"], str(row["events"])) for row in per_day]
    return await framed(
        request,
        session,
        "console/home.html",
        figures=[{"text": f"home.{name}", "value": value} for name, value in figures.items()],
        chart=bar_chart(points),
        events=events,
    )


routes = [page("/console", show)]
