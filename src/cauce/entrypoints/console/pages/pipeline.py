"""The pipeline: from the first request to payment, loss and return, derived from states; nobody moves a card by hand."""

from __future__ import annotations

from datetime import timedelta

from starlette.requests import Request
from starlette.responses import Response

from cauce.entrypoints.console.view import listed, page
from cauce.entrypoints.web.sessions import Session
from cauce.entrypoints.web.tables import Cell, Table, amount, columns, number, word
from cauce.reports import relations as report

_DAYS = 90


async def show(request: Request, session: Session) -> Response:
    """Stages with how many stand there, what they are worth a month, for how long."""
    async with session.context.transaction() as tx:
        now = await session.context.now(tx)
        found = await report.pipeline(tx, now, now - timedelta(days=_DAYS))
    rows = [
        (
            word(f"pipeline.{row['stage']}"),
            number(row["customers"]),
            amount(row["value_minor"], row["currency"]),
            number(row["age_days"]),
        )
        for row in found.rows
    ]
    share = f"{found.paid * 100 // found.tried} %" if found.tried else "–"
    trials = [(number(found.tried), number(found.paid), Cell("text", share))]
    return await listed(
        request,
        session,
        "nav.pipeline",
        lead="pipeline.lead",
        tables=[
            Table(
                columns("pipeline.stage", "pipeline.customers>", "pipeline.value>", "pipeline.age>"),
                rows,
                none="pipeline.none",
            ),
            Table(
                columns("pipeline.tried>", "pipeline.paid>", "pipeline.share>"),
                trials,
                none="pipeline.none",
                title="pipeline.conversion",
            ),
        ],
    )


routes = [page("/console/pipeline", show)]
