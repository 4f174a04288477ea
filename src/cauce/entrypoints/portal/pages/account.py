"""The customer's own page: plan, trial notice, card, invoices; cancel with a reason, undo, come back. No JavaScript needed."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from cauce.billing.customers import service as customers
from cauce.billing.subscriptions.machine import MACHINE
from cauce.entrypoints.portal.embedding import tell
from cauce.entrypoints.portal.pages.cards import add_card
from cauce.entrypoints.portal.paying import paying
from cauce.entrypoints.portal.view import back_to, render, visit_action, visit_page
from cauce.entrypoints.web.documents.credit_note import answer_note_pdf
from cauce.entrypoints.web.documents.invoice import answer_pdf, parties
from cauce.entrypoints.web.rendering import locale_of
from cauce.entrypoints.web.tables import Table, amount, columns, day, state, text
from cauce.entrypoints.web.visits import Visit, require_own
from cauce.flows.billing import cancel as ending
from cauce.flows.billing import changes, methods, pay_page, resuming
from cauce.flows.billing.choices import Choices, choices_of
from cauce.flows.billing.members import seats_of
from cauce.kernel.errors import InvalidRequest
from cauce.reports import customers as report
from cauce.reports import invoices, subscriptions
from cauce.storage.database import Row

REASON_CHARACTERS_MAX = 500
REASONS = ("too_expensive", "missing_feature", "not_used", "switched", "other")
"""Why people leave; stands before their own words, so that it can be counted and campaigns can go by it."""


async def show(request: Request, visit: Visit) -> Response:
    """Everything that is the customer's."""
    async with visit.context.transaction() as tx:
        one = await customers.read(tx, visit.who)
        held = [await subscriptions.one(tx, row["id"]) for row in await subscriptions.page(tx, customer_id=visit.who)]
        waiting = await subscriptions.waiting_changes(tx, [row["id"] for row in held])
        saved = await report.methods(tx, visit.who)
        billed = await invoices.page(tx, customer_id=visit.who, rows_max=24)
        credit = await report.credit(tx, visit.who)
        asked = await report.asked_charges(tx, visit.who)
        choices = await choices_of(tx, held)
        seats = await seats_of(tx, visit.who, await visit.context.now(tx))
    owed = [row for row in billed if row["status"] == "open" and row["left_minor"] > 0]
    return render(
        request,
        "portal/account.html",
        visit.org,
        visit=visit,
        customer=one,
        held=[(row, _may(row, choices[row["id"]]), waiting.get(row["id"])) for row in held],
        reasons=REASONS,
        methods=saved,
        owed=owed,
        asked=asked,
        credit=credit,
        has_team=seats.total is not None or seats.used > 0,
        invoices=_invoice_table(billed, visit),
    )


def _may(row: Row, choices: Choices) -> frozenset[str]:
    """What the customer may do with a subscription, as its machine allows."""
    allowed = MACHINE.allowed(row["status"])
    found = set()
    if row["cancel_at_period_end"] or row["cancellation"] == "waiting":
        found.add("undo")
    elif "cancel_at_end" in allowed:
        found.add("cancel")
    if choices.end_now:
        found.add("end")
    found |= {"reactivate", "change"} & set(allowed)
    if row["status"] == "paused" and row["pause_reason"] == "requested":
        found.add("resume")
    return frozenset(found)


def _invoice_table(rows: list[Row], visit: Visit) -> Table:
    home = f"/portal/{visit.org.public_id}/invoices"
    return Table(
        columns("invoices.number", "invoices.issued", "invoices.state", "invoices.total>", "invoices.left>"),
        [
            (
                text(row["number"] or row["id"], href=f"{home}/{row['id']}"),
                day(row["issued_on"]),
                state(row["status"]),
                amount(row["total_minor"], row["currency"]),
                amount(row["left_minor"] if row["status"] == "open" else 0, row["currency"]),
            )
            for row in rows
        ],
        none="invoices.none",
        title="nav.invoices",
    )


async def show_invoice(request: Request, visit: Visit) -> Response:
    """One invoice of the customer's, to read and print."""
    async with visit.context.transaction() as tx:
        one = await invoices.one(tx, request.path_params["object_id"])
        require_own(visit, one["customer_id"], "invoice")
        lines = await invoices.lines(tx, one["id"])
        paid = await report.payments(tx, visit.who, invoice_id=one["id"])
        notes = await invoices.credit_notes(tx, one["id"])
        stands = await paying(tx, one)
    return render(
        request,
        "portal/invoice.html",
        visit.org,
        visit=visit,
        one=one,
        between=parties(one, visit.org.name),
        lines=lines,
        payments=paid,
        notes=[note for note in notes if note["voided_at"] is None],
        paying=stands,
    )


async def download_invoice(request: Request, visit: Visit) -> Response:
    """One invoice of the customer's as PDF, in the language of the page."""
    async with visit.context.transaction() as tx:
        one = await invoices.one(tx, request.path_params["object_id"])
        require_own(visit, one["customer_id"], "invoice")
    return await answer_pdf(visit.context, one["id"], locale=locale_of(request))


