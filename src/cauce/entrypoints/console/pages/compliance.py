"""Compliance: whether the gate is open, whose licences stand behind the channels, the self-check and its signature."""

from __future__ import annotations

from datetime import date

from starlette.requests import Request
from starlette.responses import Response

from cauce.channels import store as channels
from cauce.entrypoints.console.view import action, back_to, framed, page
from cauce.entrypoints.web.sessions import Session
from cauce.entrypoints.web.tables import Button, Input, Table, columns, day, text, word
from cauce.flows.marketplace import compliance as flow
from cauce.kernel.errors import InvalidRequest
from cauce.marketplace.compliance import service as compliance
from cauce.marketplace.compliance.rules import QUESTIONS, Answer, NewLicence
from cauce.reports import oversight as report
from cauce.storage.database import Row
from cauce.storage.directory.people import Role

_CLASSES = ("bank", "licensed_psp", "card_scheme_psp")
_TEXTS = ("holder", "kind", "number", "authority", "clearing_route")


async def show(request: Request, session: Session) -> Response:
    """The gate, the licences, the questions with what was answered last."""
    async with session.context.transaction() as tx:
        now = await session.context.now(tx)
        check = await compliance.last_self_check(tx)
        licences = await report.licences(tx)
        known = await channels.list_channels(tx)
    answers = check["answers"] if check is not None else {}
    valid = check is not None and check["signed_at"] <= now < check["valid_until"]
    uncovered = [row["name"] for row in known if check is None or row["id"] not in check["channels"]]
    return await framed(
        request,
        session,
        "console/compliance.html",
        check=check,
        valid=valid,
        uncovered=uncovered,
        licences=_licence_table(licences),
        new_licence=_licence_form(known),
        questions=[(one, answers.get(str(one.number), {})) for one in QUESTIONS],
    )


def _licence_table(rows: list[Row]) -> Table:
    return Table(
        columns(
            "compliance.holder", "compliance.channel", "compliance.class", "compliance.number", "compliance.valid_until"
        ),
        [
            (
                text(row["holder"], note=row["authority"]),
                text(row["channel"]),
                word(f"class.{row['provider_class']}"),
                text(row["number"], note=row["kind"]),
                day(row["valid_until"]),
            )
            for row in rows
        ],
        none="compliance.none",
        title="compliance.licences",
    )


def _licence_form(known: list[Row]) -> Button:
    choices = tuple((row["id"], row["name"]) for row in known)
    classes = tuple((one, one) for one in _CLASSES)
    return Button(
        "/console/compliance/licences",
        "compliance.add",
        inputs=(
            Input("channel", "compliance.channel", options=choices),
            Input("class", "compliance.class", options=classes),
            *(Input(name, f"compliance.{name}") for name in _TEXTS),
            Input("valid_from", "compliance.valid_from", kind="date"),
            Input("valid_until", "compliance.valid_until", kind="date"),
        ),
    )


async def add_licence(_request: Request, session: Session, fields: dict[str, str]) -> Response:
    """Record the licence of whoever holds a channel's money."""
    if not all(fields.get(name) for name in ("channel", "class", *_TEXTS)) or fields["class"] not in _CLASSES:
        raise InvalidRequest("a licence names its holder, class, kind, number, authority and route", param="licence")
    async with session.context.transaction() as tx:
        await channels.read_channel(tx, fields["channel"])
        new = NewLicence(
            fields["channel"],
            fields["holder"],
            fields["class"],
            fields["kind"],
            fields["number"],
            fields["authority"],
            fields["clearing_route"],
            _date(fields, "valid_from"),
            _date(fields, "valid_until"),
        )
        await compliance.record_licence(tx, new, at=await session.context.now(tx))
    return back_to("/console/compliance")


def _date(fields: dict[str, str], name: str) -> date:
    try:
        return date.fromisoformat(fields.get(name, ""))
    except ValueError:
        raise InvalidRequest(f"{name} is a date", param=name) from None


async def sign(_request: Request, session: Session, fields: dict[str, str]) -> Response:
    """Sign the self-check for every channel that there is."""
    answers = {
        one.number: Answer(fields.get(f"answer_{one.number}", ""), fields.get(f"evidence_{one.number}", ""))
        for one in QUESTIONS
    }
    await flow.sign(session.context, answers)
    return back_to("/console/compliance")


routes = [
    page("/console/compliance", show),
    action("/console/compliance/licences", add_licence, name="licence.record", roles=(Role.ADMIN,)),
    action("/console/compliance/sign", sign, name="self_check.sign", roles=(Role.ADMIN,)),
]
