"""The portal's door: a link that works once, and leaving."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from cauce.entrypoints.portal.chatting import visitor_of
from cauce.entrypoints.portal.view import back_to, open_page, render, visit_action
from cauce.entrypoints.web.rendering import locale_of
from cauce.entrypoints.web.texts import translator
from cauce.entrypoints.web.visits import COOKIE, Visit, actor_of, end_visit, set_visit_cookie, use_link
from cauce.flows.chat import talking
from cauce.flows.context import Runtime
from cauce.flows.portal_mail import ask_login
from cauce.storage.directory.orgs import Org
from cauce.storage.directory.people import LinkSpent


async def show(request: Request, org: Org) -> Response:
    """The door; a link's token only fills a form, so that a mail scanner spends nothing."""
    return render(
        request, "portal/sign_in.html", org, token=request.query_params.get("token", ""), problem="", asked=False
    )


async def enter(request: Request, org: Org) -> Response:
    """Spend a link."""
    token = str((await request.form()).get("token", "")).strip().rsplit("token=", 1)[-1]
    runtime: Runtime = request.app.state.runtime
    try:
        who, visit_token = await use_link(request, token)
    except LinkSpent:
        problem = translator(locale_of(request))("sign_in.spent")
        return render(request, "portal/sign_in.html", org, token="", problem=problem, asked=False, status=401)
    if visitor_of(request) and who.startswith("cus_"):
        context = runtime.context(org.id, actor=actor_of(request, who), cause="portal")
        await talking.adopt(context, visitor_of(request), who)
    own = "merchant" if who.startswith("mer_") else "account"
    response = RedirectResponse(f"/portal/{org.public_id}/{own}", 303)
    set_visit_cookie(response, org, visit_token, secure=runtime.public_url.startswith("https:"))
    return response


async def mail(request: Request, org: Org) -> Response:
    """Send a link to an address; the answer is the same whether anybody has it."""
    email = str((await request.form()).get("email", "")).strip()[:320]
    runtime: Runtime = request.app.state.runtime
    if "@" in email:
        await ask_login(runtime.context(org.id, actor=actor_of(request, "visitor"), cause="portal"), email)
    return render(request, "portal/sign_in.html", org, token="", problem="", asked=True)


async def leave(request: Request, visit: Visit, _fields: dict[str, str]) -> Response:
    """Sign out."""
    await end_visit(request, visit)
    response = back_to(visit, "/sign-in?left=yes")
    response.delete_cookie(COOKIE, path="/portal")
    return response


routes = [
    open_page("/sign-in", show),
    open_page("/sign-in", enter, methods=("POST",)),
    open_page("/sign-in/mail", mail, methods=("POST",)),
    visit_action("/sign-out", leave, name="portal.sign_out"),
]
