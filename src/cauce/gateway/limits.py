"""A plan against a channel's limits, before anything is sent: what a channel cannot do fails here, never half-way.

Every refusal names the limit, its source and what would work. The functions are pure: the numbers come from the
channel's `Capabilities` (and from its own `limits.py`), the plan from the caller.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from fractions import Fraction
from math import floor
from typing import TypeVar

from cauce.gateway.capabilities import Can, Capabilities, Sourced
from cauce.gateway.errors import CapabilityMissing, LimitExceeded
from cauce.gateway.plans import PlannedPart, SplitPlan

T = TypeVar("T")


class TooManyReceivers(LimitExceeded):
    """One split request names more receivers than the channel takes; send several requests."""

    code = "too_many_receivers"


class TooManyRequests(LimitExceeded):
    """The order would need more split requests than the channel takes; use fewer receivers."""

    code = "too_many_requests"


class TooManyRegistered(LimitExceeded):
    """The merchant has more registered receivers than the channel takes; delete some first."""

    code = "too_many_registered"


class TooManyReturns(LimitExceeded):
    """The part was returned as often as the channel allows; settle the rest outside the order."""

    code = "too_many_returns"


class ReturnWindowOver(LimitExceeded):
    """The split is too old to be returned; settle outside the order."""

    code = "return_window_over"


class PersonReturnsNothing(LimitExceeded):
    """The channel takes nothing back from a person's account; let others return it, or settle outside the order."""

    code = "person_returns_nothing"


class RefundWindowOver(LimitExceeded):
    """The payment is too old to be refunded at the channel; give the money back outside the order."""

    code = "refund_window_over"


class TooManyRefunds(LimitExceeded):
    """The payment was refunded as often as the channel allows; give the rest back outside the order."""

    code = "too_many_refunds"


class ReturnExceedsShared(LimitExceeded):
    """More would be returned than was shared."""

    code = "return_exceeds_shared"


class TooManyOrdersInPayment(LimitExceeded):
    """One payment would be for more merchants' orders than the channel takes; split the cart into several orders."""

    code = "too_many_orders_in_payment"


class SubsidyAboveLimit(LimitExceeded):
    """The channel takes no subsidy so large for one payment; lower it."""

    code = "subsidy_above_limit"


class ShareAboveCap(LimitExceeded):
    """More of the order would go to others than the channel allows; lower the shares or have the cap raised."""

    code = "share_above_cap"


class ShareCapUnknown(LimitExceeded):
    """The channel's share cap has not been read from the provider yet; it is never assumed."""

    code = "share_cap_unknown"


class ReleaseAfterFreeze(LimitExceeded):
    """The money is released before the plan is due; release earlier, or use a channel that freezes longer."""

    code = "release_after_freeze"


class SplitMomentUnsupported(CapabilityMissing):
    """The channel does not divide money at this moment."""

    code = "split_moment_unsupported"


class CurrencyUnsupported(CapabilityMissing):
    """The channel does not take this currency."""

    code = "currency_unsupported"


class AmountBelowMinimum(LimitExceeded):
    """The amount is smaller than the channel charges."""

    code = "amount_below_minimum"


def require_at_most(value: int, limit: Sourced | None, refusal: type[LimitExceeded]) -> None:
    """Raise `refusal`, naming `limit` and its source, when `value` is above it; a channel without the limit allows all."""
    if limit is not None and value > limit.value:
        raise refusal(limit=limit.value, unit=limit.unit, source=limit.source, read_on=str(limit.read_on), value=value)


def require_returns_within(shared_minor: int, returns_minor: Iterable[int]) -> None:
    """`ReturnExceedsShared` unless all returns together stay within what was shared."""
    total = sum(returns_minor)
    if total > shared_minor:
        raise ReturnExceedsShared(shared_minor=shared_minor, returned_minor=total)


def require_within(began_at: datetime, at: datetime, window_days: Sourced | None, refusal: type[LimitExceeded]) -> None:
    """Raise `refusal`, naming the window and its source, when `at` is after it; a channel without a window allows all."""
    if window_days is not None and at > began_at + timedelta(days=window_days.value):
        days, limit = (at - began_at).days, window_days
        raise refusal(limit=limit.value, unit=limit.unit, source=limit.source, read_on=str(limit.read_on), value=days)


def is_released(days_since_payment: int, freeze: Sourced | None) -> bool:
    """True when the channel itself has released the frozen money: on the very day that the freeze is full."""
    return freeze is not None and days_since_payment >= freeze.value


