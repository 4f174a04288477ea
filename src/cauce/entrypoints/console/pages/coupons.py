"""Coupons and promotion codes: what each takes off and how often it was used, made and retired by hand (A5, A6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from typing import Any

import asyncpg
from starlette.requests import Request
from starlette.responses import Response

from cauce.billing.catalog import service
from cauce.billing.catalog.service import NewCoupon
from cauce.entrypoints.console.pages.products import MAY
from cauce.entrypoints.console.view import action, asked, back_to, listed, page, search_filter
from cauce.entrypoints.web.rendering import locale_of
from cauce.entrypoints.web.sessions import Session
from cauce.entrypoints.web.tables import Button, Cell, Input, Table, amount, buttons, columns, moment, state, text
from cauce.entrypoints.web.texts import Translate, translator
from cauce.entrypoints.web.typed import minor_units
from cauce.kernel.calendar.zones import zone_of
from cauce.kernel.currencies import exponent_of
from cauce.kernel.errors import InvalidRequest
from cauce.storage.database import Row
from cauce.storage.directory.orgs import read_org

_DURATIONS = ("once", "repeating", "forever")
_WHOLE_DIGITS_MAX = 9


async def show_list(request: Request, session: Session) -> Response:
    """Every coupon; those that can be redeemed first."""
    t, wanted = translator(locale_of(request)), asked(request, "find")
    async with session.context.transaction() as tx:
        now = await session.context.now(tx)
        rows = await service.list_coupons(tx)
        products = await service.list_products(tx)
    names = {row["id"]: row["name"] for row in products}
    found = [row for row in rows if wanted["find"].lower() in f"{row['code']} {row['name']}".lower()]
    found.sort(key=lambda row: (_state(row, now) != "usable", row["code"]))
    table = Table(
        columns("coupons.code", "coupons.takes_off>", "coupons.how_long", "coupons.for", "coupons.used>", "coupons.until", "coupons.state", ">"),
        [_line(row, names, now, t) for row in found],
        none="coupons.none",
    )  # fmt: skip
    return await listed(
        request,
        session,
        "nav.coupons",
        lead="coupons.lead",
        tables=[table],
        filters=(search_filter(wanted["find"]),),
        actions=[_new(products, t)],
    )


def _state(row: Mapping[str, Any] | Row, now: datetime) -> str:
    if row["archived_at"]:
        return "archived"
    if row["expires_at"] is not None and row["expires_at"] <= now:
        return "expired"
    used_up = row["redemptions_max"] is not None and row["redemptions"] >= row["redemptions_max"]
    return "used_up" if used_up else "usable"


def _line(row: Row, names: Mapping[str, str], now: datetime, t: Translate) -> tuple[Cell, ...]:
    off = (
        text(f"{row['percent'].normalize():f} %")
        if row["percent"] is not None
        else amount(row["amount_minor"], row["currency"] or "")
    )
    periods = t("coupons.periods", count=row["duration_periods"]) if row["duration_periods"] else ""
    only = ", ".join(names.get(one, one) for one in row["product_ids"])
    most = f" / {row['redemptions_max']}" if row["redemptions_max"] is not None else ""
    archive = Button(
        f"/console/coupons/{row['code']}/archive", "plans.archive", danger=True, hint="coupons.archive_hint"
    )
    return (
        text(row["code"], note=row["name"]),
        off,
        text(t(f"coupons.{row['duration']}"), note=periods),
        text(only or t("coupons.everything"), note=t("coupons.first_purchase") if row["first_purchase"] else ""),
        text(f"{row['redemptions']}{most}"),
        moment(row["expires_at"]),
        state(_state(row, now)),
        buttons(*([] if row["archived_at"] else [archive])),
    )


def _new(products: Sequence[Row], t: Translate) -> Button:
    sold = (
        ("", t("coupons.everything")),
        *((row["id"], row["name"]) for row in products if row["archived_at"] is None),
    )
    return Button(
        "/console/coupons",
        "coupons.new",
        inputs=(
            Input("code", "coupons.code", placeholder="WELCOME20"),
            Input("name", "plans.name", required=False),
            Input("percent", "coupons.percent", required=False, placeholder="20"),
            Input("amount", "coupons.amount", required=False, placeholder="10.00"),
            Input("currency", "plans.currency", value="eur", required=False),
            Input("duration", "coupons.how_long", options=tuple((one, t(f"coupons.{one}")) for one in _DURATIONS)),
            Input("duration_periods", "coupons.period_count", kind="number", required=False),
            Input("product", "coupons.for", options=sold),
            Input(
                "first_purchase",
                "coupons.who",
                options=(("no", t("coupons.anybody")), ("yes", t("coupons.first_purchase"))),
            ),
            Input("redemptions_max", "coupons.most", kind="number", required=False),
            Input("last_day", "coupons.last_day", kind="date", required=False),
        ),
        hint="coupons.hint",
    )


async def create(_request: Request, session: Session, fields: dict[str, str]) -> Response:
    """A new coupon: a percentage or an amount, and the limits of its use."""
    given = {name: value.strip() for name, value in fields.items()}
    code, currency = given.get("code", ""), given.get("currency", "").lower()
    if not code or len(code) > 100 or not all(one.isascii() and (one.isalnum() or one in "._:-") for one in code):
        raise InvalidRequest("a code has letters, digits and . _ : - alone", param="code")
    if given.get("amount"):
        exponent_of(currency)
    async with session.context.transaction() as tx:
        org = await read_org(tx, tx.org)
        known = {row["id"] for row in await service.list_products(tx)}
        if given.get("product") and given["product"] not in known:
            raise InvalidRequest("there is no such product", param="product")
        coupon = NewCoupon(
            code,
            given.get("percent", "").replace(",", ".") or None,
            minor_units(given["amount"], currency) if given.get("amount") else None,
            currency if given.get("amount") else None,
            given.get("duration", "") if given.get("duration") in _DURATIONS else "once",
            _whole(given, "duration_periods"),
            (given["product"],) if given.get("product") else (),
            given.get("first_purchase") == "yes",
            _whole(given, "redemptions_max"),
            _end_of(given.get("last_day", ""), org.timezone),
            given.get("name", "")[:200],
        )
        try:
            await service.create_coupon(tx, coupon, now=await session.context.now(tx), actor=session.context.actor.name)
        except asyncpg.UniqueViolationError as exc:
            raise InvalidRequest(f"there is a coupon {code} already", param="code") from exc
    return back_to("/console/coupons")


def _whole(given: Mapping[str, str], name: str) -> int | None:
    typed = given.get(name, "")
    if not typed:
        return None
    if not typed.isascii() or not typed.isdigit() or not 0 < len(typed) <= _WHOLE_DIGITS_MAX or not int(typed):
        raise InvalidRequest("this is a whole number above zero", param=name)
    return int(typed)


def _end_of(typed: str, zone: str) -> datetime | None:
    """The end of a day in the organization's zone."""
    if not typed:
        return None
    try:
        following = date.fromordinal(date.fromisoformat(typed).toordinal() + 1)
    except (ValueError, OverflowError):
        raise InvalidRequest("the last day is a date", param="last_day") from None
    return datetime.combine(following, time(), zone_of(zone))


async def archive(request: Request, session: Session, _fields: dict[str, str]) -> Response:
    """Let a coupon be redeemed no longer; where it works already it goes on."""
    async with session.context.transaction() as tx:
        await service.lock_coupon(tx, str(request.path_params["code"]))
        await service.archive_coupon(tx, str(request.path_params["code"]), await session.context.now(tx))
    return back_to("/console/coupons")


routes = [
    page("/console/coupons", show_list),
    action("/console/coupons", create, name="coupon.create", roles=MAY),
    action("/console/coupons/{code}/archive", archive, name="coupon.archive", roles=MAY),
]
