"""Setup intents at the simulated Stripe: saving a card, with authentication where the card asks for it."""

from __future__ import annotations

from typing import Any

from cauce.providers.stripe.simulator import methods
from cauce.providers.stripe.simulator.customers import alive
from cauce.providers.stripe.simulator.desk import Desk, Obj, merge_metadata, update_fields
from cauce.providers.stripe.simulator.errors import StripeError, wrong_state
from cauce.providers.stripe.simulator.params import LISTED, flag, params
from cauce.providers.stripe.simulator.views import listed

_CONFIRM = "payment_method return_url mandate_data:any payment_method_options:map use_stripe_sdk:bool"
CREATE = params(
    f"{_CONFIRM} customer usage automatic_payment_methods:map allowed_payment_method_types:list confirm:bool "
    "on_behalf_of description metadata:map payment_method_configuration excluded_payment_method_types:list"
)
UPDATE = params("customer description metadata:map payment_method")
CONFIRM = params(f"{_CONFIRM} client_secret")
CANCEL = params("cancellation_reason")
RETRIEVE = params("client_secret")
LIST = params(f"{LISTED} customer payment_method")

_OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")


def create(desk: Desk) -> Obj:
    """POST /v1/setup_intents, confirmed at once with `confirm`."""
    given = desk.params
    exclusive(given)
    customer = alive(desk, given["customer"])["id"] if given.get("customer") else None
    method = methods.usable(desk, given["payment_method"]) if given.get("payment_method") else None
    intent = new(desk, customer=customer, usage=given.get("usage", "off_session"), method=method)
    merge_metadata(intent, given.get("metadata"))
    intent["description"] = given.get("description")
    desk.emit("setup_intent.created", intent)
    return confirm_with(desk, intent, given) if given.get("confirm") else intent


def new(desk: Desk, *, customer: str | None, usage: str, method: Obj | None) -> Obj:
    """A fresh intent, no event yet."""
    intent = desk.make(
        "setup_intent",
        {
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "always"},
            "cancellation_reason": None,
            "customer": customer,
            "description": None,
            "last_setup_error": None,
            "latest_attempt": None,
            "mandate": None,
            "next_action": None,
            "on_behalf_of": None,
            "payment_method": method["id"] if method else None,
            "payment_method_options": {},
            "payment_method_types": ["card"],
            "status": "requires_confirmation" if method else "requires_payment_method",
            "usage": usage,
            "_session": "",
            "_return_url": "",
        },
    )
    intent["client_secret"] = f"{intent['id']}_secret_{desk.tenant.token(24)}"
    return intent


def exclusive(given: dict[str, Any]) -> None:
    """The ways to choose method types exclude each other."""
    names = ("allowed_payment_method_types", "excluded_payment_method_types", "automatic_payment_methods")
    named = [n for n in names if given.get(n)]
    if "allowed_payment_method_types" in named and len(named) > 1:
        raise StripeError(400, f"You may only specify one of {', '.join(named)}.", code="parameters_exclusive",
                          param=named[0])  # fmt: skip


def confirm(desk: Desk) -> Obj:
    """POST /v1/setup_intents/{id}/confirm."""
    intent = reachable(desk, "setup_intent")
    if intent["_session"] and desk.operation:
        raise StripeError(400, "This SetupIntent belongs to a Checkout Session.", code="setup_intent_unexpected_state")
    return confirm_with(desk, intent, desk.params)


def reachable(desk: Desk, kind: str) -> Obj:
    """The intent in the path; a publishable key needs its client secret."""
    intent = desk.get(kind, desk.id)
    secret = desk.params.get("client_secret")
    if (desk.public or secret) and secret != intent["client_secret"]:
        raise StripeError(
            400, "The client_secret provided does not match.", code="resource_missing", param="client_secret"
        )
    return intent


def confirm_with(desk: Desk, intent: Obj, given: dict[str, Any]) -> Obj:
    """Confirm an intent with the method in `given` or its own."""
    if intent["status"] not in _OPEN:
        raise wrong_state("setup_intent", intent["id"], intent["status"], "confirmed")
    if given.get("payment_method"):
        intent["payment_method"] = methods.usable(desk, given["payment_method"])["id"]
    if not intent["payment_method"]:
        raise StripeError(400, "You cannot confirm this SetupIntent because it's missing a payment method.",
                          code="setup_intent_unexpected_state", param="payment_method")  # fmt: skip
    method = desk.get("payment_method", intent["payment_method"])
    intent["_return_url"] = given.get("return_url") or intent["_return_url"]
    card = methods.behaviour(method)
    if card.decline and card.setup_declined:
        return _fail(desk, intent, method, card.decline)
    if card.three_d_secure not in ("no", "set_up"):
        intent["status"] = "requires_action"
        intent["next_action"] = next_action(desk, intent, given)
        desk.emit("setup_intent.requires_action", intent)
        return intent
    return succeed(desk, intent)


