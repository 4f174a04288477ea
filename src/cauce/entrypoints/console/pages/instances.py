"""Instances of the customers: the list, one with what its runner was asked, and the button that asks again."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

from cauce.billing.provisioning import service as provisioning
from cauce.billing.provisioning.machine import STATES
from cauce.billing.provisioning.rules import Operation
from cauce.entrypoints.console.links import link_to
from cauce.entrypoints.console.view import action, asked, back_to, detailed, following, listed, page, states_filter
from cauce.entrypoints.web.rendering import locale_of
from cauce.entrypoints.web.sessions import Session
from cauce.entrypoints.web.tables import (
    Button,
    Cell,
    Input,
    Table,
    columns,
    ident,
    moment,
    number,
    state,
    text,
    word,
)
from cauce.entrypoints.web.texts import translator
from cauce.flows.billing import provision_run
from cauce.reports import instances as report
from cauce.storage import outbox
from cauce.storage.database import Row
from cauce.storage.directory.people import Role


async def show_list(request: Request, session: Session) -> Response:
    """Instances, newest first."""
    wanted = asked(request, "state", "failed", "before")
    async with session.context.transaction() as tx:
        rows = await report.page(
            tx, before=wanted["before"], status=wanted["state"], only_failed=wanted["failed"] == "yes"
        )
    t = translator(locale_of(request))
    choices = (("", t("instances.all")), ("yes", t("instances.failed_only")))
    filters = (
        states_filter(request, wanted["state"], STATES),
        Input("failed", "instances.failure", value=wanted["failed"], options=choices, required=False),
    )
    return await listed(
        request,
        session,
        "nav.instances",
        tables=[instance_table(rows)],
        filters=filters,
        next=following(request, rows),
    )


def instance_table(rows: Sequence[Row], *, with_customer: bool = True, title: str = "") -> Table:
    """Instances as rows."""
    customer = ("instances.customer",) if with_customer else ()
    return Table(
        columns(*customer, "instances.plan", "instances.state", "instances.since", "instances.address"),
        [_line(row, with_customer) for row in rows],
        none="instances.none",
        title=title,
    )


def _line(row: Row, with_customer: bool) -> tuple[Cell, ...]:
    here = link_to(row["id"])
    customer = (text(row["customer"] or row["external_id"], href=here),) if with_customer else ()
    return (
        *customer,
        text(row["plan_name"], href="" if with_customer else here),
        state(row["status"], note=row["failure"]),
        moment(row["created_at"]),
        text(row["redirect_url"], href=row["redirect_url"] if row["status"] == "ready" else ""),
    )


async def show_one(request: Request, session: Session) -> Response:
    """One instance."""
    instance_id = request.path_params["instance_id"]
    async with session.context.transaction() as tx:
        one = await report.one(tx, instance_id)
        operations = await provisioning.operations_of(tx, instance_id)
        happened = list(reversed(await outbox.events_of(tx, instance_id)))
    failed = bool(one["failure"])
    return await detailed(
        request,
        session,
        name=f"{one['plan_name']} · {one['customer'] or one['external_id']}",
        title="nav.instances",
        above="/console/instances",
        object_id=instance_id,
        states=[one["status"]],
        facts=_facts(one),
        actions=[Button(f"/console/instances/{instance_id}/retry", "instances.retry")] if failed else [],
        tables=[_operation_table(operations)],
        happened=happened,
    )


def _facts(one: Row) -> list[tuple[str, Cell]]:
    is_ready = one["status"] == "ready"
    facts = [
        ("instances.customer", text(one["customer"] or one["external_id"], href=link_to(one["customer_id"]))),
        ("instances.subscription", ident(one["subscription_id"], href=link_to(one["subscription_id"]))),
        ("instances.runner", text(one["runner"], note=one["channel_id"] or "")),
        ("instances.ref", ident(one["ref"])),
        ("instances.address", text(one["redirect_url"], href=one["redirect_url"] if is_ready else "")),
        ("instances.ready", moment(one["ready_at"])),
        ("detail.created", moment(one["created_at"])),
    ]
    if one["delete_at"]:
        facts.append(("instances.delete_at", moment(one["delete_at"])))
    if one["failure"]:
        facts.append(("instances.failure", text(one["failure"])))
    return facts


def _operation_table(operations: Sequence[Operation]) -> Table:
    return Table(
        columns("instances.when", "instances.verb", "instances.state", "instances.tries>"),
        [
            (
                moment(one.at),
                word(f"instances.verb.{one.verb.value}"),
                state(one.state, note=one.failure),
                number(one.attempts),
            )
            for one in operations
        ],
        title="instances.operations",
    )


async def retry(request: Request, session: Session, _fields: dict[str, str]) -> Response:
    """Ask the runner again."""
    instance_id = request.path_params["instance_id"]
    await provision_run.retry(session.context, instance_id)
    return back_to(link_to(instance_id))


_MAY = (Role.ADMIN, Role.SUPPORT)

routes = [
    page("/console/instances", show_list),
    page("/console/instances/{instance_id}", show_one),
    action("/console/instances/{instance_id}/retry", retry, name="instance.retry", roles=_MAY),
]
