"""Orders: the list, and one with its waterfall: who gets what of the money, when, by which instruction."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

from cauce.entrypoints.console import kept, subsidising, withdrawing
from cauce.entrypoints.console.links import link_to
from cauce.entrypoints.console.pages.invoices import journal_table
from cauce.entrypoints.console.view import (
    action,
    asked,
    back_to,
    detailed,
    following,
    listed,
    page,
    search_filter,
    states_filter,
)
from cauce.entrypoints.console.waterfall import waterfall
from cauce.entrypoints.web.sessions import Session
from cauce.entrypoints.web.tables import (
    Button,
    Cell,
    Input,
    Table,
    amount,
    columns,
    ident,
    moment,
    state,
    text,
    word,
)
from cauce.entrypoints.web.typed import minor_units
from cauce.flows.marketplace import refunds, release
from cauce.kernel.errors import InvalidRequest
from cauce.kernel.ids import new_id
from cauce.marketplace.orders import disputing
from cauce.marketplace.orders.itemized import read_lines
from cauce.marketplace.orders.rules import PURCHASE
from cauce.reports import invoices
from cauce.reports import orders as report
from cauce.storage import outbox
from cauce.storage.database import Row
from cauce.storage.directory.people import Role


async def show_list(request: Request, session: Session) -> Response:
    """Orders, newest first."""
    wanted = asked(request, "find", "state", "channel", "before")
    async with session.context.transaction() as tx:
        rows = await report.page(
            tx,
            before=wanted["before"],
            state=wanted["state"],
            channel_id=wanted["channel"],
            number=wanted["find"],
        )
        channels = await report.channel_names(tx)
    choices = (("", "–"), *((row["id"], row["name"]) for row in channels))
    filters = (
        search_filter(wanted["find"], "A-1001"),
        states_filter(request, wanted["state"], PURCHASE.states),
        Input("channel", "orders.channel", value=wanted["channel"], options=choices, required=False),
    )
    return await listed(
        request, session, "nav.orders", tables=[order_table(rows)], filters=filters, next=following(request, rows)
    )


def order_table(rows: Sequence[Row], *, title: str = "") -> Table:
    """Orders as rows."""
    return Table(
        columns("orders.number", "orders.sellers", "orders.channel", "orders.state", "orders.placed", "orders.total>"),
        [_line(row) for row in rows],
        none="orders.none",
        title=title,
    )


def _line(row: Row) -> tuple[Cell, ...]:
    more = f" +{row['sellers'] - 1}" if (row["sellers"] or 0) > 1 else ""
    return (
        text(row["external_id"] or row["id"], href=link_to(row["id"])),
        text(f"{row['first_seller'] or ''}{more}"),
        text(row["channel"]),
        state(row["state"]),
        moment(row["placed_at"]),
        amount(row["total_minor"], row["currency"]),
    )


async def show_one(request: Request, session: Session) -> Response:
    """One order."""
    order_id = request.path_params["order_id"]
    async with session.context.transaction() as tx:
        one = await report.one(tx, order_id)
        lines = await report.lines(tx, order_id)
        collections = await report.collections(tx, order_id)
        parts = await report.parts(tx, order_id)
        named, divided = await report.parties(tx, order_id), await report.kept_parts(tx, order_id)
        given_back, added = await report.refunds(tx, order_id), await report.subsidies(tx, order_id)
        contested = await disputing.page(tx, order_ids=[order_id])
        instructions = await report.instructions(tx, order_id)
        journals = await invoices.journals(tx, order_id)
        happened = list(reversed(await outbox.events_of(tx, order_id)))
    return await detailed(
        request,
        session,
        "console/order.html",
        name=one["external_id"] or order_id,
        title="nav.orders",
        above="/console/orders",
        object_id=order_id,
        states=[one["state"]],
        facts=_facts(one),
        actions=[
            *_actions(one),
            *kept.kept_action(one, parts, named),
            *subsidising.subsidy_actions(one, collections, added),
            *withdrawing.payment_actions(one, collections),
        ],
        waterfalls=[
            waterfall(row, [part for part in parts if part["collection_id"] == row["id"]], one) for row in collections
        ],
        tables=[
            _line_table(lines, one["currency"]),
            *([kept.kept_table(divided, one["currency"])] if divided else []),
            *([withdrawing.refund_table(given_back, one)] if given_back else []),
            *([subsidising.subsidy_table(added)] if added else []),
            *([_dispute_table(contested)] if contested else []),
            instruction_table(instructions),
            journal_table(journals),
        ],
        happened=happened,
    )


def _facts(one: Row) -> list[tuple[str, Cell]]:
    return [
        ("orders.total", amount(one["total_minor"], one["currency"])),
        ("orders.collected", amount(one["collected_minor"], one["currency"])),
        ("orders.refunded", amount(one["refunded_minor"], one["currency"])),
        ("orders.channel", text(one["channel"])),
        ("orders.release_on", word(f"release.{one['release_on']}")),
        ("orders.rule", text(f"{one['rule_id']} v{one['rule_version']}")),
        ("orders.placed", moment(one["placed_at"])),
        ("orders.paid_at", moment(one["paid_at"])),
        ("orders.delivered", moment(one["delivered_at"])),
        ("orders.released", moment(one["released_at"])),
        *([("orders.next", moment(one["due_at"]))] if one["due_at"] else []),
        *([("orders.canceled", moment(one["canceled_at"]))] if one["canceled_at"] else []),
    ]


def _actions(one: Row) -> list[Button]:
    path = f"/console/orders/{one['id']}"
    found = []
    if one["state"] == "paid":
        found += [
            Button(f"{path}/deliver", "orders.deliver"),
            Button(f"{path}/release", "orders.release_now", danger=True, hint="orders.release_hint"),
        ]
    if one["collected_minor"] > one["refunded_minor"] and one["state"] != "releasing":
        asked = (
            Input("amount", "invoices.amount_or_all", required=False, placeholder="10.50"),
            Input("lines", "orders.refund_lines", required=False, placeholder="1, 2=10.50"),
            Input("reason", "actions.reason"),
        )
        # The number travels with the page: a form that is sent twice asks for one refund.
        number = (("number", new_id("ask")),)
        found.append(Button(f"{path}/refund", "orders.refund_now", number, asked, True, "orders.refund_hint"))
    return found


def _line_table(rows: Sequence[Row], currency: str) -> Table:
    return Table(
        columns("orders.line", "orders.seller", "orders.price>", "orders.freight>"),
        [
            (
                text(f"{row['line']} {row['description']}".strip()),
                text(row["seller"], href=link_to(row["seller_id"])),
                amount(row["price_minor"], currency),
                amount(row["freight_minor"], currency),
            )
            for row in rows
        ],
        title="orders.lines",
    )


def _dispute_table(rows: Sequence[Row]) -> Table:
    return Table(
        columns("orders.dispute", "orders.state", "orders.respond_by", "orders.contested>"),
        [
            (
                text(row["ref"], note=row["reason"]),
                state(row["state"]),
                moment(row["respond_by"]),
                amount(row["amount_minor"], row["currency"]),
            )
            for row in rows
        ],
        title="orders.disputes",
    )


def instruction_table(rows: Sequence[Row]) -> Table:
    """What was asked of the provider, by its key."""
    return Table(
        columns("object.instruction", "object.operation", "object.state", "detail.created", "object.asked>"),
        [
            (
                ident(row["key"], href=f"/console/requests?correlation={row['key']}"),
                text(row["operation"], note=row["ref"]),
                state(row["state"]),
                moment(row["created_at"]),
                text(row["asks"]),
            )
            for row in rows
        ],
        none="instructions.none",
        title="instructions.title",
    )


async def deliver(request: Request, session: Session, _fields: dict[str, str]) -> Response:
    """The buyer has the goods: what waits for that is released."""
    order_id = request.path_params["order_id"]
    async with session.context.transaction() as tx:
        await report.one(tx, order_id)
        now = await session.context.now(tx)
    await release.confirm_delivery(session.context, {order_id: now})
    return back_to(link_to(order_id))


async def release_now(request: Request, session: Session, _fields: dict[str, str]) -> Response:
    """Release an order's money without waiting."""
    order_id = request.path_params["order_id"]
    async with session.context.transaction() as tx:
        await report.one(tx, order_id)
    await release.release_orders(session.context, [order_id])
    return back_to(link_to(order_id))


