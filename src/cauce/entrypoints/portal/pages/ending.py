"""A customer ends at once where his plan offers it: what is given back is shown first, and he says where it goes."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from cauce.billing.catalog.rules import CancelCredit
from cauce.entrypoints.portal.embedding import tell
from cauce.entrypoints.portal.view import back_to, render, visit_action, visit_page
from cauce.entrypoints.web.visits import Visit, require_own
from cauce.flows.billing import cancel as ending
from cauce.flows.billing.choices import choices_of
from cauce.kernel.errors import InvalidRequest
from cauce.reports import subscriptions as report
from cauce.storage.database import Row

_GIVEN = ("credit", "refund")


async def show(request: Request, visit: Visit) -> Response:
    """What an end now gives back, kept or refunded, and what is still billed."""
    one = await _own(request, visit)
    kept = await ending.preview_cancel(visit.context, ending.Cancel(one["id"], now=True, credit=CancelCredit.CREDIT))
    back = await ending.preview_cancel(visit.context, ending.Cancel(one["id"], now=True, credit=CancelCredit.REFUND))
    return render(request, "portal/end.html", visit.org, visit=visit, one=one, kept=kept, back=back)


async def end(request: Request, visit: Visit, fields: dict[str, str]) -> Response:
    """End now; what is given back goes where the customer says."""
    one = await _own(request, visit)
    wanted = fields.get("credit", "credit")
    if wanted not in _GIVEN:
        raise InvalidRequest("it is kept as credit or refunded", param="credit")
    await ending.cancel(visit.context, ending.Cancel(one["id"], now=True, credit=CancelCredit(wanted)))
    tell(request, "cancellation", subscription=one["id"], reason="")
    return back_to(visit, "/account")


async def _own(request: Request, visit: Visit) -> Row:
    """The customer's subscription; `ChoiceNotOffered` where it ends at the end of its period alone."""
    async with visit.context.transaction() as tx:
        one = await report.one(tx, request.path_params["object_id"])
        require_own(visit, one["customer_id"], "subscription")
        (await choices_of(tx, [one]))[one["id"]].require_end_now()
    return one


routes = [
    visit_page("/subscriptions/{object_id}/end", show),
    visit_action("/subscriptions/{object_id}/end", end, name="subscription.cancel"),
]
