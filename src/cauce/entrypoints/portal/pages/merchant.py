"""The merchant's own page: what he can withdraw, what is frozen or on its way, his payouts and his statement."""

from __future__ import annotations

import csv
import io

from starlette.requests import Request
from starlette.responses import Response

from cauce.entrypoints.portal.view import back_to, render, visit_action, visit_page
from cauce.entrypoints.web.rendering import HEADERS
from cauce.entrypoints.web.tables import Button, Input, Table, amount, columns, moment, movement, state, text
from cauce.entrypoints.web.typed import minor_units
from cauce.entrypoints.web.visits import Visit
from cauce.flows.marketplace import pay_out
from cauce.kernel.errors import InvalidRequest
from cauce.kernel.money import major_text
from cauce.reports import merchants as report
from cauce.reports import orders
from cauce.reports.merchants import Balance
from cauce.storage.database import Row, Tx

_ROWS = 50
_ROWS_CSV_MAX = 10_000


async def show(request: Request, visit: Visit) -> Response:
    """Balances, payouts, statement."""
    typed = request.query_params.get("before", "")
    before = int(typed) if typed.isdigit() and len(typed) < 19 else report.LATEST
    async with visit.context.transaction() as tx:
        one = await report.one(tx, visit.who)
        owned = await _balances(tx, visit)
        payouts = await report.payouts(tx, merchant_id=visit.who, rows_max=10)
        moved = await report.statement(tx, visit.who, before=before, rows_max=_ROWS)
    return render(
        request,
        "portal/merchant.html",
        visit.org,
        visit=visit,
        merchant=one,
        owned=owned,
        withdraw=None if one["payouts_paused"] else _withdraw(visit, owned),
        payouts=_payout_table(payouts),
        statement=_statement_table(moved),
        next=f"?before={moved[-1]['journal_id']}" if len(moved) == _ROWS else "",
    )


async def _balances(tx: Tx, visit: Visit) -> list[Balance]:
    channels = [(row["id"], row["name"]) for row in await orders.channel_names(tx)]
    return await report.balances(tx, [visit.who], channels)


def _withdraw(visit: Visit, owned: list[Balance]) -> Button | None:
    choices = tuple(
        (f"{one.channel_id}|{one.currency}", f"{one.channel} · {one.currency.upper()}")
        for one in owned
        if one.available_minor > 0
    )
    if not choices:
        return None
    return Button(
        f"/portal/{visit.org.public_id}/merchant/payouts",
        "portal.withdraw",
        inputs=(
            Input("from", "payouts.from", value=choices[0][0], options=choices),
            Input("amount", "payouts.amount", placeholder="10.50"),
        ),
    )


def _payout_table(rows: list[Row]) -> Table:
    return Table(
        columns("payouts.requested", "payouts.channel", "payouts.state", "payouts.amount>"),
        [
            (
                moment(row["requested_at"]),
                text(row["channel"], note=row["ref"]),
                state(row["state"], note=row["failure"]),
                amount(row["amount_minor"], row["currency"]),
            )
            for row in rows
        ],
        none="payouts.none",
        title="nav.payouts",
    )


def _statement_table(rows: list[Row]) -> Table:
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


async def statement_file(_request: Request, visit: Visit) -> Response:
    """The statement as CSV, oldest first, amounts in major units."""
    async with visit.context.transaction() as tx:
        rows = await report.statement(tx, visit.who, rows_max=_ROWS_CSV_MAX)
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(["at", "movement", "reference", "channel", "currency", "amount", "balance"])
    for row in reversed(rows):
        amounts = (major_text(row[name], row["currency"]) for name in ("amount_minor", "balance_after_minor"))
        facts = row["effective_at"].isoformat(), row["recipe"], row["reference"], row["channel"], row["currency"]
        writer.writerow([*facts, *amounts])
    headers = {**HEADERS, "Content-Disposition": 'attachment; filename="statement.csv"'}
    return Response(written.getvalue(), media_type="text/csv", headers=headers)


async def withdraw(_request: Request, visit: Visit, fields: dict[str, str]) -> Response:
    """Ask for a payout of what is available, to the merchant's own account."""
    channel_id, _, currency = fields.get("from", "").partition("|")
    if not currency:
        raise InvalidRequest("choose where the money comes from", param="from")
    amount_minor = minor_units(fields.get("amount", ""), currency)
    await pay_out.request_payout(visit.context, pay_out.AskPayout(visit.who, channel_id, currency, amount_minor))
    return back_to(visit, "/merchant")


routes = [
    visit_page("/merchant", show, merchant=True),
    visit_page("/merchant/statement.csv", statement_file, merchant=True),
    visit_action("/merchant/payouts", withdraw, name="payout.request", merchant=True),
]
