"""Segments: a filter under a name; its size is shown before anything is done with it, its customers can be tagged and exported."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import date
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from cauce.billing.outreach.rules import Category
from cauce.billing.relations import knowing as relations
from cauce.billing.relations.filters import BadFilter, Filter, filter_from
from cauce.billing.subscriptions.machine import STATES
from cauce.entrypoints.console.links import link_to
from cauce.entrypoints.console.view import action, asked, back_to, detailed, following, listed, page
from cauce.entrypoints.web.rendering import HEADERS, locale_of
from cauce.entrypoints.web.sessions import Session
from cauce.entrypoints.web.tables import Button, Input, Table, columns, ident, moment, number, text
from cauce.entrypoints.web.texts import translator
from cauce.flows.outreach import writing
from cauce.kernel.currencies import exponent_of
from cauce.kernel.errors import InvalidRequest
from cauce.kernel.money import parse_major
from cauce.reports import segments as report
from cauce.storage.database import Row
from cauce.storage.directory.people import Role

_HOME = "/console/segments"
_MAY = (Role.ADMIN, Role.FINANCE, Role.SUPPORT)


async def show_list(request: Request, session: Session) -> Response:
    """Every segment with its size now, and a form that shows a size before it saves."""
    typed = asked(request, "name", *_FIELDS)
    async with session.context.transaction() as tx:
        known = [
            (row, await report.count(tx, filter_from(row["filter"]).parts())) for row in await relations.segments(tx)
        ]
        size = await report.count(tx, _filter(typed).parts()) if request.query_params else None
    t = translator(locale_of(request))
    states = (("", t("filter.all")), *((one, t(f"state.{one}")) for one in STATES))
    flags = (("", "–"), ("yes", t("portal.yes")), ("no", t("portal.no")))
    form = (
        Input("state", "filter.state", value=typed["state"], options=states, required=False),
        Input("plan", "segments.plan", value=typed["plan"], required=False),
        Input("tag", "relations.tag", value=typed["tag"], required=False),
        Input("country", "customers.country", value=typed["country"], required=False),
        Input("did", "segments.did", value=typed["did"], required=False),
        Input("did_not", "segments.did_not", value=typed["did_not"], required=False),
        Input("has_method", "segments.has_method", value=typed["has_method"], options=flags, required=False),
        Input("owes", "segments.owes", value=typed["owes"], options=flags, required=False),
        *(
            Input(name, f"segments.{name}", kind=kind, value=typed[name], required=False, placeholder=hint)
            for name, kind, hint in _BOUNDS
        ),
    )
    save = Button(
        _HOME,
        "segments.save",
        fields=tuple((name, typed[name]) for name in _FIELDS),
        inputs=(Input("name", "segments.name"),),
    )
    table = Table(
        columns("segments.name", "segments.filter", "segments.size>"),
        [
            (text(row["name"], href=f"{_HOME}/{row['id']}"), text(_words(row["filter"])), number(many))
            for row, many in known
        ],
        none="segments.none",
    )
    return await listed(
        request,
        session,
        "nav.segments",
        lead="segments.lead",
        filters=form,
        actions=(save,) if size is not None else (),
        tables=[*([_size_table(size)] if size is not None else []), table],
    )


_BOUNDS = (
    ("currency", "text", "eur"),
    ("mrr_min", "text", "10.00"),
    ("mrr_max", "text", ""),
    ("meter", "text", "calls"),
    ("used_min", "number", ""),
    ("used_max", "number", ""),
    ("made_from", "date", ""),
    ("made_until", "date", ""),
)
"""What has a lower and an upper bound: revenue a month, use in the running period, the day on which the customer was made."""

_FIELDS = (
    "state", "plan", "tag", "country", "did", "did_not", "has_method", "owes", *(name for name, _, _ in _BOUNDS),
)  # fmt: skip
_LISTS = {"state": "states", "plan": "plans", "tag": "tags", "country": "countries", "did": "did", "did_not": "did_not"}


def _filter(typed: dict[str, str]) -> Filter:
    """The filter of a form: lists are parted by commas."""
    plain: dict[str, Any] = {}
    for name, part in _LISTS.items():
        values = [one.strip() for one in typed.get(name, "").split(",") if one.strip()]
        if values:
            plain[part] = values
    for name in ("has_method", "owes"):
        if typed.get(name) not in ("", None, "yes", "no"):
            raise BadFilter(f"{name} is yes or no", param=name)
        if typed.get(name):
            plain[name] = typed[name] == "yes"
    return filter_from({**plain, **_bounds(typed)})


def _bounds(typed: dict[str, str]) -> dict[str, Any]:
    """Amounts in major units of the currency, whole numbers, days that begin in UTC."""
    currency = typed.get("currency", "").strip().lower()
    plain: dict[str, Any] = {"meter": typed.get("meter", "").strip()}
    for name in ("mrr_min", "mrr_max"):
        if words := typed.get(name, "").strip().replace(",", "."):
            plain[f"{name}_minor"] = parse_major(words, currency)
    if currency:
        exponent_of(currency)
        plain["currency"] = currency
    for name in ("used_min", "used_max"):
        if words := typed.get(name, "").strip():
            if not words.isascii() or not words.isdigit() or len(words) > 15:
                raise BadFilter(f"{name} is a whole number", param=name)
            plain[name] = int(words)
    for name, part, days in (("made_from", "created_from", 0), ("made_until", "created_before", 1)):
        if words := typed.get(name, "").strip():
            plain[part] = f"{_day_of(words, name, days).isoformat()}T00:00:00+00:00"
    return plain


def _day_of(typed: str, name: str, later: int) -> date:
    try:
        return date.fromordinal(date.fromisoformat(typed).toordinal() + later)
    except (ValueError, OverflowError):
        raise BadFilter(f"{name} is a day like 2026-10-01", param=name) from None


def _size_table(size: int) -> Table:
    return Table(columns("segments.size>"), [(number(size),)], none="segments.none", title="segments.found")


def _words(plain: dict[str, Any]) -> str:
    return " · ".join(
        f"{name}: {', '.join(value) if isinstance(value, list) else value}" for name, value in plain.items()
    )


async def show_one(request: Request, session: Session) -> Response:
    """Its customers now, a page at a time."""
    async with session.context.transaction() as tx:
        one, wanted = await relations.segment(tx, request.path_params["segment_id"])
        size = await report.count(tx, wanted.parts())
        rows = await report.page(tx, wanted.parts(), after=asked(request, "before")["before"])
    path = f"{_HOME}/{one['id']}"
    return await detailed(
        request,
        session,
        "console/segment.html",
        name=one["name"],
        title="nav.segments",
        above=_HOME,
        object_id=one["id"],
        facts=[("segments.size", number(size)), ("segments.filter", text(_words(one["filter"])))],
        actions=[
            Button(f"{path}/tag", "segments.tag_all", inputs=(Input("tag", "relations.tag"),), hint="segments.tag_all_note"),
            _write_button(path, size, translator(locale_of(request))),
            Button(f"{path}/drop", "segments.drop", danger=True),
        ],
        tables=[_customer_table(rows)],
        file=f"{path}/customers.csv",
        older=following(request, rows),
    )  # fmt: skip


def _write_button(path: str, size: int, t: Callable[[str], str]) -> Button:
    categories = tuple((one.value, t(f"category.{one.value}")) for one in reversed(Category))
    words = (
        Input("category", "segments.write_category", options=categories),
        Input("title", "segments.write_title"),
        Input("text", "segments.write_text", kind="textarea"),
    )
    return Button(f"{path}/write", "segments.write", (("size", str(size)),), words, hint="segments.write_note")


def _customer_table(rows: list[Row]) -> Table:
    return Table(
        columns("customers.name", "customers.external_id", "customers.email", "detail.created"),
        [
            (
                text(row["name"] or row["external_id"], href=link_to(row["id"])),
                ident(row["external_id"]),
                text(row["email"]),
                moment(row["created_at"]),
            )
            for row in rows
        ],
        none="customers.none",
    )


async def save(_request: Request, session: Session, fields: dict[str, str]) -> Response:
    """Keep what was looked at."""
    async with session.context.transaction() as tx:
        at = await session.context.now(tx)
        made = await relations.save_segment(tx, fields.get("name", ""), _filter(fields), at)
    return back_to(f"{_HOME}/{made}")


async def tag_all(request: Request, session: Session, fields: dict[str, str]) -> Response:
    """Give all of its customers a tag."""
    async with session.context.transaction() as tx:
        at, actor = await session.context.now(tx), session.context.actor.name
        _, wanted = await relations.segment(tx, request.path_params["segment_id"])
        async for rows in report.chunks(tx, wanted.parts()):
            await relations.tag(tx, [row["id"] for row in rows], fields.get("tag", ""), at, actor=actor)
    return back_to(f"{_HOME}/{request.path_params['segment_id']}")


async def write_all(request: Request, session: Session, fields: dict[str, str]) -> Response:
    """Write to all of its customers, of whom as many were shown as the form says."""
    segment_id, size = request.path_params["segment_id"], fields.get("size", "")
    if not size.isdigit() or fields.get("category") not in list(Category):
        raise InvalidRequest("say to how many, and in which category", param="category")
    title, text = fields.get("title", ""), fields.get("text", "")
    await writing.write_to_segment(
        session.context, segment_id, title, text, Category(fields["category"]), size=int(size)
    )
    return back_to(f"/console/messages?campaign=segment_{segment_id}")


async def drop(request: Request, session: Session, _fields: dict[str, str]) -> Response:
    """Forget the segment."""
    async with session.context.transaction() as tx:
        await relations.drop_segment(tx, request.path_params["segment_id"])
    return back_to(_HOME)


async def export(request: Request, session: Session) -> Response:
    """Its customers as CSV."""
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(["id", "external_id", "name", "email", "country", "created_at"])
    async with session.context.transaction() as tx:
        _, wanted = await relations.segment(tx, request.path_params["segment_id"])
        async for rows in report.chunks(tx, wanted.parts()):
            for row in rows:
                plain = [_safe(str(row[name])) for name in ("id", "external_id", "name", "email", "country")]
                writer.writerow([*plain, row["created_at"].isoformat()])
    headers = {**HEADERS, "Content-Disposition": 'attachment; filename="segment.csv"'}
    return Response(written.getvalue(), media_type="text/csv", headers=headers)


def _safe(value: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{value}" if value[:1] in ("=", "+", "-", "@", "\t", "\r") else value


routes = [
    page(_HOME, show_list),
    page(f"{_HOME}/{{segment_id}}", show_one),
    page(f"{_HOME}/{{segment_id}}/customers.csv", export),
    action(_HOME, save, name="segment.save", roles=_MAY),
    action(f"{_HOME}/{{segment_id}}/tag", tag_all, name="segment.tag", roles=_MAY),
    action(f"{_HOME}/{{segment_id}}/write", write_all, roles=(Role.ADMIN, Role.SUPPORT)),
    action(f"{_HOME}/{{segment_id}}/drop", drop, name="segment.drop", roles=_MAY),
]
