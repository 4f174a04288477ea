"""What every part of a collection returns for a refund, who bears a fee that the provider keeps, and which accounts pay. No I/O."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from cauce.ledger.recipes.custody import FEE, escrow, withdrawable
from cauce.marketplace.orders.refunding import Share
from cauce.marketplace.splits.rules.refunds import RefundablePart, plan_refund
from cauce.marketplace.splits.rules.schema import Base, FeeBearer, OnShortfall, RefundPolicy, SplitRule, is_refundable
from cauce.pricing.allocation import allocate_by_weight
from cauce.pricing.refunds import RefundExceedsParts
from cauce.storage.database import Row


@dataclass(frozen=True, slots=True)
class Shares:
    """Minor units: what each part returns, what parties owe of the provider's fee beyond their parts, what the platform bears."""

    taken: tuple[int, ...]
    owed: Mapping[str, int]
    borne_minor: int


def share_out(
    rule: SplitRule,
    parts: Sequence[Row],
    due_minor: int,
    lacking_minor: int,
    named: Mapping[str, int] | None,
    *,
    is_split: bool,
    weights: Sequence[Fraction] | None = None,
) -> Shares:
    """`due_minor` taken of the parts by the rule's policy; the fee that the provider keeps (`lacking_minor`) of its bearer.

    `weights` are those of the parts in what is refunded, where that is certain lines of the order. A bearer gives of what is left of his part of this order. What that does not cover is owed by him.
    """
    if weights is not None and rule.refund.policy in (RefundPolicy.PROPORTIONAL, RefundPolicy.KEEP_FEE):
        taken = _by_weight(rule, parts, due_minor, weights)
    else:
        taken = _taken(rule, parts, due_minor, named, is_split=is_split)
    return _with_fee(rule.refund.who_bears_provider_fee, parts, taken, lacking_minor, is_split=is_split)


def of_chargeback(rule: SplitRule) -> SplitRule:
    """The rule as it says who returns what the payer's bank took: nobody names the parties, and what one lacks is advanced."""
    policy = rule.refund.policy
    if policy is RefundPolicy.EXPLICIT:
        policy = RefundPolicy.PROPORTIONAL
    terms = replace(rule.refund, policy=policy, on_shortfall=OnShortfall.PLATFORM_ADVANCE, borne_by_receivers=True)
    return replace(rule, refund=terms)


def _with_fee(
    bearer: FeeBearer, parts: Sequence[Row], taken: tuple[int, ...], lacking: int, *, is_split: bool
) -> Shares:
    weights = [
        0
        if bearer is FeeBearer.PLATFORM or (bearer is FeeBearer.SELLER and not part["is_rest"])
        else part["amount_minor"]
        for part in parts
    ]
    if not lacking or not any(weights):
        return Shares(taken, {}, lacking)
    more, owed, borne = list(taken), dict[str, int](), 0
    for i, wanted in enumerate(allocate_by_weight(lacking, weights).parts):
        room = parts[i]["amount_minor"] - parts[i]["reversed_minor"] - taken[i] if is_split else 0
        given = min(wanted, room)
        more[i] += given
        party = parts[i]["party"]
        if party == FEE:
            borne += wanted - given
        elif wanted > given:
            owed[party] = owed.get(party, 0) + wanted - given
    return Shares(tuple(more), owed, borne)


def due_undivided(row: Row, parts: Sequence[Row], amount: int, rule: SplitRule, from_escrow: int) -> int:
    """What the parts return before anything was divided: the refund, or what it takes of escrow where they are net of the fee."""
    if rule.base is not Base.NET_OF_PROVIDER_FEE:
        return amount
    left = left_of(parts)
    is_whole = row["refunded_minor"] + amount == row["amount_minor"]
    return left if is_whole else min(from_escrow, left)


def left_of(parts: Sequence[Row]) -> int:
    """What the parts of a collection have not returned yet."""
    return sum(part["amount_minor"] - part["reversed_minor"] for part in parts)


def _taken(
    rule: SplitRule, parts: Sequence[Row], amount: int, named: Mapping[str, int] | None, *, is_split: bool
) -> tuple[int, ...]:
    """What each part returns. Before anything was divided a refund of all takes all, whatever the rule keeps later."""
    left = [part["amount_minor"] - part["reversed_minor"] for part in parts]
    if not is_split and amount == sum(left):
        return tuple(left)
    refundable = [
        RefundablePart(
            part["party"],
            part["amount_minor"],
            part["reversed_minor"],
            is_refundable(rule.parts, part["role"]),
            part["role"],
        )
        for part in parts
    ]
    taken = plan_refund(rule.refund, refundable, amount, named=named)
    if any(took > there for took, there in zip(taken, left, strict=True)):
        raise RefundExceedsParts("a party would return more than it got of this order", param="amount")
    return taken


def _by_weight(rule: SplitRule, parts: Sequence[Row], due_minor: int, weights: Sequence[Fraction]) -> tuple[int, ...]:
    """Each part by its weight in the lines that go back, as far as it reaches; what one lacks the others return, rests first."""
    left = [part["amount_minor"] - part["reversed_minor"] for part in parts]
    if due_minor > sum(left):
        raise RefundExceedsParts("the parties have returned more of this order already", param="amount")
    keeps = rule.refund.policy is RefundPolicy.KEEP_FEE
    mine = [
        weight if not keeps or is_refundable(rule.parts, part["role"]) else Fraction(0)
        for part, weight in zip(parts, weights, strict=True)
    ]
    wanted = allocate_by_weight(due_minor, mine).parts if any(mine) else (0,) * len(parts)
    taken = [min(want, there) for want, there in zip(wanted, left, strict=True)]
    more = due_minor - sum(taken)
    for i in sorted(range(len(parts)), key=lambda i: (not mine[i], not parts[i]["is_rest"])):
        given = min(more, left[i] - taken[i])
        taken[i] += given
        more -= given
    return tuple(taken)


def undivided_sources(row: Row, share: Share, borne_minor: int) -> dict[str, int]:
    """The accounts that T10 takes from before anything was divided: the escrow, and `fee` for what the platform bears."""
    found = {escrow(row["order_id"]): share.net_minor + share.borne_minor - borne_minor, FEE: borne_minor}
    return {code: amount for code, amount in found.items() if amount}


def divided_sources(
    row: Row, share: Share, shares: Shares, parts: Sequence[Row], undivided: Collection[int], *, has_owner: bool
) -> dict[str, int]:
    """The accounts that T10 takes from, once every part that must come back is back.

    The owner of a collection pays what others did not return; where money is pooled the platform's parts are in `fee`,
    but for those at the positions `undivided`, which are in escrow still like what parties returned and what is owed.
    """
    whole = share.net_minor + share.borne_minor
    if has_owner:
        return {withdrawable(row["owner_id"]): whole}
    platform = sum(
        taken
        for part, taken in zip(parts, shares.taken, strict=True)
        if part["party"] == FEE and part["position"] not in undivided
    )
    found = {escrow(row["order_id"]): whole - platform - shares.borne_minor, FEE: platform + shares.borne_minor}
    return {code: amount for code, amount in found.items() if amount}
