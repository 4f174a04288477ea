"""Unsubscribing with one click: the link of a message refuses its category, without signing in and without a script.

A mail program posts to the address by itself (RFC 8058); a person who opens it sees a button, so that a scanner that
only looks refuses nothing.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cauce.entrypoints.portal.view import render
from cauce.entrypoints.web.visits import actor_of
from cauce.flows.context import Runtime
from cauce.flows.outreach import consent
from cauce.flows.outreach.links import read_unsubscribe_link
from cauce.storage.directory.orgs import Org, read_org


async def show(request: Request) -> Response:
    """What the link is for, and a button."""
    org, _, category = await _read(request)
    return render(request, "portal/unsubscribe.html", org, category=category, done="")


async def take(request: Request) -> Response:
    """Refuse the category, or take the refusal back."""
    org, customer_id, category = await _read(request)
    runtime: Runtime = request.app.state.runtime
    form = await request.form()
    granted = str(form.get("again", "")) == "yes"
    context = runtime.context(org.id, actor=actor_of(request, customer_id), cause="unsubscribe_link")
    await consent.say(context, customer_id, category, granted, source="unsubscribe_link")
    return render(request, "portal/unsubscribe.html", org, category=category, done="on" if granted else "off")


async def _read(request: Request) -> tuple[Org, str, str]:
    runtime: Runtime = request.app.state.runtime
    org_id, customer_id, category = read_unsubscribe_link(runtime.sealer, str(request.path_params["token"]))
    async with runtime.db.transaction() as tx:
        return await read_org(tx, org_id), customer_id, category


routes = [
    Route("/unsubscribe/{token}", show, methods=["GET"]),
    Route("/unsubscribe/{token}", take, methods=["POST"]),
]
