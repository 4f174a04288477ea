"""A rule applied to an order: who gets how much, and why, to the last minor unit (6.2).

Level by level: fixed parts first, percentages clamped by their bounds, one rounding group of the unclamped
percentages and the remainder, then the children of each part out of its own amount. What the rule leaves over goes
to the order's seller, never to the platform. Zero parts stay in the result; they are not sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from types import MappingProxyType

from cauce.gateway.limits import ShareAboveCap
from cauce.kernel.errors import InvalidRequest
from cauce.marketplace.splits.rules.measuring import SILENT, Measured, Reason, measure_level
from cauce.marketplace.splits.rules.schema import FEE, KEPT, Base, Part, PartKind, Rest, SplitRule, parties_of
from cauce.pricing.rounding import Remainder, Together, over_common, round_parts, spare_order

SELLER = "party:seller"


class UnknownParty(InvalidRequest):
    """The rule names a party that the order does not have."""

    code = "unknown_party"


class NegativeBase(InvalidRequest):
    """An amount to divide cannot be negative."""

    code = "negative_base"


@dataclass(frozen=True, slots=True)
class OrderFacts:
    """What a rule needs to know of an order; amounts in minor units of the rule's currency.

    `parties` are those the order has (None: not checked). `others_max_minor` is what the channel lets go to parties
    other than `seller`, `part_max_minor` what it lets go to a single one (both from its share cap; None: no cap).
    """

    amount_minor: int
    seller: str = SELLER
    provider_fee_minor: int = 0
    lines_minor: tuple[int, ...] = ()
    parties: frozenset[str] | None = None
    attributes: Mapping[str, Mapping[str, str]] = field(default_factory=lambda: MappingProxyType({}))
    others_max_minor: int | None = None
    part_max_minor: int | None = None


@dataclass(frozen=True, slots=True)
class Allocation:
    """One party's part, explained: the exact value, its floor, the rank of its fraction among those rounded with it,
    why it is what it is, and what is left of it (`amount_minor`) once its children have theirs."""

    path: str
    to: str
    kind: PartKind
    exact: Fraction
    floor_minor: int
    rank: int | None
    reason: Reason
    rounded_minor: int
    amount_minor: int
    refundable: bool


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The allocations in the order of the rule, and what rounding left in hold; together they are the base."""

    rule: str
    version: int
    currency: str
    base_minor: int
    allocations: tuple[Allocation, ...]
    left_over_minor: int

    @property
    def kept_minor(self) -> int:
        """What stays in hold: kept parts and what rounding left over."""
        return self.left_over_minor + sum(a.amount_minor for a in self.allocations if a.to == KEPT)

    def by_party(self) -> dict[str, int]:
        """What each party gets in all, in order of first mention."""
        found: dict[str, int] = {}
        for each in self.allocations:
            found[each.to] = found.get(each.to, 0) + each.amount_minor
        return found


def evaluate(rule: SplitRule, order: OrderFacts) -> Evaluation:
    """Divide an order by a rule. Refused with the codes of the cases' section 7, `unknown_party`, `share_above_cap`."""
    if order.parties is not None:
        unknown = sorted(parties_of(rule.parts) - order.parties - {FEE, KEPT, order.seller})
        if unknown:
            raise UnknownParty(f"the order has no {unknown[0]}", param="parts")
    if min((order.amount_minor, order.provider_fee_minor, *order.lines_minor)) < 0:
        raise NegativeBase(param="amount")
    if rule.base is Base.LINES:
        assert sum(order.lines_minor) == order.amount_minor, "the order's lines sum to its amount"
        # A cap is of the whole order: lines are divided without it and their sum is held against it.
        free = replace(order, others_max_minor=None, part_max_minor=None)
        return _within_caps(_joined(rule, order, [_evaluate(rule, free, line) for line in order.lines_minor]), order)
    base = order.amount_minor
    if rule.base is Base.NET_OF_PROVIDER_FEE:
        base -= order.provider_fee_minor
        if base < 0:
            raise NegativeBase(param="provider_fee")
    return _within_caps(_evaluate(rule, order, base), order)


def _within_caps(found: Evaluation, order: OrderFacts) -> Evaluation:
    """`ShareAboveCap` when, children and steps included, more goes to others than the channel allows."""
    if order.others_max_minor is None and order.part_max_minor is None:
        return found
    others = {to: amount for to, amount in found.by_party().items() if to not in (order.seller, KEPT)}
    _check_cap(order.part_max_minor, max(others.values(), default=0))
    _check_cap(order.others_max_minor, sum(others.values()))
    return found


def _check_cap(most: int | None, planned: int) -> None:
    if most is not None and planned > most:
        raise ShareAboveCap(allowed_minor=most, planned_minor=planned)


def _evaluate(rule: SplitRule, order: OrderFacts, base: int) -> Evaluation:
    rows, left_over = _level(rule, order, rule.parts, base, base, "parts", None)
    assert sum(row.amount_minor for row in rows) + left_over == base, "the parts of an evaluation sum to its base"
    assert all(row.amount_minor >= 0 for row in rows)
    return Evaluation(rule.name, rule.version, rule.currency, base, tuple(rows), left_over)


def _joined(rule: SplitRule, order: OrderFacts, each: Sequence[Evaluation]) -> Evaluation:
    """The evaluations of all lines summed part by part; the explanation of a sum is the sums of its figures."""
    rows: dict[str, Allocation] = {}
    for one in each:
        for row in one.allocations:
            seen = rows.get(row.path)
            rows[row.path] = row if seen is None else _added(seen, row)
    left_over = sum(one.left_over_minor for one in each)
    return Evaluation(rule.name, rule.version, rule.currency, order.amount_minor, tuple(rows.values()), left_over)


