"""Payout schedules: when and how much of what merchants may withdraw leaves by itself; made, and given to one merchant."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from cauce.entrypoints.console.choosing import merchant_input, merchant_names
from cauce.entrypoints.console.links import link_to
from cauce.entrypoints.console.view import action, back_to, listed, page
from cauce.entrypoints.web.rendering import locale_of
from cauce.entrypoints.web.sessions import Session
from cauce.entrypoints.web.tables import Button, Cell, Input, Table, columns, number, state, text
from cauce.entrypoints.web.texts import Translate, translator
from cauce.entrypoints.web.typed import minor_units
from cauce.flows.marketplace import merchants as flow
from cauce.kernel.currencies import exponent_of
from cauce.kernel.errors import InvalidRequest, NotFound
from cauce.kernel.money import parse_major
from cauce.marketplace.settlement import store
from cauce.marketplace.settlement.rules import Credit, Interval
from cauce.marketplace.settlement.service import read_schedules
from cauce.reports import merchants, orders
from cauce.storage.database import Row
from cauce.storage.directory.people import Role

_HOME = "/console/payout_schedules"
_MAY = (Role.ADMIN, Role.FINANCE)
_AMOUNTS = ("minimum_amount", "maximum_amount", "retained_balance", "approval_over")


async def show_list(request: Request, session: Session) -> Response:
    """Every schedule in words; without any, merchants are paid out on Mondays."""
    t = translator(locale_of(request))
    async with session.context.transaction() as tx:
        rows = await store.schedules(tx)
        channels = tuple((row["id"], row["name"]) for row in await orders.channel_names(tx))
        sellers = await merchant_names(tx)
    table = Table(
        columns("schedules.name", "schedules.when", "schedules.delay>", "schedules.limits", "schedules.state"),
        [_line(row, t) for row in rows],
        none="schedules.none",
    )
    named = tuple((row["id"], row["name"]) for row in rows)
    give = Button(
        f"{_HOME}/give",
        "schedules.give",
        inputs=(
            merchant_input(sellers, "payouts.merchant"),
            Input("channel", "payouts.channel", options=channels),
            Input("currency", "fundings.currency", placeholder="eur"),
            Input("schedule", "schedules.name", options=named),
        ),
    )
    may_give = bool(rows and channels and sellers)
    return await listed(
        request,
        session,
        "nav.payout_schedules",
        lead="schedules.lead",
        tables=[table],
        actions=[_new(t), *([give] if may_give else [])],
    )


def _line(row: Row, t: Translate) -> tuple[Cell, ...]:
    said: Mapping[str, Any] = row["content"]
    limits = [f"{t(f'schedules.{name}')}: {said[name]}" for name in _AMOUNTS if said.get(name) is not None]
    delay = said.get("delay_days", 0)
    return (
        text(row["name"], note=row["id"]),
        text(_when(said, t), note=f"{said.get('cutoff', '00:00')} {said.get('timezone', 'UTC')}"),
        text(delay, note=t("schedules.business_days") if said.get("business_days") else ""),
        text(", ".join(limits) or None, note=t("schedules.in_minor") if limits else ""),
        state("default") if row["is_default"] else number(None),
    )


def _when(said: Mapping[str, Any], t: Translate) -> str:
    interval = str(said.get("interval", Interval.WEEKLY))
    words = t(f"schedules.{interval}")
    if interval == Interval.WEEKLY:
        return f"{words}: {', '.join(t(f'schedules.day_{day}') for day in sorted(said.get('weekdays', [0])))}"
    if interval == Interval.MONTHLY:
        return f"{words}: {', '.join(str(day) for day in sorted(said.get('month_days', [1])))}"
    return words


def _new(t: Translate) -> Button:
    kinds = tuple((one.value, t(f"schedules.{one.value}")) for one in Interval)
    no_yes = (("no", t("schedules.calendar_days")), ("yes", t("schedules.business_days")))
    own = (("no", t("schedules.own")), ("yes", t("schedules.for_all")))
    return Button(
        _HOME,
        "schedules.new",
        inputs=(
            Input("name", "schedules.name"),
            Input("interval", "schedules.when", value="weekly", options=kinds),
            Input("weekdays", "schedules.weekdays", value="0", required=False),
            Input("month_days", "schedules.month_days", value="1", required=False),
            Input("delay_days", "schedules.delay", kind="number", value="0"),
            Input("business_days", "schedules.which_days", options=no_yes),
            Input("calendar", "schedules.calendar", required=False, placeholder="br"),
            Input("cutoff", "schedules.cutoff", value="00:00"),
            Input("timezone", "schedules.timezone", value="UTC"),
            Input("currency", "schedules.currency", required=False, placeholder="eur"),
            *(Input(name, f"schedules.{name}", required=False) for name in _AMOUNTS),
            Input("is_default", "schedules.for", options=own),
        ),
        hint="schedules.hint",
    )


async def create(_request: Request, session: Session, fields: dict[str, str]) -> Response:
    """A new schedule; what cannot be understood is refused by name."""
    given = {name: value.strip() for name, value in fields.items()}
    if not given.get("name"):
        raise InvalidRequest("a schedule has a name", param="name")
    document: dict[str, Any] = {
        "interval": given.get("interval", ""),
        "delay_days": _whole(given.get("delay_days") or "0", "delay_days"),
        "business_days": given.get("business_days") == "yes",
        "cutoff": given.get("cutoff") or "00:00",
        "timezone": given.get("timezone") or "UTC",
    }
    for name, interval in (("weekdays", Interval.WEEKLY), ("month_days", Interval.MONTHLY)):
        if document["interval"] == interval:
            words = given.get(name, "").replace(",", " ").split()
            document[name] = sorted({_whole(one, name) for one in words})
            if not words:
                raise InvalidRequest("the schedule says no day", param=name)
    if given.get("calendar"):
        document["calendar"] = given["calendar"]
    document |= _amounts(given)
    await flow.create_payout_schedule(
        session.context, given["name"][:200], document, is_default=given.get("is_default") == "yes"
    )
    return back_to(_HOME)


def _amounts(given: Mapping[str, str]) -> dict[str, int]:
    currency = given.get("currency", "").lower()
    found = {}
    for name in _AMOUNTS:
        if given.get(name):
            exponent_of(currency)
            zero_is_meant = name in ("retained_balance", "approval_over")
            typed = given[name].replace(",", ".")
            found[name] = parse_major(typed, currency) if zero_is_meant else minor_units(typed, currency)
    return found


def _whole(typed: str, param: str) -> int:
    if not typed.isascii() or not typed.isdigit() or len(typed) > 4:
        raise InvalidRequest(f"{typed!r} is no whole number", param=param)
    return int(typed)


async def give(_request: Request, session: Session, fields: dict[str, str]) -> Response:
    """Give one merchant at one channel and currency a schedule of his own."""
    merchant_id, channel_id, schedule_id = (fields.get(name, "") for name in ("merchant", "channel", "schedule"))
    currency = fields.get("currency", "").strip().lower()
    exponent_of(currency)
    async with session.context.transaction() as tx:
        await merchants.one(tx, merchant_id)
        if not schedule_id or schedule_id not in await read_schedules(tx):
            raise NotFound(f"there is no payout schedule {schedule_id}", param="schedule")
    await session.context.gateway(channel_id)
    await flow.assign_payout_schedule(session.context, Credit(merchant_id, channel_id, currency), schedule_id)
    return back_to(link_to(merchant_id))


routes = [
    page(_HOME, show_list),
    action(_HOME, create, name="payout_schedule.create", roles=_MAY),
    action(f"{_HOME}/give", give, name="payout_schedule.give", roles=_MAY),
]
