"""What is believed of Stripe and not proved: each belief behind one function, so that one edit corrects it.

Pure. The open points of the protocol reference end here; whoever holds a test key can settle them.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from cauce.gateway.outcome import Refusal
from cauce.gateway.reporting import LineKind

_NO_DECIMALS = frozenset(
    ["bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"]
)
_TWO_DECIMALS_WHOLE = frozenset({"isk", "ugx"})
_THREE_DECIMALS = frozenset({"bhd", "jod", "kwd", "omr", "tnd"})

_SOFT = """insufficient_funds generic_decline do_not_honor call_issuer issuer_not_available processing_error
    reenter_transaction try_again_later approve_with_id card_velocity_exceeded withdrawal_count_limit_exceeded
    no_action_taken not_permitted service_not_allowed security_violation duplicate_transaction invalid_amount
    pin_try_exceeded"""
_FIX = """expired_card incorrect_cvc invalid_cvc incorrect_zip invalid_expiry_year invalid_expiry_month incorrect_number
    invalid_number incorrect_pin invalid_pin offline_pin_required online_or_offline_pin_required
    new_account_information_available card_not_supported currency_not_supported invalid_account restricted_card
    transaction_not_allowed"""
_HARD = """lost_card stolen_card pickup_card fraudulent merchant_blacklist do_not_try_again revocation_of_authorization
    revocation_of_all_authorizations stop_payment_order highest_risk_level account_closed"""
_REFUSAL_BY_DECLINE = (
    dict.fromkeys(_SOFT.split(), Refusal.DECLINED)
    | {"insufficient_funds": Refusal.INSUFFICIENT_FUNDS}
    | dict.fromkeys(_FIX.split(), Refusal.METHOD_INVALID)
    | dict.fromkeys(_HARD.split(), Refusal.HARD)
    | dict.fromkeys(("authentication_required", "authentication_not_handled"), Refusal.ACTION_REQUIRED)
    | dict.fromkeys(("testmode_decline", "live_mode_test_card"), Refusal.CONFIG)
)
_REFUSAL_BY_ADVICE = {
    "try_again_later": Refusal.DECLINED,
    "confirm_card_data": Refusal.METHOD_INVALID,
    "do_not_try_again": Refusal.HARD,
}
_REFUSAL_BY_CODE = {
    "resource_missing": Refusal.NOT_FOUND,
    "amount_too_small": Refusal.LIMIT_EXCEEDED,
    "amount_too_large": Refusal.LIMIT_EXCEEDED,
    "payment_intent_unexpected_state": Refusal.LIFECYCLE,
    "setup_intent_unexpected_state": Refusal.LIFECYCLE,
    "intent_invalid_state": Refusal.LIFECYCLE,
    "checkout_session_unexpected_state": Refusal.LIFECYCLE,
    "payment_method_unexpected_state": Refusal.METHOD_INVALID,
    "payment_method_invalid_parameter": Refusal.METHOD_INVALID,
    "payment_intent_authentication_failure": Refusal.ACTION_REQUIRED,
    "setup_intent_authentication_failure": Refusal.ACTION_REQUIRED,
    "payment_intent_mandate_invalid": Refusal.ACTION_REQUIRED,
    "india_recurring_payment_mandate_canceled": Refusal.ACTION_REQUIRED,
    "livemode_mismatch": Refusal.CONFIG,
    "testmode_charges_only": Refusal.CONFIG,
    "charge_already_refunded": Refusal.LIFECYCLE,
    "charge_not_refundable": Refusal.LIFECYCLE,
    "charge_disputed": Refusal.LIFECYCLE,
    "refund_disputed_payment": Refusal.LIFECYCLE,
    "balance_insufficient": Refusal.INSUFFICIENT_FUNDS,
    "insufficient_funds": Refusal.INSUFFICIENT_FUNDS,
    "transfers_not_allowed": Refusal.FORBIDDEN,
    "storer_capability_missing": Refusal.FORBIDDEN,
    "storer_capability_not_active": Refusal.FORBIDDEN,
    "capability_not_active": Refusal.FORBIDDEN,
    "account_invalid": Refusal.FORBIDDEN,
    "platform_account_required": Refusal.CONFIG,
    "no_account": Refusal.INSTRUMENT_INVALID,
    "account_number_invalid": Refusal.INSTRUMENT_INVALID,
    "payouts_not_allowed": Refusal.FORBIDDEN,
    "payouts_limit_exceeded": Refusal.LIMIT_EXCEEDED,
    "application_fees_not_allowed": Refusal.CONFIG,
    "resource_already_exists": Refusal.DUPLICATE,
    "customer_max_payment_methods": Refusal.LIMIT_EXCEEDED,
}
_LINE_KINDS = {
    "charge": LineKind.COLLECTION,
    "payment": LineKind.COLLECTION,
    "refund": LineKind.REFUND,
    "payment_refund": LineKind.REFUND,
    "refund_failure": LineKind.REFUND,
    "payment_failure_refund": LineKind.REFUND,
    "transfer": LineKind.SPLIT,
    "transfer_refund": LineKind.SPLIT_REVERSAL,
    "transfer_cancel": LineKind.SPLIT_REVERSAL,
    "transfer_failure": LineKind.SPLIT_REVERSAL,
    "payout": LineKind.PAYOUT,
    "payout_cancel": LineKind.PAYOUT_RETURN,
    "payout_failure": LineKind.PAYOUT_RETURN,
    "application_fee": LineKind.FEE,
    "application_fee_refund": LineKind.FEE,
    "stripe_fee": LineKind.FEE,
    "stripe_fx_fee": LineKind.FEE,
    "tax_fee": LineKind.FEE,
    "topup": LineKind.TOP_UP,
    "topup_reversal": LineKind.TOP_UP,
}
_ID = re.compile(r"[a-z]_([0-9a-hjkmnp-tv-z]{26})(?![0-9a-z])")
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


def wire_exponent(currency: str, iso_exponent: int) -> int:
    """Decimals that Stripe's integer of `currency` has; elsewhere those of ISO 4217."""
    if currency in _NO_DECIMALS:
        return 0
    return 2 if currency in _TWO_DECIMALS_WHOLE else iso_exponent


