"""One invoice, for whoever has its link: to read and to pay without signing in, with nothing else of the customer's.

The link is signed, for this invoice alone, and ends. Nothing here needs JavaScript.
"""

from __future__ import annotations

from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from cauce.entrypoints.portal.paying import paying
from cauce.entrypoints.portal.view import open_page, render
from cauce.entrypoints.web.documents.invoice import parties
from cauce.entrypoints.web.visits import actor_of
from cauce.flows.billing import pay_page
from cauce.flows.context import Context, Runtime
from cauce.flows.portal import payable
from cauce.reports import invoices
from cauce.storage import audit
from cauce.storage.directory.orgs import Org


def _context(request: Request, org: Org) -> Context:
    runtime: Runtime = request.app.state.runtime
    return runtime.context(org.id, actor=actor_of(request, "pay-link"), cause="portal")


async def show(request: Request, org: Org) -> Response:
    """The invoice with its lines, and the ways to pay it."""
    token, context = request.query_params.get("token", ""), _context(request, org)
    async with context.transaction() as tx:
        one = await invoices.one(tx, await payable(tx, context.runtime, token))
        lines = await invoices.lines(tx, one["id"])
        stands = await paying(tx, one)
    between = parties(one, org.name)
    return render(request, "portal/pay.html", org, one=one, lines=lines, between=between, paying=stands, token=token)


async def pay(request: Request, org: Org) -> Response:
    """Charge the saved card, or open the provider's page; then look how it goes."""
    form = {name: str(value) for name, value in (await request.form()).items()}
    token, context = form.get("token", ""), _context(request, org)
    async with context.transaction() as tx:
        invoice_id = await payable(tx, context.runtime, token)
        await audit.record(tx, context.actor, "invoice.pay", invoice_id, after={"by": form.get("by", "page")})
    path = f"/portal/{org.public_id}/pay?{urlencode({'token': token})}"
    if form.get("by") != "card" or not await pay_page.pay_now(context, invoice_id):
        await pay_page.open_page(context, invoice_id, f"{context.runtime.public_url}{path}")
    return RedirectResponse(path, 303)


routes = [open_page("/pay", show), open_page("/pay", pay, methods=("POST",))]
