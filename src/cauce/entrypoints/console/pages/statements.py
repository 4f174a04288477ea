"""Statements: what was taken in of each channel, and a bank's file taken in by hand (CSV with a column map, MT940, camt.053)."""

from __future__ import annotations

from datetime import date

import yaml
from starlette.requests import Request
from starlette.responses import Response

from cauce.channels.service import list_channels, read_channel
from cauce.entrypoints.bank_statements import take_file
from cauce.entrypoints.console.view import action, asked, back_to, following, listed, page
from cauce.entrypoints.web.sessions import Session
from cauce.entrypoints.web.tables import Button, Input, Table, columns, day, moment, number, state, text
from cauce.entrypoints.web.typed import uploaded
from cauce.flows.marketplace.reconcile import reconcile
from cauce.kernel.errors import InvalidRequest
from cauce.marketplace.reconciliation import store
from cauce.providers.kit.bankfiles import FILE_BYTES_MAX, Format, parse_csv_map
from cauce.storage.directory.people import Role

_FORMATS = ((Format.CSV.value, "CSV"), (Format.MT940.value, "MT940"), (Format.CAMT053.value, "camt.053 (XML)"))


async def show_list(request: Request, session: Session) -> Response:
    """Statements, newest first, and a form that takes one in."""
    wanted = asked(request, "channel", "before")
    async with session.context.transaction() as tx:
        before = int(wanted["before"]) if wanted["before"].isdigit() else 0
        rows = await store.statements(tx, wanted["channel"], before=before)
        channels = await list_channels(tx)
    names = {row["id"]: row["name"] for row in channels}
    found = Table(
        columns(
            "statements.channel",
            "statements.kind",
            "statements.day",
            "statements.state",
            "statements.lines>",
            "statements.at",
        ),
        [
            (
                text(names.get(row["channel_id"], row["channel_id"])),
                text(row["kind"]),
                day(row["day"]),
                state(row["state"]),
                number(row["lines"]),
                moment(row["imported_at"]),
            )
            for row in rows
        ],
        none="statements.none",
    )
    choices = tuple(names.items())
    return await listed(
        request,
        session,
        "nav.statements",
        lead="statements.lead",
        tables=[found],
        filters=(
            Input(
                "channel", "statements.channel", value=wanted["channel"], options=(("", "–"), *choices), required=False
            ),
        ),
        actions=[_upload(choices)] if choices else [],
        next=following(request, rows),
    )


def _upload(choices: tuple[tuple[str, str], ...]) -> Button:
    asks = (
        Input("channel", "statements.channel", options=choices),
        Input("format", "statements.format", options=_FORMATS),
        Input("file", "statements.file", kind="file"),
        Input("day", "statements.day_of", kind="date", required=False),
        Input("map", "statements.map", kind="textarea", required=False),
    )
    return Button("/console/statements/upload", "statements.upload", inputs=asks, hint="statements.hint")


async def upload(request: Request, session: Session, fields: dict[str, str]) -> Response:
    """Take in a file and compare it at once; the same file again changes nothing."""
    data = await uploaded(request, FILE_BYTES_MAX)
    channel_id, on = fields.get("channel", ""), _day(fields.get("day", ""))
    try:
        file_format = Format(fields.get("format", ""))
    except ValueError as exc:
        raise InvalidRequest(f"a format is one of {', '.join(Format)}", param="format") from exc
    csv_map = _map(fields.get("map", ""))
    async with session.context.transaction() as tx:
        await read_channel(tx, channel_id)
        if csv_map is not None:
            parse_csv_map(csv_map)
            await store.set_csv_map(tx, channel_id, csv_map)
    taken = await take_file(session.context, channel_id, file_format, data, day=on)
    last = date.fromisoformat(str(taken["day"]))
    async with session.context.transaction() as tx:
        today = (await session.context.now(tx)).date()
    if last < today:
        await reconcile(session.context, channel_id, last, today)
    return back_to(f"/console/statements?channel={channel_id}")


def _day(typed: str) -> date | None:
    try:
        return date.fromisoformat(typed) if typed.strip() else None
    except ValueError as exc:
        raise InvalidRequest(f"{typed!r} is no day like 2026-03-31", param="day") from exc


def _map(typed: str) -> dict[str, object] | None:
    """The column map as it was typed (YAML, so JSON too); None where the channel's own stays."""
    if not typed.strip():
        return None
    try:
        found = yaml.safe_load(typed)
    except yaml.YAMLError as exc:
        raise InvalidRequest(f"the column map cannot be read: {exc}", param="map") from exc
    if not isinstance(found, dict):
        raise InvalidRequest("the column map names columns", param="map")
    return found


routes = [
    page("/console/statements", show_list),
    action("/console/statements/upload", upload, name="statement.upload", roles=(Role.ADMIN, Role.FINANCE)),
]
