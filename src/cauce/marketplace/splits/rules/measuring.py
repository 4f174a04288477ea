"""The exact values of one level of a rule, before rounding: fixed, clamped, and those that are rounded together.

Percentages are exact fractions; a value outside its bounds becomes the bound, which is whole, and leaves the
rounding. The remainder is exact too, so that it is rounded like any other part.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from fractions import Fraction

from cauce.marketplace.splits.rules.schema import (
    FEE,
    Fixed,
    GreaterOf,
    Of,
    OnShort,
    Part,
    Percent,
    Rest,
    Tiered,
)
from cauce.pricing.allocation import FixedExceedsAmount, SharesExceedAmount, SharesExceedOne, TwoRestShares
from cauce.pricing.rating import rate
from cauce.pricing.rounding import exact_sum

ZERO = Fraction(0)


class Reason(StrEnum):
    """Why a part is what it is."""

    FIXED = "fixed"
    FIXED_CUT = "fixed_cut"
    PERCENT = "percent"
    TIERS = "tiers"
    GREATER_OF_FIXED = "greater_of_fixed"
    MINIMUM = "minimum"
    CAP = "cap"
    REMAINDER = "remainder"
    OUTSIDE_BASE_BOUNDS = "outside_base_bounds"
    CONDITION_NOT_MET = "condition_not_met"
    STEP = "step"
    STEP_REST = "step_rest"
    NOTHING_LEFT = "nothing_left"
    SUMMED = "summed"


SILENT = frozenset({Reason.OUTSIDE_BASE_BOUNDS, Reason.CONDITION_NOT_MET})
"""Reasons of a part that does not apply to the order at all."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Exact values by part; the indexes that are rounded together and the whole units they must sum to.

    `rest` is what no part claims. It is unclaimed money at the top of a rule, and the owner's own among children.
    """

    exact: tuple[Fraction, ...]
    reasons: tuple[Reason, ...]
    group: tuple[int, ...]
    target: int
    rest: Fraction

    @property
    def unclaimed(self) -> bool:
        """True when money is left that no part takes."""
        return self.rest > 0

    def with_rest(self) -> Measured:
        """The same with the unclaimed money as one more part at the end."""
        group = (*self.group, len(self.exact))
        return replace(
            self,
            exact=(*self.exact, self.rest),
            reasons=(*self.reasons, Reason.REMAINDER),
            group=group,
            rest=ZERO,
        )


def measure_level(
    parts: Sequence[Part],
    amount: int,
    base: int,
    on_short: OnShort,
    attributes: Mapping[str, Mapping[str, str]],
    *,
    nested: bool,
) -> Measured:
    """Measure `parts` of `amount` under a rule whose base is `base`; `nested` for children of a part.

    Refusals in this order: `two_rest_shares`, `shares_exceed_one`, `fixed_exceeds_amount`, `shares_exceed_amount`.
    """
    exact = [ZERO] * len(parts)
    reasons = [_silent(part, base, attributes) for part in parts]
    live = [i for i, reason in enumerate(reasons) if reason is None]
    rests = [i for i in live if isinstance(parts[i].measure, Rest)]
    if len(rests) > 1 and any(_weight(parts[i]) is None for i in rests):
        raise TwoRestShares(param="parts")
    _check_shares(parts, live, nested=nested)
    left = _fix(parts, live, amount, on_short, exact, reasons)
    if Reason.FIXED_CUT in reasons:
        loose = _emptied(parts, live, reasons)
    else:
        loose = _percentages(parts, live, amount, base, left, exact, reasons)
    rounded_together = set(loose)
    target = amount - sum(exact[i].numerator for i in live if i not in rounded_together)
    rest = target - exact_sum([exact[i] for i in loose]) if loose else Fraction(target)
    if rest < 0:
        raise SharesExceedAmount(param="parts")
    if rests:
        weights = sum(_weight(parts[i]) or 1 for i in rests)
        for i in rests:
            exact[i], reasons[i] = rest * (_weight(parts[i]) or 1) / weights, Reason.REMAINDER
        rest = ZERO
    group = tuple(sorted([*loose, *rests]))
    return Measured(tuple(exact), tuple(reason or Reason.PERCENT for reason in reasons), group, target, rest)


def _silent(part: Part, base: int, attributes: Mapping[str, Mapping[str, str]]) -> Reason | None:
    """Why a part does not apply to this order; None when it does."""
    low, high = part.min_base_minor, part.max_base_minor
    if (low is not None and base < low) or (high is not None and base > high):
        return Reason.OUTSIDE_BASE_BOUNDS
    condition = part.condition
    if condition is not None and attributes.get(condition.party, {}).get(condition.attribute) != condition.equals:
        return Reason.CONDITION_NOT_MET
    return None


def _weight(part: Part) -> int | None:
    return part.measure.weight if isinstance(part.measure, Rest) else None


def _check_shares(parts: Sequence[Part], live: Sequence[int], *, nested: bool) -> None:
    """Plain percentages of the whole, without a cap that could make them fit, may not exceed it."""
    whole = Of.PARENT if nested else Of.BASE
    plain = (parts[i].measure for i in live if parts[i].cap_minor is None)
    shares = [measure.value for measure in plain if isinstance(measure, Percent) and measure.of is whole]
    if shares and exact_sum(shares) > 1:
        raise SharesExceedOne(param="parts")


def _fix(
    parts: Sequence[Part],
    live: Sequence[int],
    amount: int,
    on_short: OnShort,
    exact: list[Fraction],
    reasons: list[Reason | None],
) -> int:
    """Set the fixed parts in listed order; what they leave of the amount."""
    left = amount
    for i in live:
        measure = parts[i].measure
        if not isinstance(measure, Fixed):
            continue
        value = measure.amount_minor
        reasons[i] = Reason.FIXED
        if value > left:
            if on_short is OnShort.REFUSE:
                raise FixedExceedsAmount(param=f"parts[{i}]")
            value, reasons[i] = left, Reason.FIXED_CUT
        exact[i] = Fraction(value)
        left -= value
    return left


_LOOSE = (Reason.PERCENT, Reason.TIERS)


def _percentages(
    parts: Sequence[Part],
    live: Sequence[int],
    amount: int,
    base: int,
    after_fixed: int,
    exact: list[Fraction],
    reasons: list[Reason | None],
) -> list[int]:
    """Set the measured parts, clamped; the indexes of those that stay in the rounding.

    Fees come first, because others may be taken of what they leave (exact values, clamps included).
    """
    whole: dict[Of, Fraction | int] = {Of.BASE: base, Of.PARENT: amount, Of.AFTER_FIXED: after_fixed}
    measured = [i for i in live if not isinstance(parts[i].measure, Fixed | Rest)]
    fees = [i for i in measured if parts[i].to == FEE]
    if fees:
        measured = [*fees, *(i for i in measured if parts[i].to != FEE)]
    loose = []
    for n, i in enumerate(measured):
        if n == len(fees):
            whole[Of.AFTER_FEES] = amount - _fees(parts, exact)
        exact[i], reasons[i] = _clamped(parts[i], whole)
        if reasons[i] in _LOOSE:
            loose.append(i)
    return loose


def _emptied(parts: Sequence[Part], live: Sequence[int], reasons: list[Reason | None]) -> list[int]:
    """Fixed parts took everything, as the rule allows: the measured parts get nothing, none is rounded."""
    for i in live:
        if not isinstance(parts[i].measure, Fixed | Rest):
            reasons[i] = Reason.NOTHING_LEFT
    return []


def _fees(parts: Sequence[Part], exact: Sequence[Fraction]) -> Fraction | int:
    return sum(value for part, value in zip(parts, exact, strict=True) if part.to == FEE)


def _clamped(part: Part, whole: Mapping[Of, Fraction | int]) -> tuple[Fraction, Reason]:
    """The part's exact value within its bounds, and what decided it."""
    value, reason = _value(part, whole)
    if part.min_minor is not None and value < part.min_minor:
        return Fraction(part.min_minor), Reason.MINIMUM
    if part.cap_minor is not None and value > part.cap_minor:
        return Fraction(part.cap_minor), Reason.CAP
    return value, reason


def _value(part: Part, whole: Mapping[Of, Fraction | int]) -> tuple[Fraction, Reason]:
    measure = part.measure
    if isinstance(measure, Percent):
        return measure.value * whole[measure.of], Reason.PERCENT
    if isinstance(measure, Tiered):
        return rate(measure.model, Fraction(max(0, whole[measure.of]))).amount, Reason.TIERS
    assert isinstance(measure, GreaterOf)
    best, reason = ZERO, Reason.GREATER_OF_FIXED
    for choice in measure.choices:
        if isinstance(choice, Fixed):
            found, why = Fraction(choice.amount_minor), Reason.GREATER_OF_FIXED
        else:
            found, why = choice.value * whole[choice.of], Reason.PERCENT
        if found > best:
            best, reason = found, why
    return best, reason