def wire_step(currency: str) -> int:
    """What an amount in Stripe's units must be a multiple of: 100 where decimals must be 00, 10 with three decimals."""
    if currency in _TWO_DECIMALS_WHOLE:
        return 100
    return 10 if currency in _THREE_DECIMALS else 1


def refusal_of(error: dict[str, Any], status: int) -> Refusal:
    """The class of an error body: advice first, then decline code, then code, then status."""
    if status == 401:
        return Refusal.AUTH
    decline = error.get("decline_code") or error.get("code")
    if decline in _REFUSAL_BY_DECLINE and _REFUSAL_BY_DECLINE[decline] in (Refusal.ACTION_REQUIRED, Refusal.CONFIG):
        return _REFUSAL_BY_DECLINE[decline]
    if decline == "insufficient_funds":
        return Refusal.INSUFFICIENT_FUNDS
    if error.get("advice_code") in _REFUSAL_BY_ADVICE:
        return _REFUSAL_BY_ADVICE[error["advice_code"]]
    if error.get("type") == "card_error":
        return _REFUSAL_BY_DECLINE.get(str(decline), Refusal.DECLINED)
    if error.get("type") == "idempotency_error":
        return Refusal.DUPLICATE
    if error.get("code") in _REFUSAL_BY_CODE:
        return _REFUSAL_BY_CODE[error["code"]]
    # 403 without a code of its own: the key lacks a permission, which the operator gives it.
    return {403: Refusal.AUTH, 404: Refusal.NOT_FOUND}.get(status, Refusal.INVALID_REQUEST)


def line_kind(row: dict[str, Any], account_ref: str) -> LineKind:
    """What a balance transaction of the platform ("") or of a seller records; what is not known must not be guessed."""
    if row.get("reporting_category") in ("dispute", "dispute_reversal"):
        return LineKind.DISPUTE
    kind = _LINE_KINDS.get(row["type"], LineKind.OTHER)
    return LineKind.OWN_PAYOUT if kind in (LineKind.PAYOUT, LineKind.PAYOUT_RETURN) and not account_ref else kind


def is_replay(headers: dict[str, str]) -> bool:
    """Whether an answer is a stored one, given again."""
    return headers.get("idempotent-replayed") == "true"


def key_made_at(key: str) -> datetime | None:
    """When the oldest of our ids inside `key` was made, so nothing under that key is older; None when it has none."""
    times = []
    for body in _ID.findall(key):
        number = 0
        for character in body[:10]:
            number = number * 32 + _ALPHABET.index(character)
        times.append(number)  # two bits of padding and 48 of milliseconds
    return datetime.fromtimestamp(min(times) // 1000, UTC) if times else None


_PASSING_PAYOUT_FAILURES = frozenset({"could_not_process", "declined", "canceled"})


def payout_refusal(code: str) -> Refusal:
    """What a failed payout says of its bank account: most codes name something that is wrong with it for good."""
    if code == "insufficient_funds":
        return Refusal.INSUFFICIENT_FUNDS
    return Refusal.DECLINED if code in _PASSING_PAYOUT_FAILURES else Refusal.INSTRUMENT_INVALID
