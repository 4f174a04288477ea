"""Periods, months, zones and working days: tables, then properties over all dates and all time zones."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import islice, pairwise
from zoneinfo import available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cauce.kernel.calendar.business import BusinessCalendar, NoBusinessDay
from cauce.kernel.calendar.months import DateOutOfRange, add_months, days_of_30
from cauce.kernel.calendar.periods import (
    Alignment,
    BadAnchorDay,
    BadInterval,
    BeforeSchedule,
    Interval,
    Period,
    Schedule,
    Unit,
    aligned_period,
    boundary,
    boundary_index,
    interval_of,
)
from cauce.kernel.calendar.zones import (
    NaiveInstant,
    UnknownZone,
    at_local_time,
    local_date,
    local_days_between,
    same_time_after,
    start_of_day,
    zone_of,
)
from tests.support.counts import programs

ZONES = sorted(available_timezones())

dates = st.dates(date(1971, 1, 1), date(2120, 12, 31))
intervals = st.builds(Interval, st.sampled_from(Unit), st.integers(1, 24))
anchor_days = st.none() | st.integers(1, 31)
schedules = st.builds(Schedule, dates, intervals, anchor_days)


@pytest.mark.parametrize(
    ("start", "months", "day", "expected"),
    [
        ("2026-01-31", 1, None, "2026-02-28"),
        ("2028-01-31", 1, None, "2028-02-29"),
        ("2026-01-31", 2, None, "2026-03-31"),
        ("2026-02-28", 1, None, "2026-03-28"),
        ("2026-02-28", 1, 31, "2026-03-31"),
        ("2026-03-31", -1, None, "2026-02-28"),
        ("2024-02-29", 12, None, "2025-02-28"),
        ("2024-02-29", 48, None, "2028-02-29"),
        ("2026-12-15", 1, None, "2027-01-15"),
        ("2026-01-15", -1, None, "2025-12-15"),
    ],
)
def test_months_are_added_with_the_day_clamped_to_the_month(
    start: str, months: int, day: int | None, expected: str
) -> None:
    assert add_months(date.fromisoformat(start), months, day=day) == date.fromisoformat(expected)


def test_a_month_beyond_the_calendar_is_refused() -> None:
    with pytest.raises(DateOutOfRange):
        add_months(date(9999, 12, 1), 1)
    with pytest.raises(DateOutOfRange):
        boundary(date(9999, 12, 30), 1, Interval(Unit.DAY, 2))


def test_thirty_day_months_count_the_thirty_first_as_the_thirtieth() -> None:
    assert days_of_30(date(2023, 5, 31), date(2023, 6, 30)) == 30
    assert days_of_30(date(2026, 1, 20), date(2026, 2, 5)) == 15


def test_interval_names_include_the_quarter_and_refuse_the_rest() -> None:
    assert interval_of("quarter", 2) == Interval(Unit.MONTH, 6)
    assert interval_of("year").months == 12
    for unit, count in (("fortnight", 1), ("month", 0), ("month", -1)):
        with pytest.raises(BadInterval):
            interval_of(unit, count)


def test_an_anchor_day_is_a_day_of_the_month() -> None:
    with pytest.raises(BadAnchorDay):
        Schedule(date(2026, 1, 1), Interval(Unit.MONTH), 32)


def test_a_yearly_plan_started_after_its_anchor_day_waits_a_year() -> None:
    schedule = Schedule(date(2012, 7, 16), Interval(Unit.YEAR), 15)
    assert schedule.first_full_start == date(2013, 7, 15)
    assert schedule.period(0).full == Period(date(2012, 7, 15), date(2013, 7, 15))


def test_a_date_before_the_schedule_is_in_no_period() -> None:
    with pytest.raises(BeforeSchedule):
        Schedule(date(2026, 1, 10), Interval(Unit.MONTH)).index_of(date(2026, 1, 9))


def test_a_pause_is_cut_out_of_a_period() -> None:
    march = Period(date(2026, 3, 1), date(2026, 4, 1))
    first, last = Period(date(2026, 3, 1), date(2026, 3, 10)), Period(date(2026, 3, 20), date(2026, 4, 1))
    assert march.without(Period(date(2026, 3, 10), date(2026, 3, 20))) == [first, last]
    assert march.without(Period(date(2026, 2, 1), date(2026, 5, 1))) == []
    assert march.without(Period(date(2026, 4, 1), date(2026, 5, 1))) == [march]
    assert march.without(Period(date(2026, 2, 1), date(2026, 3, 20))) == [last]


@programs
@given(schedules, st.integers(1, 30))
def test_the_periods_of_a_schedule_touch_without_gap_or_overlap(schedule: Schedule, count: int) -> None:
    found = [each.period for each in islice(schedule.periods(), count)]
    assert found[0].start == schedule.start
    assert all(one.end == other.start and one.start < one.end for one, other in pairwise(found))


@programs
@given(schedules, st.integers(0, 4000))
def test_every_day_lies_in_exactly_the_period_that_its_index_names(schedule: Schedule, days: int) -> None:
    day = schedule.start + timedelta(days=days)
    found = schedule.containing(day)
    assert day in found.period
    assert found == schedule.period(found.index)
    assert found.full.start <= found.period.start and found.period.end <= found.full.end


@programs
@given(schedules, st.integers(1, 3000))
def test_an_end_cuts_its_period_and_nothing_before_it(schedule: Schedule, days: int) -> None:
    end = schedule.start + timedelta(days=days)
    cut = Schedule(schedule.start, schedule.interval, schedule.anchor_day, end)
    found = list(cut.periods())
    assert found[-1].period.end == end
    assert [each.period for each in found[:-1]] == [schedule.period(n).period for n in range(len(found) - 1)]
    assert sum(each.period.days for each in found) == days


@programs
@given(dates, st.integers(-40, 40), intervals, anchor_days)
def test_boundaries_never_drift_and_their_index_is_the_way_back(
    anchor: date, k: int, interval: Interval, anchor_day: int | None
) -> None:
    found = boundary(anchor, k, interval, anchor_day)
    if interval.months:
        last = (found.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
        assert found.day == min(anchor_day or anchor.day, last.day)
    assert boundary_index(anchor, found, interval, anchor_day) == k
    assert boundary_index(anchor, found - timedelta(days=1), interval, anchor_day) == k - 1


@programs
@given(schedules, st.integers(0, 3000))
def test_the_next_boundary_is_the_first_one_after_a_date(schedule: Schedule, days: int) -> None:
    after = schedule.start + timedelta(days=days)
    found = schedule.next_boundary(after)
    assert found > after
    k = boundary_index(schedule.first_full_start, found, schedule.interval, schedule.anchor_day)
    assert k == 0 or schedule.boundary(k - 1) <= after


@programs
@given(dates, intervals, st.sampled_from(Alignment))
def test_an_aligned_period_contains_its_day(day: date, interval: Interval, alignment: Alignment) -> None:
    assert day in aligned_period(alignment, day, interval)


def test_calendar_weeks_start_on_monday_and_years_in_january() -> None:
    wednesday = date(2026, 11, 4)
    assert aligned_period(Alignment.CALENDAR, wednesday, Interval(Unit.WEEK)).start == date(2026, 11, 2)
    assert aligned_period(Alignment.CALENDAR, wednesday, Interval(Unit.YEAR)).start == date(2026, 1, 1)
    assert aligned_period(Alignment.CALENDAR, wednesday, Interval(Unit.MONTH, 3)).start == date(2026, 10, 1)


@pytest.mark.parametrize("name", ZONES)
def test_a_local_day_starts_at_its_first_instant_in_every_zone(name: str) -> None:
    zone = zone_of(name)
    day = date(1970, 1, 2)
    while day < date(2037, 1, 1):
        start = start_of_day(day, zone)
        # A zone that crossed the date line left a day out: its start is then that of the day that came instead.
        assert local_date(start, zone) >= day
        assert local_date(start - timedelta(seconds=1), zone) < day
        day += timedelta(days=83)


@pytest.mark.parametrize("name", ZONES)
def test_clock_changes_never_move_a_monthly_boundary_in_any_zone(name: str) -> None:
    zone = zone_of(name)
    schedule = Schedule(date(2025, 1, 31), Interval(Unit.MONTH))
    starts = [start_of_day(schedule.period(n).period.start, zone) for n in range(25)]
    assert all(one < other for one, other in pairwise(starts))
    assert [local_date(at, zone) for at in starts] == [schedule.period(n).period.start for n in range(25)]


@programs
@given(
    st.sampled_from(ZONES),
    st.datetimes(datetime(1975, 1, 1), datetime(2036, 1, 1)).map(lambda at: at.replace(tzinfo=UTC)),
    st.integers(0, 400),
)
def test_a_trial_ends_its_number_of_local_dates_later_at_the_same_clock(name: str, at: datetime, days: int) -> None:
    zone = zone_of(name)
    end = same_time_after(at, days, zone)
    wanted = local_date(at, zone) + timedelta(days=days)
    clock = at.astimezone(zone).time().replace(tzinfo=None)
    if end.astimezone(zone).time().replace(tzinfo=None) == clock:
        assert local_date(end, zone) == wanted
        assert local_days_between(at, end, zone) == days
    else:  # that clock time does not exist on that day: the clock was put forward over it
        assert abs(end.astimezone(zone).replace(tzinfo=None) - datetime.combine(wanted, clock)) <= timedelta(hours=24)


def test_a_night_without_midnight_starts_when_the_clock_has_been_put_forward() -> None:
    zone = zone_of("America/Sao_Paulo")
    assert start_of_day(date(2018, 11, 4), zone) == datetime(2018, 11, 4, 3, tzinfo=UTC)
    half_hour = zone_of("Antarctica/Troll")
    assert local_date(start_of_day(date(2026, 3, 29), half_hour), half_hour) == date(2026, 3, 29)


def test_samoa_left_a_day_out_and_the_next_one_starts_instead() -> None:
    assert start_of_day(date(2011, 12, 30), zone_of("Pacific/Apia")) == datetime(2011, 12, 30, 10, tzinfo=UTC)
    assert start_of_day(date(2011, 12, 31), zone_of("Pacific/Apia")) == datetime(2011, 12, 30, 10, tzinfo=UTC)


def test_a_clock_time_that_occurs_twice_is_its_first_and_one_that_never_does_moves_on() -> None:
    madrid = zone_of("Europe/Madrid")
    assert at_local_time(date(2026, 10, 25), time(2, 30), madrid) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert at_local_time(date(2026, 3, 29), time(2, 30), madrid) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)


def test_zones_and_instants_that_mean_nothing_are_refused() -> None:
    for name in ("Mars/Olympus", "", "../etc/passwd"):
        with pytest.raises(UnknownZone):
            zone_of(name)
    with pytest.raises(NaiveInstant):
        local_date(datetime(2026, 1, 1), zone_of("Asia/Tokyo"))


def test_working_days_skip_weekends_and_holidays_and_count_announced_weekends() -> None:
    golden_week = BusinessCalendar(
        holidays=frozenset({date(2026, 10, n) for n in range(1, 8)}), working_days=frozenset({date(2026, 10, 10)})
    )
    assert golden_week.on_or_after(date(2026, 10, 1)) == date(2026, 10, 8)
    assert golden_week.add(date(2026, 9, 30), 1) == date(2026, 10, 8)
    assert golden_week.add(date(2026, 10, 9), 1) == date(2026, 10, 10)
    assert golden_week.add(date(2026, 10, 8), -1) == date(2026, 9, 30)
    assert golden_week.on_or_before(date(2026, 10, 11)) == date(2026, 10, 10)
    assert golden_week.add(date(2026, 10, 3), 0) == date(2026, 10, 8)
    with pytest.raises(NoBusinessDay):
        BusinessCalendar(weekend=frozenset(range(7))).on_or_after(date(2026, 1, 1))


@programs
@given(dates, st.integers(1, 40))
def test_working_days_added_and_taken_away_again_meet(day: date, count: int) -> None:
    calendar = BusinessCalendar(holidays=frozenset({day + timedelta(days=3)}))
    start = calendar.on_or_after(day)
    assert calendar.add(calendar.add(start, count), -count) == start
