"""Splits whose parts the caller states in full: each part one amount, and the parts sum to the whole.

For channels and callers that send a finished division with the payment. Nothing is rounded or filled in here; a
faulty part is refused with the code that names the fault.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from cauce.kernel.errors import InvalidRequest
from cauce.pricing.allocation import NegativeShare


class PartHasAmountAndPercent(InvalidRequest):
    """A part states an amount or a percentage, not both."""

    code = "part_has_amount_and_percent"


class PartHasNoAmount(InvalidRequest):
    """A part states no amount."""

    code = "part_has_no_amount"


class PartsExceedAmount(InvalidRequest):
    """The parts sum to more than the amount."""

    code = "parts_exceed_amount"


class PartsBelowAmount(InvalidRequest):
    """The parts sum to less than the amount."""

    code = "parts_below_amount"


@dataclass(frozen=True, slots=True)
class StatedPart:
    """What a caller says of one part; exactly `amount_minor` is right."""

    to: str
    amount_minor: int | None = None
    percent: Fraction | None = None


def check_stated_parts(amount: int, parts: Sequence[StatedPart]) -> None:
    """Raise the first refusal that applies unless every part states one amount and they sum to `amount`."""
    if any(part.amount_minor is not None and part.percent is not None for part in parts):
        raise PartHasAmountAndPercent(param="parts")
    if any(part.amount_minor is None for part in parts):
        raise PartHasNoAmount(param="parts")
    if any((part.amount_minor or 0) < 0 for part in parts):
        raise NegativeShare(param="parts")
    total = sum(part.amount_minor or 0 for part in parts)
    if total > amount:
        raise PartsExceedAmount(param="parts")
    if total < amount:
        raise PartsBelowAmount(param="parts")
