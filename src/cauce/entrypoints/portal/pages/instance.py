"""The page that waits for a customer's instance and leads to it when it is ready; without JavaScript it reloads itself.

Its address is known to nobody but the customer (the id has 80 random bits) and it shows nothing but a state, so that
a reply of the API can lead a browser here that was never signed in.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from cauce.entrypoints.portal.view import open_page, render
from cauce.flows.context import Context, Runtime
from cauce.reports import instances as report
from cauce.storage.directory.orgs import Org

LOOK_SECONDS = 2
"""How often the page looks."""


_MAKING = "portal.instance_making"
_TOLD = {
    "failed": "portal.instance_failed",
    "suspended": "portal.instance_suspended",
    "deleted": "portal.instance_deleted",
}


async def show(request: Request, org: Org) -> Response:
    """Where the instance stands; once it is ready, on to it."""
    runtime: Runtime = request.app.state.runtime
    async with runtime.db.transaction(org.id) as tx:
        one = await report.one(tx, request.path_params["instance_id"])
    if one["status"] == "ready" and one["redirect_url"]:
        return RedirectResponse(one["redirect_url"], 303)
    told = _TOLD.get(one["status"], _MAKING)
    moves = told == _MAKING or (one["wanted"] == "running" and not one["failure"])
    return render(
        request,
        "portal/instance.html",
        org,
        plan=one["plan_name"],
        status=one["status"],
        text=_MAKING if moves else told,
        look_seconds=LOOK_SECONDS if moves else 0,
    )


async def landing(context: Context, org: Org, subscription_id: str) -> str:
    """Which portal page somebody sees who has just signed up: his instance if he gets one, else his account."""
    async with context.runtime.db.transaction(org.id) as tx:
        one = await report.of_subscription(tx, subscription_id)
    return f"/instances/{one['id']}" if one else "/account"


routes = [open_page("/instances/{instance_id}", show)]
