"""Confirming a payment intent: the card's behaviour decides between success, refusal, authentication and waiting."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from cauce.providers.stripe.simulator import charges, methods
from cauce.providers.stripe.simulator.desk import Desk, Obj
from cauce.providers.stripe.simulator.errors import StripeError, wrong_state
from cauce.providers.stripe.simulator.magic import Card
from cauce.providers.stripe.simulator.params import flag
from cauce.providers.stripe.simulator.setups import next_action

CONFIRMABLE = ("requires_payment_method", "requires_confirmation", "requires_action")
UNCAPTURED_DAYS = 7  # protocols/stripe.md §6.1, read 2026-11
PROCESSING_DAYS = 3
TRIES_MAX = 50


def check_owner(method: Obj | None, customer: str | None) -> None:
    """A method that is attached to a customer serves that customer alone."""
    if method is not None and method["customer"] is not None and method["customer"] != customer:
        raise StripeError(
            400,
            "The provided PaymentMethod is attached to a customer; say which, or use another method.",
            code="payment_method_unexpected_state" if customer else "parameter_missing",
            param="payment_method" if customer else "customer",
        )


def confirm(desk: Desk, intent: Obj, given: dict[str, Any]) -> Obj:
    """Confirm with the method in `given` or the intent's own; a refusal raises 402 and leaves its trace."""
    if intent["status"] not in CONFIRMABLE:
        raise wrong_state("payment_intent", intent["id"], intent["status"], "confirmed")
    if given.get("payment_method"):
        method = methods.usable(desk, given["payment_method"])
        check_owner(method, intent["customer"])
        intent["payment_method"] = method["id"]
    if not intent["payment_method"]:
        raise StripeError(400, "You cannot confirm this PaymentIntent because it's missing a payment method.",
                          code="payment_intent_unexpected_state", param="payment_method")  # fmt: skip
    method = methods.usable(desk, intent["payment_method"])
    off_session = given.get("off_session") not in (None, "", "false", False)
    if off_session and intent["setup_future_usage"] and given.get("setup_future_usage"):
        raise StripeError(400, "setup_future_usage and off_session exclude each other.", code="parameters_exclusive",
                          param="off_session")  # fmt: skip
    intent["setup_future_usage"] = given.get("setup_future_usage") or intent["setup_future_usage"]
    intent["_return_url"] = given.get("return_url") or intent["_return_url"]
    intent["_tries"] += 1
    if intent["_tries"] > TRIES_MAX:
        raise StripeError(429, "Too many attempts.", code="payment_intent_rate_limit_exceeded")
    return _decide(desk, intent, method, given, off_session)


def _decide(desk: Desk, intent: Obj, method: Obj, given: dict[str, Any], off_session: bool) -> Obj:
    card = methods.behaviour(method)
    forced = desk.fault("decline")
    if forced is not None:
        code = forced.data.get("code", "card_declined")
        return _refuse(desk, intent, method, card, (code, forced.data.get("decline_code", "generic_decline")))
    if card.decline and card.three_d_secure == "no":
        return _refuse(desk, intent, method, card, card.decline)
    if asks(card, method, off_session):
        if off_session or flag(given.get("error_on_requires_action")):
            return _refuse(desk, intent, method, card, ("authentication_required", "authentication_required"))
        intent |= {"status": "requires_action", "next_action": next_action(desk, intent, given)}
        desk.emit("payment_intent.requires_action", intent)
        return intent
    if card.after_3ds:
        return _refuse(desk, intent, method, card, card.after_3ds)
    if (waiting := desk.fault("processing")) is not None:
        return _process(desk, intent, waiting.data)
    return approve(desk, intent, method, card)


def asks(card: Card, method: Obj, off_session: bool) -> bool:
    """Whether the bank wants the payer to authenticate this payment."""
    match card.three_d_secure:
        case "no":
            return False
        case "unless_set_up" | "set_up":
            return not (off_session and method["_set_up"])
    return True


