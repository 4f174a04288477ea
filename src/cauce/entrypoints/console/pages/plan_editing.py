"""A plan made or edited in the console: typed in, seen with what it costs and whom it leaves as they are, then made (A6)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from cauce.billing.catalog import service
from cauce.billing.catalog.rules import Price
from cauce.billing.usage import service as usage
from cauce.entrypoints.console.pages.plans import plan_of
from cauce.entrypoints.console.pages.products import MAY
from cauce.entrypoints.console.plan_form import INTERVALS, MODELS, PRICES_MAX, plan_content, plan_fields, prices_in
from cauce.entrypoints.console.price_words import described, features_told
from cauce.entrypoints.console.view import action, back_to, detailed, framed, page
from cauce.entrypoints.web.rendering import locale_of
from cauce.entrypoints.web.sessions import Session
from cauce.entrypoints.web.tables import Button, Cell, Input, Table, amount, columns, number, state, text, word
from cauce.entrypoints.web.texts import Translate, translator
from cauce.flows.billing.plan_versions import Made, content_of, make_version, preview_version
from cauce.kernel.errors import CauceError, InvalidRequest
from cauce.pricing.percentage import PercentagePrice
from cauce.pricing.rating import rate
from cauce.reports import catalog as report

_QUANTITIES = (1, 10, 100)
_CONTENT_CHARACTERS_MAX = 200_000
_HEAD = ("product", "after")


async def begin(request: Request, _session: Session, _fields: dict[str, str]) -> Response:
    """The form, empty or with the plan that shall change."""
    plan_id = request.path_params.get("plan_id")
    return back_to(f"/console/plans/{plan_id}/edit" if plan_id else "/console/plans/new")


async def show_new(request: Request, session: Session) -> Response:
    """A form for a new plan."""
    return await _form(request, session, {"after": "0"}, blank=1)


async def show_edit(request: Request, session: Session) -> Response:
    """A form with a plan as it is sold; it makes the next version."""
    async with session.context.transaction() as tx:
        plan = await plan_of(tx, str(request.path_params["plan_id"]))
        newest = await service.latest_plan(tx, plan.key)
        fields = plan_fields(await content_of(tx, newest))
    return await _form(request, session, {**fields, "product": plan.product_id, "after": str(newest.version)}, blank=0)


async def preview(request: Request, session: Session, fields: dict[str, str]) -> Response:
    """What the form would make; with `do` "more", the form with one more price; with a mistake, the form and what is wrong."""
    if fields.get("do") == "more":
        return await _form(request, session, fields, blank=1)
    try:
        content = plan_content(fields)
        made = await preview_version(session.context, fields.get("product", ""), content, after=_version(fields))
    except CauceError as refused:
        return await _form(request, session, fields, blank=0, refused=refused)
    locale = locale_of(request)
    async with session.context.transaction() as tx:
        keep = sum((await report.holders(tx, made.plan.key)).values())
    hidden = {**{name: fields.get(name, "") for name in _HEAD}, "content": json.dumps(content)}
    return await detailed(
        request,
        session,
        name=made.plan.name,
        title="nav.plans",
        above="/console/plans",
        object_id=made.plan.key,
        facts=[
            ("plans.version", number(made.plan.version)),
            ("plans.trial_days", number(made.plan.trial_days)),
            *features_told(made.plan.features),
            ("plans.keep", number(keep)),
        ],
        actions=[Button("/console/plans", "plans.make", tuple(hidden.items()))],
        tables=[_prices(made, _rows(content), locale), *_gone(made)],
    )


async def make(_request: Request, session: Session, fields: dict[str, str]) -> Response:
    """Make the version that was shown."""
    typed = fields.get("content", "")
    try:
        content = json.loads(typed) if len(typed) <= _CONTENT_CHARACTERS_MAX else None
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise InvalidRequest("look at the plan first", param="content")
    made = await make_version(session.context, fields.get("product", ""), content, after=_version(fields))
    return back_to(f"/console/plans/{made.plan.id}")


def _version(fields: Mapping[str, str]) -> int:
    typed = fields.get("after", "")
    if not typed.isascii() or not typed.isdigit() or len(typed) > 9:
        raise InvalidRequest("the form does not say which version it changes", param="after")
    return int(typed)


def _rows(content: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The prices of a form as the price table's rows, for their words."""
    return [
        {
            **price,
            "kind": price.get("kind", "recurring"),
            "interval_unit": price.get("interval", "month"),
            "interval_count": price.get("interval_count", 1),
            "phases": price.get("phases", []),
        }
        for price in content["prices"]
    ]


def _prices(made: Made, rows: Sequence[dict[str, Any]], locale: str) -> Table:
    """Each price with what some quantities cost, and whether it is new."""
    known = {(one.key, one.currency): one for one in made.prices_before}
    return Table(
        columns("plans.price", "plans.costs", "plans.for_1>", "plans.for_10>", "plans.for_100>", "plans.state"),
        [
            (
                text(price.nickname or price.key, note=price.key if price.nickname else ""),
                text(described(row, locale)),
                *(_costs(price, quantity) for quantity in _QUANTITIES),
                _change(price, known.get((price.key, price.currency))),
            )
            for price, row in zip(made.prices, rows, strict=True)
        ],
        title="plans.will_cost",
    )


