"""Renders a portal page: the organization's name, the reader's language, whose visit it is."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from cauce.entrypoints.portal.chatting import customer_visit, widget
from cauce.entrypoints.portal.embedding import TOLD_COOKIE, carry_told, embed_of, told_now
from cauce.entrypoints.web.policy import headers
from cauce.entrypoints.web.rendering import Pages, make_environment
from cauce.entrypoints.web.sessions import SignInNeeded
from cauce.entrypoints.web.visits import Visit, current_visit, org_of, posted_visit
from cauce.flows.portal_settings import settings_of
from cauce.kernel.errors import CauceError, NotFound
from cauce.storage import audit
from cauce.storage.directory.orgs import Org

PAGES = Pages(make_environment("cauce.entrypoints.web", "cauce.entrypoints.portal"))

Show = Callable[[Request, Visit], Awaitable[Response]]
Act = Callable[[Request, Visit, dict[str, str]], Awaitable[Response]]
Open = Callable[[Request, Org], Awaitable[Response]]


def render(
    request: Request,
    template: str,
    org: Org,
    *,
    visit: Visit | None = None,
    framed_by: tuple[str, ...] = (),
    is_panel: bool = False,
    **values: Any,
) -> Response:
    """A portal page of `org`, which its own list of origins (and `framed_by`) may frame."""
    embed, chat = getattr(request.state, "embed", None), getattr(request.state, "chat", None)
    nonce = secrets.token_urlsafe(16) if chat is not None else ""
    told = told_now(request) if embed is not None else []
    response = PAGES.render(
        request,
        template,
        headers=headers(
            framed_by=tuple(dict.fromkeys((*framing(org), *framed_by))),
            wider=chat.policy if chat is not None else None,
            nonce=nonce,
        ),
        chat=chat,
        nonce=nonce,
        is_panel=is_panel,
        is_bare=is_panel or (embed is not None and embed.hide_headers),
        embed=embed,
        told=told,
        org=org,
        visit=visit,
        zone=org.timezone,
        home=f"/portal/{org.public_id}",
        form_token=visit.form_token if visit is not None else "",
        **values,
    )
    if told:
        response.delete_cookie(TOLD_COOKIE, path="/portal")
    return response


def framing(org: Org) -> tuple[str, ...]:
    """Who may frame this organization's pages: nobody, unless it says so; then our own pages too."""
    origins = settings_of(org).origins
    return ("'self'", *origins) if origins else ()


def open_page(path: str, show: Open, *, methods: tuple[str, ...] = ("GET",)) -> Route:
    """A route below `/portal/{org}` that everybody may see."""

    async def endpoint(request: Request) -> Response:
        org = await org_of(request)
        request.state.embed = await embed_of(request, org)
        request.state.chat = await widget(request, org) if request.method == "GET" else None
        try:
            response = await show(request, org)
            carry_told(request, response)
            return response
        except CauceError as refused:
            return render(request, "portal/refused.html", org, refused=refused, status=refused.http_status)

    return Route(f"/portal/{{org}}{path}", endpoint, methods=list(methods))


def visit_page(path: str, show: Show, *, merchant: bool = False) -> Route:
    """A route for a customer's (or merchant's) own pages; others are sent to the door."""

    async def endpoint(request: Request) -> Response:
        try:
            visit = await current_visit(request)
        except SignInNeeded:
            return RedirectResponse(f"/portal/{request.path_params['org']}/sign-in", 303)
        request.state.embed = await embed_of(request, visit.org)
        request.state.chat = await widget(request, visit.org) if not visit.is_merchant else None
        try:
            _require_kind(visit, merchant)
            return await show(request, visit)
        except CauceError as refused:
            return _refused(request, visit, refused)

    return Route(f"/portal/{{org}}{path}", endpoint, methods=["GET"])


def visit_action(path: str, act: Act, *, name: str, merchant: bool = False) -> Route:
    """A route that takes a form of a visitor's page; `name` (`noun.verb`) stands in the audit, refused or not."""

    async def endpoint(request: Request) -> Response:
        try:
            visit, fields = await posted_visit(request)
        except SignInNeeded:
            return RedirectResponse(f"/portal/{request.path_params['org']}/sign-in", 303)
        request.state.embed = await embed_of(request, visit.org)
        told: dict[str, object] = {key: value for key, value in fields.items() if value}
        object_id = str(request.path_params.get("object_id", visit.who))
        try:
            _require_kind(visit, merchant)
            answer = await act(request, visit, fields)
        except CauceError as refused:
            async with visit.context.transaction() as tx:
                told["refusal"] = refused.code
                await audit.record(tx, visit.context.actor, name, object_id, after=told, refused=True)
            return _refused(request, visit, refused)
        async with visit.context.transaction() as tx:
            await audit.record(tx, visit.context.actor, name, object_id, after=told)
        carry_told(request, answer)
        return answer

    return Route(f"/portal/{{org}}{path}", endpoint, methods=["POST"])


async def visit_or_none(request: Request) -> Visit | None:
    """The customer's visit on a page that everybody may see; None for strangers and merchants."""
    return await customer_visit(request)


def _require_kind(visit: Visit, merchant: bool) -> None:
    if visit.is_merchant is not merchant:
        raise NotFound("there is no such page for you")


def _refused(request: Request, visit: Visit, refused: CauceError) -> Response:
    return render(request, "portal/refused.html", visit.org, visit=visit, refused=refused, status=refused.http_status)


def back_to(visit: Visit, path: str) -> Response:
    """After an action: the visitor's page again, by a fresh GET."""
    return RedirectResponse(f"/portal/{visit.org.public_id}{path}", 303)