def approve(desk: Desk, intent: Obj, method: Obj, card: Card) -> Obj:
    """The bank said yes: an authorization with manual capture, else money."""
    charge = charges.attempt(desk, intent, method, card, None)
    intent |= {"last_payment_error": None, "next_action": None, "processing": None}
    if intent["setup_future_usage"] and intent["customer"]:
        method["_set_up"] = True
        methods.attach_to(desk, method, intent["customer"])
    if intent["capture_method"] == "manual":
        intent |= {"status": "requires_capture", "amount_capturable": intent["amount"]}
        due_at = desk.tenant.now() + timedelta(days=UNCAPTURED_DAYS)
        desk.tenant.timers.set(due_at, "uncaptured", f"{intent['_account']}|{intent['id']}")
        desk.emit("charge.succeeded", charge)
        desk.emit("payment_intent.amount_capturable_updated", intent)
        return intent
    charges.settle(desk, intent, charge, intent["amount"], card)
    intent |= {"status": "succeeded", "amount_received": intent["amount"]}
    desk.emit("charge.succeeded", charge)
    desk.emit("payment_intent.succeeded", intent)
    charges.settled_events(desk, charge)
    return intent


def _refuse(desk: Desk, intent: Obj, method: Obj, card: Card, decline: tuple[str, str]) -> Obj:
    charge = charges.attempt(desk, intent, method, card, decline)
    error = methods.declined(decline, charge=charge["id"], payment_method=dict(method))
    intent |= {"status": "requires_payment_method", "payment_method": None, "next_action": None, "processing": None}
    intent["last_payment_error"] = error.body
    desk.emit("charge.failed", charge)
    desk.emit("payment_intent.payment_failed", intent)
    raise methods.declined(decline, charge=charge["id"], payment_method=dict(method), payment_intent=dict(intent))


def _process(desk: Desk, intent: Obj, data: dict[str, Any]) -> Obj:
    intent |= {"status": "processing", "processing": {"type": "card"}, "next_action": None}
    if not data.get("by_hand"):
        target = f"{intent['_account']}|{intent['id']}|{data.get('result', 'succeed')}"
        desk.tenant.later(data.get("seconds", PROCESSING_DAYS * 86400), "processed", target)
    desk.emit("payment_intent.processing", intent)
    return intent


def processed(desk: Desk, intent: Obj, succeed: bool) -> Obj:
    """A processing payment ends."""
    if intent["status"] != "processing":
        return intent
    method = desk.get("payment_method", intent["payment_method"])
    card = methods.behaviour(method)
    return approve(desk, intent, method, card) if succeed else fail_quietly(desk, intent, method, card, card.decline)


def authenticated(desk: Desk, intent: Obj, approved: bool) -> Obj:
    """The payer came back from his bank."""
    if intent["status"] != "requires_action":
        raise wrong_state("payment_intent", intent["id"], intent["status"], "authenticated")
    method = desk.get("payment_method", intent["payment_method"])
    card = methods.behaviour(method)
    if approved and card.three_d_secure == "fails":
        return fail_quietly(desk, intent, method, card, ("processing_error", "processing_error"))
    if approved:
        refusal = card.after_3ds or card.decline
        return fail_quietly(desk, intent, method, card, refusal) if refusal else approve(desk, intent, method, card)
    intent |= {"status": "requires_payment_method", "payment_method": None, "next_action": None}
    intent["last_payment_error"] = {
        "type": "invalid_request_error",
        "code": "payment_intent_authentication_failure",
        "message": "The provided PaymentMethod has failed authentication.",
    }
    desk.emit("payment_intent.payment_failed", intent)
    return intent


def fail_quietly(desk: Desk, intent: Obj, method: Obj, card: Card, decline: tuple[str, str] | None) -> Obj:
    """A refusal that nobody waits for: the intent keeps it, no error is answered."""
    try:
        return _refuse(desk, intent, method, card, decline or ("card_declined", "generic_decline"))
    except StripeError:
        return intent
