"""The hosted pricing page, and the form with which somebody asks for a trial or subscribes."""

from __future__ import annotations

import hmac
from dataclasses import replace

from starlette.requests import Request
from starlette.responses import Response

from cauce.billing.customers import service as customers
from cauce.billing.customers.rules import CustomerData
from cauce.entrypoints.portal.chatting import visitor_of
from cauce.entrypoints.portal.checkout import carried, check, command_of, option_fields, signed_of, wants_card
from cauce.entrypoints.portal.embedding import tell
from cauce.entrypoints.portal.offers import Offer, offers_of
from cauce.entrypoints.portal.pages.cards import save_card
from cauce.entrypoints.portal.pages.instance import landing
from cauce.entrypoints.portal.view import back_to, open_page, render, visit_or_none
from cauce.entrypoints.web.rendering import locale_of
from cauce.entrypoints.web.sessions import FORM_FIELD, ForeignForm
from cauce.entrypoints.web.visits import Visit, actor_of, begin_visit, set_visit_cookie
from cauce.flows.billing import signup
from cauce.flows.chat import talking
from cauce.flows.context import Context, Runtime
from cauce.kernel.errors import InvalidRequest, NotFound
from cauce.kernel.ids import new_id
from cauce.reports import customers as customer_report
from cauce.storage import audit
from cauce.storage.directory.orgs import Org


async def show(request: Request, org: Org) -> Response:
    """Every plan on sale, in the chosen currency; with several categories of products also those of one."""
    offers = await offers_of(request.app.state.runtime, org)
    currencies = sorted({one.currency for one in offers})
    chosen = request.query_params.get("currency", "")
    if chosen not in currencies:
        chosen = offers[0].currency if offers else ""
    categories = sorted({one.category for one in offers if one.category})
    category = request.query_params.get("category", "")
    shown = [one for one in offers if one.currency == chosen and category in ("", one.category)]
    return render(
        request,
        "portal/pricing.html",
        org,
        offers=shown,
        currencies=currencies,
        chosen=chosen,
        categories=categories,
        category=category,
    )


async def ask(request: Request, org: Org) -> Response:
    """The form for one plan; a customer who is signed in is not asked who he is."""
    offer, visit = await _offer(request, org), await visit_or_none(request)
    return render(
        request,
        "portal/try.html",
        org,
        visit=visit,
        offer=offer,
        fields=option_fields(offer.options),
        card_first=wants_card(request, offer),
    )


async def take(request: Request, org: Org) -> Response:
    """Sign up, and let a new customer in: he just made himself, so nobody else's data can be seen."""
    form = {name: str(value).strip() for name, value in (await request.form()).items()}
    offer, visit = await _offer(request, org), await visit_or_none(request)
    if visit is not None:
        if not hmac.compare_digest(form.get(FORM_FIELD, ""), visit.form_token):
            raise ForeignForm()
        return await _subscribe(request, visit, offer, form)
    email, name = form.get("email", ""), form.get("name", "")
    if not email or not name or form.get("website"):
        raise InvalidRequest("a name and an e-mail address are needed", param="email")
    runtime: Runtime = request.app.state.runtime
    external_id = new_id("web")
    context = runtime.context(org.id, actor=actor_of(request, external_id), cause="portal")
    data = CustomerData(external_id, email=email, name=name, locale=locale_of(request))
    return await begin_checkout(request, org, context, data, offer, form)


async def begin_checkout(
    request: Request, org: Org, context: Context, data: CustomerData, offer: Offer, form: dict[str, str]
) -> Response:
    """Sign a new customer up and begin his visit. Where the plan wants a card first, the sign-up waits for it."""
    if wants_card(request, offer):
        check(offer, form)
        async with context.transaction() as tx:
            one, _ = await customers.put(tx, data, now=await context.now(tx), actor=context.actor.name)
        customer_id, done = one.id, None
    else:
        done = await signup.sign_up(context, command_of(data, offer, form, **signed_of(request, offer)))
        customer_id = done.customer_id
        async with context.transaction() as tx:
            after = {"customer": customer_id, "plan": offer.key}
            await audit.record(tx, context.actor, "portal.sign_up", done.subscription_id, after=after)
        tell(request, "create_subscription", subscription=done.subscription_id, plan=offer.key)
    if visitor_of(request):
        await talking.adopt(context, visitor_of(request), customer_id)
    token = await begin_visit(request, org, customer_id)
    visit = Visit(customer_id, org, replace(context, actor=actor_of(request, customer_id)), "")
    waits_for_card = done is None or done.status == "incomplete"
    response = await save_card(request, visit, carried(offer, form) if done is None else {}) if waits_for_card else None
    response = response or back_to(visit, await landing(context, org, done.subscription_id if done else ""))
    secure, framed = context.runtime.public_url.startswith("https:"), request.state.embed is not None
    set_visit_cookie(response, org, token, secure=secure, framed=framed)
    return response


async def _subscribe(request: Request, visit: Visit, offer: Offer, form: dict[str, str]) -> Response:
    """One more subscription of a customer who is known."""
    async with visit.context.transaction() as tx:
        known = await customers.read(tx, visit.who)
        has_card = any(row["usable"] for row in await customer_report.methods(tx, visit.who))
    if wants_card(request, offer) and not has_card:
        check(offer, form)
        return await save_card(request, visit, carried(offer, form))
    done = await signup.sign_up(
        visit.context, command_of(CustomerData(known.external_id), offer, form, **signed_of(request, offer))
    )
    async with visit.context.transaction() as tx:
        after = {"customer": visit.who, "plan": offer.key}
        await audit.record(tx, visit.context.actor, "portal.sign_up", done.subscription_id, after=after)
    tell(request, "create_subscription", subscription=done.subscription_id, plan=offer.key)
    return (
        await save_card(request, visit, {})
        if done.status == "incomplete" and not has_card
        else back_to(visit, "/account")
    )


async def _offer(request: Request, org: Org) -> Offer:
    wanted = request.path_params["plan"], request.path_params["currency"]
    for one in await offers_of(request.app.state.runtime, org):
        if (one.key, one.currency) == wanted:
            return one
    raise NotFound("this plan is not on sale", param="plan")


routes = [
    open_page("", show),
    open_page("/try/{plan}/{currency}", ask),
    open_page("/try/{plan}/{currency}", take, methods=("POST",)),
]
