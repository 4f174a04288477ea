"""Discounts over the lines of an invoice: exact per line, rounded once, spread by largest remainder (V18-V20).

Percentages come first, each on what the earlier ones left, then fixed amounts, each capped at what its lines have
left. A discount may be limited to named lines or to a group of lines. Only lines above zero are discounted: a
credit line is never made smaller. What a charge costs at least or at most is settled after the last percentage: such
a charge is taken through `before_commitments` first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from fractions import Fraction

from cauce.kernel.errors import InvalidRequest
from cauce.kernel.money import half_up
from cauce.pricing.rounding import over_common, round_parts

ZERO = Fraction(0)


class BadDiscount(InvalidRequest):
    """A discount is a percentage from 0 to 100, or a fixed amount of zero or more; not both."""

    code = "bad_discount"


class DiscountRounding(StrEnum):
    """Round the whole discount and spread it (default), or round a percentage on every line alone."""

    TOTAL = "total"
    PER_LINE = "per_line"


class CouponOrder(StrEnum):
    """Percentages before fixed amounts (default), or as listed."""

    PERCENT_FIRST = "percent_first"
    LISTED = "listed"


@dataclass(frozen=True, slots=True)
class Discount:
    """`percent` or `fixed_minor` off the lines it is limited to: by id, by group, or all."""

    percent: Fraction | None = None
    fixed_minor: int | None = None
    lines: frozenset[str] | None = None
    groups: frozenset[str] | None = None

    def __post_init__(self) -> None:
        if (self.percent is None) == (self.fixed_minor is None):
            raise BadDiscount(param="discount")
        if self.percent is not None and not 0 <= self.percent <= 100:
            raise BadDiscount(param="percent")
        if self.fixed_minor is not None and self.fixed_minor < 0:
            raise BadDiscount(param="fixed_minor")

    def covers(self, line: DiscountLine) -> bool:
        """True when the discount applies to the line."""
        if self.percent is not None and line.net_of_percent:
            return False
        return (self.lines is None or line.id in self.lines) and (self.groups is None or line.group in self.groups)


@dataclass(frozen=True, slots=True)
class DiscountLine:
    """A line as discounts see it. `net_of_percent`: percentages are taken off already."""

    amount_minor: int
    id: str = ""
    group: str = ""
    net_of_percent: bool = False


@dataclass(frozen=True, slots=True)
class DiscountedLines:
    """Per line: the exact discount, and the whole minor units of it that are booked."""

    exact: tuple[Fraction, ...]
    minor: tuple[int, ...]

    @property
    def total_minor(self) -> int:
        """The discount of the whole invoice."""
        return sum(self.minor)


def discount_lines(
    lines: Sequence[DiscountLine],
    discounts: Sequence[Discount],
    *,
    order: CouponOrder = CouponOrder.PERCENT_FIRST,
    rounding: DiscountRounding = DiscountRounding.TOTAL,
    round_value: Callable[[Fraction], int] = half_up,
) -> DiscountedLines:
    """What `discounts` take off each line. The booked parts sum to the rounded whole and never exceed a line.

    `round_value`: how the whole (or, per line, each percentage) is rounded to the minor unit; the seller's own (V2).
    """
    if not discounts:
        return DiscountedLines((ZERO,) * len(lines), (0,) * len(lines))
    if rounding is DiscountRounding.PER_LINE:
        return _line_by_line(lines, *before_commitments(discounts, order), round_value)
    exact = exact_discounts(lines, discounts, order)
    return DiscountedLines(exact, _spread(exact, [max(0, line.amount_minor) for line in lines], round_value))


def _line_by_line(
    lines: Sequence[DiscountLine],
    percents: Sequence[Discount],
    fixed: Sequence[Discount],
    round_value: Callable[[Fraction], int],
) -> DiscountedLines:
    """Percentages rounded on every line alone; money off after them sums to what it says, as ever."""
    exact = exact_discounts(lines, percents, CouponOrder.LISTED)
    minor = tuple(round_value(value) for value in exact)
    if not fixed:
        return DiscountedLines(exact, minor)
    left = [replace(line, amount_minor=line.amount_minor - off) for line, off in zip(lines, minor, strict=True)]
    more = discount_lines(left, fixed, order=CouponOrder.LISTED, round_value=round_value)
    return DiscountedLines(
        tuple(a + b for a, b in zip(exact, more.exact, strict=True)),
        tuple(a + b for a, b in zip(minor, more.minor, strict=True)),
    )


def exact_discounts(
    lines: Sequence[DiscountLine], discounts: Sequence[Discount], order: CouponOrder
) -> tuple[Fraction, ...]:
    """The exact discount per line; each discount works on what the earlier ones left."""
    gross = [Fraction(max(0, line.amount_minor)) for line in lines]
    net = list(gross)
    for discount in _ordered(discounts, order):
        covered = [i for i, line in enumerate(lines) if net[i] and discount.covers(line)]
        left = sum((net[i] for i in covered), ZERO)
        if not left:
            continue
        kept = _kept_fraction(discount, left)
        for i in covered:
            net[i] *= kept
    return tuple(before - after for before, after in zip(gross, net, strict=True))


def before_commitments(
    discounts: Sequence[Discount], order: CouponOrder
) -> tuple[Sequence[Discount], Sequence[Discount]]:
    """Those up to the last percentage, and the fixed amounts after it, each as they follow one another.

    A least or most amount is settled between the two: a percentage lowers what counts towards it, money off pays it.
    """
    ordered = _ordered(discounts, order)
    last = max((n for n, one in enumerate(ordered, start=1) if one.percent is not None), default=0)
    return ordered[:last], ordered[last:]


def kept_of(line: DiscountLine, discounts: Sequence[Discount], off_minor: int) -> Fraction:
    """What part of any amount of this line `discounts`, which took `off_minor` of it, leave.

    Percentages alone leave the same part of any amount; money off among them is counted by what it took of this one.
    """
    if any(discount.percent is None for discount in discounts):
        return 1 - Fraction(off_minor, line.amount_minor) if off_minor else Fraction(1)
    kept = Fraction(1)
    for discount in discounts:
        if discount.percent is not None and discount.covers(line):
            kept *= 1 - discount.percent / 100
    return kept


def _ordered(discounts: Sequence[Discount], order: CouponOrder) -> Sequence[Discount]:
    if order is CouponOrder.LISTED:
        return discounts
    return sorted(discounts, key=lambda discount: discount.percent is None)


def _kept_fraction(discount: Discount, left: Fraction) -> Fraction:
    """What part of the covered lines' amounts remains after the discount."""
    if discount.percent is not None:
        return 1 - discount.percent / 100
    return 1 - min(Fraction(discount.fixed_minor or 0), left) / left


def _spread(
    exact: Sequence[Fraction], ceilings: Sequence[int], round_value: Callable[[Fraction], int]
) -> tuple[int, ...]:
    """The rounded total in proportion to the exact discounts, no part above its line."""
    numerators, _ = over_common(exact)
    weight = sum(numerators)
    if not weight:
        return (0,) * len(exact)
    total = round_value(sum(exact, ZERO))
    return round_parts([total * n for n in numerators], weight, total, ceilings=ceilings).parts
