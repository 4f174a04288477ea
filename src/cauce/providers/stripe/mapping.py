"""Between Stripe's field names and our words. Pure; Stripe's names live here and in the simulator alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from cauce.gateway.accounts import Account, Instrument, Payout, SubBalance
from cauce.gateway.charging import Charge, Setup
from cauce.gateway.collecting import ActionKind, Collection, NextAction, Refund
from cauce.gateway.outcome import Declined, Done, Outcome, Pending, Refusal, Unknown
from cauce.gateway.reporting import StatementLine
from cauce.kernel.currencies import exponent_of
from cauce.kernel.errors import InvalidRequest
from cauce.kernel.money import Money
from cauce.providers.stripe import assumptions, limits
from cauce.providers.stripe.cards import saved_method

Json = dict[str, Any]

KEY = "cauce_key"
"""Metadata name under which every object of ours carries the key of its instruction."""

PART = "cauce_part"
PAYER_ASK_SECONDS = 30
PROCESSING_ASK_SECONDS = 600
TRANSIT_ASK_SECONDS = 3600


# -- amounts ---------------------------------------------------------------------------------------------------------


def wire_amount(money: Money) -> int:
    """`money` in Stripe's integer for its currency; `InvalidRequest` when Stripe cannot say that amount."""
    exponent = exponent_of(money.currency)
    shift = assumptions.wire_exponent(money.currency, exponent) - exponent
    amount, rest = (money.amount_minor * _power(shift), 0) if shift >= 0 else divmod(money.amount_minor, _power(-shift))
    if rest or amount % assumptions.wire_step(money.currency):
        raise InvalidRequest(f"{money} has more decimals than Stripe takes in this currency", param="amount")
    return amount


def money_of(amount: int, currency: str) -> Money:
    """Our money for Stripe's integer."""
    currency = currency.lower()
    shift = exponent_of(currency) - assumptions.wire_exponent(currency, exponent_of(currency))
    minor, rest = (amount * _power(shift), 0) if shift >= 0 else divmod(amount, _power(-shift))
    if rest:
        raise InvalidRequest(f"{amount} {currency} is not a whole number of minor units", param="amount")
    return Money(minor, currency)


def _power(exponent: int) -> int:
    return int(10**exponent)


def instant(seconds: int | None) -> datetime | None:
    """An instant from Unix seconds."""
    return datetime.fromtimestamp(seconds, UTC) if seconds else None


# -- requests --------------------------------------------------------------------------------------------------------


