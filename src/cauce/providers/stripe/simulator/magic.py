"""Test cards: published numbers and `pm_card_…` ids, and how each behaves (protocols/stripe.md §10, read 2026-11).

None of them is a real card. A row whose pairing is only assumed there is assumed here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Card:
    """`decline` is (code, decline_code) of every charge; `after_3ds` of one that was authenticated.

    `three_d_secure`: no, always (also off session), unless_set_up, set_up (off session passes), on_session (asks on
    session, refuses off session), fails. `setup_declined`: saving it is refused like a charge. `refund`: ok, pending,
    fails. `dispute`: the reason of the dispute that follows each charge, "inquiry" for a mere question.
    """

    id: str
    number: str
    brand: str = "visa"
    funding: str = "credit"
    decline: tuple[str, str] | None = None
    after_3ds: tuple[str, str] | None = None
    setup_declined: bool = True
    three_d_secure: str = "no"
    dispute: str = ""
    refund: str = "ok"
    available_at_once: bool = False
    blocked: bool = False


def _declined(code: str, decline_code: str) -> tuple[str, str]:
    return (code, decline_code)


_GENERIC = _declined("card_declined", "generic_decline")
_CARDS = (
    Card("pm_card_visa", "4242424242424242"),
    Card("pm_card_visa_debit", "4000056655665556", funding="debit"),
    Card("pm_card_mastercard", "5555555555554444", "mastercard"),
    Card("pm_card_mastercard_debit", "5200828282828210", "mastercard", "debit"),
    Card("pm_card_mastercard_prepaid", "5105105105105100", "mastercard", "prepaid"),
    Card("pm_card_amex", "378282246310005", "amex"),
    Card("pm_card_discover", "6011111111111117", "discover"),
    Card("pm_card_diners", "3056930009020004", "diners"),
    Card("pm_card_jcb", "3566002020360505", "jcb"),
    Card("pm_card_unionpay", "6200000000000005", "unionpay"),
    Card("pm_card_bypassPending", "4000000000000077", available_at_once=True),
    Card("pm_card_visa_chargeDeclined", "4000000000000002", decline=_GENERIC),
    Card(
        "pm_card_visa_chargeDeclinedInsufficientFunds",
        "4000000000009995",
        decline=_declined("card_declined", "insufficient_funds"),
    ),
    Card("pm_card_visa_chargeDeclinedLostCard", "4000000000009987", decline=_declined("card_declined", "lost_card")),
    Card(
        "pm_card_visa_chargeDeclinedStolenCard", "4000000000009979", decline=_declined("card_declined", "stolen_card")
    ),
    Card("pm_card_chargeDeclinedExpiredCard", "4000000000000069", decline=_declined("expired_card", "expired_card")),
    Card("pm_card_chargeDeclinedIncorrectCvc", "4000000000000127", decline=_declined("incorrect_cvc", "incorrect_cvc")),
    Card(
        "pm_card_chargeDeclinedProcessingError",
        "4000000000000119",
        decline=_declined("processing_error", "processing_error"),
    ),
    Card(
        "pm_card_visa_chargeDeclinedVelocityLimitExceeded",
        "4000000000006975",
        decline=_declined("card_declined", "card_velocity_exceeded"),
    ),
    Card("pm_card_chargeCustomerFail", "4000000000000341", decline=_GENERIC, setup_declined=False),
    Card("pm_card_authenticationRequiredOnSetup", "4000002500003155", three_d_secure="unless_set_up"),
    Card("pm_card_authenticationRequired", "4000002760003184", three_d_secure="always"),
    Card("pm_card_authenticationRequiredSetupForOffSession", "4000003800000446", three_d_secure="set_up"),
    Card(
        "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds",
        "4000008260003178",
        three_d_secure="unless_set_up",
        after_3ds=_declined("card_declined", "insufficient_funds"),
        setup_declined=False,
    ),
    Card("pm_card_threeDSecure2Required", "4000000000003220", three_d_secure="on_session"),
    Card(
        "pm_card_threeDSecureRequiredChargeDeclined",
        "4000008400001629",
        three_d_secure="on_session",
        after_3ds=_GENERIC,
    ),
    Card("pm_card_threeDSecureRequiredProcessingError", "4000008400001280", three_d_secure="fails"),
    Card("pm_card_threeDSecureOptional", "4000000000003055"),
    Card("pm_card_threeDSecureOptionalProcessingError", "4000000000003097"),
    Card("pm_card_createDispute", "4000000000000259", dispute="fraudulent"),
    Card("pm_card_createDisputeProductNotReceived", "4000000000002685", dispute="product_not_received"),
    Card("pm_card_createDisputeInquiry", "4000000000001976", dispute="inquiry"),
    Card("pm_card_pendingRefund", "4000000000007726", refund="pending"),
    Card("pm_card_refundFail", "4000000000005126", refund="fails"),
    Card("pm_card_radarBlock", "4100000000000019", decline=_declined("card_declined", "fraudulent"), blocked=True),
    Card("pm_card_highestRisk", "4000000000004954", decline=_declined("card_declined", "fraudulent"), blocked=True),
)
BY_ID = {card.id: card for card in _CARDS} | {
    "pm_card_chargeDeclined": next(c for c in _CARDS if c.number == "4000000000000002"),
    "pm_card_chargeDeclinedInsufficientFunds": next(c for c in _CARDS if c.number == "4000000000009995"),
}
BY_NUMBER = {card.number: card for card in _CARDS}

ADVICE = {"insufficient_funds": "try_again_later", "processing_error": "try_again_later", "expired_card": "confirm_card_data",
          "incorrect_cvc": "confirm_card_data", "lost_card": "do_not_try_again", "stolen_card": "do_not_try_again"}  # fmt: skip
"""`advice_code` that goes with a decline code [assumed]."""

# What a saved card can be told to do by the control surface: it saves well and behaves so when charged.
BEHAVIOURS: dict[str, Card] = {
    "good": BY_ID["pm_card_visa"],
    "declined": BY_ID["pm_card_chargeCustomerFail"],
    "insufficient_funds": replace(
        BY_ID["pm_card_visa"], decline=("card_declined", "insufficient_funds"), setup_declined=False
    ),
    "hard": replace(BY_ID["pm_card_visa"], decline=("card_declined", "stolen_card"), setup_declined=False),
    "expired": replace(BY_ID["pm_card_visa"], decline=("expired_card", "expired_card"), setup_declined=False),
    "needs_authentication": BY_ID["pm_card_authenticationRequired"],
    "dispute": BY_ID["pm_card_createDispute"],
    "refund_fails": BY_ID["pm_card_refundFail"],
    "refund_pending": BY_ID["pm_card_pendingRefund"],
    "instant_funds": BY_ID["pm_card_bypassPending"],
}


def luhn_valid(number: str) -> bool:
    """Whether the check digit of a card number is right."""
    if not number.isdigit():
        return False
    doubled = [int(d) * (2 if i % 2 else 1) for i, d in enumerate(reversed(number))]
    return sum(n - 9 if n > 9 else n for n in doubled) % 10 == 0
