"""Attempts, methods and recoveries as values: what a refusal means for the next try, and when that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any

from cauce.gateway.outcome import Refusal
from cauce.kernel.calendar.zones import at_local_time, zone_of
from cauce.kernel.errors import Conflict, InvalidRequest
from cauce.kernel.machine import BEGIN, Machine, Transition, steps

ATTEMPT = Machine(
    "payment attempt",
    ("created", "processing", "succeeded", "failed", "canceled"),
    (
        Transition("open", BEGIN, "open", "created"),
        *steps("wait", ("created", "processing"), "processing"),
        *steps("succeed", ("created", "processing", "canceled"), "succeeded"),
        *steps("fail", ("created", "processing"), "failed"),
        *steps("cancel", ("created", "processing"), "canceled"),
    ),
)
REFUND = Machine(
    "refund",
    ("pending", "succeeded", "failed", "canceled"),
    (
        Transition("open", BEGIN, "open", "pending"),
        Transition("succeed", "pending", "succeed", "succeeded"),
        *steps("fail", ("pending", "succeeded"), "failed"),  # a bank may send back what looked well
    ),
)

NO_METHOD = "no_method"
"""The refusal of a charge that could not even be tried."""

_HARD = frozenset({Refusal.HARD.value})
_FIX = frozenset({Refusal.METHOD_INVALID.value, NO_METHOD})
_AUTH = frozenset({Refusal.ACTION_REQUIRED.value})
NOTICE_DAYS = (30, 7)
"""Days before a card expires on which the customer is told (C5)."""


class LastMethod(Conflict):
    """It is the last payment method of a customer with a paid subscription."""

    code = "last_payment_method"


class AttemptInFlight(Conflict):
    """A payment of this invoice is under way; its outcome must be known first."""

    code = "payment_in_flight"


class NoChannel(Conflict):
    """No channel of this organization can do that."""

    code = "no_channel"


class RefundTooLarge(InvalidRequest):
    """More would be given back than was paid and not yet refunded."""

    code = "refund_too_large"


@dataclass(frozen=True, slots=True)
class Method:
    """A saved method."""

    id: str
    customer_id: str
    channel_id: str
    customer_ref: str
    ref: str
    kind: str
    brand: str
    last4: str
    expires_on: date | None
    fingerprint: str
    is_default: bool
    usable: bool


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to collect one invoice. Its id is the provider's idempotency key."""

    id: str
    invoice_id: str
    customer_id: str
    subscription_id: str | None
    method_id: str | None
    channel_id: str
    currency: str
    amount_minor: int
    state: str
    refusal: str = ""
    code: str = ""
    message: str = ""
    next_action: dict[str, Any] | None = None
    by_customer: bool = False


@dataclass(frozen=True, slots=True)
class Payment:
    """Money that arrived. `settled_currency`: that of `settled_minor` and `fee_minor` where it is not the payment's own."""

    id: str
    customer_id: str
    invoice_id: str | None
    attempt_id: str | None
    channel_id: str
    source: str
    reference: str
    instruction_key: str
    currency: str
    amount_minor: int
    applied_minor: int
    paid_at: datetime
    fee_minor: int = 0
    settled_currency: str = ""
    settled_minor: int = 0
    refunded_minor: int = 0
    disputed: bool = False
    dispute_lost: bool = False


@dataclass(frozen=True, slots=True)
class Recovery:
    """How a debt is collected; the plan's dunning policy as it was when the case began."""

    retry_days: tuple[int, ...] = (1, 2, 2, 2)
    tries_max: int = 8
    grace_days: int = 7
    terminal: str = "unpaid"
    unpaid_days: int = 60
    quiet_from_hour: int = 21
    quiet_until_hour: int = 8
    timezone: str = "UTC"  # the customer's


