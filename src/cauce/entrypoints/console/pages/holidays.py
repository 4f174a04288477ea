"""Holidays: the days that payout schedules of business days do not count, by market; added, read from a file, removed."""

from __future__ import annotations

from datetime import date, timedelta

from starlette.requests import Request
from starlette.responses import Response

from cauce.entrypoints.console.view import action, asked, back_to, listed, page
from cauce.entrypoints.web.rendering import locale_of
from cauce.entrypoints.web.sessions import Session
from cauce.entrypoints.web.tables import Button, Input, Table, buttons, columns, day, text, word
from cauce.entrypoints.web.texts import translator
from cauce.entrypoints.web.typed import uploaded
from cauce.flows.marketplace.merchants import change_market_holidays
from cauce.kernel.errors import InvalidRequest
from cauce.marketplace.settlement import holidays as store
from cauce.marketplace.settlement.holidays import Holiday, parse_holidays
from cauce.storage.directory.people import Role

FILE_BYTES_MAX = 1 << 20
SPAN_DAYS_MAX = 60
"""The longest row of days that one form adds."""

_ROLES = (Role.ADMIN, Role.FINANCE)


async def show_list(request: Request, session: Session) -> Response:
    """The days of one market, or of all, in order, and forms that change them."""
    wanted = asked(request, "market")
    async with session.context.transaction() as tx:
        rows = await store.holidays(tx)
    markets = sorted({row["market"] for row in rows})
    shown = [row for row in rows if not wanted["market"] or row["market"] == _market(wanted["market"])]
    found = Table(
        columns("holidays.day", "holidays.name", "holidays.market", "holidays.banks", ""),
        [
            (
                day(row["day"]),
                text(row["name"]),
                text(row["market"]) if row["market"] else word("holidays.default"),
                word("holidays.open" if row["works"] else "holidays.closed"),
                buttons(_remove(row["market"], row["day"])),
            )
            for row in shown
        ],
        none="holidays.none",
    )
    t = translator(locale_of(request))
    names = [(one or "default", one or t("holidays.default")) for one in markets]
    market = Input("market", "holidays.market", value=wanted["market"], options=(("", "–"), *names), required=False)
    return await listed(
        request,
        session,
        "nav.holidays",
        lead="holidays.lead",
        tables=[found],
        filters=(market,),
        actions=[_add(t("holidays.closed"), t("holidays.open")), _upload()],
    )


def _remove(market: str, on: date) -> Button:
    fields = (("market", market), ("day", on.isoformat()))
    return Button("/console/holidays/remove", "holidays.remove", fields, danger=True)


def _add(closed: str, opened: str) -> Button:
    asks = (
        Input("day", "holidays.day", kind="date"),
        Input("until", "holidays.until", kind="date", required=False),
        Input("name", "holidays.name", required=False),
        Input("market", "holidays.market", required=False, placeholder="br"),
        Input("works", "holidays.banks", options=(("no", closed), ("yes", opened))),
    )
    return Button("/console/holidays/add", "holidays.add", inputs=asks, hint="holidays.hint")


def _upload() -> Button:
    asks = (
        Input("file", "holidays.file", kind="file"),
        Input("market", "holidays.market", required=False, placeholder="br"),
    )
    return Button("/console/holidays/upload", "holidays.upload", inputs=asks, hint="holidays.file_hint")


async def add(_request: Request, session: Session, fields: dict[str, str]) -> Response:
    """Add a day, or every day up to another one."""
    first = _day(fields.get("day", ""))
    last = _day(fields["until"]) if fields.get("until", "").strip() else first
    if not first <= last <= first + timedelta(days=SPAN_DAYS_MAX):
        raise InvalidRequest(f"the last day is the first one or up to {SPAN_DAYS_MAX} days later", param="until")
    works, name = fields.get("works") == "yes", fields.get("name", "").strip()[:100]
    days = [Holiday(first + timedelta(days=n), works, name) for n in range((last - first).days + 1)]
    return await _changed(session, fields, days)


async def upload(request: Request, session: Session, fields: dict[str, str]) -> Response:
    """Add the days of a CSV file."""
    data = await uploaded(request, FILE_BYTES_MAX)
    try:
        days = parse_holidays(data.decode("utf-8-sig"))
    except UnicodeDecodeError as exc:
        raise InvalidRequest("the file is no text in UTF-8", param="file") from exc
    return await _changed(session, fields, days)


async def remove(_request: Request, session: Session, fields: dict[str, str]) -> Response:
    """Forget a day: it is an ordinary one again."""
    return await _changed(session, fields, [], [_day(fields.get("day", ""))])


async def _changed(
    session: Session, fields: dict[str, str], days: list[Holiday], removed: list[date] | None = None
) -> Response:
    market = _market(fields.get("market", ""))
    await change_market_holidays(session.context, market, days, removed or [])
    return back_to(f"/console/holidays?market={market or 'default'}")


def _market(typed: str) -> str:
    name = typed.strip()
    return "" if name == "default" else name


def _day(typed: str) -> date:
    try:
        return date.fromisoformat(typed.strip())
    except ValueError as exc:
        raise InvalidRequest(f"{typed!r} is no day like 2026-10-01", param="day") from exc


routes = [
    page("/console/holidays", show_list),
    action("/console/holidays/add", add, roles=_ROLES),
    action("/console/holidays/upload", upload, roles=_ROLES),
    action("/console/holidays/remove", remove, roles=_ROLES),
]
