"""Offers to customers: the list, one with what its approval comes to and where the customer answers, and a new one."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

from cauce.billing.customers import service as customers
from cauce.billing.customers.rules import CustomerData
from cauce.billing.subscriptions import service as subscriptions
from cauce.billing.subscriptions.rules import QUOTE_DAYS
from cauce.entrypoints.console.links import link_to
from cauce.entrypoints.console.view import (
    ROWS,
    action,
    asked,
    back_to,
    detailed,
    following,
    listed,
    page,
    states_filter,
)
from cauce.entrypoints.web.sessions import Session
from cauce.entrypoints.web.tables import Button, Cell, Input, Table, amount, columns, day, moment, state, text
from cauce.flows.billing import quotes
from cauce.flows.billing.signup import Signup
from cauce.flows.portal import quote_link
from cauce.kernel.errors import InvalidRequest
from cauce.pricing.invoice_lines import PricedLine
from cauce.reports import quotes as report
from cauce.reports import subscriptions as plans
from cauce.storage import outbox
from cauce.storage.database import Row
from cauce.storage.directory.people import Role

_MAY = (Role.ADMIN, Role.FINANCE, Role.SUPPORT)
_ONE = "/console/quotes/{quote_id}"


async def show_list(request: Request, session: Session) -> Response:
    """Quotes, newest first, and the form for a new one."""
    wanted = asked(request, "state", "before")
    before = int(wanted["before"]) if wanted["before"].isdigit() else 0
    async with session.context.transaction() as tx:
        rows = await report.page(tx, before=before, state=wanted["state"], rows_max=ROWS)
        sold = await plans.plan_keys(tx)
    return await listed(
        request,
        session,
        "nav.quotes",
        tables=[_table(rows)],
        filters=(states_filter(request, wanted["state"], report.STATES),),
        actions=[_new([(row["key"], row["name"]) for row in sold])] if sold else [],
        next=following(request, rows, "cursor"),
    )


def _new(sold: Sequence[tuple[str, str]]) -> Button:
    return Button(
        "/console/quotes",
        "quotes.new",
        inputs=(
            Input("customer", "customers.external_id"),
            Input("name", "customers.name", required=False),
            Input("email", "customers.email", kind="email", required=False),
            Input("plan", "subscriptions.plan", options=tuple(sold)),
            Input("currency", "portal.currency", placeholder="eur"),
            Input("quantities", "quotes.quantities", required=False, placeholder="seats=3, rooms=2"),
            Input("trial_days", "quotes.trial_days", kind="number", required=False),
            Input("coupon", "quotes.coupon", required=False),
            Input("valid_days", "quotes.valid_days", kind="number", value=str(QUOTE_DAYS)),
        ),
        hint="quotes.hint",
    )


def _table(rows: Sequence[Row]) -> Table:
    return Table(
        columns("subscriptions.customer", "subscriptions.plan", "subscriptions.state", "quotes.sent", "quotes.lapses"),
        [
            (
                text(row["customer"] or row["external_id"], href=f"/console/quotes/{row['id']}"),
                text(f"{row['plan']} v{row['version']}"),
                state(row["state"]),
                moment(row["sent_at"]),
                moment(row["lapses_at"]),
            )
            for row in rows
        ],
        none="quotes.none",
    )


async def show_one(request: Request, session: Session) -> Response:
    """One quote."""
    quote_id = str(request.path_params["quote_id"])
    async with session.context.transaction() as tx:
        one = await report.one(tx, quote_id)
        is_open = one["state"] == "open"
        draft, now = await subscriptions.read(tx, quote_id), await session.context.now(tx)
        offered = await quotes.read_offer(tx, draft, now) if is_open else None
        happened = list(reversed(await outbox.events_of(tx, quote_id)))
    lines = _lines(offered.first.bill.priced.lines, one["currency"]) if offered else None
    return await detailed(
        request,
        session,
        name=f"{one['plan']} · {one['customer'] or one['external_id']}",
        title="nav.quotes",
        above="/console/quotes",
        object_id=quote_id,
        states=[one["state"]],
        facts=_facts(one, offered),
        actions=_actions(one) if is_open else [],
        tables=[lines] if lines else [],
        happened=happened,
    )


def _facts(one: Row, offered: quotes.Offered | None) -> list[tuple[str, Cell]]:
    facts = [
        ("subscriptions.customer", text(one["customer"] or one["external_id"], href=link_to(one["customer_id"]))),
        ("quotes.subscription", text(one["id"], href=link_to(one["id"]))),
        ("quotes.sent", moment(one["sent_at"])),
        ("quotes.sent_by", text(one["sent_by"])),
    ]
    if offered is not None:
        facts += [
            ("quotes.lapses", moment(one["lapses_at"])),
            ("quotes.trial_days", text(offered.trial_days)),
            ("quotes.first_bill", amount(offered.first.bill.priced.total_minor, one["currency"])),
        ]
    if one["answered_at"] is not None:
        facts += [("quotes.answered", moment(one["answered_at"])), ("quotes.answered_by", text(one["answered_by"]))]
    return [*facts, ("actions.reason", text(one["reason"]))] if one["reason"] else facts


def _actions(one: Row) -> list[Button]:
    path, reason = f"/console/quotes/{one['id']}", (Input("reason", "actions.reason", required=False),)
    return [
        Button(f"{path}/link", "quotes.link"),
        Button(f"{path}/approve", "quotes.approve", danger=True, hint="quotes.approve_hint"),
        Button(f"{path}/reject", "quotes.withdraw", inputs=reason, danger=True),
    ]


def _lines(lines: Sequence[PricedLine], currency: str) -> Table:
    return Table(
        columns("invoices.line", "invoices.period", "invoices.amount>", "invoices.tax>", "invoices.total>"),
        [
            (
                text(line.charge.description),
                day(line.charge.period.start if line.charge.period else None),
                amount(line.net_minor, currency),
                amount(line.tax_minor, currency),
                amount(line.total_minor, currency),
            )
            for line in lines
        ],
        title="quotes.first_bill",
    )


async def create(_request: Request, session: Session, fields: dict[str, str]) -> Response:
    """Offer a subscription to a customer, new or known."""
    who = fields.get("customer", "").strip()
    if not who:
        raise InvalidRequest("a quote is for a customer", param="customer")
    data = CustomerData(who, name=fields.get("name", "").strip() or None, email=fields.get("email", "").strip() or None)
    command = Signup(
        data,
        fields.get("plan", ""),
        fields.get("currency", "").strip().lower(),
        _quantities(fields.get("quantities", "")),
        trial_days=_whole(fields, "trial_days") if fields.get("trial_days", "").strip() else None,
        coupon=fields.get("coupon", "").strip(),
    )
    sent = await quotes.send_quote(session.context, command, valid_days=_whole(fields, "valid_days"))
    return back_to(f"/console/quotes/{sent.subscription_id}")


def _whole(fields: dict[str, str], name: str) -> int:
    typed = fields.get(name, "").strip()
    if not typed.isascii() or not typed.isdigit() or len(typed) > 4:
        raise InvalidRequest("a number of days", param=name)
    return int(typed)


def _quantities(typed: str) -> dict[str, str]:
    """`seats=3, rooms=2` as quantities by price key."""
    pairs = [part.partition("=") for part in typed.split(",") if part.strip()]
    if not all(mark and key.strip() for key, mark, _ in pairs):
        raise InvalidRequest("quantities are written seats=3, rooms=2", param="quantities")
    return {key.strip(): quantity.strip() for key, _, quantity in pairs}


async def approve(request: Request, session: Session, _fields: dict[str, str]) -> Response:
    """The customer has said yes by other means: the subscription begins now."""
    quote_id = await _quote(request, session)
    await quotes.approve_quote(session.context, quote_id)
    return back_to(link_to(quote_id))


async def reject(request: Request, session: Session, fields: dict[str, str]) -> Response:
    """Withdraw the offer, or note that the customer said no."""
    quote_id = await _quote(request, session)
    await quotes.reject_quote(session.context, quote_id, reason=fields.get("reason", "").strip()[:500])
    return back_to(f"/console/quotes/{quote_id}")


async def make_link(request: Request, session: Session, _fields: dict[str, str]) -> Response:
    """A fresh address for the customer, shown on this answer alone."""
    quote_id = await _quote(request, session)
    async with session.context.transaction() as tx:
        one = await report.one(tx, quote_id)
        customer = await customers.read(tx, one["customer_id"])
        link = await quote_link(tx, session.context.runtime, quote_id)
    return await detailed(
        request,
        session,
        name=f"{one['plan']} · {customer.name or customer.external_id}",
        title="nav.quotes",
        above=f"/console/quotes/{quote_id}",
        object_id=quote_id,
        states=[one["state"]],
        facts=[("quotes.address", text(link, href=link))],
    )


async def _quote(request: Request, session: Session) -> str:
    async with session.context.transaction() as tx:
        return str((await report.one(tx, str(request.path_params["quote_id"])))["id"])


routes = [
    page("/console/quotes", show_list),
    page(_ONE, show_one),
    action("/console/quotes", create, name="quote.send", roles=_MAY),
    action(f"{_ONE}/approve", approve, name="quote.approve", roles=_MAY),
    action(f"{_ONE}/reject", reject, name="quote.reject", roles=_MAY),
    action(f"{_ONE}/link", make_link, name="quote.make_link", roles=_MAY),
]
