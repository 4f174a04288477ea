"""The customer's people: invite into a free seat, remove; and the page on which an invited person joins."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from cauce.billing.customers import members as service
from cauce.billing.customers import service as customers
from cauce.billing.customers.members import NewMember
from cauce.entrypoints.portal.view import back_to, open_page, render, visit_action, visit_page
from cauce.entrypoints.web.visits import Visit, actor_of, require_own
from cauce.flows.billing import members
from cauce.flows.context import Context, Runtime
from cauce.flows.portal import invited
from cauce.storage.directory.orgs import Org


async def show(request: Request, visit: Visit) -> Response:
    """Everybody who is or is invited, and how many seats there are."""
    async with visit.context.transaction() as tx:
        now = await visit.context.now(tx)
        people = await service.of_customer(tx, visit.who)
        seats = await members.seats_of(tx, visit.who, now)
    return render(request, "portal/team.html", visit.org, visit=visit, people=people, seats=seats, now=now)


async def invite(_request: Request, visit: Visit, fields: dict[str, str]) -> Response:
    """Invite somebody by mail."""
    data = NewMember(fields.get("email", "").strip(), fields.get("name", "").strip(), fields.get("role", "member"))
    await members.invite(visit.context, visit.who, data)
    return back_to(visit, "/team")


async def remove(request: Request, visit: Visit, _fields: dict[str, str]) -> Response:
    """Take somebody out; only of one's own people."""
    member_id = str(request.path_params["object_id"])
    async with visit.context.transaction() as tx:
        require_own(visit, (await service.locked(tx, member_id)).customer_id, "member")
    await members.remove(visit.context, member_id)
    return back_to(visit, "/team")


async def ask(request: Request, org: Org) -> Response:
    """What an invitation is to; the link only fills a form, so that a mail scanner joins nothing."""
    token = request.query_params.get("token", "")
    context = _context(request, org)
    async with context.transaction() as tx:
        one = await service.locked(tx, await invited(tx, context.runtime, token))
        team = await customers.read(tx, one.customer_id)
    return render(request, "portal/invitation.html", org, one=one, team=team, token=token)


async def accept(request: Request, org: Org) -> Response:
    """Join."""
    token = str((await request.form()).get("token", ""))
    context = _context(request, org)
    one = await members.accept(context, token)
    async with context.transaction() as tx:
        team = await customers.read(tx, one.customer_id)
    return render(request, "portal/invitation.html", org, one=one, team=team, token="")


def _context(request: Request, org: Org) -> Context:
    runtime: Runtime = request.app.state.runtime
    return runtime.context(org.id, actor=actor_of(request, "visitor"), cause="portal")


routes = [
    visit_page("/team", show),
    visit_action("/team/invite", invite, name="member.invite"),
    visit_action("/team/{object_id}/remove", remove, name="member.remove"),
    open_page("/invitation", ask),
    open_page("/invitation", accept, methods=("POST",)),
]
