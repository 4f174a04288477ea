"""Visits of customers and merchants: a link that opens the portal once, and the visit that it begins.

A visit is kept sealed in its organization under the hash of its token, with an end; nothing about it can be guessed
or made outside. Who visits is one object (`cus_…` or `mer_…`), and sees nothing but what belongs to it.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from datetime import timedelta

from starlette.requests import Request
from starlette.responses import Response

from cauce.entrypoints.web.sessions import FORM_FIELD, ForeignForm, SignInNeeded, form_token
from cauce.flows.context import Context, Runtime
from cauce.flows.portal import LINK, LINK_MINUTES, WHO, hashed, make_link
from cauce.kernel.clock import wall_now
from cauce.kernel.errors import NotFound
from cauce.storage import audit, sealing
from cauce.storage.audit import Actor
from cauce.storage.directory.orgs import Org, find_org
from cauce.storage.directory.people import LinkSpent

__all__ = ["LINK_MINUTES", "Visit", "make_link"]

COOKIE = "cauce_portal"
VISIT_HOURS = 12

_VISIT = "portal_visit"


@dataclass(frozen=True, slots=True)
class Visit:
    """Who visits which organization, and a context that acts in his name."""

    who: str
    org: Org
    context: Context
    form_token: str

    @property
    def is_merchant(self) -> bool:
        """True for a merchant, False for a customer."""
        return self.who.startswith("mer_")


async def use_link(request: Request, token: str) -> tuple[str, str]:
    """Spend a link: who visits, and the token of the visit that begins; `LinkSpent` otherwise."""
    runtime: Runtime = request.app.state.runtime
    org = await org_of(request)
    async with runtime.db.transaction(org.id) as tx:
        kept = await sealing.get(tx, runtime.sealer, hashed(LINK, token), [WHO]) if token else {}
        # Who removes the row has the link: of two at the same moment one waits, finds nothing and is refused.
        if WHO not in kept or not await sealing.drop(tx, hashed(LINK, token)):
            raise LinkSpent()
    return kept[WHO], await begin_visit(request, org, kept[WHO])


async def begin_visit(request: Request, org: Org, who: str) -> str:
    """Let `who` in; the token of his visit."""
    runtime: Runtime = request.app.state.runtime
    token = secrets.token_urlsafe(32)
    async with runtime.db.transaction(org.id) as tx:
        ends = wall_now() + timedelta(hours=VISIT_HOURS)
        await sealing.put(tx, runtime.sealer, hashed(_VISIT, token), WHO, who, expires_at=ends)
        await audit.record(tx, actor_of(request, who), "portal.sign_in", who)
    return token


async def current_visit(request: Request) -> Visit:
    """Whose visit this request belongs to; `SignInNeeded` without one in this organization."""
    runtime: Runtime = request.app.state.runtime
    org = await org_of(request)
    place, _, token = request.cookies.get(COOKIE, "").partition(".")
    if place != org.public_id or not token:
        raise SignInNeeded()
    async with runtime.db.transaction(org.id) as tx:
        who = (await sealing.get(tx, runtime.sealer, hashed(_VISIT, token), [WHO])).get(WHO)
    if who is None:
        raise SignInNeeded()
    context = runtime.context(org.id, actor=actor_of(request, who), cause="portal")
    return Visit(who, org, context, form_token(token))


async def posted_visit(request: Request) -> tuple[Visit, dict[str, str]]:
    """The visit and the fields of a form that its own page sent."""
    visit = await current_visit(request)
    form = await request.form()
    fields = {name: str(value) for name, value in form.items()}
    if not hmac.compare_digest(fields.pop(FORM_FIELD, ""), visit.form_token):
        raise ForeignForm()
    return visit, fields


async def end_visit(request: Request, visit: Visit) -> None:
    """Sign out."""
    token = request.cookies[COOKIE].partition(".")[2]
    async with visit.context.transaction() as tx:
        await sealing.drop(tx, hashed(_VISIT, token))


async def org_of(request: Request) -> Org:
    """The organization that the address names; `NotFound` otherwise."""
    runtime: Runtime = request.app.state.runtime
    public_id = str(request.path_params["org"])
    async with runtime.db.transaction() as tx:
        return await find_org(tx, public_id)


def set_visit_cookie(response: Response, org: Org, token: str, *, secure: bool, framed: bool = False) -> None:
    """Keep the visit in the browser, for the portal's pages alone; `framed`: in a frame of another site.

    A frame's cookie goes over https alone and is parted by the site that frames, where the browser can do that.
    """
    site = "SameSite=None; Secure; Partitioned" if framed and secure else f"SameSite=Lax{'; Secure' if secure else ''}"
    header = f"{COOKIE}={org.public_id}.{token}; Max-Age={VISIT_HOURS * 3_600}; Path=/portal; HttpOnly; {site}"
    response.raw_headers.append((b"set-cookie", header.encode("latin-1")))


def actor_of(request: Request, who: str) -> Actor:
    """A visitor as the audit names him."""
    kind = "merchant" if who.startswith("mer_") else "customer"
    address = request.client.host if request.client else None
    return Actor(f"{kind}:{who}", address, request.scope.get("state", {}).get("request_id"))


def require_own(visit: Visit, owner_id: str, what: str) -> None:
    """`NotFound` for what is another's: a visitor does not even learn that it exists."""
    if owner_id != visit.who:
        raise NotFound(f"there is no such {what}", param=what)
