"""An order's parts: the rule applied to each seller's goods, then laid over the collections that brought the money. Pure.

What a rule divides is the price of the goods; freight is wholly the seller's. The parts of each collection sum to the
collection: what payers paid more or less than the lines say is the (last) seller's, never the platform's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache

from cauce.gateway.limits import ShareAboveCap, share_cap_minor
from cauce.kernel.errors import Conflict
from cauce.marketplace.splits.rules.evaluation import SELLER, OrderFacts, UnknownParty, evaluate
from cauce.marketplace.splits.rules.provider_fee import ProviderFeeExceedsPart
from cauce.marketplace.splits.rules.schema import FEE, KEPT, Base, FeeBearer, SplitRule, conditions_of
from cauce.pricing.allocation import allocate_by_weight
from cauce.pricing.refunds import RefundExceedsParts, refund_proportional


class CollectedTooLittle(Conflict):
    """What was collected does not cover the parts of others than the seller."""

    code = "collected_too_little"


@dataclass(frozen=True, slots=True)
class Goods:
    """One seller's part of an order."""

    seller_id: str
    prices_minor: tuple[int, ...]
    freight_minor: int


@dataclass(frozen=True, slots=True)
class Pot:
    """One collection to lay parts over; `owner_id` where it belongs to one merchant.

    `fee_minor` is what the provider took of it, where the rule divides only what the fee left.
    """

    id: str
    amount_minor: int
    owner_id: str = ""
    fee_minor: int = 0

    @property
    def net_minor(self) -> int:
        """What there is to divide."""
        return self.amount_minor - self.fee_minor


@dataclass(frozen=True, slots=True)
class Part:
    """One party's part of one collection: `party` is `fee`, `kept` (nobody's yet) or a merchant, `role` the rule's name
    for him; `is_rest` takes what is left."""

    party: str
    amount_minor: int
    is_rest: bool = False
    role: str = ""


Claims = tuple[Part, ...]


def plan_order(
    rule: SplitRule,
    goods: Sequence[Goods],
    parties: Mapping[str, str],
    pots: Sequence[Pot],
    share_max: Fraction | None,
    attributes: Mapping[str, Mapping[str, str]] | None = None,
) -> dict[str, Claims]:
    """The parts of every collection, by its id. `parties` is role -> merchant, `share_max` the cap of shares to others.

    `attributes` are those of merchants, by their ids, that the rule's conditions may ask about.
    """
    fees = _fees_of(goods, pots)
    claims = [claims_of(rule, one, parties, attributes or {}, fee) for one, fee in zip(goods, fees, strict=True)]
    owned = [pot for pot in pots if pot.owner_id]
    if not owned:
        return _laid_over([part for each in claims for part in each], pots)
    found: dict[str, Claims] = {}
    for one, each in zip(goods, claims, strict=True):
        found |= _poured(each, [pot for pot in owned if pot.owner_id == one.seller_id], one.seller_id, share_max)
    return found


def _fees_of(goods: Sequence[Goods], pots: Sequence[Pot]) -> Sequence[int]:
    """The provider's fee by seller: that of his own collections, or all fees by what the sellers' goods cost."""
    fee = sum(pot.fee_minor for pot in pots)
    if not fee:
        return [0] * len(goods)
    if any(pot.owner_id for pot in pots):
        return [sum(pot.fee_minor for pot in pots if pot.owner_id == one.seller_id) for one in goods]
    return allocate_by_weight(fee, [sum(one.prices_minor) + one.freight_minor for one in goods]).parts


def less_fee(parts: Sequence[Part], fee_minor: int, bearer: FeeBearer) -> tuple[Part, ...]:
    """The parts less the provider's fee, taken from its bearer; `ProviderFeeExceedsPart` when he gets too little."""
    if not fee_minor:
        return tuple(parts)
    bears = [
        part.amount_minor
        if bearer is FeeBearer.PRO_RATA or (part.party == FEE if bearer is FeeBearer.PLATFORM else part.is_rest)
        else 0
        for part in parts
    ]
    try:
        taken = refund_proportional(bears, [0] * len(bears), fee_minor)
    except RefundExceedsParts as exc:
        raise ProviderFeeExceedsPart(bearer=bearer.value, part_minor=sum(bears), fee_minor=fee_minor) from exc
    return tuple(replace(part, amount_minor=part.amount_minor - fee) for part, fee in zip(parts, taken, strict=True))


@lru_cache(maxsize=4096)
def _divided(
    rule: SplitRule,
    prices: tuple[int, ...],
    roles: frozenset[str],
    known: tuple[tuple[str, str, str], ...],
    fee: int = 0,
) -> tuple[tuple[str, int], ...]:
    """`known`: (party, attribute, value) of what the rule's conditions ask about; `fee` is not there to divide."""
    lines = prices if rule.base is Base.LINES else ()
    attributes: dict[str, dict[str, str]] = {}
    for party, attribute, value in known:
        attributes.setdefault(party, {})[attribute] = value
    facts = OrderFacts(
        sum(prices),
        provider_fee_minor=fee,
        lines_minor=lines,
        parties=frozenset({SELLER, *roles}),
        attributes=attributes,
    )
    divided = evaluate(rule, facts)
    return (*divided.by_party().items(), (KEPT, divided.left_over_minor))


@lru_cache(maxsize=4096)
def asked(rule: SplitRule) -> tuple[tuple[str, str], ...]:
    """Every (party, attribute) that the rule's conditions ask about."""
    return tuple(sorted(conditions_of(rule.parts)))


