"""From exact parts to whole minor units: floor every part, then hand the spare units out by a named policy.

The default is the largest remainder: each spare unit goes to the largest fraction, ties in listed order, so no
part differs from its exact value by a whole unit. Parts of zero never get one (C19, C20). The other policies are
those of `requirements-marketplace.md` 6.3; they exist because peers and contracts use them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from math import lcm

from cauce.kernel.errors import InvalidRequest


class Remainder(StrEnum):
    """Who gets the units that flooring leaves over."""

    LARGEST_REMAINDER = "floor_then_largest_remainder"
    FIRST = "floor_then_first"
    LAST = "floor_then_last"
    LARGEST_SHARE = "floor_then_largest_share"
    KEPT_APART = "remainder_kept_apart"
    WHOLE_BLOCKS = "whole_blocks"
    LAST_TAKES_ALL = "last_takes_all"
    NAMED_TAKES_ALL = "named_takes_all"


class CeilingsTooLow(InvalidRequest):
    """The parts may not be large enough to take the whole amount."""

    code = "ceilings_too_low"


@dataclass(frozen=True, slots=True)
class Rounded:
    """Whole parts in listed order, and what no part got (only under `KEPT_APART` and `WHOLE_BLOCKS`)."""

    parts: tuple[int, ...]
    left_over: int = 0


def over_common(values: Sequence[Fraction]) -> tuple[list[int], int]:
    """The numerators of `values` over their common denominator, and that denominator."""
    denominator = lcm(*(value.denominator for value in values)) if values else 1
    return [value.numerator * (denominator // value.denominator) for value in values], denominator


def spare_order(numerators: Sequence[int], denominator: int, policy: Remainder, named: int | None = None) -> list[int]:
    """The parts in the order in which `policy` offers them spare units; parts of zero are not among them."""
    some = [i for i, n in enumerate(numerators) if n > 0]
    if policy is Remainder.LARGEST_REMAINDER:
        some.sort(key=lambda i: -(numerators[i] % denominator))
    elif policy is Remainder.LARGEST_SHARE:
        some.sort(key=lambda i: -numerators[i])
    elif policy is Remainder.LAST:
        some.reverse()
    elif policy is Remainder.LAST_TAKES_ALL:
        some = some[-1:]
    elif policy is Remainder.NAMED_TAKES_ALL:
        # A named part of zero gets nothing, as any other; then the last part takes the spare.
        some = [named] if named in some and named is not None else some[-1:]
    return some


def round_parts(
    numerators: Sequence[int],
    denominator: int,
    target: int,
    policy: Remainder = Remainder.LARGEST_REMAINDER,
    *,
    ceilings: Sequence[int | None] | None = None,
    named: int | None = None,
) -> Rounded:
    """Whole parts that sum to `target` (units), each `numerators[i] / denominator` rounded by `policy`.

    No numerator may be negative. A spare unit that would lift a part above its ceiling goes to the next part;
    `CeilingsTooLow` when none can take it.
    """
    parts = [n // denominator for n in numerators]
    spare = target - sum(parts)
    assert spare >= 0, "the floors of the parts exceed the amount"
    if not spare or policy in (Remainder.KEPT_APART, Remainder.WHOLE_BLOCKS):
        return Rounded(tuple(parts), spare)
    order = spare_order(numerators, denominator, policy, named)
    while spare:
        before = spare
        for i in order:
            if spare and (ceilings is None or (top := ceilings[i]) is None or parts[i] < top):
                parts[i] += 1
                spare -= 1
        if spare == before:
            raise CeilingsTooLow(left_over=spare)
    return Rounded(tuple(parts))


def round_fractions(
    exact: Sequence[Fraction],
    target: int,
    policy: Remainder = Remainder.LARGEST_REMAINDER,
    *,
    ceilings: Sequence[int | None] | None = None,
) -> Rounded:
    """`round_parts` of exact values, none of them negative."""
    numerators, denominator = over_common(exact)
    return round_parts(numerators, denominator, target, policy, ceilings=ceilings)
