"""A charge that waits for its customer's word: he reads what it is for and comes to, and approves or rejects it.

By a link of a mail, signed for this one charge and ending, without signing in; or in the account. A rejected charge is
never billed; an approved one stands on the next invoice or gets its own at once. Nothing here needs JavaScript.
"""

from __future__ import annotations

from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from cauce.billing.invoicing.service import Answer, ChargeSettled
from cauce.entrypoints.portal.view import back_to, open_page, render, visit_action, visit_page
from cauce.entrypoints.web.visits import Visit, actor_of, require_own
from cauce.flows.billing import extra
from cauce.flows.context import Context, Runtime
from cauce.flows.portal import asked_about
from cauce.kernel.errors import InvalidRequest
from cauce.reports import subscriptions
from cauce.storage import audit
from cauce.storage.directory.orgs import Org

_ANSWERS: dict[str, Answer] = {"approve": "approve", "reject": "reject"}


async def show(request: Request, org: Org) -> Response:
    """The charge that a link asks about."""
    token, context = request.query_params.get("token", ""), _context(request, org)
    async with context.transaction() as tx:
        charge_id = await asked_about(tx, context.runtime, token)
    return await _shown(request, org, context, charge_id, "/charge", ("token", token))


async def decide(request: Request, org: Org) -> Response:
    """Take the answer of whoever has the link, and show what became of the charge; a second click changes nothing."""
    form = {name: str(value) for name, value in (await request.form()).items()}
    token, context = form.get("token", ""), _context(request, org)
    answer = _answer(form)
    async with context.transaction() as tx:
        charge_id = await asked_about(tx, context.runtime, token)
    await _settle(context, charge_id, answer)
    async with context.transaction() as tx:
        await audit.record(tx, context.actor, f"charge.{answer}", charge_id, after={"by": "link"})
    return RedirectResponse(f"/portal/{org.public_id}/charge?{urlencode({'token': token})}", 303)


async def show_own(request: Request, visit: Visit) -> Response:
    """A charge of the visitor's."""
    charge_id = await _own(request, visit)
    path = f"/charges/{charge_id}/decide"
    return await _shown(request, visit.org, visit.context, charge_id, path, ("form_token", visit.form_token), visit)


async def decide_own(request: Request, visit: Visit, fields: dict[str, str]) -> Response:
    """Take the visitor's answer."""
    charge_id, answer = await _own(request, visit), _answer(fields)
    await _settle(visit.context, charge_id, answer)
    return back_to(visit, f"/charges/{charge_id}")


async def _settle(context: Context, charge_id: str, answer: Answer) -> None:
    """Answer; the page shows by itself what a charge is that was settled before."""
    try:
        await extra.settle_charge(context, charge_id, answer)
    except ChargeSettled:
        return


async def _shown(
    request: Request,
    org: Org,
    context: Context,
    charge_id: str,
    path: str,
    hidden: tuple[str, str],
    visit: Visit | None = None,
) -> Response:
    asked = await extra.show_charge(context, charge_id)
    async with context.transaction() as tx:
        one = await subscriptions.one(tx, asked.row["subscription_id"])
    return render(
        request, "portal/charge.html", org, visit=visit, row=asked.row, priced=asked.priced, one=one, path_to=path, hidden=hidden
    )  # fmt: skip


async def _own(request: Request, visit: Visit) -> str:
    charge_id = str(request.path_params["object_id"])
    async with visit.context.transaction() as tx:
        require_own(visit, (await extra.read_charge(tx, charge_id))["customer_id"], "charge")
    return charge_id


def _answer(fields: dict[str, str]) -> Answer:
    answer = _ANSWERS.get(fields.get("answer", ""))
    if answer is None:
        raise InvalidRequest("an answer is approve or reject", param="answer")
    return answer


def _context(request: Request, org: Org) -> Context:
    runtime: Runtime = request.app.state.runtime
    return runtime.context(org.id, actor=actor_of(request, "charge-link"), cause="portal")


routes = [
    open_page("/charge", show),
    open_page("/charge", decide, methods=("POST",)),
    visit_page("/charges/{object_id}", show_own),
    visit_action("/charges/{object_id}/decide", decide_own, name="charge.decide"),
]