def share_cap_minor(total_minor: int, refunded_minor: int, share_max: Fraction) -> int:
    """The most that may go to others of an order: the floor of what is not refunded times the cap."""
    return floor((total_minor - refunded_minor) * share_max)


def sent_parts(plan: SplitPlan) -> list[PlannedPart]:
    """The parts that are really sent: not those of zero, not the order's own merchant's."""
    return [part for part in plan.parts if part.amount_minor and not part.is_owner]


def requests_of(parts: Sequence[T], capabilities: Capabilities) -> Iterator[Sequence[T]]:
    """`parts` cut into the split requests that the channel takes."""
    limit = capabilities.receivers_per_call_max
    left = parts
    while left:
        size = limit.value if limit is not None else len(left)
        yield left[:size]
        left = left[size:]


def check_split(plan: SplitPlan, capabilities: Capabilities, share_max: Fraction | None = None) -> None:
    """Raise the first refusal that a split plan meets on a channel.

    `share_max` is the cap read from the provider for this merchant; without one the channel's own record counts,
    and a record without one is `ShareCapUnknown`. A plan that sends nothing needs no split at all.
    """
    require_currency(plan.currency, capabilities)
    sent = sent_parts(plan)
    if not sent:
        return
    capabilities.require(Can.SPLITS, what="a split plan")
    if plan.moment not in capabilities.split_moments:
        raise SplitMomentUnsupported(moment=plan.moment, offered=sorted(capabilities.split_moments))
    requests = plan.requests_before + len(list(requests_of(sent, capabilities)))
    require_at_most(requests, capabilities.requests_per_order_max, TooManyRequests)
    freeze = capabilities.freeze_days_max
    if plan.release_after_days is not None and freeze is not None and is_released(plan.release_after_days, freeze):
        raise ReleaseAfterFreeze(
            limit=freeze.value, unit=freeze.unit, source=freeze.source, read_on=str(freeze.read_on)
        )
    check_share_cap(plan, capabilities, share_max)


def check_share_cap(plan: SplitPlan, capabilities: Capabilities, share_max: Fraction | None = None) -> None:
    """`ShareAboveCap` when the order's shares, earlier ones included, pass the channel's cap."""
    cap = share_max if share_max is not None else capabilities.share_max
    if cap is None:
        raise ShareCapUnknown
    counted = [part for part in plan.parts if not (part.is_owner and capabilities.share_cap_excludes_owner)]
    shared = plan.shared_before_minor + sum(part.amount_minor for part in counted)
    most = share_cap_minor(plan.total_minor, plan.refunded_minor, cap)
    if shared > most:
        raise ShareAboveCap(share_max=str(cap), allowed_minor=most, planned_minor=shared)


def require_currency(currency: str, capabilities: Capabilities) -> None:
    """`CurrencyUnsupported` unless the channel takes `currency`."""
    if capabilities.currencies is not None and currency not in capabilities.currencies:
        raise CurrencyUnsupported(currency=currency, offered=sorted(capabilities.currencies))


def require_combinable(merchants: int, capabilities: Capabilities) -> None:
    """`TooManyOrdersInPayment` unless one payment of this channel may be for so many merchants."""
    limit = capabilities.orders_per_payment_max
    if limit is not None and merchants > limit.value:
        raise TooManyOrdersInPayment(
            f"one payment is for at most {limit.value} {limit.unit} ({limit.source}), not {merchants}", param="lines"
        )


def require_subsidisable(amount_minor: int, capabilities: Capabilities) -> None:
    """`SubsidyAboveLimit` unless the channel lets the platform add so much to one payment."""
    limit = capabilities.order_subsidy_minor_max
    if limit is not None and amount_minor > limit.value:
        raise SubsidyAboveLimit(
            f"the channel lets the platform add at most {limit.value} {limit.unit} to a payment ({limit.source})",
            param="lines",
        )


def require_chargeable(amount_minor: int, currency: str, capabilities: Capabilities) -> None:
    """`AmountBelowMinimum` when the channel does not charge so little; the amount is carried forward instead (V28)."""
    require_currency(currency, capabilities)
    minimum = capabilities.amount_min_minor.get(currency)
    if minimum is not None and amount_minor < minimum:
        raise AmountBelowMinimum(minimum_minor=minimum, amount_minor=amount_minor, currency=currency)
