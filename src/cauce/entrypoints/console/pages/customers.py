"""Customers: found by the beginning of a word, and one of them with everything that is his."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from cauce.billing.catalog import service as catalog
from cauce.billing.customers import service as customers
from cauce.billing.customers.rules import Customer
from cauce.billing.outreach import service as outreach
from cauce.billing.relations import files
from cauce.billing.subscriptions.machine import MACHINE
from cauce.entrypoints.console.links import link_to
from cauce.entrypoints.console.pages.access import access_table, grant_button
from cauce.entrypoints.console.pages.conversations import inbox_table
from cauce.entrypoints.console.pages.files import file_button, file_table
from cauce.entrypoints.console.pages.instances import instance_table
from cauce.entrypoints.console.pages.invoices import invoice_table
from cauce.entrypoints.console.pages.messages import message_table
from cauce.entrypoints.console.pages.subscriptions import subscription_table
from cauce.entrypoints.console.pages.todos import todo_table
from cauce.entrypoints.console.relating import (
    before_of,
    older_than,
    read_related,
    relation_actions,
    relation_facts,
)
from cauce.entrypoints.console.using import customer_usage, granted_credit
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
from cauce.entrypoints.web.downloads import download_of
from cauce.entrypoints.web.rendering import locale_of
from cauce.entrypoints.web.sessions import Session
from cauce.entrypoints.web.tables import (
    Button,
    Cell,
    Table,
    amount,
    buttons,
    columns,
    day,
    ident,
    moment,
    state,
    text,
    word,
)
from cauce.entrypoints.web.texts import translator
from cauce.flows import erasing, exporting
from cauce.flows.billing import methods, standing
from cauce.reports import customers as report
from cauce.reports import instances, invoices, subscriptions
from cauce.reports import relations as relations_report
from cauce.storage.database import Row
from cauce.storage.directory.people import Role

_RECENT = 10


async def show_list(request: Request, session: Session) -> Response:
    """Customers, newest first."""
    wanted = asked(request, "find", "state", "before")
    async with session.context.transaction() as tx:
        rows = await report.page(tx, before=wanted["before"], find=wanted["find"], status=wanted["state"])
    table = Table(
        columns("customers.name", "customers.email", "customers.subscriptions", "customers.mrr>", "customers.owed>"),
        [_line(row) for row in rows],
        none="customers.none",
    )
    filters = (search_filter(wanted["find"]), states_filter(request, wanted["state"], MACHINE.states))
    return await listed(
        request, session, "nav.customers", tables=[table], filters=filters, next=following(request, rows)
    )


def name_of(row: Row) -> str:
    """What to call a customer: his name, else his external id."""
    return str(row["customer"] if "customer" in row.keys() else row["name"]) or str(row["external_id"])  # noqa: SIM118


def _line(row: Row) -> tuple[Cell, ...]:
    found = [one for one in row["statuses"] or () if one]
    return (
        text(name_of(row), href=link_to(row["id"]), note=row["external_id"] if row["name"] else ""),
        text(row["email"]),
        state(found[0]) if len(found) == 1 else text(len(found) or None),
        amount(row["mrr_minor"] if row["currency"] else None, row["currency"] or ""),
        amount(row["owed_minor"], row["owed_currency"] or ""),
    )


async def show_one(request: Request, session: Session) -> Response:
    """One customer: facts, subscriptions, invoices, methods, payments, what happened."""
    customer_id = request.path_params["customer_id"]
    async with session.context.transaction() as tx:
        one = await customers.read(tx, customer_id)
        credit = await report.credit(tx, customer_id)
        subscribed = await subscriptions.page(tx, customer_id=customer_id, rows_max=_RECENT)
        billed = await invoices.page(tx, customer_id=customer_id, rows_max=_RECENT)
        saved = await report.methods(tx, customer_id)
        paid = await report.payments(tx, customer_id)
        run = await instances.page(tx, customer_id=customer_id, rows_max=_RECENT)
        said = await outreach.messages(tx, customer_id=customer_id, rows_max=_RECENT)
        happened = await relations_report.timeline(tx, customer_id, before=before_of(request))
        related = await read_related(tx, customer_id)
        allowed = await access_table(tx, customer_id, await session.context.now(tx))
        products = await catalog.list_products(tx)
        used = await report.usage(tx, customer_id)
        given = await report.credit_grants(tx, customer_id, rows_max=_RECENT)
        kept = await files.files_of(tx, customer_id)
        stopped = await outreach.bounce_of(tx, one.email) if one.email else None
    facts = [*relation_facts(related, subscribed, paid), *_facts(one, credit, stopped)]
    suspended = one.suspended_at is not None
    actions = [
        grant_button(products, customer_id, translator(locale_of(request))),
        *([Button(f"/console/customers/{customer_id}/mail", "customers.mail_again")] if stopped is not None else []),
        *_actions(one, f"/console/customers/{customer_id}"),
        *relation_actions(related, f"/console/customers/{customer_id}"),
        file_button(customer_id),
    ]
    return await detailed(
        request, session, "console/customer.html", related=related, older=older_than(happened),
        name=one.name or one.external_id, title="nav.customers", above="/console/customers",
        object_id=customer_id, states=[*(["suspended"] if suspended else []), *(["mail_stopped"] if stopped is not None else [])], facts=facts, actions=actions,
        tables=[
            *([todo_table(related.todos)] if related.todos else []),
            *([inbox_table(related.talks, title="nav.conversations")] if related.talks else []),
            subscription_table(subscribed, with_customer=False, title="nav.subscriptions"),
            *([allowed] if allowed.rows else []),
            *([customer_usage(used)] if used else []),
            *([granted_credit(given)] if given else []),
            *([instance_table(run, with_customer=False, title="nav.instances")] if run else []),
            invoice_table(billed, with_customer=False, title="nav.invoices"),
            method_table(saved, customer_id),
            payment_table(paid),
            *([file_table(kept, customer_id)] if kept else []),
            *([message_table(said, {}, title="messages.title")] if said else []),
        ],
        happened=happened,
    )  # fmt: skip


def _facts(one: Customer, credit: list[Row], stopped: Row | None) -> list[tuple[str, Cell]]:
    """Who he is; `stopped`: why his address is sent nothing."""
    return [
        ("customers.external_id", ident(one.external_id)),
        ("customers.email", text(one.email, note=stopped["reason"] if stopped is not None else "")),
        ("customers.country", text(one.country)),
        ("customers.language", text(one.locale)),
        ("customers.timezone", text(one.timezone)),
        ("customers.tax", word(f"tax.{one.tax_treatment}")),
        *(("customers.credit", amount(row["credit_minor"], row["currency"])) for row in credit),
        ("detail.created", moment(one.created_at)),
    ]


def method_table(rows: list[Row], customer_id: str) -> Table:
    """Payment methods with what can be done with them."""
    path = f"/console/customers/{customer_id}/methods"
    return Table(
        columns("methods.method", "methods.expires", "methods.state", ">"),
        [
            (
                text(f"{row['brand'] or row['kind']} •••• {row['last4']}".strip(), note=row["id"]),
                day(row["expires_on"]),
                state("default" if row["is_default"] and row["usable"] else "usable" if row["usable"] else "spoiled"),
                buttons(
                    *([] if row["is_default"] else [Button(f"{path}/{row['id']}/default", "methods.make_default")])
                ),
            )
            for row in rows
        ],
        none="methods.none",
        title="methods.title",
    )


def payment_table(rows: list[Row]) -> Table:
    """Money that arrived."""
    return Table(
        columns("payments.when", "payments.source", "payments.invoice", "payments.amount>"),
        [
            (
                moment(row["paid_at"]),
                word(f"payments.source.{row['source']}"),
                text(row["number"], href=link_to(row["invoice_id"]) if row["invoice_id"] else ""),
                amount(row["amount_minor"], row["currency"], note=row["reference"]),
            )
            for row in rows
        ],
        none="payments.none",
        title="payments.title",
    )


def _actions(one: Customer, path: str) -> list[Button]:
    suspend = Button(f"{path}/suspend", "customers.suspend", danger=True, hint="customers.suspend_hint")
    erase_all = Button(f"{path}/erase", "customers.erase", danger=True, hint="customers.erase_hint")
    export = Button(f"{path}/export", "customers.export", hint="customers.export_hint")
    return [
        export,
        suspend if one.suspended_at is None else Button(f"{path}/unsuspend", "customers.unsuspend"),
        Button(f"/console/portal-links/{one.id}", "portal.link"),
        *([] if one.erased_at else [erase_all]),
    ]


async def suspend(request: Request, session: Session, _fields: dict[str, str]) -> Response:
    """Take access away by hand, whatever the bill says."""
    return await _set_suspended(request, session, suspended=True)


async def unsuspend(request: Request, session: Session, _fields: dict[str, str]) -> Response:
    """Let the bill decide again."""
    return await _set_suspended(request, session, suspended=False)


async def _set_suspended(request: Request, session: Session, *, suspended: bool) -> Response:
    customer_id = request.path_params["customer_id"]
    await standing.set_suspended(session.context, customer_id, suspended)
    return back_to(f"/console/customers/{customer_id}")


async def erase(request: Request, session: Session, _fields: dict[str, str]) -> Response:
    """Take his personal data away, for ever."""
    customer_id = request.path_params["customer_id"]
    await erasing.erase_customer(session.context, customer_id)
    return back_to(f"/console/customers/{customer_id}")


async def export(request: Request, session: Session, _fields: dict[str, str]) -> Response:
    """Everything about him, as one file."""
    return download_of(await exporting.begin_export(session.context, request.path_params["customer_id"]))


async def mail_again(request: Request, session: Session, _fields: dict[str, str]) -> Response:
    """Somebody knows that the address works again."""
    customer_id = request.path_params["customer_id"]
    async with session.context.transaction() as tx:
        one = await customers.read(tx, customer_id)
        await outreach.forget_bounce(tx, one.email or "")
    return back_to(f"/console/customers/{customer_id}")


async def make_default(request: Request, session: Session, _fields: dict[str, str]) -> Response:
    """Charge this method from now on."""
    customer_id, method_id = request.path_params["customer_id"], request.path_params["method_id"]
    await methods.make_default(session.context, customer_id, method_id)
    return back_to(f"/console/customers/{customer_id}")


_MAY = (Role.ADMIN, Role.FINANCE, Role.SUPPORT)

routes = [
    page("/console/customers", show_list),
    page("/console/customers/{customer_id}", show_one),
    action("/console/customers/{customer_id}/suspend", suspend, name="customer.suspend", roles=_MAY),
    action("/console/customers/{customer_id}/unsuspend", unsuspend, name="customer.unsuspend", roles=_MAY),
    action("/console/customers/{customer_id}/mail", mail_again, name="customer.mail_again", roles=_MAY),
    action("/console/customers/{customer_id}/export", export, roles=(Role.ADMIN,)),
    action("/console/customers/{customer_id}/erase", erase, roles=(Role.ADMIN,)),
    action(
        "/console/customers/{customer_id}/methods/{method_id}/default",
        make_default,
        name="payment_method.make_default",
        roles=_MAY,
    ),
]
