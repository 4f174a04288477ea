"""Dividing a credit over the lines of an invoice: net and tax of each line, never more than is left of it.

A credit of all that is left takes every line's exact rest, so the notes of a fully credited invoice sum to it (V22).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cauce.kernel.money import half_up
from cauce.pricing.allocation import allocate_by_weight
from cauce.pricing.credit_notes import Creditable, CreditExceedsInvoice
from cauce.pricing.recognition import split_credit
from cauce.pricing.tax import Tax


@dataclass(frozen=True, slots=True)
class LineLeft:
    """What is left of an invoice line: net and tax not yet credited, and the part of the net that is still deferred."""

    number: int
    net_minor: int
    tax_minor: int
    deferred_minor: int
    tax: Tax

    @property
    def total_minor(self) -> int:
        """Net and tax."""
        return self.net_minor + self.tax_minor


@dataclass(frozen=True, slots=True)
class LineCredit:
    """What one line gives back: from deferred, from revenue, and tax."""

    number: int
    from_deferred_minor: int
    from_revenue_minor: int
    tax_minor: int

    @property
    def net_minor(self) -> int:
        """Without tax."""
        return self.from_deferred_minor + self.from_revenue_minor

    @property
    def total_minor(self) -> int:
        """With tax."""
        return self.net_minor + self.tax_minor


def credit_everything(lines: Sequence[LineLeft]) -> list[LineCredit]:
    """All that is left of every line, credits among the lines included."""
    return [_part(line, line.net_minor, line.tax_minor) for line in lines if line.net_minor or line.tax_minor]


def credit_total(lines: Sequence[LineLeft], total_minor: int) -> list[LineCredit]:
    """`total_minor` (tax included) over the lines in proportion to what is left of them; `CreditExceedsInvoice`."""
    left = sum(line.total_minor for line in lines)
    if not 0 < total_minor <= left:
        raise CreditExceedsInvoice(left_minor=left)
    if total_minor == left:
        return credit_everything(lines)
    positive = [line for line in lines if line.total_minor > 0]
    if total_minor > sum(line.total_minor for line in positive):
        raise CreditExceedsInvoice(left_minor=left)
    parts = allocate_by_weight(total_minor, [line.total_minor for line in positive]).parts
    return [_of_total(line, part) for line, part in zip(positive, parts, strict=True) if part]


def credit_nets(lines: Sequence[LineLeft], nets: Mapping[int, int]) -> list[LineCredit]:
    """Stated net amounts per line number; the tax of each follows, the last one takes what is left of it (V22)."""
    credits = []
    for line in lines:
        if nets.get(line.number):
            rate = Tax(line.tax.percent, False, line.tax.treatment)
            _, note = Creditable(line.net_minor, line.tax_minor).credit(nets[line.number], rate)
            credits.append(_part(line, note.subtotal_minor, note.tax_minor))
    return credits


def _of_total(line: LineLeft, total: int) -> LineCredit:
    tax = line.tax_minor if total == line.total_minor else half_up(total * line.tax.percent / (100 + line.tax.percent))
    tax = min(tax, line.tax_minor) if line.tax_minor else 0
    return _part(line, min(total - tax, line.net_minor), total - min(total - tax, line.net_minor))


def _part(line: LineLeft, net: int, tax: int) -> LineCredit:
    if net < 0:
        return LineCredit(line.number, line.deferred_minor, net - line.deferred_minor, tax)
    split = split_credit(net, max(0, line.deferred_minor))
    return LineCredit(line.number, split.from_deferred_minor, split.from_revenue_minor, tax)
