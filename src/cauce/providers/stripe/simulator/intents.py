"""Payment intents at the simulated Stripe: made, confirmed, authenticated, captured, cancelled (§6.1's machine)."""

from __future__ import annotations

from typing import Any

from cauce.providers.stripe.simulator import charges, confirming, methods
from cauce.providers.stripe.simulator.customers import alive
from cauce.providers.stripe.simulator.desk import Desk, Obj, merge_metadata, update_fields
from cauce.providers.stripe.simulator.errors import StripeError, wrong_state
from cauce.providers.stripe.simulator.params import LISTED, params
from cauce.providers.stripe.simulator.setups import exclusive, reachable
from cauce.providers.stripe.simulator.views import listed

_CONFIRM = (
    "payment_method off_session return_url mandate mandate_data:any payment_method_options:map "
    "error_on_requires_action:bool setup_future_usage use_stripe_sdk:bool receipt_email"
)
CREATE = params(
    f"amount!:int currency! {_CONFIRM} customer confirm:bool automatic_payment_methods:map "
    "allowed_payment_method_types:list excluded_payment_method_types:list payment_method_configuration capture_method "
    "confirmation_method description statement_descriptor statement_descriptor_suffix metadata:map transfer_group "
    "transfer_data:map application_fee_amount:int on_behalf_of confirmation_token shipping:any"
)
UPDATE = params(
    "amount:int currency customer payment_method metadata:map description transfer_group application_fee_amount:int "
    "receipt_email setup_future_usage transfer_data:map statement_descriptor_suffix payment_method_options:map"
)
CONFIRM = params(f"{_CONFIRM} client_secret amount_to_confirm:int")
CAPTURE = params("amount_to_capture:int application_fee_amount:int final_capture:bool transfer_data:map metadata:map")
CANCEL = params("cancellation_reason")
RETRIEVE = params("client_secret")
LIST = params(f"{LISTED} customer")

AMOUNT_MAX = 99_999_999  # protocols/stripe.md §2.4, read 2026-11
AMOUNT_MIN = {"usd": 50, "eur": 50, "gbp": 30, "brl": 50, "mxn": 1000, "jpy": 50}
CANCELLABLE = ("requires_payment_method", "requires_confirmation", "requires_action", "requires_capture")


def create(desk: Desk) -> Obj:
    """POST /v1/payment_intents, confirmed at once with `confirm`."""
    given = desk.params
    _check_amount(given["amount"], given["currency"])
    exclusive(given)
    if given.get("off_session") and not given.get("confirm"):
        raise StripeError(400, "off_session may only be used with confirm.", code="parameter_invalid_empty",
                          param="off_session")  # fmt: skip
    method = methods.usable(desk, given["payment_method"]) if given.get("payment_method") else None
    customer = alive(desk, given["customer"])["id"] if given.get("customer") else None
    confirming.check_owner(method, customer)
    _check_connect(desk, given)
    intent = new(desk, given, customer=customer, method=method)
    desk.emit("payment_intent.created", intent)
    return confirming.confirm(desk, intent, given) if given.get("confirm") else intent


def new(desk: Desk, given: dict[str, Any], *, customer: str | None, method: Obj | None) -> Obj:
    """A fresh intent, no event yet."""
    intent = desk.make(
        "payment_intent",
        {
            "amount": given["amount"],
            "amount_capturable": 0,
            "amount_received": 0,
            "application_fee_amount": given.get("application_fee_amount"),
            "automatic_payment_methods": None if given.get("allowed_payment_method_types") else {"enabled": True},
            "canceled_at": None,
            "cancellation_reason": None,
            "capture_method": given.get("capture_method", "automatic_async"),
            "confirmation_method": given.get("confirmation_method", "automatic"),
            "currency": given["currency"].lower(),
            "customer": customer,
            "description": given.get("description"),
            "last_payment_error": None,
            "latest_charge": None,
            "next_action": None,
            "on_behalf_of": given.get("on_behalf_of"),
            "payment_method": method["id"] if method else None,
            "payment_method_options": {},
            "payment_method_types": ["card"],
            "processing": None,
            "receipt_email": given.get("receipt_email"),
            "setup_future_usage": given.get("setup_future_usage"),
            "statement_descriptor": None,
            "statement_descriptor_suffix": given.get("statement_descriptor_suffix"),
            "status": "requires_confirmation" if method else "requires_payment_method",
            "transfer_data": given.get("transfer_data"),
            "transfer_group": given.get("transfer_group"),
            "_session": "",
            "_return_url": "",
            "_tries": 0,
        },
    )
    merge_metadata(intent, given.get("metadata"))
    intent["client_secret"] = f"{intent['id']}_secret_{desk.tenant.token(24)}"
    return intent


def _check_amount(amount: int | str, currency: str) -> None:
    if not isinstance(amount, int) or amount < AMOUNT_MIN.get(currency.lower(), 1):
        raise StripeError(400, "Amount must convert to at least 50 cents.", code="amount_too_small", param="amount")
    if amount > AMOUNT_MAX:
        raise StripeError(400, "Amount must be no more than 99999999.", code="amount_too_large", param="amount")


