"""Charges on a payment, apart from its split: on top for the payer, or deducted from the receiver.

Each is rounded half up on its own, in listed order, and fixed from then on. A deducted total that reaches the
amount is refused: nobody is paid zero by a fee.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from cauce.kernel.errors import InvalidRequest
from cauce.kernel.money import half_up


class FeeNotBelowAmount(InvalidRequest):
    """The fees deducted from the receiver reach the whole amount."""

    code = "fee_not_below_amount"


class FeeBase(StrEnum):
    """What a percentage is taken of."""

    AMOUNT = "amount"
    AMOUNT_PLUS_EARLIER_FEES = "amount_plus_earlier_fees"


class Bearer(StrEnum):
    """Who pays a fee: the payer on top, or the receiver out of what he gets."""

    PAYER = "payer"
    RECEIVER = "receiver"


@dataclass(frozen=True, slots=True)
class Fee:
    """A flat fee, a percentage, or the larger of the two when both are given.

    It applies only to amounts between `min_amount_minor` and `max_amount_minor`, both inclusive.
    """

    borne_by: Bearer
    flat_minor: int | None = None
    percent: Fraction | None = None
    to: str | None = None
    base: FeeBase = FeeBase.AMOUNT
    min_amount_minor: int | None = None
    max_amount_minor: int | None = None

    def applies_to(self, amount_minor: int) -> bool:
        """True when the amount lies within the fee's bounds."""
        low, high = self.min_amount_minor, self.max_amount_minor
        return (low is None or low <= amount_minor) and (high is None or amount_minor <= high)

    def of(self, amount_minor: int, earlier_minor: int) -> int:
        """The fee in minor units, half up; `earlier_minor` is the sum of the fees listed before it."""
        base = amount_minor + (earlier_minor if self.base is FeeBase.AMOUNT_PLUS_EARLIER_FEES else 0)
        candidates = [] if self.flat_minor is None else [self.flat_minor]
        if self.percent is not None:
            candidates.append(half_up(base * self.percent / 100))
        return max(candidates, default=0)


@dataclass(frozen=True, slots=True)
class Charged:
    """What the payer pays, what the receiver gets, each fee that applied in listed order, and fees by recipient."""

    charged_minor: int
    receiver_minor: int
    fees: tuple[int, ...]
    by_recipient: dict[str, int]

    @property
    def fee_minor(self) -> int:
        """The sum of the fees."""
        return sum(self.fees)

    def left_of(self, balance_minor: int) -> int:
        """What a payer with this balance has left; negative when it does not cover the charge."""
        return balance_minor - self.charged_minor


def charge_fees(amount_minor: int, fees: Sequence[Fee]) -> Charged:
    """Apply `fees` to a payment of `amount_minor`; `FeeNotBelowAmount` when nothing would be left for the receiver."""
    charged, received, earlier = amount_minor, amount_minor, 0
    applied: list[int] = []
    by_recipient: dict[str, int] = {}
    for fee in fees:
        if not fee.applies_to(amount_minor):
            continue
        value = fee.of(amount_minor, earlier)
        earlier += value
        applied.append(value)
        if fee.borne_by is Bearer.PAYER:
            charged += value
        else:
            received -= value
        if fee.to is not None:
            by_recipient[fee.to] = by_recipient.get(fee.to, 0) + value
    if received <= 0 and received != amount_minor:
        raise FeeNotBelowAmount(param="fees")
    return Charged(charged, received, tuple(applied), by_recipient)
