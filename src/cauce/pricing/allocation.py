"""Dividing an amount: by weights, by shares with fixed parts and a rest, up to ceilings.

Parts always sum to the amount; fixed parts never absorb rounding; a negative amount is divided by magnitude and
its sign restored (C19, C20). Refusals carry the codes of `cases/README.md` section 7, in that order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from cauce.kernel.errors import InvalidRequest
from cauce.pricing.rounding import Remainder, Rounded, over_common, round_parts


class TwoRestShares(InvalidRequest):
    """Only one share can be the rest."""

    code = "two_rest_shares"


class SharesExceedOne(InvalidRequest):
    """The fractions sum to more than the whole."""

    code = "shares_exceed_one"


class FixedExceedsAmount(InvalidRequest):
    """The fixed parts are larger than the amount."""

    code = "fixed_exceeds_amount"


class SharesExceedAmount(InvalidRequest):
    """Fixed parts and fractions together are larger than the amount."""

    code = "shares_exceed_amount"


class SharesBelowOne(InvalidRequest):
    """The shares do not cover the amount and none of them is the rest."""

    code = "shares_below_one"


class NegativeShare(InvalidRequest):
    """A weight, share, fixed part or ceiling cannot be negative."""

    code = "negative_share"


class NoWeight(InvalidRequest):
    """An amount cannot be divided by weights that are all zero."""

    code = "no_weight"


class BadStep(InvalidRequest):
    """A step is one or more minor units."""

    code = "bad_step"


@dataclass(frozen=True, slots=True)
class Share:
    """One receiver's claim on an amount: a `fraction` of the whole, a `fixed_minor` part, or the rest (neither)."""

    fraction: Fraction | None = None
    fixed_minor: int | None = None

    @property
    def is_rest(self) -> bool:
        """True for the share that takes what the others leave."""
        return self.fraction is None and self.fixed_minor is None


REST = Share()


def allocate_by_weight(
    amount: int,
    weights: Sequence[Fraction] | Sequence[int],
    policy: Remainder = Remainder.LARGEST_REMAINDER,
    *,
    step: int = 1,
    named: int | None = None,
) -> Rounded:
    """`amount` (minor units, signed) divided in proportion to `weights`, in whole `step`s of minor units.

    What is no whole step is left over. `NegativeShare`, or `NoWeight` when there is money and no weight.
    """
    if step < 1:
        raise BadStep(param="step")
    if amount < 0:
        return _negated(allocate_by_weight(-amount, weights, policy, step=step, named=named))
    whole, _ = over_common([Fraction(weight) for weight in weights])
    total = sum(whole)
    if any(weight < 0 for weight in whole):
        raise NegativeShare(param="weights")
    if not total:
        if amount:
            raise NoWeight(param="weights")
        return Rounded((0,) * len(whole))
    steps, odd = divmod(amount, step)
    rounded = round_parts([steps * weight for weight in whole], total, steps, policy, named=named)
    return Rounded(tuple(part * step for part in rounded.parts), rounded.left_over * step + odd)


def allocate_by_share(amount: int, shares: Sequence[Share], policy: Remainder = Remainder.LARGEST_REMAINDER) -> Rounded:
    """`amount` (minor units, signed) divided among `shares`; fractions are of the whole amount.

    The rest is exact and takes part in the rounding like any fraction [assumed]; a rest of zero gets nothing.
    """
    if amount < 0:
        return _negated(allocate_by_share(-amount, shares, policy))
    claims = _claims(amount, shares)
    loose = [i for i, share in enumerate(shares) if share.fixed_minor is None]
    parts = [share.fixed_minor or 0 for share in shares]
    target = amount - sum(parts)
    numerators, denominator = over_common([claims[i] for i in loose])
    rounded = round_parts(numerators, denominator, target, policy)
    for i, part in zip(loose, rounded.parts, strict=True):
        parts[i] = part
    return Rounded(tuple(parts), rounded.left_over)


def allocate_to_ceilings(amount: int, ceilings: Sequence[int]) -> Rounded:
    """`amount` (minor units) given to receivers in proportion to their ceilings, nobody above his own.

    Spare units go in listed order; what exceeds the sum of the ceilings is left over.
    """
    if amount < 0:
        raise NegativeShare(param="amount")
    placed = min(amount, sum(ceilings))
    rounded = allocate_by_weight(placed, ceilings, Remainder.FIRST)
    assert all(part <= top for part, top in zip(rounded.parts, ceilings, strict=True))
    return Rounded(rounded.parts, amount - placed)


def _claims(amount: int, shares: Sequence[Share]) -> list[Fraction]:
    """The exact claim of each share on `amount`, 0 for fixed ones; raises the first refusal that applies."""
    fixed = sum(share.fixed_minor or 0 for share in shares)
    fractions = sum((share.fraction for share in shares if share.fraction is not None), start=Fraction(0))
    rests = sum(share.is_rest for share in shares)
    if any((share.fixed_minor or 0) < 0 or (share.fraction or 0) < 0 for share in shares):
        raise NegativeShare(param="shares")
    if rests > 1:
        raise TwoRestShares(param="shares")
    if fractions > 1:
        raise SharesExceedOne(param="shares")
    if fixed > amount:
        raise FixedExceedsAmount(param="shares")
    left = amount - fixed - fractions * amount
    if left < 0:
        raise SharesExceedAmount(param="shares")
    if left > 0 and not rests:
        raise SharesBelowOne(param="shares")
    return [left if share.is_rest else (share.fraction or 0) * Fraction(amount) for share in shares]


def _negated(rounded: Rounded) -> Rounded:
    return Rounded(tuple(-part for part in rounded.parts), -rounded.left_over)
