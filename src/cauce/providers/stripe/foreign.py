"""Stripe Billing's objects in our words, for taking over from it. Pure.

The protocol reference names the lists, the statuses and `items.data[].current_period_end`; the other fields are assumed
from stripe-python 16.1.0 (API 2026-10-28.endive, read 2026-11), one function for each object.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from cauce.gateway.importing import (
    ForeignCustomer,
    ForeignInvoice,
    ForeignItem,
    ForeignPrice,
    ForeignStatus,
    ForeignSubscription,
)
from cauce.providers.stripe.cards import saved_method
from cauce.providers.stripe.mapping import instant, money_of

Json = dict[str, Any]

MARK = "cauce_taken_over"
"""Metadata of a subscription that ends because it was taken over."""

_OURS = ("cauce_customer", "cauce_subscription")
_STATUS = {
    "active": ForeignStatus.ACTIVE,
    "trialing": ForeignStatus.TRIALING,
    "past_due": ForeignStatus.IN_DEBT,
    "unpaid": ForeignStatus.IN_DEBT,
    "incomplete": ForeignStatus.IN_DEBT,
    "paused": ForeignStatus.PAUSED,
    "canceled": ForeignStatus.ENDED,
    "incomplete_expired": ForeignStatus.ENDED,
}


def customer(obj: Json) -> ForeignCustomer:
    """A customer, his default method expanded. Assumed: a `balance` below zero is what he has to his credit."""
    method = (obj.get("invoice_settings") or {}).get("default_payment_method")
    balance, currency = int(obj.get("balance") or 0), obj.get("currency")
    return ForeignCustomer(
        ref=obj["id"],
        email=obj.get("email") or "",
        name=obj.get("name") or "",
        country=((obj.get("address") or {}).get("country") or "").upper(),
        metadata={str(key): str(value) for key, value in (obj.get("metadata") or {}).items()},
        method=saved_method(method) if isinstance(method, dict) else None,
        balance=money_of(-balance, str(currency)) if balance and currency else None,
    )


def is_ours(obj: Json) -> bool:
    """Whether we made the object ourselves, as a payment provider's."""
    return any((obj.get("metadata") or {}).get(name) for name in _OURS)


def price(obj: Json) -> ForeignPrice:
    """A price. Assumed: amounts are of the smallest unit; what is tiered, metered or packed is not had by one amount."""
    recurring = obj.get("recurring") or {}
    exact = obj.get("unit_amount_decimal")
    amount = str(exact) if exact is not None else ("" if obj.get("unit_amount") is None else str(obj["unit_amount"]))
    return ForeignPrice(
        ref=obj["id"],
        key=obj.get("lookup_key") or "",
        product_ref=obj["product"] if isinstance(obj["product"], str) else obj["product"]["id"],
        currency=obj["currency"],
        unit_amount=_minor(amount, obj["currency"]),
        interval=recurring.get("interval") or "",
        interval_count=int(recurring.get("interval_count") or 1),
        tax_inclusive=obj.get("tax_behavior") == "inclusive",
        nickname=obj.get("nickname") or "",
        peculiar=_peculiar_price(obj, recurring, amount),
    )


def _minor(amount: str, currency: str) -> str:
    """Decimal text of Stripe's smallest unit as decimal text of ours; they differ in a few currencies."""
    if not amount:
        return ""
    one = Fraction(money_of(100, currency).amount_minor, 100)
    exact = Fraction(amount) * one
    whole, rest = divmod(abs(exact) * 10**12, 1)
    digits = f"{int(whole):013d}"
    text = f"{digits[:-12]}.{digits[-12:]}".rstrip("0").rstrip(".")
    return "" if rest or exact < 0 else text


def _peculiar_price(obj: Json, recurring: Json, amount: str) -> str:
    if not recurring:
        return "it is paid once"
    if recurring.get("usage_type") == "metered":
        return "it is metered"
    if obj.get("billing_scheme") == "tiered" or not amount:
        return "it has tiers, or no amount"
    return "it is sold in packages" if obj.get("transform_quantity") else ""


def subscription(obj: Json) -> ForeignSubscription:
    """A subscription, its customer and methods expanded. Assumed: fields beside status and the items' period."""
    lines = (obj.get("items") or {}).get("data") or []
    ends = {line.get("current_period_end") for line in lines}
    method = obj.get("default_payment_method")
    owner = obj["customer"] if isinstance(obj["customer"], dict) else {"id": obj["customer"]}
    by_us = bool((obj.get("metadata") or {}).get(MARK))
    return ForeignSubscription(
        ref=obj["id"],
        customer=customer(owner),
        status=_STATUS.get(str(obj["status"]), ForeignStatus.PAUSED),
        currency=obj["currency"],
        items=tuple(ForeignItem(price(line["price"]), int(line.get("quantity") or 0)) for line in lines),
        period_end=instant(min((end for end in ends if end), default=None)),
        anchor_at=instant(obj.get("billing_cycle_anchor")),
        trial_end=instant(obj.get("trial_end")),
        method=saved_method(method) if isinstance(method, dict) else None,
        ends_there=bool(obj.get("cancel_at_period_end") or obj.get("cancel_at")),
        by_us=by_us,
        is_ours=is_ours(obj),
        peculiar=_peculiar(obj, lines, len(ends)),
    )


def _peculiar(obj: Json, lines: list[Json], periods: int) -> str:
    if (obj.get("items") or {}).get("has_more"):
        return "it has too many lines"
    if periods > 1:
        return "its lines have different periods"
    if obj.get("discounts") or any(line.get("discounts") for line in lines):
        return "it has a discount"
    if obj.get("pause_collection"):
        return "its collection is paused"
    if obj.get("schedule") or obj.get("pending_update"):
        return "a change is planned for it"
    return "it is sent by invoice" if obj.get("collection_method") == "send_invoice" else ""


def invoice(obj: Json) -> ForeignInvoice:
    """An invoice. Assumed: where it names its subscription."""
    about = ((obj.get("parent") or {}).get("subscription_details") or {}).get("subscription") or ""
    ref = about["id"] if isinstance(about, dict) else about
    return ForeignInvoice(obj["id"], ref, money_of(obj["total"], obj["currency"]), obj["status"] == "open")