def _known(
    rule: SplitRule, goods: Goods, parties: Mapping[str, str], attributes: Mapping[str, Mapping[str, str]]
) -> tuple[tuple[str, str, str], ...]:
    """What the rule's conditions ask about the seller and the order's parties; what is not known of one is left out."""
    found = []
    for party, attribute in asked(rule):
        merchant = goods.seller_id if party == SELLER else parties.get(party.removeprefix("party:"), "")
        value = attributes.get(merchant, {}).get(attribute)
        if value is not None:
            found.append((party, attribute, value))
    return tuple(found)


def claims_of(
    rule: SplitRule,
    goods: Goods,
    parties: Mapping[str, str],
    attributes: Mapping[str, Mapping[str, str]],
    fee_minor: int,
) -> list[Part]:
    """One seller's parts: what is kept first, then others in the rule's order, the seller's rest last.

    `fee_minor` left before anything is divided: the goods' price is less by it, and what passes the price the freight.
    """
    roles = frozenset(f"party:{role}" for role in parties)
    fee = min(fee_minor, sum(goods.prices_minor))
    rest, kept, found = goods.freight_minor - (fee_minor - fee), 0, []
    known = _known(rule, goods, parties, attributes)
    for to, amount in _divided(rule, goods.prices_minor, roles, known, fee):
        if to == SELLER:
            rest += amount
        elif to == KEPT:
            kept += amount
        elif to == FEE:
            found.append(Part(FEE, amount, role=FEE))
        else:
            merchant = parties.get(to.removeprefix("party:"))
            if merchant is None:
                raise UnknownParty(f"the order has no {to}", param="parties")
            found.append(Part(merchant, amount, role=to))
    mine = [Part(KEPT, kept, role=KEPT)] if kept else []
    return [*mine, *found, Part(goods.seller_id, rest, is_rest=True, role=SELLER)]


def _laid_over(claims: list[Part], pots: Sequence[Pot]) -> dict[str, Claims]:
    """Every collection brings every part in proportion, cumulatively, so that all sums are exact."""
    collected = sum(pot.net_minor for pot in pots)
    claims = _balanced(claims, collected)
    amounts = [part.amount_minor for part in claims]
    if len(pots) == 1 and min(amounts) >= 0:
        return {pots[0].id: _merged(claims)}
    done = [0] * len(amounts)
    found: dict[str, Claims] = {}
    for pot in pots:
        taken = refund_proportional(amounts, done, pot.net_minor)
        done = [before + now for before, now in zip(done, taken, strict=True)]
        found[pot.id] = _merged(
            [replace(part, amount_minor=amount) for part, amount in zip(claims, taken, strict=True)]
        )
    return found


def _balanced(claims: list[Part], collected: int) -> list[Part]:
    """The last seller's rest takes what was collected more or less than claimed."""
    last = claims[-1]
    amount = last.amount_minor + collected - sum(part.amount_minor for part in claims)
    if amount < 0:
        raise CollectedTooLittle(collected_minor=collected, missing_minor=-amount)
    return [*claims[:-1], replace(last, amount_minor=amount)]


def _poured(claims: list[Part], pots: Sequence[Pot], owner_id: str, share_max: Fraction | None) -> dict[str, Claims]:
    """Parts of others poured into the owner's collections, each up to the channel's cap, then what is kept for later, whose
    owner nobody knows yet; the owner keeps the rest."""
    rooms = [
        min(share_cap_minor(pot.amount_minor, 0, share_max), pot.net_minor) if share_max is not None else pot.net_minor
        for pot in pots
    ]
    parts: list[list[Part]] = [[] for _ in pots]
    others = [claim for claim in claims[:-1] if claim.party != KEPT]
    for claim in others:
        left = claim.amount_minor
        for index, room in enumerate(rooms):
            taken = min(left, room)
            if taken or (not claim.amount_minor and index == 0):
                parts[index].append(replace(claim, amount_minor=taken))
            left, rooms[index] = left - taken, room - taken
        if left:
            planned = sum(part.amount_minor for part in others)
            raise ShareAboveCap(share_max=str(share_max), allowed_minor=planned - left, planned_minor=planned)
    _keep(claims, pots, parts)
    return {
        pot.id: (
            *each,
            Part(owner_id, pot.net_minor - sum(part.amount_minor for part in each), is_rest=True, role=SELLER),
        )
        for pot, each in zip(pots, parts, strict=True)
    }


def _keep(claims: Sequence[Part], pots: Sequence[Pot], parts: Sequence[list[Part]]) -> None:
    """Put what is kept before the parts of collections, as much as others leave there."""
    left = sum(claim.amount_minor for claim in claims if claim.party == KEPT)
    for pot, each in zip(pots, parts, strict=True):
        taken = min(left, pot.net_minor - sum(part.amount_minor for part in each))
        left -= taken
        if taken:
            each.insert(0, Part(KEPT, taken, role=KEPT))
    if left:
        raise CollectedTooLittle(collected_minor=sum(pot.net_minor for pot in pots), missing_minor=left)


def _merged(parts: Sequence[Part]) -> Claims:
    """The platform's parts of one collection as one, then what is kept, then the others; nothing of zero but the fee."""
    fee = sum(part.amount_minor for part in parts if part.party == FEE)
    others: dict[tuple[str, bool, str], int] = {}
    for part in sorted(parts, key=lambda part: part.party != KEPT):
        if part.party != FEE:
            key = (part.party, part.is_rest, part.role)
            others[key] = others.get(key, 0) + part.amount_minor
    found = [
        Part(party, amount, is_rest, role) for (party, is_rest, role), amount in others.items() if amount or is_rest
    ]
    return (Part(FEE, fee, role=FEE), *found) if any(part.party == FEE for part in parts) else tuple(found)