def next_action(desk: Desk, intent: Obj, given: dict[str, Any]) -> Obj:
    """Where the payer authenticates."""
    url = desk.page(f"3ds/{intent['id']}")
    if intent["_return_url"] and not flag(given.get("use_stripe_sdk")):
        return {"type": "redirect_to_url", "redirect_to_url": {"url": url, "return_url": intent["_return_url"]}}
    return {"type": "use_stripe_sdk", "use_stripe_sdk": {"type": "three_d_secure_redirect", "stripe_js": url}}


def succeed(desk: Desk, intent: Obj) -> Obj:
    """The card is saved and attached."""
    method = desk.get("payment_method", intent["payment_method"])
    method["_set_up"] = True
    if intent["customer"]:
        methods.attach_to(desk, method, intent["customer"])
    mandate = desk.make(
        "mandate",
        {
            "status": "active",
            "type": "multi_use",
            "multi_use": {},
            "single_use": None,
            "on_behalf_of": None,
            "payment_method": method["id"],
            "payment_method_details": {"type": "card", "card": {}},
            "customer_acceptance": {"type": "online", "accepted_at": desk.now},
        },
    )
    intent |= {"status": "succeeded", "next_action": None, "last_setup_error": None, "mandate": mandate["id"]}
    desk.emit("setup_intent.succeeded", intent)
    return intent


def authenticated(desk: Desk, intent: Obj, approved: bool) -> Obj:
    """The payer came back from his bank."""
    if intent["status"] != "requires_action":
        raise wrong_state("setup_intent", intent["id"], intent["status"], "authenticated")
    method = desk.get("payment_method", intent["payment_method"])
    if approved and methods.behaviour(method).three_d_secure != "fails":
        return succeed(desk, intent)
    error = {
        "type": "invalid_request_error",
        "code": "setup_intent_authentication_failure",
        "message": "The latest attempt to set up the payment method has failed because authentication failed.",
    }
    intent |= {"status": "requires_payment_method", "next_action": None, "payment_method": None}
    intent["last_setup_error"] = error
    desk.emit("setup_intent.setup_failed", intent)
    return intent


def _fail(desk: Desk, intent: Obj, method: Obj, decline: tuple[str, str]) -> Obj:
    error = methods.declined(decline)
    intent |= {"status": "requires_payment_method", "payment_method": None, "next_action": None}
    intent["last_setup_error"] = {**error.body, "payment_method": method}
    desk.emit("setup_intent.setup_failed", intent)
    raise methods.declined(decline, payment_method=method["id"], setup_intent=intent)


def cancel(desk: Desk) -> Obj:
    """POST /v1/setup_intents/{id}/cancel."""
    intent = desk.get("setup_intent", desk.id)
    if intent["status"] not in _OPEN or intent["_session"]:
        raise wrong_state("setup_intent", intent["id"], intent["status"], "canceled")
    intent |= {"status": "canceled", "next_action": None}
    intent["cancellation_reason"] = desk.params.get("cancellation_reason")
    desk.emit("setup_intent.canceled", intent)
    return intent


def update(desk: Desk) -> Obj:
    """POST /v1/setup_intents/{id}."""
    intent = desk.get("setup_intent", desk.id)
    update_fields(intent, desk.params, ("customer", "description"))
    if desk.params.get("payment_method"):
        intent["payment_method"] = methods.usable(desk, desk.params["payment_method"])["id"]
        intent["status"] = "requires_confirmation"
    return intent


def retrieve(desk: Desk) -> Obj:
    """GET /v1/setup_intents/{id}."""
    return reachable(desk, "setup_intent")


def list_all(desk: Desk) -> Obj:
    """GET /v1/setup_intents."""
    wanted = {n: desk.params[n] for n in ("customer", "payment_method") if n in desk.params}
    items = (i for i in desk.all("setup_intent") if all(i[n] == v for n, v in wanted.items()))
    return listed(desk.tenant, items, desk.params, "/v1/setup_intents")
