"""The embed: the script that a host page loads, and the door through which its visitors come in.

`/embed.js` makes an iframe (or leads the whole window) and posts a form to `/portal/{org}/embed`. The browser says
which site sent it; only listed ones are let in. Who is signed in there is told by a signed token, never by an address.
"""

from __future__ import annotations

from importlib import resources

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from cauce.entrypoints.portal.embedding import Embed, keep, set_embed_cookie
from cauce.entrypoints.portal.offers import offers_of
from cauce.entrypoints.portal.view import open_page, render
from cauce.entrypoints.web.visits import COOKIE as VISIT_COOKIE
from cauce.entrypoints.web.visits import actor_of, begin_visit, set_visit_cookie
from cauce.flows.context import Runtime
from cauce.flows.portal import Identity, identify
from cauce.flows.portal_settings import PortalSettings, settings_of
from cauce.kernel.errors import Forbidden, InvalidRequest, NotFound, Unauthenticated
from cauce.reports import subscriptions as report
from cauce.storage.directory.orgs import Org

PAGES = ("pricing", "checkout", "account", "change", "chat")
_SCRIPT = resources.files("cauce.entrypoints.web").joinpath("static", "embed.js").read_bytes()


class OriginNotAllowed(Forbidden):
    """This site may not show the pages; allow its origin in the console's settings."""

    code = "origin_not_allowed"


class UnsignedOverrides(InvalidRequest):
    """Overrides come inside the identity token, which your server signs."""

    code = "unsigned_overrides"


class IdentityNeeded(Unauthenticated):
    """This page needs an identity token."""

    code = "identity_needed"


async def script(_request: Request) -> Response:
    """The one script of a host page."""
    shared = {"Cross-Origin-Resource-Policy": "cross-origin", "Cache-Control": "public, max-age=300"}
    return Response(_SCRIPT, media_type="text/javascript; charset=utf-8", headers=shared)


async def enter(request: Request, org: Org) -> Response:
    """Let a host page's visitor in: check the site, read the token, keep what is asked for, lead to the page."""
    allowed = settings_of(org)
    origin = request.headers.get("origin", "")
    if origin not in allowed.origins:
        raise OriginNotAllowed()
    form = {name: str(value).strip()[:9_000] for name, value in (await request.form()).items()}
    if form.get("overrides"):
        raise UnsignedOverrides(param="overrides")
    runtime: Runtime = request.app.state.runtime
    known: Identity | None = None
    if form.get("token"):
        context = runtime.context(org.id, actor=actor_of(request, "embed"), cause="portal")
        known = await identify(context, form["token"])
    path = await _target(request, org, form, known)
    secure = runtime.public_url.startswith("https:")
    response = RedirectResponse(f"/portal/{org.public_id}{path}", 303)
    embed = _embed(origin, form, known, allowed)
    set_embed_cookie(response, org, await keep(runtime, org, embed), secure=secure)
    if known is not None:
        token = await begin_visit(request, org, known.customer_id)
        set_visit_cookie(response, org, token, secure=secure, framed=True)
    else:  # whoever was signed in here before is not who the host page shows now
        response.delete_cookie(VISIT_COOKIE, path="/portal")
    return response


def _embed(origin: str, form: dict[str, str], known: Identity | None, allowed: PortalSettings) -> Embed:
    claims = known.claims if known is not None else {}
    redirect = form.get("redirect", "")
    return Embed(
        origin,
        plan=str(claims.get("plan") or form.get("plan", "")),
        email=str(claims.get("email") or form.get("email", ""))[:320],
        redirect=allowed.check_redirect(redirect) if redirect else "",
        force_card=bool(claims.get("force_card")) or _is_on(form, "force_card"),
        hide_summary=_is_on(form, "hide_summary"),
        hide_headers=_is_on(form, "hide_headers"),
        disable_plan_change=bool(claims.get("disable_plan_change")) or _is_on(form, "disable_plan_change"),
        claims={"overrides": claims["overrides"], "plan": claims.get("plan", "")} if "overrides" in claims else {},
    )


def _is_on(form: dict[str, str], name: str) -> bool:
    return form.get(name, "").lower() in ("1", "true", "yes", "on")


async def _target(request: Request, org: Org, form: dict[str, str], known: Identity | None) -> str:
    """The path of the page that the host asks for."""
    page = form.get("page") or ("change" if form.get("subscription") else "pricing")
    if page not in PAGES:
        raise InvalidRequest(f"page is one of {', '.join(PAGES)}", param="page")
    if page in ("account", "change") and known is None:
        raise IdentityNeeded(param="token")
    if page == "change":
        await _require_own(request, org, form.get("subscription", ""), known)
        return f"/subscriptions/{form['subscription']}/change"
    return await _checkout(request, org, form) if page == "checkout" else {"pricing": ""}.get(page, f"/{page}")


async def _checkout(request: Request, org: Org, form: dict[str, str]) -> str:
    wanted, price, currency = form.get("plan", ""), form.get("price", ""), form.get("currency", "")
    for one in await offers_of(request.app.state.runtime, org):
        by_price = bool(price) and price in one.price_ids
        if by_price or (not price and one.key == wanted and currency in ("", one.currency)):
            return f"/try/{one.key}/{one.currency}"
    raise NotFound("this plan is not on sale", param="plan")


async def _require_own(request: Request, org: Org, subscription_id: str, known: Identity | None) -> None:
    async with request.app.state.runtime.db.transaction(org.id) as tx:
        row = await report.one(tx, subscription_id)
    if known is None or row["customer_id"] != known.customer_id:
        raise NotFound(f"there is no subscription {subscription_id}", param="subscription")


async def returned(request: Request, org: Org) -> Response:
    """Where the provider's page leads when it was opened beside a host page: close this window and go on there."""
    return render(request, "portal/returned.html", org)


routes: list[BaseRoute] = [
    Route("/embed.js", script),
    open_page("/embed", enter, methods=("POST",)),
    open_page("/returned", returned),
]
