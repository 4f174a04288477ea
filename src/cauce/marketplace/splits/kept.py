"""What a rule kept of an order for later, divided: by amounts that somebody names, or by another rule. Pure.

Only those whom the order named when it was made get something (K7), never more than is kept, and nothing after the
channel has ended the freeze.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from cauce.gateway.limits import ShareAboveCap, share_cap_minor
from cauce.kernel.errors import Conflict, InvalidRequest
from cauce.marketplace.splits.planning import Part
from cauce.marketplace.splits.rules.evaluation import SELLER, OrderFacts, evaluate
from cauce.marketplace.splits.rules.schema import FEE, KEPT, Base, SplitRule


class NotKept(Conflict):
    """The order keeps less for a later split than should be divided."""

    code = "not_kept"


class KeptChanged(Conflict):
    """Another amount is kept than you saw: look again."""

    code = "kept_changed"


class FreezeOver(Conflict):
    """The channel has ended the freeze: what was kept is the order's own merchant's and can no longer be divided."""

    code = "freeze_over"


class PartyNotDeclared(Conflict):
    """The order did not name this party when it was made, so it gets nothing of it (K7)."""

    code = "party_not_declared"


class SellerAmbiguous(InvalidRequest):
    """The order has several sellers: name the merchant."""

    code = "seller_ambiguous"


@dataclass(frozen=True, slots=True)
class Kept:
    """What one collection keeps: minor units. `owner_id` where the collection belongs to one merchant."""

    collection_id: str
    owner_id: str
    left_minor: int
    freeze_ends_at: datetime | None


Declared = Sequence[tuple[str, str]]
"""(role, party) of everybody whom the order named."""


def named_parts(wanted: Mapping[str, int], kept: Sequence[Kept], declared: Declared) -> dict[str, list[Part]]:
    """Amounts by role ("party:agent"), merchant or `fee`, taken of what collections keep, in their order; by collection.

    The fee comes first of each collection, then the owners of collections, of their own first; then everybody else.
    `not_kept`, `party_not_declared`, `seller_ambiguous`.
    """
    if not wanted or any(type(amount) is not int or amount <= 0 for amount in wanted.values()):
        raise InvalidRequest("every part is an integer of minor units above zero", param="parts")
    rooms = {one.collection_id: one.left_minor for one in kept}
    found: dict[str, dict[tuple[str, str], int]] = {}
    owners = {one.owner_id for one in kept if one.owner_id}
    for name in sorted(wanted, key=lambda name: (name != FEE, name not in owners)):
        left = wanted[name]
        for one in sorted(kept, key=lambda one: one.owner_id != name):
            taken = min(left, rooms[one.collection_id])
            if taken:
                key = _who(name, one, declared)
                mine = found.setdefault(one.collection_id, {})
                mine[key] = mine.get(key, 0) + taken
            left -= taken
            rooms[one.collection_id] -= taken
        if left:
            raise NotKept(kept_minor=sum(one.left_minor for one in kept), missing_minor=left)
    return {
        key: [Part(party, amount, role=role) for (role, party), amount in mine.items()] for key, mine in found.items()
    }


def parts_by_rule(
    rule: SplitRule,
    amount_minor: int | None,
    kept: Sequence[Kept],
    declared: Declared,
    attributes: Mapping[str, Mapping[str, str]],
) -> dict[str, list[Part]]:
    """What is kept (or `amount_minor` of it) divided by a rule, each owner's collections on their own; by collection.

    What this rule keeps stays kept. `attributes` of merchants by id, for the rule's conditions.
    """
    found: dict[str, list[Part]] = {}
    left = sum(one.left_minor for one in kept) if amount_minor is None else amount_minor
    for owner_id in dict.fromkeys(one.owner_id for one in kept):
        mine = [one for one in kept if one.owner_id == owner_id]
        taken = min(left, sum(one.left_minor for one in mine))
        left -= taken
        wanted = _divided(rule, taken, declared, attributes) if taken else {}
        if wanted:
            found |= named_parts(wanted, mine, declared)
    if left or not found:
        raise NotKept(kept_minor=sum(one.left_minor for one in kept), missing_minor=left)
    return found


def _divided(
    rule: SplitRule, amount: int, declared: Declared, attributes: Mapping[str, Mapping[str, str]]
) -> dict[str, int]:
    facts = OrderFacts(
        amount,
        lines_minor=(amount,) if rule.base is Base.LINES else (),
        parties=frozenset({SELLER, *(role for role, _ in declared)}),
        attributes={role: attributes[party] for role, party in declared if party in attributes},
    )
    return {to: minor for to, minor in evaluate(rule, facts).by_party().items() if to != KEPT and minor}


def _who(name: str, kept: Kept, declared: Declared) -> tuple[str, str]:
    """The (role, party) that a name means for one collection: a role of the order, or a merchant whom it named."""
    named = [one for one in declared if name in one]
    if name == SELLER and kept.owner_id:
        named = [one for one in named if one[1] == kept.owner_id]
    if not named:
        raise PartyNotDeclared(f"the order does not know {name}", param="parts")
    if len({party for _, party in named}) > 1:
        raise SellerAmbiguous(param="parts")
    return named[0]


def require_frozen(kept: Sequence[Kept], at: datetime) -> None:
    """`FreezeOver` when the channel's clock has run out on one of these collections."""
    for one in kept:
        if one.freeze_ends_at is not None and one.freeze_ends_at <= at:
            raise FreezeOver(ended_at=one.freeze_ends_at.isoformat())


def require_share(
    parts: Sequence[Part], owner_id: str, shared_minor: int, paid_minor: int, refunded_minor: int, cap: Fraction | None
) -> None:
    """`ShareAboveCap` when these parts and what was shared before (`shared_minor`) pass the cap of shares to others."""
    if cap is None:
        return
    shared = shared_minor + sum(part.amount_minor for part in parts if part.party != owner_id)
    most = share_cap_minor(paid_minor, refunded_minor, cap)
    if shared > most:
        raise ShareAboveCap(share_max=str(cap), allowed_minor=most, planned_minor=shared)
