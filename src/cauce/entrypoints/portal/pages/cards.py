"""Saving a card on the provider's own page, and what comes after it: back to the account, or on with a sign-up that needs one."""

from __future__ import annotations

from urllib.parse import urlencode

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from cauce.entrypoints.portal.embedding import tell
from cauce.entrypoints.portal.view import back_to, render, visit_action, visit_page
from cauce.entrypoints.web.visits import Visit, require_own
from cauce.flows.billing import methods
from cauce.flows.billing.pay_page import channel_that
from cauce.gateway.capabilities import Can
from cauce.reports import customers as report
from cauce.reports import subscriptions

CARRIED_MAX = 40
"""Fields of a sign-up that wait in an address while a card is saved."""


async def add_card(request: Request, visit: Visit, _fields: dict[str, str]) -> Response:
    """Begin to save a card on the provider's own page; what is owed is charged to it at once."""
    return await save_card(request, visit, {})


async def save_card(request: Request, visit: Visit, carried: dict[str, str]) -> Response:
    """The same; `carried` are the fields of a sign-up that goes on once the card is saved."""
    async with visit.context.transaction() as tx:
        channel_id = await channel_that(visit.context, tx, Can.SAVES_METHODS)
    query = urlencode({"back": "yes", **carried})
    home = f"{visit.context.runtime.public_url}/portal/{visit.org.public_id}"
    # Beside a host page the provider's page is a window of its own, where this visit's cookie is not sent.
    return_url = f"{home}/returned" if request.state.embed is not None else f"{home}/card/{{setup}}?{query}"
    begun = await methods.begin_setup(visit.context, methods.BeginSetup(visit.who, channel_id, return_url, hosted=True))
    return back_to(visit, f"/card/{begun.setup_id}{'?' + urlencode(carried) if carried else ''}")


async def show_card(request: Request, visit: Visit) -> Response:
    """How far a card is: wait, go on at the provider, done. The page looks again by itself while it waits.

    Whoever has nothing that runs is offered to come back with his new card (C3).
    """
    async with visit.context.transaction() as tx:
        owner = await report.setup_owner(tx, request.path_params["object_id"])
        require_own(visit, owner, "setup")
        begun = await methods.read_setup(tx, request.path_params["object_id"])
        held = await subscriptions.page(tx, customer_id=visit.who)
    over = {"canceled", "expired"}
    left = [] if any(row["status"] not in over for row in held) else held
    action = begun.next_action or {}
    goes_on = str(action.get("value", "")) if action.get("kind") == "redirect" else ""
    if begun.state == "done":
        tell(request, "add_fund", setup=begun.setup_id, method=begun.method_id or "")
    is_back = request.state.embed is not None or bool(request.query_params.get("back"))
    return render(
        request,
        "portal/card.html",
        visit.org,
        visit=visit,
        begun=begun,
        waits=begun.state == "open" and (not action or is_back),
        goes_on=goes_on,
        carried=_carried(request.query_params),
        returns=[row for row in left if row["status"] == "canceled"],
        has_left=bool(left),
    )


def _carried(query: QueryParams) -> dict[str, str]:
    """The fields of a sign-up that waits for this card; nothing unless it names a plan. Whoever takes them checks them."""
    found = {name: value for name, value in query.items() if name != "back"}
    return found if "plan" in found and "currency" in found and len(found) <= CARRIED_MAX else {}


routes = [
    visit_page("/card/{object_id}", show_card),
    visit_action("/card", add_card, name="payment_method.begin_setup"),
]
