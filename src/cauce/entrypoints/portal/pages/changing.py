"""A customer changes his plan or quantities: what it costs is shown first, line by line, and that very sum is booked."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from starlette.requests import Request
from starlette.responses import Response

from cauce.billing.catalog.rules import ChangeCredit
from cauce.entrypoints.portal.embedding import tell
from cauce.entrypoints.portal.offers import Offer, Unit, offers_of
from cauce.entrypoints.portal.view import back_to, render, visit_action, visit_page
from cauce.entrypoints.web.visits import Visit, require_own
from cauce.flows.billing import changes
from cauce.flows.billing.choices import choices_of
from cauce.kernel.errors import Forbidden, InvalidRequest, NotFound
from cauce.reports import subscriptions as report
from cauce.storage.database import Row

_QUANTITY = "quantity_"


async def show(request: Request, visit: Visit) -> Response:
    """The plans to choose from; with `preview`, what the chosen one comes to now."""
    one, offers = await _choices(request, visit)
    async with visit.context.transaction() as tx:
        items = await report.items(tx, one["id"])
        now = await visit.context.now(tx)
    asked = dict(request.query_params)
    chosen = _chosen(offers, asked.get("plan") or one["plan_key"])
    held = {row["key"]: f"{row['quantity'].normalize():f}" for row in items}
    quantities = {
        unit.name: asked.get(f"{_QUANTITY}{unit.name}") or held.get(unit.name, "1") for unit in _units(chosen)
    }
    preview, refund_minor = None, 0
    if asked.get("preview") and chosen is not None:
        command = _command(one, chosen, quantities, at=now)
        preview = await changes.preview_change(visit.context, command)
        if preview.total_minor < 0 and await _may_refund(visit, one):
            refund_minor = (await changes.preview_change(visit.context, _given(command, "refund"))).refunded_minor
    return render(
        request,
        "portal/change.html",
        visit.org,
        visit=visit,
        one=one,
        offers=offers,
        chosen=chosen,
        quantities=quantities,
        preview=preview,
        refund_minor=refund_minor,
        at=now.isoformat(),
    )


async def take(request: Request, visit: Visit, fields: dict[str, str]) -> Response:
    """Make the change that was shown; refused when it would no longer cost the same."""
    one, offers = await _choices(request, visit)
    chosen = _chosen(offers, fields.get("plan", ""))
    if chosen is None:
        raise NotFound("this plan is not on sale", param="plan")
    quantities = {unit.name: fields.get(f"{_QUANTITY}{unit.name}", "1") for unit in _units(chosen)}
    try:
        at, total = datetime.fromisoformat(fields.get("at", "")), int(fields.get("total", ""))
    except ValueError:
        raise InvalidRequest("look at what the change costs first", param="total") from None
    command = _command(one, chosen, quantities, at=at, expected=total)
    wanted = fields.get("credit", "")
    if wanted:
        async with visit.context.transaction() as tx:
            (await choices_of(tx, [one]))[one["id"]].require_refund()
        command = _given(command, wanted)
    await changes.change(visit.context, command)
    tell(request, "change_plan", subscription=one["id"], plan=chosen.key)
    return back_to(visit, "/account")


class PlanChangeOff(Forbidden):
    """The plan is not changed on this page."""

    code = "plan_change_off"


async def _choices(request: Request, visit: Visit) -> tuple[Row, list[Offer]]:
    if request.state.embed is not None and request.state.embed.disable_plan_change:
        raise PlanChangeOff()
    async with visit.context.transaction() as tx:
        one = await report.one(tx, request.path_params["object_id"])
    require_own(visit, one["customer_id"], "subscription")
    offers = await offers_of(visit.context.runtime, visit.org)
    return one, [offer for offer in offers if offer.currency == one["currency"]]


async def _may_refund(visit: Visit, one: Row) -> bool:
    async with visit.context.transaction() as tx:
        return (await choices_of(tx, [one]))[one["id"]].refund


def _given(command: changes.Change, wanted: str) -> changes.Change:
    """The change whose reduction is kept as credit or refunded, as its customer wants."""
    try:
        return replace(command, credit=ChangeCredit(wanted))
    except ValueError:
        raise InvalidRequest("it is kept as credit or refunded", param="credit") from None


def _chosen(offers: list[Offer], key: str) -> Offer | None:
    return next((offer for offer in offers if offer.key == key), None)


def _units(chosen: Offer | None) -> list[Unit]:
    return [unit for unit in chosen.units if unit.amount_minor is not None] if chosen is not None else []


def _command(
    one: Row, chosen: Offer, quantities: dict[str, str], *, at: datetime, expected: int | None = None
) -> changes.Change:
    plan = None if chosen.key == one["plan_key"] else chosen.key
    return changes.Change(one["id"], plan, quantities, at=at, expect_total_minor=expected, by_portal=True)


routes = [
    visit_page("/subscriptions/{object_id}/change", show),
    visit_action("/subscriptions/{object_id}/change", take, name="subscription.change"),
]