async def refund(request: Request, session: Session, fields: dict[str, str]) -> Response:
    """Give money back to whoever paid: what was split comes back from the parties first."""
    order_id = request.path_params["order_id"]
    async with session.context.transaction() as tx:
        one = await report.one(tx, order_id)
    typed, number = fields.get("amount", "").strip(), fields.get("number", "")
    if not number:
        raise InvalidRequest("load the page again", param="number")
    amount_minor = minor_units(typed, one["currency"]) if typed else None
    said = [each for each in fields.get("lines", "").split(",") if each.strip()]
    lines = read_lines(said, lambda each: minor_units(each, one["currency"])) or None
    asked = refunds.AskRefund(order_id, number, amount_minor, fields.get("reason", "").strip(), lines=lines)
    await refunds.refund_orders(session.context, [asked])
    return back_to(link_to(order_id))


_MAY = (Role.ADMIN, Role.FINANCE)

routes = [
    page("/console/orders", show_list),
    page("/console/orders/{order_id}", show_one),
    action("/console/orders/{order_id}/deliver", deliver, name="order.deliver", roles=(*_MAY, Role.SUPPORT)),
    action("/console/orders/{order_id}/release", release_now, name="order.release", roles=_MAY),
    action("/console/orders/{order_id}/kept", kept.split_kept, name="order.split_kept", roles=_MAY),
    action("/console/orders/{order_id}/subsidy/retry", subsidising.retry, name="order.retry_subsidy", roles=_MAY),
    action("/console/orders/{order_id}/subsidy/drop", subsidising.drop, name="order.drop_subsidy", roles=_MAY),
    action("/console/orders/{order_id}/refund", refund, name="order.refund", roles=_MAY),
    action("/console/orders/{order_id}/refunds/{refund_id}/cancel", withdrawing.cancel_refund, roles=_MAY),
    action("/console/orders/{order_id}/payments/{collection_id}/cancel", withdrawing.cancel_payment, roles=_MAY),
]
