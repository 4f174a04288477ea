"""Our own chat: a page with a form that works without JavaScript, and a fragment that looks for news.

A customer writes as himself. A visitor gives an address for the answer and is known again by a token in his browser.
"""

from __future__ import annotations

import hmac
import re
from dataclasses import replace
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from cauce.billing.conversations import service as conversations
from cauce.entrypoints.portal.chatting import new_visitor, person_of, visitor_of
from cauce.entrypoints.portal.view import open_page, render, visit_or_none
from cauce.entrypoints.web.news import answer_stream
from cauce.entrypoints.web.sessions import FORM_FIELD, ForeignForm
from cauce.entrypoints.web.visits import Visit, actor_of
from cauce.flows.chat import talking
from cauce.flows.context import Context, Runtime
from cauce.kernel.errors import InvalidRequest
from cauce.reports import instances
from cauce.storage.database import Row
from cauce.storage.directory.orgs import Org

_ORIGIN = re.compile(r"https?://[A-Za-z0-9.\[\]:-]{1,255}")


async def show(request: Request, org: Org) -> Response:
    """What was said, and a field for more."""
    visit = await visit_or_none(request)
    said = await _said(request, org, visit)
    host = await _instance(request, org)
    framed_by = ("'self'", host) if host else ("'self'",)
    return render(
        request,
        "portal/chat.html",
        org,
        visit=visit,
        said=said,
        framed_by=framed_by,
        is_panel=_panel(request),
        host=host,
    )


async def news(request: Request, org: Org) -> Response:
    """What was said alone, for a page that looks again every few seconds."""
    visit = await visit_or_none(request)
    return render(request, "portal/chat_said.html", org, visit=visit, said=await _said(request, org, visit))


async def stream(request: Request, org: Org) -> Response:
    """Tells the open page at once that something was said, in the person's own conversation alone."""
    visit = await visit_or_none(request)
    context = _context(request, org, visit)
    person = await person_of(request, context, visit)
    one = await talking.look(context, person) if person.customer_id or person.visitor else None
    return await answer_stream(request, org.id, one.id if one is not None else "")


async def say(request: Request, org: Org) -> Response:
    """Write."""
    form = {name: str(value).strip() for name, value in (await request.form()).items()}
    visit = await visit_or_none(request)
    if visit is not None and not hmac.compare_digest(form.get(FORM_FIELD, ""), visit.form_token):
        raise ForeignForm()
    context = _context(request, org, visit)
    person = await person_of(request, context, visit)
    kept = urlencode({name: form[name] for name in ("panel", "from") if form.get(name)})
    response = RedirectResponse(f"/portal/{org.public_id}/chat{'?' if kept else ''}{kept}", 303)
    if visit is None:
        if form.get("website"):
            return response  # a field that no person sees was filled in
        if not person.visitor:
            if "@" not in form.get("email", ""):
                raise InvalidRequest("an e-mail address is needed for the answer", param="email")
            secure = context.runtime.public_url.startswith("https:")
            person = replace(person, visitor=new_visitor(response, secure=secure))
        person = replace(person, name=form.get("name", "")[:200], email=form.get("email", "")[:320])
    await talking.hear(context, person, form.get("text", ""))
    return response


async def _said(request: Request, org: Org, visit: Visit | None) -> list[Row]:
    context = _context(request, org, visit)
    person = await person_of(request, context, visit)
    one = await talking.look(context, person) if person.customer_id or person.visitor else None
    if one is None:
        return []
    async with context.transaction() as tx:
        return await conversations.messages(tx, one.id)


def _context(request: Request, org: Org, visit: Visit | None) -> Context:
    runtime: Runtime = request.app.state.runtime
    who = visitor_of(request)[:24] or "visitor"
    return visit.context if visit is not None else runtime.context(org.id, actor=actor_of(request, who), cause="portal")


async def _instance(request: Request, org: Org) -> str:
    """The site of a customer's instance that shows this page in a frame of its own; "" for any other site."""
    origin = request.query_params.get("from", "")
    if not _ORIGIN.fullmatch(origin):
        return ""
    runtime: Runtime = request.app.state.runtime
    async with runtime.db.transaction(org.id) as tx:
        return origin if await instances.runs_at(tx, origin) else ""


def _panel(request: Request) -> bool:
    return bool(request.query_params.get("panel"))


routes = [
    open_page("/chat", show),
    open_page("/chat/news", news),
    open_page("/chat/stream", stream),
    open_page("/chat", say, methods=("POST",)),
]