def _added(one: Allocation, other: Allocation) -> Allocation:
    return replace(
        one,
        exact=one.exact + other.exact,
        floor_minor=one.floor_minor + other.floor_minor,
        rank=None,
        reason=one.reason if one.reason is other.reason else Reason.SUMMED,
        rounded_minor=one.rounded_minor + other.rounded_minor,
        amount_minor=one.amount_minor + other.amount_minor,
    )


def _level(
    rule: SplitRule, order: OrderFacts, parts: tuple[Part, ...], amount: int, base: int, at: str, owner: Part | None
) -> tuple[list[Allocation], int]:
    """The allocations of one level and everything below it, and the units that rounding left over.

    `owner` is the part whose children these are; the rest of its amount is its own and not listed here.
    """
    measured = measure_level(parts, amount, base, rule.on_short, order.attributes, nested=owner is not None)
    if measured.unclaimed and owner is None:
        parts = (*parts, Part(order.seller, PartKind.REMAINDER, Rest()))
        measured = measured.with_rest()
    amounts, order_of = _rounded(rule, order, parts, measured, top=owner is None)
    rows: list[Allocation] = []
    left_over = measured.target - sum(amounts[i] for i in measured.group)
    if owner is not None:
        left_over -= amounts[-1]
    rank = {i: n for n, i in enumerate(order_of, 1)}
    for i, part in enumerate(parts):
        below, lost = _below(rule, order, part, amounts[i], base, f"{at}[{i}].children", measured.reasons[i])
        left_over += lost
        own = amounts[i] - lost - sum([each.amount_minor for each in below])
        row = _allocation(f"{at}[{i}]", part, measured, i, rank.get(i), rounded=amounts[i], own=own)
        rows += _poured(part, row) if part.steps else [row]
        rows += below
    return rows, left_over


def _allocation(
    path: str, part: Part, measured: Measured, i: int, rank: int | None, *, rounded: int, own: int
) -> Allocation:
    exact = measured.exact[i]
    floor = exact.numerator // exact.denominator
    reason = measured.reasons[i]
    return Allocation(path, part.to, part.kind, exact, floor, rank, reason, rounded, own, part.refundable)


def _below(
    rule: SplitRule, order: OrderFacts, part: Part, amount: int, base: int, at: str, reason: Reason
) -> tuple[list[Allocation], int]:
    """The allocations of a part's children out of its amount, and the units that their rounding left over."""
    if not part.children:
        return [], 0
    if reason in SILENT:
        return _silenced(part.children, at, reason), 0
    return _level(rule, order, part.children, amount, base, at, part)


def _silenced(parts: Sequence[Part], at: str, reason: Reason) -> list[Allocation]:
    """The children of a part that does not apply: zero, for the same reason."""
    rows = []
    for i, part in enumerate(parts):
        row = Allocation(f"{at}[{i}]", part.to, part.kind, Fraction(0), 0, None, reason, 0, 0, part.refundable)
        rows += [row, *_silenced(part.children, f"{row.path}.children", reason)]
    return rows


def _rounded(
    rule: SplitRule, order: OrderFacts, parts: Sequence[Part], measured: Measured, *, top: bool
) -> tuple[list[int], list[int]]:
    """Whole amounts by part (for children one more at the end: the owner's own rest), and the group by rank of fraction."""
    amounts = [value.numerator if value.denominator == 1 else 0 for value in measured.exact]
    exact = [measured.exact[i] for i in measured.group]
    if not top:
        exact.append(measured.rest)
    numerators, denominator = over_common(exact)
    names = [parts[i].to for i in measured.group]
    ceilings: list[int | None] | None = None
    together = None
    if top and (order.part_max_minor is not None or order.others_max_minor is not None):
        ceilings = [None if name == order.seller else order.part_max_minor for name in names]
        together = _spare_for_others(order, parts, measured, [n // denominator for n in numerators])
    named = names.index(rule.rounding_to) if rule.rounding_to in names else None
    rounded = round_parts(
        numerators, denominator, measured.target, rule.rounding, ceilings=ceilings, together=together, named=named
    )
    for i, part in zip(measured.group, rounded.parts, strict=False):
        amounts[i] = part
    if not top:
        amounts.append(rounded.parts[-1])
    ranked = spare_order(numerators, denominator, Remainder.LARGEST_REMAINDER)
    return amounts, [measured.group[i] for i in ranked if i < len(measured.group)]


def _spare_for_others(
    order: OrderFacts, parts: Sequence[Part], measured: Measured, floors: Sequence[int]
) -> Together | None:
    """How many spare units may still go to others than the seller; `ShareAboveCap` when the floors pass a cap."""
    floor_of = dict(zip(measured.group, floors, strict=True))
    outside = (i for i, part in enumerate(parts) if part.to not in (order.seller, KEPT))
    others = {i: floor_of.get(i, int(measured.exact[i])) for i in outside}
    _check_cap(order.part_max_minor, max(others.values(), default=0))
    shared = sum(others.values())
    _check_cap(order.others_max_minor, shared)
    if order.others_max_minor is None:
        return None
    inside = frozenset(n for n, i in enumerate(measured.group) if i in others)
    return Together(inside, order.others_max_minor - shared)


def _poured(part: Part, pot: Allocation) -> list[Allocation]:
    """The pot of a sequence poured into its steps, each up to its cap."""
    left = pot.rounded_minor
    rows = []
    for n, step in enumerate(part.steps):
        amount = left if step.cap_minor is None else min(left, step.cap_minor)
        left -= amount
        rows.append(
            replace(
                pot,
                path=f"{pot.path}.steps[{n}]",
                to=step.to,
                reason=Reason.STEP_REST if step.cap_minor is None else Reason.STEP,
                amount_minor=amount,
            )
        )
    return rows
