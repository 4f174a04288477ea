"""What the platform adds to an order, on its page: what became of it, and what may be done where the channel refused it."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

from cauce.entrypoints.console.links import link_to
from cauce.entrypoints.console.view import back_to
from cauce.entrypoints.web.sessions import Session
from cauce.entrypoints.web.tables import Button, Table, amount, columns, moment, state, text, word
from cauce.flows.marketplace import subsidies
from cauce.storage.database import Row


def subsidy_actions(one: Row, collections: Sequence[Row], rows: Sequence[Row]) -> list[Button]:
    """Try again or drop, while a paid order waits for a subsidy that nobody is asked for."""
    is_open = any(row["state"] in ("submitted", "processing") for row in rows)
    waits = any(row["paid_at"] and row["subsidy_planned_minor"] > row["subsidy_minor"] for row in collections)
    if one["state"] != "paid" or is_open or not waits:
        return []
    path = f"/console/orders/{one['id']}/subsidy"
    return [
        Button(f"{path}/retry", "orders.retry_subsidy"),
        Button(f"{path}/drop", "orders.drop_subsidy", danger=True, hint="orders.drop_subsidy_hint"),
    ]


def subsidy_table(rows: Sequence[Row]) -> Table:
    """What was added and taken back."""
    return Table(
        columns("orders.subsidy", "orders.state", "detail.created", "orders.subsidy_amount>"),
        [
            (
                word(f"funding.{row['kind']}"),
                state(row["state"]) if not row["failure"] else text(row["failure"]),
                moment(row["paid_at"] or row["requested_at"]),
                amount(row["amount_minor"], row["currency"]),
            )
            for row in rows
        ],
        title="orders.subsidies",
    )


async def retry(request: Request, session: Session, _fields: dict[str, str]) -> Response:
    """Ask the channel again."""
    order_id = request.path_params["order_id"]
    await subsidies.retry_subsidy(session.context, order_id)
    return back_to(link_to(order_id))


async def drop(request: Request, session: Session, _fields: dict[str, str]) -> Response:
    """Go on without it."""
    order_id = request.path_params["order_id"]
    await subsidies.drop_subsidy(session.context, order_id)
    return back_to(link_to(order_id))
