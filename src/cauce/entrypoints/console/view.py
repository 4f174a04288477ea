"""Renders a console page inside its frame: side bar, sandbox banner with the clock, the visitor, the form token."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from cauce.entrypoints.console.navigation import GROUPS
from cauce.entrypoints.web.rendering import Pages, make_environment
from cauce.entrypoints.web.sessions import Session, SignInNeeded, current_session, posted_form
from cauce.kernel.errors import CauceError
from cauce.storage import orgclock
from cauce.storage.directory.orgs import read_org

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
        now=now,
        advance=advance,
        form_token=session.form_token,
        **values,
    )


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


def action(path: str, act: Act) -> Route:
    """A route that takes a form of a console page; a refusal is told on a page of its own."""

    async def endpoint(request: Request) -> Response:
        try:
            session, fields = await posted_form(request)
        except SignInNeeded:
            return RedirectResponse("/sign-in", 303)
        try:
            return await act(request, session, fields)
        except CauceError as refused:
            return await framed(request, session, "console/refused.html", refused=refused, status=refused.http_status)

    return Route(path, endpoint, methods=["POST"])


def back_to(path: str) -> Response:
    """After an action: show the page again, by a fresh GET."""
    return RedirectResponse(path, 303)
