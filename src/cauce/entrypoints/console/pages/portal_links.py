"""Links with which a customer or a merchant opens his portal once, for an operator who talks to him."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from cauce.billing.customers import service as customers
from cauce.entrypoints.console.links import link_to
from cauce.entrypoints.console.view import action, framed
from cauce.entrypoints.web.sessions import Session
from cauce.entrypoints.web.visits import make_link
from cauce.reports import merchants
from cauce.storage.directory.people import Role


async def make(request: Request, session: Session, _fields: dict[str, str]) -> Response:
    """A fresh link, shown on this answer alone."""
    who = str(request.path_params["who"])
    async with session.context.transaction() as tx:
        if who.startswith("mer_"):
            name = (await merchants.one(tx, who))["name"]
        else:
            one = await customers.read(tx, who)
            name = one.name or one.external_id
    link = await make_link(session.context, who)
    return await framed(request, session, "console/portal_link.html", name=name, link=link, back=link_to(who))


_MAY = (Role.ADMIN, Role.FINANCE, Role.SUPPORT)

routes = [action("/console/portal-links/{who}", make, name="portal.make_link", roles=_MAY)]
