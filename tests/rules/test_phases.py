"""Phases of a price: where they end, and how they cut a period or a stub."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

from cauce.kernel.calendar.periods import Interval, Period, Schedule, Unit
from cauce.pricing.models import Flat
from cauce.pricing.phases import PricePhase, phase_ends, phase_pieces
from cauce.pricing.schedule import Billing, Phase, phase_lines
from cauce.pricing.subscription_charges import Sold, recurring_charges

MONTH, WEEK = Interval(Unit.MONTH), Interval(Unit.WEEK)
LOW, REGULAR = Flat(1_000), Flat(3_000)


def test_phases_of_months_keep_the_day_they_began_on() -> None:
    phases = [PricePhase(LOW, 1, MONTH), PricePhase(LOW, 2, MONTH)]
    assert list(phase_ends(phases, date(2026, 1, 31))) == [date(2026, 2, 28), date(2026, 4, 30)]


def test_phases_that_begin_with_a_period_end_with_one_whatever_the_month() -> None:
    phases = [PricePhase(LOW, 1, MONTH)]
    assert list(phase_ends(phases, date(2026, 2, 28), 31)) == [date(2026, 3, 31)]
    assert list(phase_ends(phases, date(2026, 2, 28), 28)) == [date(2026, 3, 28)]
    assert list(phase_ends(phases, date(2026, 2, 12), 31)) == [date(2026, 3, 12)]


def test_weeks_and_months_follow_each_other() -> None:
    phases = [PricePhase(LOW, 2, WEEK), PricePhase(LOW, 1, MONTH), PricePhase(LOW, 1, MONTH)]
    assert list(phase_ends(phases, date(2026, 1, 17), 17)) == [date(2026, 1, 31), date(2026, 2, 28), date(2026, 3, 31)]


def test_a_phase_that_ends_inside_a_stub_divides_it_by_days() -> None:
    stub = Schedule(date(2026, 3, 12), MONTH, 1).period(0)
    sold = Sold("si", "price", "prod", "Base", REGULAR, Fraction(1), phases=(PricePhase(LOW, 1, WEEK),))
    charges = recurring_charges(sold, stub.period, stub.full)
    assert [(charge.period, charge.amount_minor) for charge in charges] == [
        (Period(date(2026, 3, 12), date(2026, 3, 19)), 226),  # 1000 * 7 / 31
        (Period(date(2026, 3, 19), date(2026, 4, 1)), 1_258),  # 3000 * 13 / 31
    ]


def test_phases_cost_what_schedules_after_each_other_cost() -> None:
    start, anchor = date(2026, 3, 12), 1
    phases = [PricePhase(LOW, 2, MONTH)]
    (ends_on,) = phase_ends(phases, start, anchor)
    expected = phase_lines(
        [Phase(start, 1_000, anchor), Phase(ends_on, 3_000, anchor)], MONTH, Billing.IN_ADVANCE, date(2026, 7, 1)
    )
    sold = Sold("si", "price", "prod", "Base", REGULAR, Fraction(1), phases=tuple(phases), phases_from=start)
    billed = [
        charge
        for one in map(Schedule(start, MONTH, anchor).period, range(5))
        for charge in recurring_charges(sold, one.period, one.full)
    ]
    assert [(line.period, line.amount_minor) for line in expected] == [
        (charge.period, charge.amount_minor) for charge in billed
    ]
    assert [line.amount_minor for line in expected] == [645, 1_000, 355, 1_935, 3_000, 3_000]


def test_pieces_are_never_empty_and_cover_the_part() -> None:
    part = Period(date(2026, 1, 1), date(2026, 2, 1))
    phases = [PricePhase(LOW, 1, MONTH)]
    assert phase_pieces(phases, REGULAR, date(2026, 1, 1), part) == [(part, LOW)]
    assert phase_pieces(phases, REGULAR, date(2025, 12, 1), part) == [(part, REGULAR)]
    assert phase_pieces(phases, REGULAR, date(2026, 1, 1), Period(part.end, part.end)) == []
