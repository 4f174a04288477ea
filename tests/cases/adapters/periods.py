"""Adapters of the calendar kinds."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from itertools import count, takewhile
from typing import Any

from cauce.kernel.calendar.months import days_of_30
from cauce.kernel.calendar.periods import (
    Alignment,
    Interval,
    Period,
    Schedule,
    boundary,
    boundary_index,
    calendar_anchor,
    interval_of,
    period_around,
)
from cauce.kernel.calendar.zones import local_date, local_days_between, zone_of
from cauce.pricing.proration import Basis
from cauce.pricing.schedule import (
    Billing,
    Stub,
    billable_periods,
    billed_cycles,
    billed_through,
    reported,
    stub_fraction,
    stub_fraction_by_second,
)
from tests.cases.adapter import kind


def day(text: str) -> date:
    return date.fromisoformat(text)


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def maybe_day(text: str | None) -> date | None:
    return None if text is None else day(text)


def interval(inputs: dict[str, Any]) -> Interval:
    return interval_of(inputs["interval"], inputs.get("interval_count", 1))


def local_day(inputs: dict[str, Any], name: str) -> date:
    """The date `name`, or the local date of the instant `<name>_at` in `timezone`."""
    if f"{name}_at" in inputs:
        return local_date(instant(inputs[f"{name}_at"]), zone_of(inputs["timezone"]))
    return day(inputs[name])


def schedule(inputs: dict[str, Any], end: str | None = None) -> Schedule:
    return Schedule(local_day(inputs, "start"), interval(inputs), inputs.get("anchor_day"), maybe_day(end))


def decimals(value: Fraction) -> str:
    return str(Decimal(value.numerator) / Decimal(value.denominator))


@kind("anchor_schedule")
def _anchor_schedule(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    first, last = day(inputs["from"]), day(inputs["to"])
    all_dates = (boundary(day(inputs["anchor"]), k, interval(inputs), inputs.get("anchor_day")) for k in count())
    return {"dates": [str(each) for each in takewhile(lambda each: each <= last, all_dates) if each >= first]}


@kind("first_full_period_start")
def _first_full_period_start(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    return {"date": str(schedule(inputs).first_full_start)}


def period_result(period: Period) -> dict[str, Any]:
    return {"period_start": str(period.start), "period_end": str(period.end)}


@kind("period_containing")
def _period_containing(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    return period_result(schedule(inputs).containing(day(inputs["date"])).period)


@kind("period_for_date")
def _period_for_date(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    when, step = day(inputs["date"]), interval(inputs)
    by_calendar = Alignment(inputs["alignment"]) is Alignment.CALENDAR
    origin = calendar_anchor(when, step) if by_calendar else local_day(inputs, "anchor")
    anchor_day = None if by_calendar else inputs.get("anchor_day")
    shift = {"current": 0, "previous": -1}[inputs["which"]]
    return period_result(period_around(origin, when, step, anchor_day, shift=shift))


@kind("elapsed_periods")
def _elapsed_periods(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    return {"elapsed": schedule(inputs).index_of(day(inputs["date"]))}


@kind("whole_periods_between")
def _whole_periods_between(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    start = local_day(inputs, "start")
    return {"whole_periods": boundary_index(start, day(inputs["end"]), interval(inputs), inputs.get("anchor_day"))}


@kind("local_days_between")
def _local_days_between(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    zone = zone_of(inputs["timezone"])
    return {"days": local_days_between(instant(inputs["start"]), instant(inputs["end"]), zone)}


@kind("billable_periods")
def _billable_periods(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    found = billable_periods(schedule(inputs, inputs["end"]), Billing(inputs["billing"]), day(inputs["target"]))
    return {"periods": [[str(each.period.start), str(each.period.end)] for each in found]}


@kind("billed_through")
def _billed_through(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    found = billed_through(schedule(inputs, inputs["end"]), Billing(inputs["billing"]), day(inputs["target"]))
    return {
        "anything_billed": found.through is not None,
        "billed_through": None if found.through is None else str(found.through),
        "first_full_period_start": str(found.first_full_start),
        "next_anchor": str(found.next_anchor),
    }


@kind("billed_cycles")
def _billed_cycles(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    found = billable_periods(schedule(inputs, inputs["end"]), Billing(inputs["billing"]), day(inputs["target"]))
    return {"cycles": decimals(billed_cycles(found))}


@kind("stub_fraction")
def _stub_fraction(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    basis = Basis(options.get("proration_basis", Basis.DAY))
    side, step, anchor_day = Stub(inputs["stub"]), interval(inputs), inputs.get("anchor_day")
    if basis is Basis.SECOND:
        start, end = instant(inputs["start"]), instant(inputs["end"])
        return {"fraction": decimals(reported(stub_fraction_by_second(start, end, side, step, anchor_day)))}
    stub = Period(day(inputs["start"]), day(inputs["end"]))
    fraction = stub_fraction(stub, side, step, anchor_day, basis)
    return {"fraction": decimals(reported(fraction)), "days": stub_days(stub, basis)}


def stub_days(stub: Period, basis: Basis) -> int:
    return days_of_30(stub.start, stub.end) if basis is Basis.FIXED_30 else stub.days
