"""What an order keeps for later, on its page: who may get it, and who got something of it since."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

from cauce.entrypoints.console.links import link_to
from cauce.entrypoints.console.view import back_to
from cauce.entrypoints.web.sessions import Session
from cauce.entrypoints.web.tables import Button, Input, Table, amount, columns, moment, text
from cauce.entrypoints.web.typed import minor_units
from cauce.flows.marketplace import keep
from cauce.kernel.errors import InvalidRequest
from cauce.marketplace.splits.rules.schema import KEPT
from cauce.reports import orders as report
from cauce.storage.database import Row


def kept_action(one: Row, parts: Sequence[Row], named: Sequence[Row]) -> list[Button]:
    """Divide what is kept, while the order's money is not on its way."""
    kept = sum(p["amount_minor"] - p["reversed_minor"] for p in parts if p["party"] == KEPT and not p["closed"])
    if not kept or one["state"] not in ("paid", "released"):
        return []
    choices = tuple((row["party"], row["merchant"] or row["party"]) for row in named)
    asked = (
        Input("party", "orders.kept_party", options=tuple(dict(choices).items())),
        Input("amount", "orders.kept_amount", placeholder="10.50"),
        Input("reason", "actions.reason", required=False),
    )
    # What was kept when the page was drawn travels with it: a form that is sent twice divides once.
    seen = (("kept", str(kept)),)
    return [Button(f"/console/orders/{one['id']}/kept", "orders.split_kept", seen, asked, True, "orders.kept_hint")]


def kept_table(rows: Sequence[Row], currency: str) -> Table:
    """What was kept and divided since: to whom, by whom, why."""
    return Table(
        columns("orders.kept_party", "orders.kept_by", "detail.created", "orders.kept_amount>"),
        [
            (
                text(row["merchant"] or row["role"], href=link_to(row["party"]) if row["merchant"] else ""),
                text(row["divided_by"], note=row["reason"] or row["rule_id"]),
                moment(row["divided_at"]),
                amount(row["amount_minor"], currency),
            )
            for row in rows
        ],
        title="orders.kept_parts",
    )


async def split_kept(request: Request, session: Session, fields: dict[str, str]) -> Response:
    """Give somebody of what the order keeps for later."""
    order_id = request.path_params["order_id"]
    async with session.context.transaction() as tx:
        one = await report.one(tx, order_id)
    seen = fields.get("kept", "")
    if not seen.isdecimal():
        raise InvalidRequest("load the page again", param="kept")
    parts = {fields.get("party", ""): minor_units(fields.get("amount", ""), one["currency"])}
    asked = keep.AskKept(order_id, parts, reason=fields.get("reason", "").strip(), seen_minor=int(seen))
    await keep.split_kept(session.context, asked)
    return back_to(link_to(order_id))
