"""The hosted pricing page, and the form with which somebody asks for a trial or subscribes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from cauce.billing.customers.rules import CustomerData
from cauce.entrypoints.portal.view import open_page, render
from cauce.entrypoints.web.rendering import locale_of
from cauce.entrypoints.web.visits import actor_of, begin_visit, set_visit_cookie
from cauce.flows.billing import signup
from cauce.flows.context import Runtime
from cauce.kernel.errors import InvalidRequest, NotFound
from cauce.kernel.ids import new_id
from cauce.reports import subscriptions as report
from cauce.storage import audit
from cauce.storage.database import Row
from cauce.storage.directory.orgs import Org


@dataclass(frozen=True, slots=True)
class Unit:
    """A price beside the base fee: so much per unit of `name`; None where it follows steps or usage."""

    name: str
    amount_minor: Decimal | None


@dataclass(frozen=True, slots=True)
class Offer:
    """A plan as it is shown, in one currency: the base fee, what comes on top, what it gives."""

    key: str
    name: str
    product: str
    currency: str
    base_minor: int
    interval_unit: str
    interval_count: int
    units: tuple[Unit, ...]
    trial_days: int
    features: tuple[tuple[str, object], ...]


async def show(request: Request, org: Org) -> Response:
    """Every plan on sale, in the chosen currency."""
    offers = await offers_of(request.app.state.runtime, org)
    currencies = sorted({one.currency for one in offers})
    chosen = request.query_params.get("currency", "")
    if chosen not in currencies:
        chosen = offers[0].currency if offers else ""
    return render(
        request,
        "portal/pricing.html",
        org,
        offers=[one for one in offers if one.currency == chosen],
        currencies=currencies,
        chosen=chosen,
    )


async def ask(request: Request, org: Org) -> Response:
    """The form for one plan."""
    return render(request, "portal/try.html", org, offer=await _offer(request, org), problem="", typed={})


async def take(request: Request, org: Org) -> Response:
    """Sign up, and let the new customer in: he just made himself, so nobody else's data can be seen."""
    form = {name: str(value).strip() for name, value in (await request.form()).items()}
    offer = await _offer(request, org)
    runtime: Runtime = request.app.state.runtime
    email, name = form.get("email", ""), form.get("name", "")
    if not email or not name or form.get("website"):
        raise InvalidRequest("a name and an e-mail address are needed", param="email")
    external_id = new_id("web")
    context = runtime.context(org.id, actor=actor_of(request, external_id), cause="portal")
    customer = CustomerData(external_id, email=email, name=name, locale=locale_of(request))
    quantities = {unit.name: form.get(f"quantity_{unit.name}") or "1" for unit in offer.units if unit.amount_minor}
    done = await signup.sign_up(context, signup.Signup(customer, offer.key, offer.currency, quantities=quantities))
    async with context.transaction() as tx:
        after = {"customer": done.customer_id, "plan": offer.key}
        await audit.record(tx, context.actor, "portal.sign_up", done.subscription_id, after=after)
    token = await begin_visit(request, org, done.customer_id)
    response = RedirectResponse(f"/portal/{org.public_id}/account", 303)
    set_visit_cookie(response, org, token, secure=runtime.public_url.startswith("https:"))
    return response


async def _offer(request: Request, org: Org) -> Offer:
    wanted = request.path_params["plan"], request.path_params["currency"]
    for one in await offers_of(request.app.state.runtime, org):
        if (one.key, one.currency) == wanted:
            return one
    raise NotFound("this plan is not on sale", param="plan")


async def offers_of(runtime: Runtime, org: Org) -> list[Offer]:
    """Every plan on sale, once per currency, the cheapest first."""
    async with runtime.db.transaction(org.id) as tx:
        sold = await report.plans_on_sale(tx)
    offers = [
        _read(plan, [price for price in prices if price["currency"] == currency], currency)
        for plan, prices in sold
        for currency in dict.fromkeys(price["currency"] for price in prices)
    ]
    return sorted((one for one in offers if one is not None), key=lambda one: (one.base_minor, one.key))


def _read(plan: Row, prices: Sequence[Row], currency: str) -> Offer | None:
    base = [price for price in prices if price["role"] == "base"]
    if not base:
        return None
    flat = [price for price in base if price["model"]["type"] == "flat" and price["kind"] == "recurring"]
    others = [price for price in base if price not in flat]
    first = (flat or base)[0]
    return Offer(
        plan["key"],
        plan["name"],
        plan["product"],
        currency,
        sum(int(price["model"]["amount_minor"]) for price in flat),
        first["interval_unit"],
        first["interval_count"],
        tuple(Unit(price["key"], _unit_amount(price)) for price in others),
        plan["trial_days"],
        tuple(sorted(plan["features"].items())),
    )


def _unit_amount(price: Row) -> Decimal | None:
    model = price["model"]
    is_plain = model["type"] == "per_unit" and price["kind"] == "recurring"
    return Decimal(str(model["unit_amount"])) if is_plain else None


routes = [
    open_page("", show),
    open_page("/try/{plan}/{currency}", ask),
    open_page("/try/{plan}/{currency}", take, methods=("POST",)),
]
