"""Webhooks in and out: what providers told us, our endpoints with a test button, what we told them and how that went."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from cauce.channels import store as channels
from cauce.entrypoints.console.view import ROWS, action, back_to, framed, page
from cauce.entrypoints.web.sessions import Session
from cauce.entrypoints.web.tables import Button, Cell, Table, buttons, columns, ident, moment, number, state, text, word
from cauce.flows import notify
from cauce.storage.database import Row
from cauce.storage.directory.people import Role
from cauce.webhooks import store

_MAY = (Role.ADMIN, Role.DEVELOPER)
_HERE = "/console/webhooks"


async def show(request: Request, session: Session) -> Response:
    """What providers told us, what we told others."""
    async with session.context.transaction() as tx:
        notices = await channels.notices(tx, ROWS)
        endpoints = await store.list_endpoints(tx)
        deliveries = await store.deliveries(tx, rows_max=ROWS)
    tables = [_endpoints(endpoints), _deliveries(deliveries)]
    return await framed(request, session, "console/webhooks.html", notices=notices, tables=tables)


def _endpoints(rows: list[Row]) -> Table:
    return Table(
        columns("webhooks.url", "webhooks.endpoint", "webhooks.types", "webhooks.state", ">"),
        [
            (
                text(row["url"]),
                ident(row["id"]),
                text(", ".join(row["event_types"])) if row["event_types"] else word("webhooks.all_types"),
                state(row["state"]),
                buttons(_of_endpoint(row)),
            )
            for row in rows
        ],
        none="webhooks.none_endpoints",
        title="webhooks.endpoints",
    )


def _of_endpoint(row: Row) -> Button:
    if row["state"] == "enabled":
        return Button(f"{_HERE}/{row['id']}/test", "webhooks.test")
    return Button(f"{_HERE}/{row['id']}/enable", "webhooks.enable")


def _deliveries(rows: list[Row]) -> Table:
    return Table(
        columns("events.when", "webhooks.endpoint", "webhooks.state", "webhooks.answer", "jobs.tries>", ">"),
        [
            (
                moment(row["created_at"]),
                ident(row["endpoint_id"]),
                state(row["state"]),
                _answer(row),
                number(row["attempts"]),
                buttons(Button(f"{_HERE}/deliveries/{row['id']}/replay", "webhooks.replay")),
            )
            for row in rows
        ],
        none="webhooks.none_out",
        title="webhooks.out",
    )


def _answer(row: Row) -> Cell:
    return text(str(row["last_status"] or ""), note=row["last_answer"][:80])


async def test(request: Request, session: Session, _fields: dict[str, str]) -> Response:
    """Send an endpoint a test event."""
    await notify.send_test(session.context, request.path_params["endpoint_id"])
    return back_to(_HERE)


async def enable(request: Request, session: Session, _fields: dict[str, str]) -> Response:
    """Switch an endpoint on again; what waits for it is sent."""
    await notify.enable(session.context, request.path_params["endpoint_id"])
    return back_to(_HERE)


async def replay(request: Request, session: Session, _fields: dict[str, str]) -> Response:
    """Send one delivery again."""
    await notify.replay(session.context, request.path_params["delivery_id"])
    return back_to(_HERE)


routes = [
    page(_HERE, show),
    action(_HERE + "/{endpoint_id}/test", test, name="endpoint.test", roles=_MAY),
    action(_HERE + "/{endpoint_id}/enable", enable, roles=_MAY),
    action(_HERE + "/deliveries/{delivery_id}/replay", replay, name="delivery.replay", roles=_MAY),
]