def form(params: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Nested parameters as Stripe's bracketed pairs; None is left out, empty text unsets."""
    return [pair for name, value in params.items() for pair in _pairs(name, value)]


def _pairs(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if value is None:
        return
    if isinstance(value, Mapping):
        for inner, item in value.items():
            yield from _pairs(f"{name}[{inner}]", item)
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _pairs(f"{name}[{index}]", item)
    else:
        yield name, str(value).lower() if isinstance(value, bool) else str(value)


def metadata(given: Mapping[str, str], key: str, **more: str) -> dict[str, str]:
    """Metadata for one object: what the caller wants seen, and our key. Values are cut at Stripe's length."""
    cut = limits.METADATA_VALUE_LENGTH.value
    kept = list(given.items())[: limits.METADATA_KEYS.value - 3]
    return {name: value[:cut] for name, value in kept} | more | {KEY: key}


def key_of(obj: Json) -> str:
    """Our key on one of Stripe's objects, "" if it is not ours."""
    return str((obj.get("metadata") or {}).get(KEY, ""))


# -- errors ----------------------------------------------------------------------------------------------------------


def classify_error(status: int, error: Json) -> Declined | Unknown:
    """What an error answer means: final, or nobody knows (409, 429 and 5xx: ask or repeat under the same key)."""
    message = str(error.get("message", ""))
    if status in (409, 429) or error.get("code") == "lock_timeout":
        busy = f"Stripe is busy ({status} {error.get('code', '')})"
        return Unknown(busy, ask_after_seconds=2, is_undone=status == 429, code=str(error.get("code", "")))
    if status >= 500 or status == 424:
        return Unknown(f"Stripe answered {status}", ask_after_seconds=5)
    code = error.get("decline_code") or error.get("code") or error.get("type") or str(status)
    return Declined(str(code), assumptions.refusal_of(error, status), message)


def not_found(key: str) -> Declined:
    """Nothing at Stripe carries this key."""
    return Declined("not_found", Refusal.NOT_FOUND, f"Stripe has nothing under {key}")


# -- objects ---------------------------------------------------------------------------------------------------------


def next_action(intent: Json) -> NextAction | None:
    """What the payer must do about an intent that waits for him."""
    action = intent.get("next_action") or {}
    if action.get("type") == "redirect_to_url":
        return NextAction(ActionKind.REDIRECT, action["redirect_to_url"]["url"])
    if intent.get("client_secret"):
        return NextAction(ActionKind.PAGE_ELEMENT, intent["client_secret"])
    return None


def setup_outcome(intent: Json) -> Outcome[Setup]:
    """A setup intent, its method expanded."""
    method = intent.get("payment_method")
    match intent["status"]:
        case "succeeded":
            return Done(Setup(intent["id"], method=saved_method(method) if isinstance(method, dict) else None))
        case "canceled":
            return Declined("canceled", Refusal.LIFECYCLE, str(intent.get("cancellation_reason") or "canceled"))
    return Pending(Setup(intent["id"], next_action(intent)), PAYER_ASK_SECONDS)


def session_url(session: Json) -> NextAction | None:
    """The page of a checkout session, while it is open."""
    return NextAction(ActionKind.REDIRECT, session["url"]) if session.get("url") else None


def session_setup_outcome(session: Json) -> Outcome[Setup]:
    """A checkout session in setup mode, its intent and method expanded."""
    intent = session.get("setup_intent")
    if session["status"] == "complete" and isinstance(intent, dict):
        done = setup_outcome(intent)
        return Done(Setup(session["id"], method=done.value.method)) if isinstance(done, Done) else done
    if session["status"] == "expired":
        return Declined("expired", Refusal.LIFECYCLE, "the page expired")
    return Pending(Setup(session["id"], session_url(session)), PAYER_ASK_SECONDS)


def _settlement(intent: Json) -> tuple[datetime | None, int | None, Money | None]:
    """When it was paid, Stripe's fee, and what was settled, as far as the expanded charge tells."""
    charge = intent.get("latest_charge")
    if not isinstance(charge, dict):
        return None, None, None
    row = charge.get("balance_transaction")
    if not isinstance(row, dict):
        return instant(charge.get("created")), None, None
    settled = money_of(row["amount"], row["currency"])
    return instant(charge.get("created")), money_of(row["fee"], row["currency"]).amount_minor, settled


def _available_at(intent: Json) -> datetime | None:
    """`available_on` of the balance transaction of the expanded charge: until then its money is pending."""
    charge = intent.get("latest_charge")
    row = charge.get("balance_transaction") if isinstance(charge, dict) else None
    return instant(row.get("available_on")) if isinstance(row, dict) else None


def charge_outcome(intent: Json, *, payer_absent: bool) -> Outcome[Charge]:
    """A payment intent as a charge. With the payer absent a refused attempt is final; else he may try again."""
    amount = money_of(intent["amount"], intent["currency"])
    paid_at, fee_minor, settled = _settlement(intent)
    match intent["status"]:
        case "succeeded" | "requires_capture":
            return Done(Charge(intent["id"], amount, paid_at or instant(intent["created"]), fee_minor, settled))
        case "canceled":
            return Declined("canceled", Refusal.LIFECYCLE, str(intent.get("cancellation_reason") or "canceled"))
        case "processing":
            return Pending(Charge(intent["id"], amount), PROCESSING_ASK_SECONDS)
        case "requires_payment_method" if payer_absent and intent.get("last_payment_error"):
            return _refused(intent["last_payment_error"])
    return Pending(Charge(intent["id"], amount, next_action=next_action(intent)), PAYER_ASK_SECONDS)


def _refused(error: Json) -> Declined:
    answer = classify_error(402, error)
    assert isinstance(answer, Declined)
    return answer


def collection_outcome(intent: Json, *, ref: str = "", page: NextAction | None = None) -> Outcome[Collection]:
    """A payment intent as a collection; `page` is the checkout page that leads to it, `ref` that session's id."""
    charge = charge_outcome(intent, payer_absent=False)
    match charge:
        case Done(value):
            got = money_of(intent.get("amount_received") or intent["amount"], intent["currency"])
            payer = str(intent.get("customer") or "")
            available_at = _available_at(intent)
            return Done(
                Collection(value.ref, got, None, value.paid_at, value.fee_minor, payer, available_at=available_at)
            )
        case Pending(value, ask_after_seconds):
            return Pending(Collection(ref or value.ref, value.amount, page or value.next_action), ask_after_seconds)
    return charge


def refund_outcome(refund: Json) -> Outcome[Refund]:
    """A refund; `succeeded` may still fail later, which a notice tells."""
    amount = money_of(refund["amount"], refund["currency"])
    match refund["status"]:
        case "succeeded":
            row = refund.get("balance_transaction")
            settled = money_of(-row["amount"], row["currency"]) if isinstance(row, dict) else None
            return Done(Refund(refund["id"], amount, instant(refund["created"]), settled=settled))
        case "failed" | "canceled":
            reason = refund.get("failure_reason") or refund["status"]
            return Declined(str(reason), Refusal.DECLINED, f"the refund {refund['status']}: {reason}")
    return Pending(Refund(refund["id"], amount), PROCESSING_ASK_SECONDS)


def account_outcome(account: Json, onboarding_url: str = "") -> Outcome[Account]:
    """A connected account: done when it may receive, pending while Stripe wants something, declined once it is rejected."""
    requirements = account.get("requirements") or {}
    reason = str(requirements.get("disabled_reason") or "")
    if reason.startswith("rejected."):
        return Declined(reason, Refusal.FORBIDDEN, "Stripe has rejected the account")
    needs = tuple(requirements.get("currently_due") or ())
    can_receive = (account.get("capabilities") or {}).get("transfers") == "active"
    value = Account(account["id"], can_receive, bool(account.get("payouts_enabled")), needs, onboarding_url)
    return Done(value) if can_receive else Pending(value, PROCESSING_ASK_SECONDS)


def instrument(bank: Json) -> Instrument:
    """A connected account's bank account."""
    return Instrument(bank["id"], bank.get("last4") or "", bank.get("status") in ("validated", "verified"))


def payout_outcome(payout: Json) -> Outcome[Payout]:
    """A payout; `paid` may still fail for some days, which a notice tells."""
    amount = money_of(payout["amount"], payout["currency"])
    arrives_at = instant(payout.get("arrival_date"))
    match payout["status"]:
        case "paid":
            return Done(Payout(payout["id"], amount, arrives_at, arrives_at))
        case "failed" | "canceled":
            code = str(payout.get("failure_code") or payout["status"])
            return Declined(code, assumptions.payout_refusal(code), str(payout.get("failure_message") or code))
    return Pending(Payout(payout["id"], amount, arrives_at), TRANSIT_ASK_SECONDS)


def sub_balances(account_ref: str, balance: Json) -> list[SubBalance]:
    """The pending and available balances of one account, one per currency."""
    return [
        SubBalance(account_ref, kind, money_of(entry["amount"], entry["currency"]))
        for kind in ("pending", "available")
        for entry in balance.get(kind) or []
    ]


def statement_line(row: Json, account_ref: str) -> StatementLine:
    """A balance transaction, its source expanded."""
    source = row.get("source")
    amount = money_of(row["amount"], row["currency"])
    details = source if isinstance(source, dict) else {}
    occurred_at = instant(row["created"])
    assert occurred_at is not None
    return StatementLine(
        row_key=row["id"],
        kind=assumptions.line_kind(row, account_ref),
        amount=amount,
        occurred_at=occurred_at,
        key=key_of(details),
        ref=str(details.get("id") or source or ""),
        order_ref=str((details.get("metadata") or {}).get("cauce_order") or details.get("transfer_group") or ""),
        account_ref=account_ref,
        fee_minor=money_of(row["fee"], row["currency"]).amount_minor,
        state=row["status"],
        raw={name: str(row[name]) for name in ("type", "reporting_category", "net", "available_on")},
    )


def smallest_charges() -> dict[str, int]:
    """Smallest charge per currency in our minor units."""
    return {c: money_of(amount, c).amount_minor for c, amount in limits.AMOUNT_MIN_MINOR.items()}
