"""Search over everything (Ctrl-K): an id leads straight to its object, words find customers, numbers, merchants."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from cauce.entrypoints.console.links import has_page, link_to
from cauce.entrypoints.console.view import framed, page
from cauce.entrypoints.web.sessions import Session
from cauce.entrypoints.web.tables import Table, amount, columns, state, text
from cauce.reports import dashboard as report
from cauce.reports.dashboard import Found
from cauce.storage import outbox


async def show(request: Request, session: Session) -> Response:
    """What was found, by kind."""
    words = request.query_params.get("q", "").strip()[:100]
    found = Found([], [], [], [])
    if words:
        async with session.context.transaction() as tx:
            if has_page(words) or await outbox.events_of(tx, words):
                return RedirectResponse(link_to(words), 303)
            found = await report.find(tx, words)
    return await framed(request, session, "console/search.html", words=words, tables=_tables(found))


def _tables(found: Found) -> list[Table]:
    tables = [
        Table(
            columns("customers.name", "customers.email"),
            [(text(row["name"] or row["id"], href=link_to(row["id"])), text(row["email"])) for row in found.customers],
            title="nav.customers",
        ),
        Table(
            columns("invoices.number", "invoices.state", "invoices.total>"),
            [
                (
                    text(row["number"], href=link_to(row["id"])),
                    state(row["status"]),
                    amount(row["total_minor"], row["currency"]),
                )
                for row in found.invoices
            ],
            title="nav.invoices",
        ),
        Table(
            columns("orders.number", "orders.state", "orders.total>"),
            [
                (
                    text(row["external_id"], href=link_to(row["id"])),
                    state(row["state"]),
                    amount(row["total_minor"], row["currency"]),
                )
                for row in found.orders
            ],
            title="nav.orders",
        ),
        Table(
            columns("merchants.name", "merchants.external_id", "merchants.state"),
            [
                (text(row["name"], href=link_to(row["id"])), text(row["external_id"]), state(row["state"]))
                for row in found.merchants
            ],
            title="nav.merchants",
        ),
    ]
    return [table for table in tables if table.rows]


routes = [page("/console/search", show)]
