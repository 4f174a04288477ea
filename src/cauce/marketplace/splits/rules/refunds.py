"""From whom a refund of an order is taken back, by the policy of its rule (7.1), cumulative over partial refunds (7.2).

Every policy keeps two promises: nobody returns more than he has left of his part, and refunding everything in any
number of steps returns exactly every part. The refund fee is the exception that a rule may ask for: what a provider
kept is borne by the receivers in proportion.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from cauce.kernel.errors import InvalidRequest
from cauce.marketplace.splits.rules.schema import FEE, RefundPolicy, RefundTerms, SplitRule
from cauce.pricing.refunds import (
    UnknownPart,
    refund_among,
    refund_by_order,
    refund_explicit,
    refund_first_from,
    refund_proportional,
)


@dataclass(frozen=True, slots=True)
class RefundablePart:
    """One party's part of an order, what it returned before, and whether the rule lets refunds touch it."""

    to: str
    amount_minor: int
    returned_minor: int = 0
    refundable: bool = True
    role: str = ""  # the rule's name for the party


def plan_refund(
    terms: RefundTerms,
    parts: Sequence[RefundablePart],
    refund_minor: int,
    *,
    named: Mapping[str, int] | None = None,
    allow_above_part: bool = False,
) -> tuple[int, ...]:
    """What the refund takes back from each of `parts`, in their order (minor units).

    `named` gives the amounts by party under the `explicit` policy; `allow_above_part` needs the permission
    `refund.over_share`. Refused: `refund_exceeds_parts`, `refund_exceeds_part`, `parts_do_not_sum`, `unknown_part`.
    """
    amounts = [part.amount_minor for part in parts]
    returned = [part.returned_minor for part in parts]
    if terms.policy is RefundPolicy.EXPLICIT:
        by_index = _indexed(parts, named or {})
        return refund_explicit(amounts, returned, refund_minor, by_index, allow_above_part=allow_above_part)
    if terms.policy is RefundPolicy.BY_ORDER:
        order = [i for name in terms.order for i, part in enumerate(parts) if name in (part.to, part.role)]
        return refund_by_order(amounts, returned, refund_minor, order)
    if terms.policy is RefundPolicy.PLATFORM_FIRST:
        return refund_first_from(amounts, returned, refund_minor, [i for i, part in enumerate(parts) if part.to == FEE])
    above = terms.borne_by_receivers
    if terms.policy is RefundPolicy.KEEP_FEE:
        among = [i for i, part in enumerate(parts) if part.refundable]
        return refund_among(amounts, returned, refund_minor, among, above_parts=above)
    return refund_proportional(amounts, returned, refund_minor, above_parts=above)


class PolicyIncomplete(InvalidRequest):
    """The policy that stands instead of the rule's lacks what it needs: an order of parties, or amounts by party."""

    code = "refund_policy_incomplete"


def overridden(rule: SplitRule, policy: RefundPolicy | None, order: tuple[str, ...], *, is_named: bool) -> SplitRule:
    """The rule with another policy for one refund; the rest of its terms stays. `PolicyIncomplete`."""
    if policy is None:
        return rule
    if (policy is RefundPolicy.BY_ORDER) != bool(order) or (policy is RefundPolicy.EXPLICIT) != is_named:
        raise PolicyIncomplete(param="policy")
    return replace(rule, refund=replace(rule.refund, policy=policy, order=order))


def over_carriers(
    taken_minor: int, parked_minor: int, carried_minor: Sequence[int]
) -> tuple[int, tuple[int, ...], int]:
    """Where what a party returns comes from: what lies parked, then the splits that brought it, first the oldest.

    All in minor units. The third number is what none of them has: it is on its way to the party at this moment.
    """
    parked = min(taken_minor, parked_minor)
    left = taken_minor - parked
    of_splits = []
    for carried in carried_minor:
        of_splits.append(min(left, carried))
        left -= of_splits[-1]
    return parked, tuple(of_splits), left


def less_short(of_splits_minor: Sequence[int], short_minor: int) -> tuple[int, ...]:
    """What is taken of each split when the party lacks `short_minor` of all of it: the latest give less first."""
    left = short_minor
    found = []
    for amount in reversed(of_splits_minor):
        lacking = min(amount, left)
        found.append(amount - lacking)
        left -= lacking
    return tuple(reversed(found))


def _indexed(parts: Sequence[RefundablePart], named: Mapping[str, int]) -> dict[int, int]:
    """The named amounts by index; a party with several parts returns them in listed order, each to its end."""
    found: dict[int, int] = {}
    for name, amount in named.items():
        own = [i for i, part in enumerate(parts) if name in (part.to, part.role)]
        if not own:
            raise UnknownPart(f"{name} has no part of this order", param="refund_parts")
        left = amount
        for i in own[:-1]:
            found[i] = min(left, parts[i].amount_minor - parts[i].returned_minor)
            left -= found[i]
        found[own[-1]] = left
    return found
