"""Signing in with a link that works once, signing out, and the visitor's language and theme."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from cauce.entrypoints.console.view import PAGES
from cauce.entrypoints.web.rendering import LOCALE_COOKIE, THEME_COOKIE, locale_of
from cauce.entrypoints.web.sessions import COOKIE, posted_form, set_cookie
from cauce.entrypoints.web.texts import LOCALES, translator
from cauce.flows.context import Runtime
from cauce.kernel.clock import wall_now
from cauce.storage.directory import people
from cauce.storage.directory.people import LinkSpent

_THEMES = ("auto", "light", "dark")
_YEAR_SECONDS = 31_536_000


async def sign_in_page(request: Request) -> Response:
    """The door; a link's token in the query only fills a form, so that a mail scanner spends nothing."""
    token = request.query_params.get("token", "")
    if token:
        return PAGES.render(request, "console/sign_in_link.html", token=token)
    return PAGES.render(request, "console/sign_in.html", problem="")


async def sign_in(request: Request) -> Response:
    """Spend a sign-in link."""
    token = str((await request.form()).get("token", "")).strip().rsplit("token=", 1)[-1]
    runtime: Runtime = request.app.state.runtime
    try:
        async with runtime.db.transaction() as tx:
            session = await people.use_link(tx, token, wall_now())
    except LinkSpent:
        problem = translator(locale_of(request))("sign_in.spent")
        return PAGES.render(request, "console/sign_in.html", problem=problem, status=401)
    response = RedirectResponse("/console", 303)
    set_cookie(response, session, secure=runtime.public_url.startswith("https:"))
    return response


async def sign_out(request: Request) -> Response:
    """End the session."""
    await posted_form(request)
    runtime: Runtime = request.app.state.runtime
    async with runtime.db.transaction() as tx:
        await people.close_session(tx, request.cookies[COOKIE])
    response = RedirectResponse("/sign-in", 303)
    response.delete_cookie(COOKIE, path="/")
    return response


async def preferences(request: Request) -> Response:
    """Language and theme, kept in the browser."""
    form = await request.form()
    response = RedirectResponse(urlsplit(str(form.get("back", "/console"))).path or "/console", 303)
    if form.get("locale") in LOCALES:
        response.set_cookie(LOCALE_COOKIE, str(form["locale"]), max_age=_YEAR_SECONDS, samesite="lax")
    if form.get("theme") in _THEMES:
        response.set_cookie(THEME_COOKIE, str(form["theme"]), max_age=_YEAR_SECONDS, samesite="lax")
    return response


async def root(_request: Request) -> Response:
    """The bare address leads to the console."""
    return RedirectResponse("/console", 303)


routes = [
    Route("/", root),
    Route("/sign-in", sign_in_page, methods=["GET"]),
    Route("/sign-in", sign_in, methods=["POST"]),
    Route("/sign-out", sign_out, methods=["POST"]),
    Route("/preferences", preferences, methods=["POST"]),
]
