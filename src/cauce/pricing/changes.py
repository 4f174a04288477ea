"""Changes in the middle of a period: another plan, another quantity, an end. Credit for unused, charge for new.

Both sides are exact fractions of their own full period, each line rounded alone (F1, V10-V12). Credits are stated
as positive amounts; whoever books them caps them at what was really billed (V23, `credit_cap`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from fractions import Fraction

from cauce.kernel.calendar.periods import Interval, Period, boundary, period_around
from cauce.kernel.money import half_up
from cauce.pricing.proration import prorated, remaining_fraction
from cauce.pricing.tax import Tax, tax_minor


class IntervalChange(StrEnum):
    """Where the new period starts when the interval changes: now, or where the old anchor puts it (V10)."""

    RESET = "reset"
    KEEP_ANCHOR = "keep_anchor"


@dataclass(frozen=True, slots=True)
class PlanPrice:
    """A recurring amount and its interval."""

    interval: Interval
    amount_minor: int


@dataclass(frozen=True, slots=True)
class PlanChange:
    """What a change of plan costs: credit and debit (both >= 0 for prices >= 0), and when the new plan renews."""

    effective: date
    credit_minor: int
    debit_minor: int
    next_renewal: date
    old_period: Period
    new_period: Period
    credit_fraction: Fraction
    debit_fraction: Fraction


def change_plan(
    anchor: date,
    change: date,
    old: PlanPrice,
    new: PlanPrice,
    *,
    interval_change: IntervalChange = IntervalChange.RESET,
    at_period_end: bool = False,
    anchor_day: int | None = None,
) -> PlanChange:
    """Change from `old` to `new` on `change`, or at the end of the period that contains it.

    `anchor` is boundary 0 of the old plan. With the same interval the running period goes on.
    """
    running = period_around(anchor, change, old.interval, anchor_day)
    effective = running.end if at_period_end else change
    unused = Fraction(0) if at_period_end else remaining_fraction(running, change)
    if old.interval == new.interval or interval_change is IntervalChange.KEEP_ANCHOR:
        period = period_around(anchor, effective, new.interval, anchor_day)
        fraction = remaining_fraction(period, effective)
    else:
        period = Period(effective, boundary(effective, 1, new.interval))
        fraction = Fraction(1)
    return PlanChange(
        effective,
        prorated(old.amount_minor, unused),
        prorated(new.amount_minor, fraction),
        period.end,
        running,
        period,
        unused,
        fraction,
    )


@dataclass(frozen=True, slots=True)
class PlanStep:
    """From `start` on the plan costs `amount_minor` a period."""

    start: date
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Credit:
    """A credit before tax and the tax that goes back with it, both positive."""

    subtotal_minor: int
    tax_minor: int

    @property
    def total_minor(self) -> int:
        """What the customer gets back."""
        return self.subtotal_minor + self.tax_minor


def change_within(period: Period, steps: Sequence[PlanStep], tax: Tax) -> tuple[list[int], list[Credit]]:
    """Several plans within one period: the charge of each step before tax, the credit of each plan that is left."""
    fractions = [remaining_fraction(period, step.start) for step in steps]
    charges = [prorated(step.amount_minor, fraction) for step, fraction in zip(steps, fractions, strict=True)]
    left = zip(steps[:-1], fractions[1:], strict=True)
    return charges, [unused_credit(step.amount_minor, fraction, tax) for step, fraction in left]


def unused_credit(amount_minor: int, fraction: Fraction, tax: Tax) -> Credit:
    """The credit for the unused `fraction` of a period billed at `amount_minor`, with its tax."""
    subtotal = prorated(amount_minor, fraction)
    return Credit(subtotal, tax_minor(subtotal, tax))


@dataclass(frozen=True, slots=True)
class ProrationLines:
    """Credits of what is removed and debits of what is added, line by line, all positive."""

    credits: tuple[int, ...] = ()
    debits: tuple[int, ...] = ()

    @property
    def net_minor(self) -> int:
        """What the customer owes for the change; negative when he gets money back."""
        return sum(self.debits) - sum(self.credits)


def proration_lines(removed: Sequence[int], added: Sequence[int], remaining: Fraction) -> ProrationLines:
    """The lines of a change with `remaining` of the period left; none when nothing is left."""
    if not remaining:
        return ProrationLines()
    return ProrationLines(
        tuple(prorated(amount, remaining) for amount in removed), tuple(prorated(amount, remaining) for amount in added)
    )


def quantity_change(unit_minor: Fraction, old: Fraction, new: Fraction, remaining: Fraction) -> int:
    """The signed charge for going from `old` to `new` units with `remaining` of the period left, half up."""
    return half_up(remaining * (new - old) * unit_minor)


@dataclass(frozen=True, slots=True)
class Cancellation:
    """The first invoice of a period billed in advance, and the credit for what is not used of it."""

    invoice_subtotal_minor: int
    invoice_tax_minor: int
    credit: Credit

    @property
    def invoice_total_minor(self) -> int:
        """What was billed, tax included."""
        return self.invoice_subtotal_minor + self.invoice_tax_minor


def cancel_with_credit(
    period: Period, started_on: date, service_ends: date, amount_minor: int, tax: Tax
) -> Cancellation:
    """Billed from `started_on` to the end of the full `period`, served up to `service_ends`: invoice and credit."""
    billed = prorated(amount_minor, remaining_fraction(period, started_on))
    credit = unused_credit(amount_minor, remaining_fraction(period, max(service_ends, started_on)), tax)
    return Cancellation(billed, tax_minor(billed, tax), credit)
