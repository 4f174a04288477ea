"""Messages: everything that was said to customers, and one of them as it was sent."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from cauce.billing.outreach import service
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
from cauce.entrypoints.web.tables import Button, Cell, Table, columns, moment, state, text, word
from cauce.flows.outreach import settling
from cauce.reports import outreach as report
from cauce.storage import outbox
from cauce.storage.database import Row
from cauce.storage.directory.people import Role

_STATES = ("queued", "sent", "suppressed", "bounced", "failed", "unknown")


async def show_list(request: Request, session: Session) -> Response:
    """Messages, newest first."""
    chosen = asked(request, "state", "before", "campaign")
    async with session.context.transaction() as tx:
        rows = await service.messages(
            tx, state=chosen["state"], campaign=chosen["campaign"], before=chosen["before"], rows_max=ROWS
        )
        names = await report.customer_names(tx, {row["customer_id"] for row in rows})
    return await listed(
        request,
        session,
        "nav.messages",
        filters=[states_filter(request, chosen["state"], _STATES)],
        tables=[message_table(rows, names)],
        next=following(request, rows),
    )


def message_table(rows: list[Row], names: dict[str, str], *, title: str = "") -> Table:
    """Messages in a table; without names the customer is left out."""
    return Table(
        columns(
            "messages.subject", *(("messages.to",) if names else ()), "messages.why", "messages.state", "messages.when"
        ),
        [
            (
                text(row["subject"] or row["template"], href=f"/console/messages/{row['id']}"),
                *(_person(row, names) if names else ()),
                text(row["campaign"] or row["template"], note=row["step"]),
                state(row["state"], note=row["reason"]),
                moment(row["settled_at"] or row["created_at"]),
            )
            for row in rows
        ],
        none="messages.none",
        title=title,
    )


def _person(row: Row, names: dict[str, str]) -> tuple[Cell, ...]:
    customer_id = row["customer_id"]
    return (text(names.get(customer_id, row["to_address"]), href=link_to(customer_id) if customer_id else ""),)


async def show_one(request: Request, session: Session) -> Response:
    """One message with its words; what only its reader may see is masked."""
    async with session.context.transaction() as tx:
        row = await service.read_message(tx, str(request.path_params["message"]))
        happened = await outbox.events_of(tx, row["id"])
    facts = [
        ("messages.to", text(row["to_address"], href=link_to(row["customer_id"]) if row["customer_id"] else "")),
        ("messages.channel", word(f"messages.channel.{row['channel']}")),
        ("campaigns.category", word(f"category.{row['category']}")),
        ("campaigns.campaign", text(row["campaign"], note=row["step"])),
        ("messages.state", state(row["state"], note=row["reason"])),
        ("messages.when", moment(row["settled_at"] or row["created_at"])),
    ]
    return await detailed(
        request, session, "console/message.html", name=row["subject"] or row["template"], title="nav.messages",
        above="/console/messages", object_id=row["id"], states=[row["state"]], facts=facts, happened=list(reversed(happened)),
        said=row["body_text"], actions=_actions(row),
    )  # fmt: skip


def _actions(row: Row) -> list[Button]:
    """Of a message of which nobody knows whether it left, a person says what he found out."""
    if row["state"] != "unknown":
        return []
    path = f"/console/messages/{row['id']}/settle"
    return [
        Button(path, "messages.arrived", (("arrived", "yes"),), hint="messages.unknown_hint"),
        Button(path, "messages.send_again", danger=True, hint="messages.send_again_hint"),
    ]


async def settle(request: Request, session: Session, fields: dict[str, str]) -> Response:
    """It arrived, or it is sent once more."""
    message_id = str(request.path_params["message"])
    await settling.settle(session.context, message_id, arrived=fields.get("arrived") == "yes")
    return back_to(f"/console/messages/{message_id}")


routes = [
    page("/console/messages", show_list),
    page("/console/messages/{message}", show_one),
    action("/console/messages/{message}/settle", settle, roles=(Role.ADMIN, Role.SUPPORT)),
]
