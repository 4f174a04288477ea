"""Invoices: the list, and one with its lines, tries to collect it, payments, credit notes and what may be corrected."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

from cauce.entrypoints.console.links import link_to
from cauce.entrypoints.console.pages.credit_notes import note_table
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
from cauce.entrypoints.web.documents.invoice import answer_pdf
from cauce.entrypoints.web.sessions import Session
from cauce.entrypoints.web.tables import (
    Button,
    Cell,
    Input,
    Table,
    amount,
    columns,
    day,
    moment,
    movement,
    state,
    text,
    word,
)
from cauce.entrypoints.web.typed import minor_units
from cauce.flows.billing import correct
from cauce.kernel.money import major_text
from cauce.reports import customers
from cauce.reports import invoices as report
from cauce.storage import outbox
from cauce.storage.database import Row
from cauce.storage.directory.people import Role

_STATUSES = ("open", "paid", "void", "uncollectible")


async def show_list(request: Request, session: Session) -> Response:
    """Invoices, newest first."""
    wanted = asked(request, "find", "state", "before")
    async with session.context.transaction() as tx:
        rows = await report.page(tx, before=wanted["before"], status=wanted["state"], number=wanted["find"])
    filters = (search_filter(wanted["find"], "INV-000001"), states_filter(request, wanted["state"], _STATUSES))
    return await listed(
        request, session, "nav.invoices", tables=[invoice_table(rows)], filters=filters, next=following(request, rows)
    )


def invoice_table(rows: Sequence[Row], *, with_customer: bool = True, title: str = "") -> Table:
    """Invoices as rows."""
    customer = ("invoices.customer",) if with_customer else ()
    return Table(
        columns("invoices.number", *customer, "invoices.state", "invoices.issued", "invoices.total>", "invoices.left>"),
        [_line(row, with_customer) for row in rows],
        none="invoices.none",
        title=title,
    )


def _line(row: Row, with_customer: bool) -> tuple[Cell, ...]:
    customer = (text(row["customer"] or row["external_id"]),) if with_customer else ()
    return (
        text(row["number"] or row["id"], href=link_to(row["id"])),
        *customer,
        state("disputed" if row["disputed"] else row["status"]),
        day(row["issued_on"]),
        amount(row["total_minor"], row["currency"]),
        amount(row["left_minor"] if row["status"] == "open" else 0, row["currency"]),
    )


async def show_one(request: Request, session: Session) -> Response:
    """One invoice."""
    invoice_id = request.path_params["invoice_id"]
    async with session.context.transaction() as tx:
        one = await report.one(tx, invoice_id)
        lines = await report.lines(tx, invoice_id)
        attempts = await report.attempts(tx, invoice_id)
        paid = await customers.payments(tx, one["customer_id"], invoice_id=invoice_id)
        notes = await report.credit_notes(tx, invoice_id)
        journals = await report.journals(tx, invoice_id)
        happened = list(reversed(await outbox.events_of(tx, invoice_id)))
    return await detailed(
        request,
        session,
        name=one["number"] or invoice_id,
        title="nav.invoices",
        above="/console/invoices",
        object_id=invoice_id,
        states=[one["status"], *(["disputed"] if one["disputed"] else [])],
        facts=_facts(one),
        actions=_actions(one),
        tables=[
            _line_table(lines, one["currency"]),
            *([_attempt_table(attempts)] if attempts else []),
            *([_payment_table(paid)] if paid else []),
            *([note_table(notes)] if notes else []),
            journal_table(journals),
        ],
        happened=happened,
    )


def _facts(one: Row) -> list[tuple[str, Cell]]:
    sums = [
        ("invoices.subtotal", "subtotal_minor"),
        ("invoices.discount", "discount_minor"),
        ("invoices.tax", "tax_minor"),
    ]
    settled = [
        ("invoices.total", "total_minor"),
        ("invoices.from_credit", "credit_minor"),
        ("invoices.paid", "paid_minor"),
        ("invoices.credited", "credited_minor"),
        ("invoices.lost", "lost_minor"),
    ]
    shown = [(key, name) for key, name in (*sums, *settled) if one[name] or name in ("subtotal_minor", "total_minor")]
    return [
        ("invoices.customer", text(one["customer"] or one["external_id"], href=link_to(one["customer_id"]))),
        *(
            [("invoices.subscription", text(one["subscription_id"], href=link_to(one["subscription_id"])))]
            if one["subscription_id"]
            else []
        ),
        ("invoices.reason", word(f"invoices.reason.{one['reason']}")),
        *((key, amount(one[name], one["currency"])) for key, name in shown),
        ("invoices.left", amount(one["left_minor"] if one["status"] == "open" else 0, one["currency"])),
        ("invoices.issued", day(one["issued_on"])),
        ("invoices.payable", day(one["payable_on"])),
        ("invoices.paid_at", moment(one["paid_at"])),
        *([("document.document", text("PDF", href=f"{link_to(one['id'])}/pdf"))] if one["number"] else []),
    ]


def _actions(one: Row) -> list[Button]:
    path, left = f"/console/invoices/{one['id']}", major_text(one["left_minor"], one["currency"])
    reason = Input("reason", "actions.reason")
    pay = Button(
        f"{path}/pay",
        "invoices.pay",
        inputs=(
            Input("amount", "invoices.amount", value=left, placeholder="10.50"),
            Input("reference", "invoices.reference", required=False),
        ),
        hint="invoices.pay_hint",
    )
    credit = Button(
        f"{path}/credit",
        "invoices.credit",
        inputs=(Input("amount", "invoices.amount_or_all", required=False, placeholder="10.50"), reason),
        danger=True,
        hint="invoices.credit_hint",
    )
    refund = Button(f"{path}/credit", "invoices.refund", fields=(("refund", "yes"),), inputs=credit.inputs, danger=True, hint="invoices.refund_hint")  # fmt: skip
    void = Button(f"{path}/void", "invoices.void", danger=True, hint="invoices.void_hint")
    write_off = Button(f"{path}/write-off", "invoices.write_off", danger=True, hint="invoices.write_off_hint")
    if one["status"] == "open":
        return [pay, credit, void, write_off] if not one["paid_minor"] else [pay, credit, write_off]
    return [credit, refund] if one["status"] == "paid" else []


def _line_table(rows: Sequence[Row], currency: str) -> Table:
    return Table(
        columns("invoices.line", "invoices.period", "invoices.quantity>", "invoices.tax>", "invoices.total>"),
        [
            (
                text(row["description"]),
                text(f"{row['period_start']} – {row['period_end']}" if row["period_start"] else None),
                text(f"{row['quantity'].normalize():f}"),
                amount(row["tax_minor"], currency),
                amount(row["total_minor"], currency),
            )
            for row in rows
        ],
        title="invoices.lines",
    )  # fmt: skip


def _attempt_table(rows: Sequence[Row]) -> Table:
    return Table(
        columns("payments.when", "attempts.state", "attempts.message", "payments.amount>"),
        [
            (moment(row["created_at"]), state(row["state"]), text(row["message"], note=row["refusal"]), amount(row["amount_minor"], row["currency"]))
            for row in rows
        ],
        title="attempts.title",
    )  # fmt: skip


def _payment_table(rows: Sequence[Row]) -> Table:
    return Table(
        columns("payments.when", "payments.source", "payments.amount>"),
        [
            (moment(row["paid_at"]), word(f"payments.source.{row['source']}"), amount(row["amount_minor"], row["currency"], note=row["reference"]))
            for row in rows
        ],
        title="payments.title",
    )  # fmt: skip


def journal_table(rows: Sequence[Row]) -> Table:
    """What the ledger says of an object, each journal a link to its legs."""
    return Table(
        columns("journals.number", "journals.recipe", "journals.when"),
        [
            (text(row["id"], href=f"/console/ledger/journals/{row['id']}"), movement(row["recipe"], note=row["recipe"]), moment(row["effective_at"]))
            for row in rows
        ],
        none="journals.none",
        title="journals.title",
    )  # fmt: skip


async def download(request: Request, session: Session) -> Response:
    """The invoice as PDF, in its customer's language."""
    return await answer_pdf(session.context, request.path_params["invoice_id"])


