"""One offer, for whoever has its link: to read, to accept or to decline without signing in, and nothing else of the customer's.

The link is signed, for this offer alone. What is accepted is billed as it is shown; where something is due now, the page
that takes the payment follows. Nothing here needs JavaScript.
"""

from __future__ import annotations

from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from cauce.billing.catalog import service as catalog
from cauce.billing.subscriptions import service as subscriptions
from cauce.entrypoints.portal.view import open_page, render, visit_page
from cauce.entrypoints.web.visits import Visit, actor_of, require_own
from cauce.flows.billing import quotes
from cauce.flows.context import Context, Runtime
from cauce.flows.portal import pay_link, quote_link, quoted
from cauce.kernel.errors import CauceError, InvalidRequest
from cauce.reports import customers as customer_report
from cauce.reports import quotes as report
from cauce.storage import audit
from cauce.storage.database import Row, Tx
from cauce.storage.directory.orgs import Org

REASON_CHARACTERS_MAX = 500


def _context(request: Request, org: Org) -> Context:
    runtime: Runtime = request.app.state.runtime
    return runtime.context(org.id, actor=actor_of(request, "quote-link"), cause="portal")


async def show(request: Request, org: Org) -> Response:
    """The offer with the lines of its first bill, and the ways to answer; once answered, what came of it."""
    token, context = request.query_params.get("token", ""), _context(request, org)
    async with context.transaction() as tx:
        one = await report.one(tx, await quoted(tx, context.runtime, token))
        draft, now = await subscriptions.read(tx, one["id"]), await context.now(tx)
        has_lapsed = one["state"] == "open" and draft.due_at is not None and draft.due_at <= now
        is_open = one["state"] == "open" and not has_lapsed
        offered = await quotes.read_offer(tx, draft, now) if is_open else None
        needs_card = is_open and await _needs_card(tx, one, draft.plan_id)
        owed = one["invoice_id"] if one["subscription_status"] == "incomplete" else None
        goes_on = await pay_link(tx, context.runtime, owed) if owed else ""
    return render(
        request,
        "portal/quote.html",
        org,
        one=one,
        state="expired" if has_lapsed else one["state"],
        offered=offered,
        timezone=draft.timezone,
        needs_card=needs_card,
        goes_on=goes_on,
        token=token,
    )


async def _needs_card(tx: Tx, one: Row, plan_id: str) -> bool:
    plan = (await catalog.read_plans(tx, [plan_id]))[plan_id]
    if not plan.policy.force_card:
        return False
    return not any(row["usable"] for row in await customer_report.methods(tx, one["customer_id"]))


async def answer(request: Request, org: Org) -> Response:
    """Accept, and go on to the payment where something is due; or decline, with a reason."""
    form = {name: str(value) for name, value in (await request.form()).items()}
    token, context, wish = form.get("token", ""), _context(request, org), form.get("answer", "")
    if wish not in ("accept", "decline"):
        raise InvalidRequest("an offer is accepted or declined", param="answer")
    async with context.transaction() as tx:
        quote_id = (await report.one(tx, await quoted(tx, context.runtime, token)))["id"]
    reason = form.get("reason", "").strip()[:REASON_CHARACTERS_MAX]
    back = f"/portal/{org.public_id}/quote?{urlencode({'token': token})}"
    try:
        if wish == "decline":
            await quotes.reject_quote(context, quote_id, reason=reason)
            invoice_id = None
        else:
            moved = await quotes.approve_quote(context, quote_id)
            invoice_id = moved.invoice_id if moved.status == "incomplete" else None
    except CauceError as refused:
        await _note(context, quote_id, wish, refused.code)
        raise
    await _note(context, quote_id, wish, "")
    if invoice_id is not None:
        async with context.transaction() as tx:
            back = await pay_link(tx, context.runtime, invoice_id)
    return RedirectResponse(back, 303)


async def _note(context: Context, quote_id: str, wish: str, refusal: str) -> None:
    async with context.transaction() as tx:
        told = {"answer": wish, **({"refusal": refusal} if refusal else {})}
        await audit.record(tx, context.actor, "quote.answer", quote_id, after=told, refused=bool(refusal))


async def own(request: Request, visit: Visit) -> Response:
    """From the customer's account to the offer's page."""
    async with visit.context.transaction() as tx:
        one = await report.one(tx, str(request.path_params["object_id"]))
        require_own(visit, one["customer_id"], "quote")
        link = await quote_link(tx, visit.context.runtime, one["id"])
    return RedirectResponse(link, 303)


routes = [
    open_page("/quote", show),
    open_page("/quote", answer, methods=("POST",)),
    visit_page("/quotes/{object_id}", own),
]
