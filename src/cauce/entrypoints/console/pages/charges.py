"""A one-off charge on a subscription: typed in, seen with its tax before it stands, withdrawn while it waits (G4)."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

from cauce.billing.invoicing.service import Answer
from cauce.entrypoints.console.links import link_to
from cauce.entrypoints.console.previewing import priced_lines
from cauce.entrypoints.console.view import action, back_to, detailed, framed
from cauce.entrypoints.web.rendering import locale_of
from cauce.entrypoints.web.sessions import Session
from cauce.entrypoints.web.tables import Button, Input, Table, amount, buttons, columns, moment, state, text, word
from cauce.entrypoints.web.texts import translator
from cauce.entrypoints.web.typed import minor_units
from cauce.flows.billing import extra
from cauce.flows.portal import charge_link
from cauce.kernel.errors import NotFound
from cauce.kernel.ids import new_id
from cauce.reports import subscriptions as report
from cauce.storage.database import Row
from cauce.storage.directory.people import Role

_WHEN = ("next", "now", "ask", "ask_now")
_DESCRIPTION_CHARACTERS_MAX = 500
_MAY = (Role.ADMIN, Role.FINANCE)
_ONE = "/console/subscriptions/{subscription_id}/charges"


def charge_button(request: Request, subscription_id: str) -> Button:
    """The form that leads to the preview."""
    t = translator(locale_of(request))
    return Button(
        f"{_path(subscription_id)}/preview",
        "charges.add",
        inputs=(
            Input("amount", "invoices.amount", placeholder="25.00"),
            Input("description", "charges.description"),
            Input("when", "charges.when", value="next", options=tuple((one, t(f"charges.{one}")) for one in _WHEN)),
        ),
        hint="charges.hint",
    )


def waiting_table(rows: Sequence[Row], subscription_id: str) -> Table:
    """Charges that wait for an invoice or for the customer's approval."""
    return Table(
        columns("charges.description", "charges.since", "charges.state", "invoices.amount>", ">"),
        [
            (
                text(row["description"]),
                moment(row["created_at"]),
                state(row["state"]),
                amount(row["amount_minor"], row["currency"]),
                buttons(*_decisions(row, subscription_id)),
            )
            for row in rows
        ],
        none="charges.none",
        title="charges.waiting",
    )


def _decisions(row: Row, subscription_id: str) -> list[Button]:
    """Only what somebody charged is taken back; what a change of plan left to bill is not."""
    path = f"{_path(subscription_id)}/{row['id']}"
    asked = [Button(f"{path}/link", "charges.link"), Button(f"{path}/approve", "charges.approve")]
    return (
        [*(asked if row["state"] == "proposed" else ()), Button(f"{path}/withdraw", "charges.withdraw", danger=True)]
        if row["kind"] == "pending"
        else []
    )


async def preview(request: Request, session: Session, fields: dict[str, str]) -> Response:
    """Show what the charge comes to, with a button that makes it."""
    command, currency = await _typed(request, session, fields)
    priced = await extra.preview_charge(session.context, command)
    again = {**{name: fields.get(name, "") for name in ("amount", "description", "when")}, "id": new_id("pl")}
    path = _path(command.subscription_id)
    return await detailed(
        request,
        session,
        name=command.description,
        title="nav.subscriptions",
        above=link_to(command.subscription_id),
        object_id=command.subscription_id,
        facts=[
            ("charges.when", word(f"charges.{_when(fields)}")),
            ("invoices.tax", amount(priced.tax_minor, currency)),
            ("invoices.total", amount(priced.total_minor, currency)),
        ],
        actions=[Button(path, "charges.confirm", tuple(again.items()))],
        tables=[priced_lines(priced.lines, currency, title="charges.preview")],
    )


async def charge(request: Request, session: Session, fields: dict[str, str]) -> Response:
    """Make the charge of a preview, once however often its button is pressed."""
    command, _ = await _typed(request, session, fields)
    done = await extra.add_charge(session.context, command)
    return back_to(link_to(done.invoice_id or command.subscription_id))


async def _typed(request: Request, session: Session, fields: dict[str, str]) -> tuple[extra.ExtraCharge, str]:
    """The charge as it was typed in, and its currency."""
    subscription_id = str(request.path_params["subscription_id"])
    async with session.context.transaction() as tx:
        currency = str((await report.one(tx, subscription_id))["currency"])
    command = extra.ExtraCharge(
        subscription_id,
        minor_units(fields.get("amount", ""), currency),
        fields.get("description", "").strip()[:_DESCRIPTION_CHARACTERS_MAX],
        invoice_now=_when(fields) in ("now", "ask_now"),
        ask=_when(fields) in ("ask", "ask_now"),
        pending_line_id=fields.get("id", ""),
    )
    return command, currency


def _when(fields: dict[str, str]) -> str:
    asked = fields.get("when", "")
    return asked if asked in _WHEN else "next"


async def withdraw(request: Request, session: Session, _fields: dict[str, str]) -> Response:
    """Take back a charge that no invoice has."""
    return await _settle(request, session, "withdraw")


async def approve(request: Request, session: Session, _fields: dict[str, str]) -> Response:
    """The customer has agreed to a charge that was proposed."""
    return await _settle(request, session, "approve")


async def _settle(request: Request, session: Session, answer: Answer) -> Response:
    subscription_id, line_id = str(request.path_params["subscription_id"]), str(request.path_params["line_id"])
    done = await extra.settle_charge(session.context, line_id, answer, subscription_id=subscription_id)
    return back_to(link_to(done.invoice_id or subscription_id))


async def ask(request: Request, session: Session, _fields: dict[str, str]) -> Response:
    """A link with which the customer answers to a proposed charge, shown on this answer alone."""
    subscription_id, line_id = str(request.path_params["subscription_id"]), str(request.path_params["line_id"])
    async with session.context.transaction() as tx:
        row = await extra.read_charge(tx, line_id)
        if row["subscription_id"] != subscription_id:
            raise NotFound(f"there is no charge {line_id}", param="charge")
        link = await charge_link(tx, session.context.runtime, line_id)
    return await framed(
        request,
        session,
        "console/charge_link.html",
        name=row["description"],
        link=link,
        back=link_to(subscription_id),
    )


def _path(subscription_id: str) -> str:
    return f"/console/subscriptions/{subscription_id}/charges"


routes = [
    action(f"{_ONE}/preview", preview, roles=_MAY),
    action(_ONE, charge, name="subscription.charge", roles=_MAY),
    action(f"{_ONE}/{{line_id}}/approve", approve, name="subscription.approve_charge", roles=_MAY),
    action(f"{_ONE}/{{line_id}}/link", ask, name="subscription.charge_link", roles=_MAY),
    action(f"{_ONE}/{{line_id}}/withdraw", withdraw, name="subscription.withdraw_charge", roles=_MAY),
]
