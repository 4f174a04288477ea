"""Cases: differences of one cause under an owner, due by how bad they are."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

from cauce.entrypoints.console.links import link_to
from cauce.entrypoints.console.view import action, back_to
from cauce.entrypoints.web.sessions import Session
from cauce.entrypoints.web.tables import Button, Input, Table, buttons, columns, moment, number, state, text
from cauce.flows.marketplace import breaks
from cauce.marketplace.reconciliation.rules import Severity
from cauce.reports import oversight as report
from cauce.storage.database import Row
from cauce.storage.directory.people import Role

_HOME = "/console/breaks"
_MAY = (Role.ADMIN, Role.FINANCE)


def case_table(rows: Sequence[Row]) -> Table:
    """Open cases, each with the button that gives it to somebody else."""
    return Table(
        columns("cases.cause", "cases.owner", "cases.severity", "cases.due", "cases.open>", ">"),
        [
            (
                text(row["cause"]),
                text(row["owner"]),
                state(row["severity"]),
                moment(row["due_at"]),
                number(row["open_breaks"]),
                buttons(
                    Button(
                        f"/console/cases/{row['id']}/assign", "cases.assign", inputs=(Input("owner", "cases.owner"),)
                    )
                ),
            )
            for row in rows
        ],
        none="cases.none",
        title="cases.title",
    )


def case_button(break_id: str) -> Button:
    """Puts a difference into a case of its own."""
    inputs = (Input("cause", "cases.cause"), Input("owner", "cases.owner"))
    return Button(f"{_HOME}/{break_id}/case", "cases.put", inputs=inputs, hint="cases.put_hint")


async def open_case(request: Request, session: Session, fields: dict[str, str]) -> Response:
    """A case for this difference, due by its severity."""
    break_id = request.path_params["break_id"]
    async with session.context.transaction() as tx:
        one = await report.one_break(tx, break_id)
    await breaks.open_case(
        session.context, [break_id], fields.get("cause", ""), fields.get("owner", ""), Severity(one["severity"])
    )
    return back_to(link_to(break_id))


async def assign(request: Request, session: Session, fields: dict[str, str]) -> Response:
    """Somebody else looks into the case from now on."""
    await breaks.assign_case(session.context, request.path_params["case_id"], fields.get("owner", ""))
    return back_to(_HOME)


routes = [
    action(f"{_HOME}/{{break_id}}/case", open_case, roles=_MAY),
    action("/console/cases/{case_id}/assign", assign, roles=_MAY),
]