def _costs(price: Price, quantity: int) -> Cell:
    if isinstance(price.model, PercentagePrice):  # of events, not of a quantity
        return text(None)
    try:
        return amount(rate(price.model, Fraction(quantity)).amount_minor, price.currency)
    except CauceError:  # above the last tier
        return text(None)


def _change(price: Price, before: Price | None) -> Cell:
    if before is None:
        return state("new")
    same = replace(price, id="", plan_id="") == replace(before, id="", plan_id="")
    return state("same" if same else "changed")


def _gone(made: Made) -> list[Table]:
    """Prices that the version before has and this one no longer."""
    kept = {(one.key, one.currency) for one in made.prices}
    gone = [one for one in made.prices_before if (one.key, one.currency) not in kept]
    rows = [(text(one.nickname or one.key), text(one.currency.upper()), word("plans.no_longer")) for one in gone]
    return [Table(columns("plans.price", "plans.currency", "plans.state"), rows, title="plans.gone")] if gone else []


async def _form(
    request: Request, session: Session, fields: Mapping[str, str], *, blank: int, refused: CauceError | None = None
) -> Response:
    t = translator(locale_of(request))
    async with session.context.transaction() as tx:
        products = [row for row in await service.list_products(tx) if row["archived_at"] is None]
        meters = [row["key"] for row in await usage.meters(tx)]
    count = min(max(prices_in(fields) + blank, 1), PRICES_MAX)
    sold = tuple((row["id"], row["name"]) for row in products)
    return await framed(
        request,
        session,
        "console/plan_form.html",
        status=refused.http_status if refused is not None else 200,
        above="/console/plans",
        refused=refused,
        after=fields.get("after", "0"),
        name=fields.get("name", ""),
        head=[
            Input("product", "plans.product", value=fields.get("product", ""), options=sold),
            Input("key", "plans.key", value=fields.get("key", ""), placeholder="pro"),
            Input("name", "plans.name", value=fields.get("name", ""), placeholder="Pro"),
            Input("trial_days", "plans.trial_days", kind="number", value=fields.get("trial_days", "0")),
        ],
        features=_area("features", "plans.features", fields),
        more=_area("more", "plans.more", fields),
        prices=[_price_inputs(n, fields, meters, t) for n in range(count)],
    )


def _area(name: str, key: str, fields: Mapping[str, str]) -> Input:
    return Input(name, key, kind="textarea", value=fields.get(name, ""), required=False)


def _price_inputs(n: int, fields: Mapping[str, str], meters: Sequence[str], t: Translate) -> dict[str, list[Input]]:
    """The fields of one price: what it costs, when, and what few need."""

    def given(name: str, otherwise: str = "") -> str:
        return fields.get(f"price{n}_{name}", otherwise)

    def line(name: str, otherwise: str = "", **more: Any) -> Input:
        return Input(f"price{n}_{name}", f"plans.{name}", value=given(name, otherwise), required=False, **more)

    every = tuple((one, t(f"plans.per.{one}")) for one in INTERVALS)
    models = tuple((one, t(f"plans.model.{one}")) for one in MODELS)
    kinds = tuple((one, t(f"plans.kind.{one}")) for one in ("recurring", "usage", "one_time"))
    billed = tuple((one, t(f"plans.billing.{one}")) for one in ("in_advance", "in_arrears"))
    roles = tuple((one, t(f"plans.role.{one}")) for one in ("base", "addon"))
    return {
        "first": [
            line("key", "base" if n == 0 and "key" not in fields else "", placeholder="base"),
            line("currency", "eur"),
            line("model", "flat", options=models),
            line("amount", placeholder="29.00"),
            line("interval", "month", options=every),
        ],
        "more": [
            Input(f"price{n}_tiers", "plans.tiers", kind="textarea", value=given("tiers"), required=False),
            line("size", placeholder="1000"),
            line("interval_count", "1", kind="number"),
            line("kind", "recurring", options=kinds),
            line("billing", "in_advance", options=billed),
            line("role", "base", options=roles),
            line("meter_key", options=(("", "–"), *((one, one) for one in meters))),
            line("nickname"),
            line("tax_category", "standard"),
            line("tax_inclusive", "no", options=(("no", t("plans.tax_on_top")), ("yes", t("plans.tax_within")))),
            Input(f"price{n}_more", "plans.more", kind="textarea", value=given("more"), required=False),
        ],
    }


routes = [
    action("/console/plans/begin", begin, roles=MAY),
    page("/console/plans/new", show_new),
    action("/console/plans/preview", preview, roles=MAY),
    action("/console/plans", make, name="plan.create", roles=MAY),
    action("/console/plans/{plan_id}/begin", begin, roles=MAY),
    page("/console/plans/{plan_id}/edit", show_edit),
]