async def download_note(request: Request, visit: Visit) -> Response:
    """One credit note of the customer's as PDF, in the language of the page."""
    async with visit.context.transaction() as tx:
        note = await invoices.credit_note(tx, request.path_params["object_id"])
        require_own(visit, note["customer_id"], "credit note")
    return await answer_note_pdf(visit.context, note["id"], locale=locale_of(request))


async def pay(request: Request, visit: Visit, fields: dict[str, str]) -> Response:
    """Charge what is left to the saved card, or open the provider's page; from the account without a card, save one first."""
    invoice_id = str(request.path_params["object_id"])
    async with visit.context.transaction() as tx:
        require_own(visit, (await invoices.one(tx, invoice_id))["customer_id"], "invoice")
    path = f"/invoices/{invoice_id}"
    if fields.get("by") == "page":
        url = f"{visit.context.runtime.public_url}/portal/{visit.org.public_id}{path}"
        await pay_page.open_page(visit.context, invoice_id, url)
    elif not await pay_page.pay_now(visit.context, invoice_id):
        return await add_card(request, visit, fields)
    return back_to(visit, path)


async def cancel(request: Request, visit: Visit, fields: dict[str, str]) -> Response:
    """End at the period's end, with the reason given: one of `REASONS`, words, or both."""
    subscription_id = await _own_subscription(request, visit)
    chosen, words = fields.get("why", ""), fields.get("reason", "").strip()[:REASON_CHARACTERS_MAX]
    if chosen and chosen not in REASONS:
        raise InvalidRequest(f"{chosen!r} is no reason", param="why")
    if fields.get("credit"):
        raise ending.NothingToGiveBack(param="credit")
    reason = ": ".join(part for part in (chosen, words) if part)
    await ending.cancel(visit.context, ending.Cancel(subscription_id, reason=reason))
    tell(request, "cancellation", subscription=subscription_id, reason=chosen)
    return back_to(visit, "/account")


async def undo(request: Request, visit: Visit, _fields: dict[str, str]) -> Response:
    """Stay after all."""
    await ending.undo(visit.context, await _own_subscription(request, visit))
    return back_to(visit, "/account")


async def withdraw_change(request: Request, visit: Visit, _fields: dict[str, str]) -> Response:
    """Leave everything as it is after all."""
    await changes.withdraw_change(visit.context, await _own_subscription(request, visit))
    return back_to(visit, "/account")


async def reactivate(request: Request, visit: Visit, fields: dict[str, str]) -> Response:
    """Come back: the same subscription in a new term, billed from now; without a card one is saved next."""
    subscription_id = await _own_subscription(request, visit)
    await ending.reactivate(visit.context, subscription_id)
    tell(request, "resubscribe", subscription=subscription_id)
    async with visit.context.transaction() as tx:
        has_card = any(row["usable"] for row in await report.methods(tx, visit.who))
    return back_to(visit, "/account") if has_card else await add_card(request, visit, fields)


async def resume(request: Request, visit: Visit, _fields: dict[str, str]) -> Response:
    """End a pause that was asked for."""
    await resuming.resume_now(visit.context, await _own_subscription(request, visit))
    return back_to(visit, "/account")


async def _own_subscription(request: Request, visit: Visit) -> str:
    subscription_id = str(request.path_params["object_id"])
    async with visit.context.transaction() as tx:
        row = await subscriptions.one(tx, subscription_id)
    require_own(visit, row["customer_id"], "subscription")
    return subscription_id


async def make_default(request: Request, visit: Visit, _fields: dict[str, str]) -> Response:
    """Charge this card from now on."""
    await methods.make_default(visit.context, visit.who, request.path_params["object_id"])
    return back_to(visit, "/account")


async def remove(request: Request, visit: Visit, _fields: dict[str, str]) -> Response:
    """Forget a card; the last one stays while something is charged to it."""
    await methods.detach(visit.context, visit.who, request.path_params["object_id"])
    return back_to(visit, "/account")


routes = [
    visit_page("/account", show),
    visit_page("/invoices/{object_id}", show_invoice),
    visit_page("/invoices/{object_id}/pdf", download_invoice),
    visit_page("/credit_notes/{object_id}/pdf", download_note),
    visit_action("/subscriptions/{object_id}/cancel", cancel, name="subscription.cancel"),
    visit_action("/subscriptions/{object_id}/undo", undo, name="subscription.undo_cancel"),
    visit_action("/subscriptions/{object_id}/keep", withdraw_change, name="subscription.withdraw_change"),
    visit_action("/subscriptions/{object_id}/reactivate", reactivate, name="subscription.reactivate"),
    visit_action("/subscriptions/{object_id}/resume", resume, name="subscription.resume"),
    visit_action("/invoices/{object_id}/pay", pay, name="invoice.pay"),
    visit_action("/methods/{object_id}/default", make_default, name="payment_method.make_default"),
    visit_action("/methods/{object_id}/remove", remove, name="payment_method.remove"),
]
