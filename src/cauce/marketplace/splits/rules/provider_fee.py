"""The provider's fee that left an order's escrow, taken from the final parts of whoever bears it (6.2, step 7).

The parts then sum to what is really there. The platform bears it with its fee parts, the seller with what he gets,
or all parts bear it in proportion. Who has too little is refused: nobody's part becomes negative.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from cauce.kernel.errors import Conflict
from cauce.marketplace.splits.rules.evaluation import Allocation, Evaluation, OrderFacts, evaluate
from cauce.marketplace.splits.rules.schema import FEE, Base, FeeBearer, SplitRule
from cauce.pricing.refunds import RefundExceedsParts, refund_proportional


class ProviderFeeExceedsPart(Conflict):
    """The party that bears the provider's fee gets less than the fee from this order."""

    code = "provider_fee_exceeds_part"


def plan_split(rule: SplitRule, order: OrderFacts) -> Evaluation:
    """The rule applied to the order, less the provider's fee where the rule divides the gross amount."""
    found = evaluate(rule, order)
    if not order.provider_fee_minor or rule.base is Base.NET_OF_PROVIDER_FEE:
        return found
    return less_provider_fee(found, rule.fee_bearer, order)


def less_provider_fee(found: Evaluation, bearer: FeeBearer, order: OrderFacts) -> Evaluation:
    """The evaluation with the fee taken from its bearer's parts, in proportion, by largest remainder."""
    amounts = [each.amount_minor if _bears(each, bearer, order) else 0 for each in found.allocations]
    try:
        taken = refund_proportional(amounts, [0] * len(amounts), order.provider_fee_minor)
    except RefundExceedsParts as exc:
        raise ProviderFeeExceedsPart(
            bearer=bearer, part_minor=sum(amounts), fee_minor=order.provider_fee_minor
        ) from exc
    rows = _reduced(found.allocations, taken)
    return replace(found, base_minor=found.base_minor - order.provider_fee_minor, allocations=rows)


def _bears(each: Allocation, bearer: FeeBearer, order: OrderFacts) -> bool:
    if bearer is FeeBearer.PLATFORM:
        return each.to == FEE
    return each.to == order.seller if bearer is FeeBearer.SELLER else True


def _reduced(rows: Sequence[Allocation], taken: Sequence[int]) -> tuple[Allocation, ...]:
    cut = zip(rows, taken, strict=True)
    return tuple(replace(row, amount_minor=row.amount_minor - fee) if fee else row for row, fee in cut)
