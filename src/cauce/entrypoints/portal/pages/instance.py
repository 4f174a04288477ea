"""The page that waits for a customer's instance and leads to it when it is ready; without JavaScript it reloads itself.

Its address is known to nobody but the customer (the id has 80 random bits) and it shows nothing but a state, so that
a reply of the API can lead a browser here that was never signed in.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from cauce.entrypoints.portal.view import open_page, render
from cauce.flows.context import Context, Runtime
from cauce.reports import instances as report
from cauce.storage.directory.orgs import Org

LOOK_SECONDS = 2
"""How often the page looks."""


_MAKING, _READY = "portal.instance_making", "portal.instance_ready"
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
    is_ready = one["status"] == "ready" and bool(one["redirect_url"])
    told = _TOLD.get(one["status"], _MAKING)
    moves = not is_ready and (told == _MAKING or (one["wanted"] == "running" and not one["failure"]))
    return render(
        request,
        "portal/instance.html",
        org,
        plan=one["plan_name"],
        stands=one["status"],
        text=_READY if is_ready else _MAKING if moves else told,
        # A page that goes on by itself, and no redirect: a browser follows none from a form to another origin.
        goes_to=one["redirect_url"] if is_ready else "",
        look_seconds=LOOK_SECONDS if moves else 0,
    )


async def landing(context: Context, org: Org, subscription_id: str) -> str:
    """Which portal page somebody sees who has just signed up: his instance if he gets one, else his account."""
    async with context.runtime.db.transaction(org.id) as tx:
        one = await report.of_subscription(tx, subscription_id)
    return f"/instances/{one['id']}" if one else "/account"


routes = [open_page("/instances/{instance_id}", show)]