async def pay(request: Request, session: Session, fields: dict[str, str]) -> Response:
    """Book money that somebody saw arrive."""
    invoice_id = request.path_params["invoice_id"]
    async with session.context.transaction() as tx:
        one = await report.one(tx, invoice_id)
    paid = minor_units(fields.get("amount", ""), one["currency"])
    await correct.pay_by_hand(session.context, correct.PayByHand(invoice_id, paid, fields.get("reference", "")))
    return back_to(link_to(invoice_id))


async def credit(request: Request, session: Session, fields: dict[str, str]) -> Response:
    """Issue a credit note: over an amount or all that is left; refunded where asked."""
    invoice_id = request.path_params["invoice_id"]
    async with session.context.transaction() as tx:
        one = await report.one(tx, invoice_id)
    typed = fields.get("amount", "").strip()
    total = minor_units(typed, one["currency"]) if typed else None
    command = correct.CreditInvoice(
        invoice_id, fields.get("reason", "").strip() or "–", total_minor=total, refund=fields.get("refund") == "yes"
    )
    await correct.credit_invoice(session.context, command)
    return back_to(link_to(invoice_id))


async def void(request: Request, session: Session, _fields: dict[str, str]) -> Response:
    """The invoice was never owed."""
    await correct.void(session.context, request.path_params["invoice_id"])
    return back_to(link_to(request.path_params["invoice_id"]))


async def write_off(request: Request, session: Session, _fields: dict[str, str]) -> Response:
    """Nobody expects this money any more."""
    await correct.write_off(session.context, request.path_params["invoice_id"])
    return back_to(link_to(request.path_params["invoice_id"]))


_MAY = (Role.ADMIN, Role.FINANCE)

routes = [
    page("/console/invoices", show_list),
    page("/console/invoices/{invoice_id}", show_one),
    page("/console/invoices/{invoice_id}/pdf", download),
    action("/console/invoices/{invoice_id}/pay", pay, name="invoice.pay", roles=_MAY),
    action("/console/invoices/{invoice_id}/credit", credit, name="invoice.credit", roles=_MAY),
    action("/console/invoices/{invoice_id}/void", void, name="invoice.void", roles=_MAY),
    action("/console/invoices/{invoice_id}/write-off", write_off, name="invoice.write_off", roles=_MAY),
]
