"""Aligned periods in every zone: they cover each day once, hold their boundaries, and their seconds add up to the whole (V4-V8)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from itertools import pairwise
from zoneinfo import available_timezones

from hypothesis import given, settings
from hypothesis import strategies as st

from cauce.billing.subscriptions.rules import Subscription, begin_term, enter_period, instant_of, local_day, period_of
from cauce.kernel.calendar.periods import Period
from cauce.pricing.proration import Instants, second_fraction

ZONES = sorted(available_timezones())
BEGIN = datetime(2024, 1, 1, tzinfo=UTC)
instants = st.integers(0, 3 * 366 * 86_400).map(lambda seconds: BEGIN + timedelta(seconds=seconds))
alignments = st.sampled_from(
    [
        ("month", 1, "calendar"),
        ("month", 3, "calendar"),
        ("year", 1, "calendar"),
        ("week", 1, "calendar"),
        ("month", 1, ""),
    ]
    + [("week", count, str(day)) for count in (1, 2) for day in range(1, 8)]
)


def begun(zone: str, how: tuple[str, int, str], at: datetime) -> Subscription:
    unit, count, alignment = how
    blank = Subscription(
        "sub", "cus", "plan", "prod", "active", "eur", zone, 1, unit, count, at.date(), None, time(0), at,
        alignment=alignment,
    )  # fmt: skip
    aligned = replace(blank, anchor_day=1) if alignment == "calendar" and unit in ("month", "year") else blank
    return begin_term(aligned, at)


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(ZONES), alignments, instants)
def test_aligned_periods_follow_each_other_without_gap_on_their_days(
    zone: str, how: tuple[str, int, str], at: datetime
) -> None:
    one = begun(zone, how, at)
    periods = [period_of(one, n) for n in range(6)]
    assert periods[0].period.start == local_day(one, at)
    assert all(a.period.end == b.period.start for a, b in pairwise(periods))
    unit, count, alignment = how
    for each in periods[1:]:
        assert each.is_full
        start = each.period.start
        if alignment == "calendar" and unit != "week":
            months = count if unit == "month" else 12
            assert start.day == 1 and (start.month - 1) % months == 0
        elif alignment:
            assert start.isoweekday() == (1 if alignment == "calendar" else int(alignment))
    first = periods[0]
    assert first.full.start <= first.period.start < first.period.end == first.full.end
    assert enter_period(one, 0).due_at == instant_of(one, first.period.end)


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(ZONES), alignments, instants, st.lists(st.integers(0, 10_000), min_size=1, max_size=6))
def test_the_seconds_of_the_parts_of_a_period_are_those_of_the_whole(
    zone: str, how: tuple[str, int, str], at: datetime, cuts: list[int]
) -> None:
    one = begun(zone, how, at)
    full = period_of(one, 1).full
    of = partial(instant_of, one)
    low, high = of(full.start), of(full.end)
    inner = sorted(low + (high - low) * cut / 10_000 for cut in cuts)
    marks = [low, *(mark.replace(microsecond=0) for mark in inner), high]
    shares = []
    for since, until in pairwise(marks):
        days = Period(max(local_day(one, since), full.start), max(local_day(one, since), full.end))
        shares.append(Instants(of, since, until).share(days, full))
        if since < high:
            assert Instants(of).unused(full, since, until) == second_fraction(until, high, since, high)
    assert sum(shares) == 1
    assert all(share >= 0 for share in shares)
    assert date.min < full.start < full.end
