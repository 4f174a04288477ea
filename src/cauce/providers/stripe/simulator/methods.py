"""Payment methods at the simulated Stripe: made from test cards, attached, detached for good."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from typing import Any

from cauce.providers.stripe.simulator.customers import alive
from cauce.providers.stripe.simulator.desk import Desk, Obj, merge_metadata, update_fields
from cauce.providers.stripe.simulator.errors import StripeError
from cauce.providers.stripe.simulator.magic import ADVICE, BEHAVIOURS, BY_ID, BY_NUMBER, Card, luhn_valid
from cauce.providers.stripe.simulator.params import LISTED, params, whole
from cauce.providers.stripe.simulator.views import listed

CREATE = params("type! card:map billing_details:map metadata:map allow_redisplay customer")
UPDATE = params("metadata:map billing_details:map card:map allow_redisplay")
ATTACH = params("customer!")
LIST = params(f"{LISTED} customer type allow_redisplay")
NONE = params("")

_EXPIRY_YEARS_AHEAD = 4


def create(desk: Desk) -> Obj:
    """POST /v1/payment_methods with a test number (or token) in `card`."""
    given = desk.params
    if given["type"] != "card":
        raise StripeError(400, "Only cards are simulated.", code="parameter_invalid_string", param="type")
    card = given.get("card") or {}
    number = str(card.get("number", "")).replace(" ", "")
    magic = BY_ID.get(str(card.get("token", "")).replace("tok_", "pm_card_")) or BY_NUMBER.get(number)
    if magic is None:
        if not luhn_valid(number):
            raise StripeError(402, "Your card number is incorrect.", code="incorrect_number", param="card[number]")
        magic = Card("", number)
    made = from_card(desk, magic, card)
    merge_metadata(made, given.get("metadata"))
    return made


def from_card(desk: Desk, magic: Card, card: dict[str, Any] | None = None, *, behaves: str = "") -> Obj:
    """A fresh, unattached method of a test card."""
    card = card or {}
    year = whole(card.get("exp_year", desk.tenant.now().year + _EXPIRY_YEARS_AHEAD), "card[exp_year]")
    month = whole(card.get("exp_month", 12), "card[exp_month]")
    if not 1 <= month <= 12 or (year, month) < (desk.tenant.now().year, desk.tenant.now().month):
        code = "invalid_expiry_month" if not 1 <= month <= 12 else "invalid_expiry_year"
        raise StripeError(402, "Your card's expiration date is invalid.", code=code, param="card[exp_month]")
    return desk.make(
        "payment_method",
        {
            "type": "card",
            "customer": None,
            "allow_redisplay": "unspecified",
            "billing_details": {"address": None, "email": None, "name": None, "phone": None, "tax_id": None},
            "card": {
                "brand": magic.brand,
                "funding": magic.funding,
                "last4": magic.number[-4:],
                "exp_month": month,
                "exp_year": year,
                "country": "US",
                "fingerprint": hashlib.sha256(magic.number.encode()).hexdigest()[:16],
                "checks": {"cvc_check": "pass", "address_line1_check": None, "address_postal_code_check": None},
                "three_d_secure_usage": {"supported": magic.brand != "amex"},
                "wallet": None,
            },
            "_number": magic.number,
            "_behaves": behaves,
            "_set_up": magic.three_d_secure == "set_up",
            "_detached": False,
        },
    )


def behaviour(method: Obj) -> Card:
    """How the card behind a method behaves now; a told behaviour goes before the number's own."""
    told = BEHAVIOURS.get(method.get("_behaves", ""))
    return told or BY_NUMBER.get(method["_number"]) or Card("", method["_number"])


def usable(desk: Desk, id: str, param: str = "payment_method") -> Obj:
    """The method for a payment; a `pm_card_…` literal becomes a fresh one. Detached ones are refused."""
    if id in BY_ID and desk.find("payment_method", id) is None:
        return from_card(desk, BY_ID[id])
    method = desk.get("payment_method", id, param)
    if method["_detached"]:
        raise StripeError(
            400,
            "The provided PaymentMethod was previously used with a PaymentIntent without Customer attachment, or was "
            "detached from a Customer. It may not be used again.",
            code="payment_method_unexpected_state",
            param=param,
        )
    return method


def attach_to(desk: Desk, method: Obj, customer: str) -> None:
    """Attach, with its event, unless it is attached already."""
    if method["customer"] == customer:
        return
    if method["customer"] is not None:
        raise StripeError(400, "The payment method is attached to another customer.", code="resource_already_exists")
    method["customer"] = customer
    desk.emit("payment_method.attached", method)


def attach(desk: Desk) -> Obj:
    """POST /v1/payment_methods/{id}/attach: checks the card, which may refuse."""
    method = usable(desk, desk.id, "id")
    alive(desk, desk.params["customer"])
    card = behaviour(method)
    if card.decline and card.setup_declined:
        raise declined(card.decline)
    attach_to(desk, method, desk.params["customer"])
    return method


def detach(desk: Desk) -> Obj:
    """POST /v1/payment_methods/{id}/detach: for ever."""
    method = desk.get("payment_method", desk.id)
    if method["customer"] is None:
        raise StripeError(400, "The payment method you provided is not attached to a customer so detachment is "
                          "impossible.", code="payment_method_unexpected_state")  # fmt: skip
    customer = desk.find("customer", method["customer"])
    if customer is not None and customer["invoice_settings"]["default_payment_method"] == method["id"]:
        customer["invoice_settings"]["default_payment_method"] = None
    before = {"customer": method["customer"]}
    method["customer"] = None
    method["_detached"] = True
    desk.emit("payment_method.detached", method, before)
    return method


def update(desk: Desk) -> Obj:
    """POST /v1/payment_methods/{id}."""
    method = desk.get("payment_method", desk.id)
    before = update_fields(method, desk.params, ("allow_redisplay",))
    for name in ("exp_month", "exp_year"):
        if name in (desk.params.get("card") or {}):
            method["card"][name] = whole(desk.params["card"][name], f"card[{name}]")
    desk.emit("payment_method.updated", method, before)
    return method


def retrieve(desk: Desk) -> Obj:
    """GET /v1/payment_methods/{id}."""
    return usable(desk, desk.id, "id") if desk.id in BY_ID else desk.get("payment_method", desk.id)


def list_all(desk: Desk) -> Obj:
    """GET /v1/payment_methods and GET /v1/customers/{id}/payment_methods."""
    customer = desk.path_ids[0] if desk.path_ids else desk.params.get("customer")
    if customer:
        alive(desk, customer)
    kind = desk.params.get("type")
    items = (
        m
        for m in desk.all("payment_method")
        if (customer is None or m["customer"] == customer) and kind in (None, m["type"]) and not m["_detached"]
    )
    return listed(desk.tenant, items, desk.params, "/v1/payment_methods")


def declined(decline: tuple[str, str], **extra: Any) -> StripeError:
    """The 402 of a refused card."""
    code, decline_code = decline
    texts = {
        "insufficient_funds": "Your card has insufficient funds.",
        "expired_card": "Your card has expired.",
        "incorrect_cvc": "Your card's security code is incorrect.",
        "authentication_required": "Your card was declined. This transaction requires authentication.",
        "processing_error": "An error occurred while processing your card. Try again in a little bit.",
    }
    fields = {"decline_code": decline_code, "advice_code": ADVICE.get(decline_code), **extra}
    return StripeError(402, texts.get(decline_code, "Your card was declined."), code=code, **fields)


def card_facts(card: Card) -> dict[str, Any]:
    """A card's row, for the control surface."""
    return asdict(card)
