"""What may still be withdrawn of an order, on its page: refunds that were not sent, payments that were not made."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

from cauce.entrypoints.console.links import link_to
from cauce.entrypoints.console.view import back_to
from cauce.entrypoints.web.sessions import Session
from cauce.entrypoints.web.tables import Button, Table, amount, buttons, columns, moment, state, text
from cauce.flows.marketplace import withdrawing
from cauce.marketplace.orders.rules import OPEN_COLLECTION
from cauce.storage.database import Row


def refund_table(rows: Sequence[Row], order: Row) -> Table:
    """What was given back, and what may still be withdrawn of it."""

    def withdraw(row: Row) -> list[Button]:
        if row["state"] not in ("requested", "approved", "funding", "submitted"):
            return []
        return [
            Button(f"/console/orders/{order['id']}/refunds/{row['id']}/cancel", "orders.cancel_refund", danger=True)
        ]

    return Table(
        columns("orders.refund", "orders.state", "detail.created", "orders.refunded>", ">"),
        [
            (
                text(row["external_id"], note=row["reason"]),
                state(row["state"]),
                moment(row["created_at"]),
                amount(row["amount_minor"], order["currency"]),
                buttons(*withdraw(row)),
            )
            for row in rows
        ],
        title="orders.refunds",
    )


def payment_actions(order: Row, collections: Sequence[Row]) -> list[Button]:
    """Payments that their payer has not made."""
    if order["next_step"] == "collect":
        return []
    path = f"/console/orders/{order['id']}/payments"
    hint = "orders.cancel_payment_hint"
    return [
        Button(f"{path}/{row['id']}/cancel", "orders.cancel_payment", danger=True, hint=hint)
        for row in collections
        if row["state"] in OPEN_COLLECTION
    ]


async def cancel_refund(request: Request, session: Session, _fields: dict[str, str]) -> Response:
    """Withdraw a refund that was not sent."""
    await withdrawing.cancel_refund(session.context, request.path_params["refund_id"])
    return back_to(link_to(request.path_params["order_id"]))


async def cancel_payment(request: Request, session: Session, _fields: dict[str, str]) -> Response:
    """Withdraw a payment that was not made."""
    await withdrawing.cancel_collection(session.context, request.path_params["collection_id"])
    return back_to(link_to(request.path_params["order_id"]))
