"""Merchants: the list with what each owns, one with balances, accounts, payouts and statement; payouts and their approval."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

from cauce.entrypoints.console.links import link_to
from cauce.entrypoints.console.pages.merchant_states import state_buttons
from cauce.entrypoints.console.pages.orders import order_table
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
from cauce.entrypoints.web.sessions import Session
from cauce.entrypoints.web.tables import (
    Button,
    Cell,
    Input,
    Table,
    amount,
    buttons,
    columns,
    ident,
    moment,
    movement,
    state,
    text,
    word,
)
from cauce.entrypoints.web.typed import minor_units
from cauce.flows.marketplace import pay_out
from cauce.kernel.errors import InvalidRequest
from cauce.marketplace.settlement.rules import PAYOUT
from cauce.reports import merchants as report
from cauce.reports import orders
from cauce.reports.merchants import Balance
from cauce.storage import outbox
from cauce.storage.database import Row
from cauce.storage.directory.people import Role

_STATES = ("active", "restricted", "closed")


async def show_list(request: Request, session: Session) -> Response:
    """Merchants, newest first, each with his balances."""
    wanted = asked(request, "find", "state", "before")
    async with session.context.transaction() as tx:
        rows = await report.page(tx, before=wanted["before"], state=wanted["state"], find=wanted["find"])
        channels = [(row["id"], row["name"]) for row in await orders.channel_names(tx)]
        owned = await report.balances(tx, [row["id"] for row in rows], channels)
    lines = [line for row in rows for line in _lines(row, [one for one in owned if one.merchant_id == row["id"]])]
    table = Table(
        columns(
            "merchants.name", "merchants.state", "merchants.channel", "merchants.available>", "merchants.frozen>",
            "merchants.escrow>", "merchants.in_transit>",
        ),
        lines,
        none="merchants.none",
    )  # fmt: skip
    filters = (search_filter(wanted["find"]), states_filter(request, wanted["state"], _STATES))
    return await listed(
        request, session, "nav.merchants", tables=[table], filters=filters, next=following(request, rows)
    )


def _lines(row: Row, owned: Sequence[Balance]) -> list[tuple[Cell, ...]]:
    head = text(row["name"], href=link_to(row["id"]), note=row["external_id"]), state(row["state"])
    if not owned:
        return [(*head, text(None), *(amount(None, "") for _ in range(4)))]
    return [(*head, *balance_cells(one)) for one in owned]


def balance_cells(one: Balance) -> tuple[Cell, ...]:
    """Channel, available, frozen, in escrow, in transit."""
    return (
        text(one.channel),
        amount(one.available_minor, one.currency),
        amount(one.frozen_minor + one.pending_minor, one.currency),
        amount(one.escrow_minor, one.currency),
        amount(one.in_transit_minor + one.reserved_minor, one.currency),
    )


async def show_one(request: Request, session: Session) -> Response:
    """One merchant."""
    merchant_id = request.path_params["merchant_id"]
    async with session.context.transaction() as tx:
        one = await report.one(tx, merchant_id)
        channels = [(row["id"], row["name"]) for row in await orders.channel_names(tx)]
        owned = await report.balances(tx, [merchant_id], channels)
        accounts = await report.accounts(tx, merchant_id)
        instruments = await report.instruments(tx, merchant_id)
        payouts = await report.payouts(tx, merchant_id=merchant_id, rows_max=10)
        moved = await report.statement(tx, merchant_id, rows_max=15)
        sold = await orders.page(tx, merchant_id=merchant_id, rows_max=10)
        happened = list(reversed(await outbox.events_of(tx, merchant_id)))
    facts = [
        ("merchants.external_id", ident(one["external_id"])),
        ("merchants.legal_form", word(f"legal_form.{one['legal_form']}")),
        ("merchants.trade_place", word(f"trade_place.{one['trade_place']}")),
        ("merchants.country", text(one["country"])),
        ("merchants.email", text(one["email"])),
        ("detail.created", moment(one["created_at"])),
    ]
    return await detailed(
        request,
        session,
        name=one["name"],
        title="nav.merchants",
        above="/console/merchants",
        object_id=merchant_id,
        states=[one["state"], *(["payouts_paused"] if one["payouts_paused"] else [])],
        facts=facts,
        actions=[*_actions(merchant_id, owned), *state_buttons(one)],
        tables=[
            balance_table(owned),
            _account_table(accounts),
            *([_instrument_table(instruments)] if instruments else []),
            payout_table(payouts, title="nav.payouts"),
            statement_table(moved),
            order_table(sold, title="nav.orders"),
        ],
        happened=happened,
    )


def _actions(merchant_id: str, owned: Sequence[Balance]) -> list[Button]:
    choices = tuple((f"{one.channel_id}|{one.currency}", f"{one.channel} · {one.currency.upper()}") for one in owned)
    link = Button(f"/console/portal-links/{merchant_id}", "portal.link")
    if not choices:
        return [link]
    return [
        link,
        Button(
            f"/console/merchants/{merchant_id}/payouts",
            "payouts.ask",
            inputs=(
                Input("from", "payouts.from", value=choices[0][0], options=choices),
                Input("amount", "payouts.amount", placeholder="10.50"),
            ),
            hint="payouts.ask_hint",
        ),
    ]


def balance_table(owned: Sequence[Balance]) -> Table:
    """What a merchant owns, by the custody book."""
    return Table(
        columns(
            "merchants.channel",
            "merchants.available>",
            "merchants.frozen>",
            "merchants.escrow>",
            "merchants.in_transit>",
        ),
        [balance_cells(one) for one in owned],
        none="balances.none",
        title="balances.title",
    )


def _account_table(rows: Sequence[Row]) -> Table:
    return Table(
        columns("merchants.channel", "accounts.ref", "merchants.state", "accounts.agreement"),
        [
            (
                text(row["channel"]),
                ident(row["ref"]),
                state(row["state"], note=", ".join(row["needs"])),
                text(row["agreement"]),
            )
            for row in rows
        ],
        none="accounts.none",
        title="accounts.title",
    )


def _instrument_table(rows: Sequence[Row]) -> Table:
    return Table(
        columns("merchants.channel", "instruments.holder", "merchants.state", "instruments.usable"),
        [
            (
                text(row["channel"]),
                text(row["holder_name"], note=f"•••• {row['last4']} {row['currency'].upper()}"),
                state(row["state"]),
                moment(row["usable_from"]),
            )
            for row in rows
        ],
        title="instruments.title",
    )


def statement_table(rows: Sequence[Row]) -> Table:
    """Movements with the balance after each."""
    return Table(
        columns("statement.when", "statement.what", "merchants.channel", "statement.amount>", "statement.balance>"),
        [
            (
                moment(row["effective_at"]),
                movement(row["recipe"], note=row["reference"]),
                text(row["channel"]),
                amount(row["amount_minor"], row["currency"]),
                amount(row["balance_after_minor"], row["currency"]),
            )
            for row in rows
        ],
        none="statement.none",
        title="statement.title",
    )


def payout_table(rows: Sequence[Row], *, title: str = "", with_actions: bool = False) -> Table:
    """Payouts as rows; those that wait for a second person with his buttons."""
    last = (">",) if with_actions else ()
    return Table(
        columns("payouts.merchant", "payouts.channel", "payouts.state", "payouts.requested", "payouts.amount>", *last),
        [
            (
                text(row["merchant"], href=link_to(row["merchant_id"])),
                text(row["channel"], note=row["ref"]),
                state(row["state"], note=row["failure"] or row["requested_by"].removeprefix("person:")),
                moment(row["requested_at"]),
                amount(row["amount_minor"], row["currency"]),
                *((buttons(*_decisions(row)),) if with_actions else ()),
            )
            for row in rows
        ],
        none="payouts.none",
        title=title,
    )


def _decisions(row: Row) -> tuple[Button, ...]:
    if row["state"] != "requested":
        return ()
    path = f"/console/payouts/{row['id']}"
    return Button(f"{path}/approve", "payouts.approve"), Button(f"{path}/cancel", "payouts.cancel")


async def show_payouts(request: Request, session: Session) -> Response:
    """Payouts, newest first."""
    wanted = asked(request, "state", "before")
    async with session.context.transaction() as tx:
        rows = await report.payouts(tx, before=wanted["before"], state=wanted["state"])
    return await listed(
        request,
        session,
        "nav.payouts",
        lead="payouts.lead",
        tables=[payout_table(rows, with_actions=any(row["state"] == "requested" for row in rows))],
        filters=(states_filter(request, wanted["state"], PAYOUT.states),),
        next=following(request, rows),
    )


async def ask_payout(request: Request, session: Session, fields: dict[str, str]) -> Response:
    """Pay out by hand."""
    merchant_id = request.path_params["merchant_id"]
    channel_id, _, currency = fields.get("from", "").partition("|")
    if not currency:
        raise InvalidRequest("choose where the money comes from", param="from")
    command = pay_out.AskPayout(merchant_id, channel_id, currency, minor_units(fields.get("amount", ""), currency))
    await pay_out.request_payout(session.context, command)
    return back_to(link_to(merchant_id))


async def approve(request: Request, session: Session, _fields: dict[str, str]) -> Response:
    """A second person lets a payout go."""
    await pay_out.approve_payouts(session.context, [request.path_params["payout_id"]])
    return back_to("/console/payouts")


async def cancel(request: Request, session: Session, _fields: dict[str, str]) -> Response:
    """Withdraw a payout that nobody approved."""
    await pay_out.cancel_payouts(session.context, [request.path_params["payout_id"]])
    return back_to("/console/payouts")


_MAY = (Role.ADMIN, Role.FINANCE)

routes = [
    page("/console/merchants", show_list),
    page("/console/merchants/{merchant_id}", show_one),
    action("/console/merchants/{merchant_id}/payouts", ask_payout, name="payout.request", roles=_MAY),
    page("/console/payouts", show_payouts),
    action("/console/payouts/{payout_id}/approve", approve, name="payout.approve", roles=_MAY),
    action("/console/payouts/{payout_id}/cancel", cancel, name="payout.cancel", roles=_MAY),
]
