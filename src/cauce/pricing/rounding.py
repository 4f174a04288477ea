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
from math import gcd, lcm

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


def exact_sum(values: Sequence[Fraction]) -> Fraction:
    """The sum of `values`, brought to lowest terms once and not with each of them."""
    numerators, denominator = over_common(values)
    return Fraction(sum(numerators), denominator)


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


@dataclass(frozen=True, slots=True)
class Together:
    """Some parts (by index) that may take no more than `spare_max` spare units between them."""

    indexes: frozenset[int]
    spare_max: int


def round_parts(
    numerators: Sequence[int],
    denominator: int,
    target: int,
    policy: Remainder = Remainder.LARGEST_REMAINDER,
    *,
    ceilings: Sequence[int | None] | None = None,
    together: Together | None = None,
    named: int | None = None,
) -> Rounded:
    """Whole parts that sum to `target` (units), each `numerators[i] / denominator` rounded by `policy`.

    No numerator may be negative. A spare unit that would lift a part above its ceiling, or some parts `together`
    above theirs, goes to the next part; `CeilingsTooLow` when none can take it.
    """
    if policy is Remainder.WHOLE_BLOCKS:
        return whole_blocks(numerators, target)
    parts = [n // denominator for n in numerators]
    spare = target - sum(parts)
    assert spare >= 0, "the floors of the parts exceed the amount"
    if not spare or policy is Remainder.KEPT_APART:
        return Rounded(tuple(parts), spare)
    order = spare_order(numerators, denominator, policy, named)
    if policy in _ONE_TAKER:
        order += [i for i in spare_order(numerators, denominator, Remainder.LARGEST_REMAINDER) if i not in order]
    _hand_out(parts, spare, order, ceilings, together, all_to_one=policy in _ONE_TAKER)
    return Rounded(tuple(parts))


_ONE_TAKER = (Remainder.LAST_TAKES_ALL, Remainder.NAMED_TAKES_ALL)


def _hand_out(
    parts: list[int],
    spare: int,
    order: Sequence[int],
    ceilings: Sequence[int | None] | None,
    together: Together | None,
    *,
    all_to_one: bool,
) -> None:
    """Add `spare` units to `parts` in `order`: one each and round again, or as many as the first can take."""
    room = spare if together is None else together.spare_max
    while spare:
        before = spare
        for i in order:
            most = spare if all_to_one else min(spare, 1)
            top = None if ceilings is None else ceilings[i]
            if top is not None:
                most = min(most, top - parts[i])
            if together is not None and i in together.indexes:
                most = min(most, room)
                room -= max(0, most)
            if most > 0:
                parts[i] += most
                spare -= most
        if spare == before:
            raise CeilingsTooLow(left_over=spare)


def whole_blocks(weights: Sequence[int], target: int) -> Rounded:
    """Each part its weight, in lowest terms, times the number of whole blocks that fit; the rest is left over."""
    divisor = gcd(*weights)
    if not divisor:
        return Rounded((0,) * len(weights), target)
    lowest = [weight // divisor for weight in weights]
    blocks = target // sum(lowest)
    return Rounded(tuple(weight * blocks for weight in lowest), target - blocks * sum(lowest))


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
