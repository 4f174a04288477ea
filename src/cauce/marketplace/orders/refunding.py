"""What a refund of one collection takes and from where: the provider's fee that comes back, and who returns the rest. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from cauce.kernel.errors import Conflict, InvalidRequest
from cauce.kernel.machine import BEGIN, Machine, steps
from cauce.kernel.money import half_up

FUND_JOB = "refund.fund"
"""The job of a refund that waits for money."""

REFUND = Machine(
    "order refund",
    (
        "requested", "approved", "reversing_splits", "funding", "submitted", "processing", "succeeded", "failed",
        "unknown", "canceled",
    ),
    (
        *steps("request", (BEGIN,), "requested"),
        *steps("reverse", (BEGIN, "requested", "approved"), "reversing_splits"),
        *steps("fund", (BEGIN, "reversing_splits", "failed"), "funding"),
        *steps("submit", (BEGIN, "failed", "requested", "approved", "reversing_splits", "funding"), "submitted"),
        *steps("wait", ("submitted", "unknown"), "processing"),
        *steps("lose", ("submitted", "processing"), "unknown"),
        *steps("succeed", ("submitted", "processing", "unknown"), "succeeded"),
        *steps("fail", ("reversing_splits", "submitted", "processing", "unknown"), "failed"),
        *steps("bounce", ("succeeded",), "failed"),
        *steps("cancel", ("requested", "approved", "funding", "submitted"), "canceled"),  # as long as nothing was sent
    ),
)  # fmt: skip


class RefundExceedsPaid(Conflict):
    """More would be refunded than was paid (K12)."""

    code = "refund_exceeds_paid"


class RefundSent(Conflict):
    """The refund was sent to the channel already, or is not of your making: it cannot be withdrawn."""

    code = "refund_sent"


class RefundWaits(Conflict):
    """The order's money is being divided at this moment; refund it when that has ended."""

    code = "refund_waits_for_split"


class RefundPartiesByRule(InvalidRequest):
    """The order's split rule says who returns what; only a rule with the policy `explicit` leaves that to the caller."""

    code = "refund_parties_by_rule"


@dataclass(frozen=True, slots=True)
class Collected:
    """One paid collection as refunds see it: minor units."""

    amount_minor: int
    fee_minor: int
    escrow_minor: int
    refunded_minor: int
    fee_returned_minor: int


@dataclass(frozen=True, slots=True)
class Share:
    """`fee_back_minor` comes back from the provider, `net_minor` is returned by the parties, the platform bears the rest."""

    fee_back_minor: int
    net_minor: int
    borne_minor: int


def share_refund(collected: Collected, refund_minor: int, *, returns_fee: bool) -> Share:
    """Divide a refund between provider, parties and platform, cumulatively: refunding all ends at exactly all.

    Where the provider keeps its fee, the parties return what they got in proportion and the platform bears the fee.
    """
    so_far = collected.refunded_minor + refund_minor
    if so_far > collected.amount_minor:
        raise RefundExceedsPaid(left_minor=collected.amount_minor - collected.refunded_minor)
    fee_now = _part(collected.fee_minor, so_far, collected.amount_minor)
    fee_before = _part(collected.fee_minor, collected.refunded_minor, collected.amount_minor)
    if returns_fee:
        whole = so_far == collected.amount_minor
        fee_back = collected.fee_minor - collected.fee_returned_minor if whole else fee_now - fee_before
        return Share(fee_back, refund_minor - fee_back, 0)
    borne = fee_now - fee_before
    return Share(0, refund_minor - borne, borne)


def _part(of: int, numerator: int, denominator: int) -> int:
    return half_up(Fraction(of * numerator, denominator))


def over_collections(wanted_minor: int, left_minor: Sequence[int]) -> list[int]:
    """A refund of an order over its collections, in their order, each up to what is left of it."""
    found = []
    for left in left_minor:
        taken = min(wanted_minor, left)
        found.append(taken)
        wanted_minor -= taken
    if wanted_minor:
        raise RefundExceedsPaid(left_minor=sum(left_minor))
    return found
