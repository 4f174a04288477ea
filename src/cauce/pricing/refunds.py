"""Whom a refund is taken back from, party by party, over any number of partial refunds.

Plain largest remainder on the running total can go backwards: shares (1, 3, 3) give (1, 1, 1) for 3 refunded and
(0, 2, 2) for 4. So every policy here starts from what was already taken back from each party and only adds to it:
no step is negative, nobody returns more than his part, and refunding everything in any number of steps returns
exactly every part (`requirements-marketplace.md` 7.2).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cauce.kernel.errors import InvalidRequest
from cauce.pricing.allocation import NegativeShare


class PartsDoNotSum(InvalidRequest):
    """The parts named for the refund do not sum to it."""

    code = "parts_do_not_sum"


class RefundExceedsPart(InvalidRequest):
    """A party would return more than it has left of its part."""

    code = "refund_exceeds_part"


class RefundExceedsParts(InvalidRequest):
    """The refund is larger than what is left of the parts it is taken from."""

    code = "refund_exceeds_parts"


class UnknownPart(InvalidRequest):
    """The refund names a party that has no part."""

    code = "unknown_part"


def refund_proportional(
    parts: Sequence[int], returned: Sequence[int], refund: int, *, above_parts: bool = False
) -> tuple[int, ...]:
    """What this refund takes from each of `parts`, given what each `returned` before (all minor units, >= 0).

    In proportion to the parts, cumulative. `RefundExceedsParts` beyond what is left of them, unless `above_parts`
    lets the receivers bear what a provider kept, in the same proportion.
    """
    _check(parts, returned, refund)
    whole, total = sum(parts), sum(returned) + refund
    if (total > whole and not above_parts) or (refund and not whole):
        raise RefundExceedsParts(left_minor=whole - sum(returned))
    if not refund:
        return (0,) * len(parts)
    taken = [max(before, total * part // whole) for part, before in zip(parts, returned, strict=True)]
    # Distance of each party below its exact value, times `whole`: integers, so that ties are ties.
    below = [total * part - now * whole for part, now in zip(parts, taken, strict=True)]
    missing = total - sum(taken)
    while missing > 0:
        i = max((i for i, part in enumerate(parts) if part and (above_parts or taken[i] < part)), key=below.__getitem__)
        taken[i], below[i], missing = taken[i] + 1, below[i] - whole, missing - 1
    while missing < 0:
        i = max((i for i, before in enumerate(returned) if taken[i] > before), key=lambda i: (-below[i], i))
        taken[i], below[i], missing = taken[i] - 1, below[i] + whole, missing + 1
    return tuple(now - before for now, before in zip(taken, returned, strict=True))


def refund_explicit(
    parts: Sequence[int],
    returned: Sequence[int],
    refund: int,
    named: Mapping[int, int],
    *,
    allow_above_part: bool = False,
) -> tuple[int, ...]:
    """The refund as the caller `named` it, by index of the part; checked, nothing filled in."""
    _check(parts, returned, refund)
    if any(not 0 <= i < len(parts) for i in named):
        raise UnknownPart(param="refund_parts")
    if any(amount < 0 for amount in named.values()):
        raise NegativeShare(param="refund_parts")
    if sum(named.values()) != refund:
        raise PartsDoNotSum(param="refund_parts")
    if not allow_above_part and any(returned[i] + amount > parts[i] for i, amount in named.items()):
        raise RefundExceedsPart(param="refund_parts")
    return tuple(named.get(i, 0) for i in range(len(parts)))


def refund_by_order(
    parts: Sequence[int], returned: Sequence[int], refund: int, order: Sequence[int]
) -> tuple[int, ...]:
    """Take from the parties in `order` (indexes), each up to what is left of its part, until the refund is covered."""
    _check(parts, returned, refund)
    taken = [0] * len(parts)
    left = refund
    for i in order:
        taken[i] = min(left, parts[i] - returned[i] - taken[i])
        left -= taken[i]
    if left:
        raise RefundExceedsParts(left_minor=refund - left)
    return tuple(taken)


def refund_first_from(
    parts: Sequence[int], returned: Sequence[int], refund: int, first: Sequence[int]
) -> tuple[int, ...]:
    """Take from the parties in `first` (indexes; the platform's fee) as far as they go, the rest in proportion."""
    _check(parts, returned, refund)
    available = sum(parts[i] - returned[i] for i in first)
    taken = list(refund_by_order(parts, returned, min(refund, available), first))
    others = [i for i in range(len(parts)) if i not in set(first)]
    rest = refund_among(parts, returned, refund - sum(taken), others)
    return tuple(a + b for a, b in zip(taken, rest, strict=True))


def refund_among(
    parts: Sequence[int], returned: Sequence[int], refund: int, among: Sequence[int], *, above_parts: bool = False
) -> tuple[int, ...]:
    """In proportion among some of the parties only (indexes): those whose part is refundable."""
    _check(parts, returned, refund)
    some = refund_proportional([parts[i] for i in among], [returned[i] for i in among], refund, above_parts=above_parts)
    taken = [0] * len(parts)
    for i, amount in zip(among, some, strict=True):
        taken[i] = amount
    return tuple(taken)


def _check(parts: Sequence[int], returned: Sequence[int], refund: int) -> None:
    assert len(parts) == len(returned), "one figure per part"
    if refund < 0 or any(part < 0 for part in parts) or any(before < 0 for before in returned):
        raise NegativeShare(param="refund")