def _check_connect(desk: Desk, given: dict[str, Any]) -> None:
    destination = (given.get("transfer_data") or {}).get("destination")
    if given.get("application_fee_amount") and not destination:
        raise StripeError(400, "An application fee needs a destination.", code="application_fees_not_allowed",
                          param="application_fee_amount")  # fmt: skip
    if destination:
        account = desk.get("account", destination, "transfer_data[destination]")
        if account["capabilities"].get("transfers") != "active":
            raise StripeError(400, "The destination account may not receive transfers.",
                              code="capability_not_active", param="transfer_data[destination]")  # fmt: skip


def update(desk: Desk) -> Obj:
    """POST /v1/payment_intents/{id}: before success."""
    intent = desk.get("payment_intent", desk.id)
    given = desk.params
    if intent["status"] in ("succeeded", "canceled") and set(given) - {"metadata", "description", "expand"}:
        raise wrong_state("payment_intent", intent["id"], intent["status"], "updated")
    if "amount" in given:
        _check_amount(given["amount"], str(given.get("currency") or intent["currency"]))
    if given.get("transfer_group") and intent["transfer_group"] not in (None, given["transfer_group"]):
        raise StripeError(
            400, "transfer_group cannot be changed.", code="parameter_invalid_string", param="transfer_group"
        )
    if given.get("payment_method"):
        method = methods.usable(desk, given["payment_method"])
        intent |= {"payment_method": method["id"], "status": "requires_confirmation"}
    names = (
        "amount", "customer", "description", "transfer_group", "application_fee_amount", "receipt_email",
        "setup_future_usage", "transfer_data", "statement_descriptor_suffix",
    )  # fmt: skip
    update_fields(intent, given, names)
    return intent


def confirm(desk: Desk) -> Obj:
    """POST /v1/payment_intents/{id}/confirm."""
    intent = reachable(desk, "payment_intent")
    if intent["_session"]:
        raise wrong_state("payment_intent", intent["id"], intent["status"], "confirmed")
    return confirming.confirm(desk, intent, desk.params)


def capture(desk: Desk) -> Obj:
    """POST /v1/payment_intents/{id}/capture: whole or part; the rest is released."""
    intent = desk.get("payment_intent", desk.id)
    if intent["status"] != "requires_capture":
        raise wrong_state("payment_intent", intent["id"], intent["status"], "captured")
    amount = int(desk.params.get("amount_to_capture") or intent["amount_capturable"])
    if amount > intent["amount_capturable"] or amount < 1:
        raise StripeError(400, "The amount to capture is over the authorized amount.", code="amount_too_large",
                          param="amount_to_capture")  # fmt: skip
    desk.tenant.timers.cancel("uncaptured", f"{intent['_account']}|{intent['id']}")
    charge = desk.get("charge", intent["latest_charge"])
    if "application_fee_amount" in desk.params:
        intent["application_fee_amount"] = charge["application_fee_amount"] = desk.params["application_fee_amount"]
    method = desk.get("payment_method", intent["payment_method"])
    charges.settle(desk, intent, charge, amount, methods.behaviour(method))
    intent |= {"status": "succeeded", "amount_received": amount, "amount_capturable": 0}
    desk.emit("charge.captured", charge)
    desk.emit("payment_intent.succeeded", intent)
    charges.settled_events(desk, charge)
    return intent


def cancel(desk: Desk) -> Obj:
    """POST /v1/payment_intents/{id}/cancel."""
    intent = desk.get("payment_intent", desk.id)
    in_session = intent["_session"] and intent["status"] != "requires_capture"
    if intent["status"] not in CANCELLABLE or in_session:
        raise wrong_state("payment_intent", intent["id"], intent["status"], "canceled")
    return cancelled(desk, intent, desk.params.get("cancellation_reason"))


def cancelled(desk: Desk, intent: Obj, reason: str | None) -> Obj:
    """The intent ends without money; an authorization is released."""
    held = intent["status"] == "requires_capture"
    intent |= {
        "status": "canceled",
        "canceled_at": desk.now,
        "cancellation_reason": reason,
        "next_action": None,
        "amount_capturable": 0,
    }
    if held:
        charge = desk.get("charge", intent["latest_charge"])
        charge |= {"refunded": True, "amount_refunded": charge["amount"]}
        if reason == "automatic":
            desk.emit("charge.expired", charge)
    desk.emit("payment_intent.canceled", intent)
    return intent


def retrieve(desk: Desk) -> Obj:
    """GET /v1/payment_intents/{id}."""
    return reachable(desk, "payment_intent")


def list_all(desk: Desk) -> Obj:
    """GET /v1/payment_intents."""
    customer = desk.params.get("customer")
    items = (i for i in desk.all("payment_intent") if customer in (None, i["customer"]))
    return listed(desk.tenant, items, desk.params, "/v1/payment_intents")