@dataclass(frozen=True, slots=True)
class DunningCase:
    """One recovery of a subscription's debt. `tries` counts retries done; `due_at` is the next."""

    id: str
    subscription_id: str
    customer_id: str
    state: str
    policy: Recovery
    tries: int
    refusal: str
    currency: str
    recovered_minor: int
    restricted: bool
    due_at: datetime | None
    grace_at: datetime | None
    started_at: datetime


def payer_key(customer_id: str, generation: int = 0) -> str:
    """The provider's idempotency key under which a customer is made there: one customer, one record, whoever asks first.

    `generation` counts how often the provider deleted him.
    """
    own = f"pcus_{customer_id.partition('_')[2]}"
    return f"{own}_{generation}" if generation else own


def may_charge(refusal: str) -> bool:
    """Whether the same method may be charged again after this refusal (H1): not when lost, invalid or unauthenticated."""
    return refusal not in _HARD | _FIX | _AUTH


def spoils_method(refusal: str) -> bool:
    """Whether the method must never be charged again."""
    return refusal in _HARD


def open_case(
    case_id: str,
    subscription_id: str,
    customer_id: str,
    currency: str,
    policy: Recovery,
    refusal: str,
    failed_at: datetime,
    last_success_at: datetime | None = None,
) -> DunningCase:
    """The recovery that begins with a first failure: the first retry and the end of grace are set."""
    return DunningCase(
        id=case_id,
        subscription_id=subscription_id,
        customer_id=customer_id,
        state="open",
        policy=policy,
        tries=0,
        refusal=refusal,
        currency=currency,
        recovered_minor=0,
        restricted=False,
        due_at=next_try(policy, 0, failed_at, last_success_at),
        grace_at=failed_at + timedelta(days=policy.grace_days),
        started_at=failed_at,
    )


def next_try(policy: Recovery, tries: int, after: datetime, last_success_at: datetime | None = None) -> datetime | None:
    """When the retry after `tries` retries is due, counted from the last one; None when they are used up (H1, H4).

    Its local hour is that of the customer's last payment that succeeded, else that of the failure; never in quiet hours.
    """
    if tries >= min(len(policy.retry_days), policy.tries_max):
        return None
    zone, days = zone_of(policy.timezone), policy.retry_days[tries]
    local = after.astimezone(zone)
    clock = local.time() if last_success_at is None else last_success_at.astimezone(zone).time()
    day = local.date() + timedelta(days=days)
    if clock.hour >= policy.quiet_from_hour:
        day, clock = day + timedelta(days=1), time(policy.quiet_until_hour)
    elif clock.hour < policy.quiet_until_hour:
        clock = time(policy.quiet_until_hour)
    planned = at_local_time(day, clock, zone)
    return planned if planned > after else after + timedelta(days=max(days, 1))


def after_retry(case: DunningCase, refusal: str, at: datetime, last_success_at: datetime | None = None) -> DunningCase:
    """The case after one more failed retry; without a next one it is exhausted."""
    tries = case.tries + 1
    following = next_try(case.policy, tries, at, last_success_at)
    if following is None:
        return replace(case, tries=tries, refusal=refusal, state="exhausted", due_at=None, grace_at=None)
    return replace(case, tries=tries, refusal=refusal, due_at=following)


def expiry_notice(expires_on: date | None, now: datetime) -> datetime | None:
    """When the next notice about an expiring card is due; None when there is none to come."""
    if expires_on is None:
        return None
    midnight = datetime.combine(expires_on, datetime.min.time(), tzinfo=now.tzinfo)
    instants = [midnight - timedelta(days=days) for days in NOTICE_DAYS]
    return next((instant for instant in instants if instant > now), None)


def charge_order(methods: Sequence[Method], preferred: str | None) -> Method | None:
    """The method to charge: the subscription's own, else the default, else the newest that may be used."""
    usable = [method for method in methods if method.usable]
    for method in usable:
        if method.id == preferred:
            return method
    return next((method for method in usable if method.is_default), usable[-1] if usable else None)
