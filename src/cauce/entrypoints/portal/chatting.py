"""The chat on hosted pages: who is at the keyboard, and whether a help desk's chat or our own stands there."""

from __future__ import annotations

import secrets

from starlette.requests import Request
from starlette.responses import Response

from cauce.billing.conversations.rules import Person
from cauce.billing.customers import service as customers
from cauce.entrypoints.web.sessions import SignInNeeded
from cauce.entrypoints.web.visits import Visit, current_visit
from cauce.flows.context import Context, Runtime
from cauce.flows.portal import hashed
from cauce.flows.portal_settings import settings_of
from cauce.gateway.capabilities import Can
from cauce.gateway.reaching import ChatPerson, ChatWidget
from cauce.kernel.clock import wall_now
from cauce.reports import subscriptions
from cauce.storage.directory.orgs import Org

COOKIE = "cauce_chat"
_SECONDS = 180 * 86_400


async def widget(request: Request, org: Org) -> ChatWidget | None:
    """The help desk's chat for this page; None for our own. A signed-in customer is named by a token, nobody by an address."""
    channel_id = settings_of(org).chat_channel
    if not channel_id:
        return None
    runtime: Runtime = request.app.state.runtime
    channel, gateway = await runtime.gateways.open(org.id, channel_id)
    if Can.SHOWS_CHAT not in runtime.gateways.capabilities(channel).can:
        return None
    visit = await customer_visit(request)
    person = await _chat_person(visit) if visit is not None else None
    found: ChatWidget | None = gateway.show_chat(person, wall_now(), left=bool(request.query_params.get("left")))
    return found


async def customer_visit(request: Request) -> Visit | None:
    """The customer's visit, if this browser has one."""
    try:
        visit = await current_visit(request)
    except SignInNeeded:
        return None
    return None if visit.is_merchant else visit


async def _chat_person(visit: Visit) -> ChatPerson:
    async with visit.context.transaction() as tx:
        known = await customers.read(tx, visit.who)
        held = await subscriptions.page(tx, customer_id=visit.who, rows_max=1)
    about: dict[str, str | int | bool] = {"plan": held[0]["plan"], "state": held[0]["status"]} if held else {}
    return ChatPerson(known.id, known.email, about)  # the id under which the help desk knows the contact


async def person_of(request: Request, context: Context, visit: Visit | None) -> Person:
    """Who is writing: the customer, or whoever has this browser's token ("" for a browser that has none yet)."""
    if visit is not None:
        async with context.transaction() as tx:
            known = await customers.read(tx, visit.who)
        return Person(known.id, name=known.name or known.external_id)
    return Person(visitor=visitor_of(request))


def visitor_of(request: Request) -> str:
    """The name under which a browser's words are kept; "" when it has said nothing yet."""
    token = request.cookies.get(COOKIE, "")
    return hashed(COOKIE, token) if len(token) >= 32 else ""


def new_visitor(response: Response, *, secure: bool) -> str:
    """Let a browser be known again; the name of its words."""
    token = secrets.token_urlsafe(32)
    response.set_cookie(COOKIE, token, max_age=_SECONDS, httponly=True, secure=secure, samesite="lax", path="/portal")
    return hashed(COOKIE, token)
