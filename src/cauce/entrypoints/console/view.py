"""Renders a console page inside its frame: side bar, sandbox banner with the clock, the visitor, the form token."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from cauce.entrypoints.console.navigation import GROUPS
from cauce.entrypoints.web.rendering import Pages, locale_of, make_environment
from cauce.entrypoints.web.sessions import Session, SignInNeeded, current_session, posted_form
from cauce.entrypoints.web.tables import Input
from cauce.entrypoints.web.texts import translator
from cauce.kernel.errors import CauceError
from cauce.storage import audit, orgclock
from cauce.storage.directory.orgs import read_org
from cauce.storage.directory.people import Role

PAGES = Pages(make_environment("cauce.entrypoints.web", "cauce.entrypoints.console"))
ROWS = 50

Show = Callable[[Request, Session], Awaitable[Response]]
Act = Callable[[Request, Session, dict[str, str]], Awaitable[Response]]


async def framed(request: Request, session: Session, template: str, **values: Any) -> Response:
    """The page `template` with everything that its frame shows."""
    async with session.context.transaction() as tx:
        org = await read_org(tx, tx.org)
        now = await orgclock.org_now(tx)
        advance = await orgclock.open_advance(tx) if not org.livemode else None
    return PAGES.render(
        request,
        template,
        groups=GROUPS,
        visitor=session.visitor,
        org=org,
        zone=org.timezone,
        now=now,
        advance=advance,
        form_token=session.form_token,
        sought=request.query_params.get("q", ""),
        **values,
    )


async def listed(request: Request, session: Session, title: str, **values: Any) -> Response:
    """A page of tables: `title` is a key; `tables`, `filters`, `figures`, `actions`, `lead`, `next` as they are given."""
    given: dict[str, Any] = {
        "lead": "",
        "filters": (),
        "figures": (),
        "actions": (),
        "tables": (),
        "next": "",
        **values,
    }
    return await framed(request, session, "console/list.html", title=title, **given)


async def detailed(
    request: Request, session: Session, template: str = "console/detail.html", **values: Any
) -> Response:
    """The page of one object: `title` and `above` lead back to its list; `facts`, `tables`, `actions`, `happened`."""
    given: dict[str, Any] = {
        "states": (),
        "actions": (),
        "tables": (),
        "happened": None,
        "instructions": None,
        **values,
    }
    return await framed(request, session, template, **given)


def page(path: str, show: Show) -> Route:
    """A route that shows a page to signed-in visitors and sends others to the door."""

    async def endpoint(request: Request) -> Response:
        try:
            session = await current_session(request)
        except SignInNeeded:
            return RedirectResponse("/sign-in", 303)
        try:
            return await show(request, session)
        except CauceError as refused:
            return await framed(request, session, "console/refused.html", refused=refused, status=refused.http_status)

    return Route(path, endpoint, methods=["GET"])


def action(path: str, act: Act, *, name: str = "", roles: Sequence[Role] = ()) -> Route:
    """A route that takes a form of a console page; a refusal is told on a page of its own.

    `name` (`noun.verb`) is written to the audit, with the fields before they took effect and whether it was refused;
    "" where the flow writes its own line. `roles` may use it besides owners; none means everybody who may write.
    """

    async def endpoint(request: Request) -> Response:
        try:
            session, fields = await posted_form(request)
        except SignInNeeded:
            return RedirectResponse("/sign-in", 303)
        told = {key: value for key, value in fields.items() if value}
        try:
            if roles:
                session.require(*roles)
            answer = await act(request, session, fields)
        except CauceError as refused:
            await _note(request, session, name, told, refused=refused.code)
            return await framed(request, session, "console/refused.html", refused=refused, status=refused.http_status)
        await _note(request, session, name, told)
        return answer

    return Route(path, endpoint, methods=["POST"])


async def _note(request: Request, session: Session, name: str, told: dict[str, str], *, refused: str = "") -> None:
    if not name:
        return
    object_id = str(next(iter(request.path_params.values()), ""))
    after = {**told, "refusal": refused} if refused else told
    async with session.context.transaction() as tx:
        await audit.record(tx, session.context.actor, name, object_id, after=after, refused=bool(refused))


def back_to(path: str) -> Response:
    """After an action: show the page again, by a fresh GET."""
    return RedirectResponse(path, 303)


def asked(request: Request, *names: str) -> dict[str, str]:
    """The named filters of the address, trimmed; "" for those that are not there."""
    return {name: request.query_params.get(name, "").strip()[:200] for name in names}


def following(request: Request, rows: Sequence[Any], cursor: str = "id", *, rows_max: int = ROWS) -> str:
    """The address of the next page behind these rows, or "" when this was the last."""
    if len(rows) < rows_max:
        return ""
    kept = {name: value for name, value in request.query_params.items() if value and name != "before"}
    return f"{request.url.path}?{urlencode({**kept, 'before': rows[-1][cursor]})}"


def states_filter(request: Request, chosen: str, states: Sequence[str], *, name: str = "state") -> Input:
    """A filter over states, in the reader's language."""
    t = translator(locale_of(request))
    options = (("", t("filter.all")), *((value, t(f"state.{value}")) for value in states))
    return Input(name, "filter.state", value=chosen, options=options, required=False)


def search_filter(value: str, hint: str = "", *, name: str = "find") -> Input:
    """A filter by words."""
    return Input(name, "filter.find", kind="search", value=value, required=False, placeholder=hint)
