"""Checkout sessions at the simulated Stripe: a hosted page that saves a card or pays an invoice."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from cauce.providers.stripe.simulator import confirming, intents, methods, setups
from cauce.providers.stripe.simulator.customers import alive
from cauce.providers.stripe.simulator.desk import Desk, Obj, merge_metadata
from cauce.providers.stripe.simulator.errors import StripeError, wrong_state
from cauce.providers.stripe.simulator.params import LISTED, params, whole
from cauce.providers.stripe.simulator.views import listed

CREATE = params(
    "mode! currency customer customer_email success_url cancel_url return_url ui_mode line_items:any "
    "setup_intent_data:map payment_intent_data:map client_reference_id metadata:map expires_at:int locale "
    "allowed_payment_method_types:list payment_method_data:map customer_update:map customer_creation"
)
LIST = params(f"{LISTED} customer payment_intent status")
NONE = params("")
LIVES_SECONDS = 24 * 3600


def create(desk: Desk) -> Obj:
    """POST /v1/checkout/sessions in mode setup or payment."""
    given = desk.params
    if given["mode"] not in ("setup", "payment"):
        raise StripeError(400, "Only setup and payment are simulated.", code="parameter_invalid_string", param="mode")
    if given.get("customer"):
        alive(desk, given["customer"])
    if given.get("ui_mode", "hosted_page") == "hosted_page" and not given.get("success_url"):
        raise StripeError(400, "Missing required param: success_url.", code="parameter_missing", param="success_url")
    expires_at = given.get("expires_at") or desk.now + LIVES_SECONDS
    session = desk.make("checkout.session", _fields(given, expires_at))
    merge_metadata(session, given.get("metadata"))
    _begin(desk, session, given)
    if session["ui_mode"] == "hosted_page":
        session["url"] = desk.page(f"checkout/{session['id']}")
    else:
        session["client_secret"] = f"{session['id']}_secret_{desk.tenant.token(24)}"
    target = f"{session['_account']}|{session['id']}"
    desk.tenant.timers.set(datetime.fromtimestamp(expires_at, UTC), "session_expires", target)
    return session


def _fields(given: dict[str, Any], expires_at: int) -> Obj:
    names = ("cancel_url", "client_reference_id", "customer", "customer_email", "return_url", "success_url")
    return {
        **{name: given.get(name) for name in names},
        "amount_subtotal": None,
        "amount_total": None,
        "client_secret": None,
        "currency": given.get("currency"),
        "customer_details": None,
        "expires_at": expires_at,
        "locale": given.get("locale"),
        "mode": given["mode"],
        "payment_intent": None,
        "payment_method_types": ["card"],
        "payment_status": "no_payment_required" if given["mode"] == "setup" else "unpaid",
        "setup_intent": None,
        "status": "open",
        "total_details": None,
        "ui_mode": given.get("ui_mode", "hosted_page"),
        "url": None,
        "_items": [],
    }


def _begin(desk: Desk, session: Obj, given: dict[str, Any]) -> None:
    if session["mode"] == "setup":
        if not given.get("currency") and not given.get("allowed_payment_method_types"):
            raise StripeError(400, "Missing required param: currency.", code="parameter_missing", param="currency")
        intent = setups.new(desk, customer=session["customer"], usage="off_session", method=None)
        data = given.get("setup_intent_data") or {}
        session["setup_intent"] = intent["id"]
    else:
        data = dict(given.get("payment_intent_data") or {})
        total, currency = _total(given.get("line_items"))
        session |= {
            "amount_subtotal": total,
            "amount_total": total,
            "currency": currency,
            "_items": given["line_items"],
        }
        fields = {"amount": total, "currency": currency, **data}
        if data.get("application_fee_amount"):
            fields["application_fee_amount"] = whole(data["application_fee_amount"], "application_fee_amount")
        intent = intents.new(desk, fields, customer=session["customer"], method=None)
        session["payment_intent"] = intent["id"]
    intent["_session"] = session["id"]
    merge_metadata(intent, data.get("metadata"))


def _total(items: Any) -> tuple[int, str]:
    if not isinstance(items, list) or not items:
        raise StripeError(400, "Missing required param: line_items.", code="parameter_missing", param="line_items")
    total, currency = 0, ""
    for item in items:
        price = item.get("price_data") or {}
        currency = str(price.get("currency", currency)).lower()
        total += whole(price.get("unit_amount"), "unit_amount") * whole(item.get("quantity", 1), "quantity")
    return total, currency


def complete(desk: Desk, session: Obj, method: Obj) -> Obj:
    """The payer chose a card on the page. Authentication may still be asked: then the session stays open."""
    _must_be_open(session)
    kind = "setup_intent" if session["mode"] == "setup" else "payment_intent"
    intent = desk.get(kind, session[kind])
    given = {"payment_method": method["id"], "return_url": session["success_url"] or session["return_url"]}
    if session["mode"] == "setup":
        setups.confirm_with(desk, intent, given)
    else:
        confirming.confirm(desk, intent, given)
    return finish(desk, session, intent)


def finish(desk: Desk, session: Obj, intent: Obj) -> Obj:
    """Complete the session when its intent succeeded."""
    if intent["status"] in ("succeeded", "requires_capture") and session["status"] == "open":
        session |= {"status": "complete", "url": None}
        if session["mode"] == "payment":
            session["payment_status"] = "paid"
        desk.tenant.timers.cancel("session_expires", f"{session['_account']}|{session['id']}")
        desk.emit("checkout.session.completed", session)
    return session


def expire(desk: Desk) -> Obj:
    """POST /v1/checkout/sessions/{id}/expire."""
    session = desk.get("checkout.session", desk.id)
    _must_be_open(session)
    return expired(desk, session)


def expired(desk: Desk, session: Obj) -> Obj:
    """An open session ends, and its intent with it."""
    if session["status"] == "open":
        session |= {"status": "expired", "url": None}
        if session["payment_intent"]:
            intent = desk.get("payment_intent", session["payment_intent"])
            if intent["status"] in intents.CANCELLABLE:
                intents.cancelled(desk, intent, "automatic")
        desk.emit("checkout.session.expired", session)
    return session


def _must_be_open(session: Obj) -> None:
    if session["status"] != "open":
        raise wrong_state("checkout_session", session["id"], session["status"], "expired")


def retrieve(desk: Desk) -> Obj:
    """GET /v1/checkout/sessions/{id}. Told to (`lazy_intent`), an open page hides the intent that nobody paid yet."""
    session = desk.get("checkout.session", desk.id)
    lazy = session["status"] == "open" and desk.fault("lazy_intent") is not None
    return {**session, "payment_intent": None} if lazy else session


def line_items(desk: Desk) -> Obj:
    """GET /v1/checkout/sessions/{id}/line_items."""
    session = desk.get("checkout.session", desk.id)
    data = [
        {"id": f"li_{index}", "object": "item", "quantity": int(item.get("quantity", 1)),
         "amount_total": int(item["price_data"]["unit_amount"]) * int(item.get("quantity", 1)),
         "currency": session["currency"]}
        for index, item in enumerate(session["_items"])
    ]  # fmt: skip
    return {
        "object": "list",
        "url": f"/v1/checkout/sessions/{session['id']}/line_items",
        "has_more": False,
        "data": data,
    }


def list_all(desk: Desk) -> Obj:
    """GET /v1/checkout/sessions."""
    wanted = {n: desk.params[n] for n in ("customer", "payment_intent", "status") if n in desk.params}
    items = (s for s in desk.all("checkout.session") if all(s[n] == v for n, v in wanted.items()))
    return listed(desk.tenant, items, desk.params, "/v1/checkout/sessions")


def pay_card(desk: Desk, session: Obj, magic_id: str) -> Obj:
    """Complete with a test card by its id."""
    return complete(desk, session, methods.usable(desk, magic_id))
