"""A one-off charge on a subscription: typed in, seen with its tax before it stands, withdrawn while it waits (G4)."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

from cauce.entrypoints.console.links import link_to
from cauce.entrypoints.console.view import action, back_to, detailed
from cauce.entrypoints.web.rendering import locale_of
from cauce.entrypoints.web.sessions import Session
from cauce.entrypoints.web.tables import Button, Input, Table, amount, buttons, columns, moment, state, text, word
from cauce.entrypoints.web.texts import translator
from cauce.entrypoints.web.typed import minor_units
from cauce.flows.billing import extra
from cauce.kernel.errors import NotFound
from cauce.kernel.ids import new_id
from cauce.pricing.invoice_lines import Priced
from cauce.reports import billing
from cauce.reports import subscriptions as report
from cauce.storage.database import Row
from cauce.storage.directory.people import Role

_WHEN = ("next", "now", "ask")
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
    agreed = [Button(f"{path}/approve", "charges.approve")] if row["state"] == "proposed" else []
    return [*agreed, Button(f"{path}/withdraw", "charges.withdraw", danger=True)] if row["kind"] == "pending" else []


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
        tables=[_lines(priced, currency)],
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
        invoice_now=_when(fields) == "now",
        ask=_when(fields) == "ask",
        pending_line_id=fields.get("id", ""),
    )
    return command, currency


def _when(fields: dict[str, str]) -> str:
    asked = fields.get("when", "")
    return asked if asked in _WHEN else "next"


def _lines(priced: Priced, currency: str) -> Table:
    return Table(
        columns("invoices.line", "invoices.amount>", "invoices.tax>", "invoices.total>"),
        [
            (
                text(line.charge.description),
                amount(line.charge.amount_minor, currency),
                amount(line.tax_minor, currency),
                amount(line.total_minor, currency),
            )
            for line in priced.lines
        ],
        title="charges.preview",
    )


async def withdraw(request: Request, session: Session, _fields: dict[str, str]) -> Response:
    """Take back a charge that no invoice has."""
    return await _settle(request, session, approve=False)


async def approve(request: Request, session: Session, _fields: dict[str, str]) -> Response:
    """The customer has agreed to a charge that was proposed."""
    return await _settle(request, session, approve=True)


async def _settle(request: Request, session: Session, *, approve: bool) -> Response:
    subscription_id, line_id = request.path_params["subscription_id"], request.path_params["line_id"]
    async with session.context.transaction() as tx:
        if line_id not in {row["id"] for row in await billing.pending_lines(tx, subscription_id)}:
            raise NotFound(f"there is no charge {line_id} that waits", param="charge")
    await extra.settle_charge(session.context, line_id, approve=approve)
    return back_to(link_to(subscription_id))


def _path(subscription_id: str) -> str:
    return f"/console/subscriptions/{subscription_id}/charges"


routes = [
    action(f"{_ONE}/preview", preview, roles=_MAY),
    action(_ONE, charge, name="subscription.charge", roles=_MAY),
    action(f"{_ONE}/{{line_id}}/approve", approve, name="subscription.approve_charge", roles=_MAY),
    action(f"{_ONE}/{{line_id}}/withdraw", withdraw, name="subscription.withdraw_charge", roles=_MAY),
]
