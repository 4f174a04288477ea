"""Adapters of the kinds about recurring amounts: proration, trials, changes, cancellation."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from cauce.kernel.calendar.periods import Alignment, Period, aligned_period, interval_of
from cauce.pricing.changes import (
    IntervalChange,
    PlanPrice,
    PlanStep,
    cancel_with_credit,
    change_plan,
    change_within,
    proration_lines,
    quantity_change,
)
from cauce.pricing.proration import (
    Basis,
    CancellationDay,
    bounded,
    day_fraction,
    fixed_30_fraction,
    prorated,
    remaining_fraction,
    second_fraction,
    service_end,
)
from cauce.pricing.schedule import Billing, PeriodLine, Phase, phase_lines, recurring_lines
from cauce.pricing.tax import Tax, taxed
from cauce.pricing.trials import TrialOnChange, first_charge, trial_end
from tests.cases.adapter import kind
from tests.cases.adapters.periods import day, instant, interval, local_day, maybe_day, schedule


def tax(inputs: dict[str, Any]) -> Tax:
    return Tax(Fraction(inputs.get("tax_percent", "0")))


def cancellation_day(options: dict[str, Any]) -> CancellationDay:
    return CancellationDay(options.get("cancellation_day", CancellationDay.FREE))


def _part_fraction(inputs: dict[str, Any], options: dict[str, Any]) -> Fraction:
    basis = Basis(options.get("proration_basis", Basis.DAY))
    if inputs.get("one_time") or options.get("proration") == "none":
        return Fraction(1)
    if basis is Basis.SECOND:
        names = ("from", "to", "period_start", "period_end")
        start, end, full_start, full_end = (instant(inputs[name]) for name in names)
        return second_fraction(start, end, full_start, full_end)
    part = Period(day(inputs["from"]), service_end(day(inputs["to"]), cancellation_day(options)))
    if basis is Basis.FIXED_30:
        return fixed_30_fraction(part, interval_of(inputs.get("interval", "month"), inputs.get("interval_count", 1)))
    return day_fraction(part, Period(day(inputs["period_start"]), day(inputs["period_end"])))


@kind("prorated_amount")
def _prorated_amount(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    fraction = bounded(_part_fraction(inputs, options), cap=options.get("beyond_period") == "cap")
    amount = prorated(inputs["amount_minor"], fraction)
    return {"amount_minor": amount, "total_minor": taxed(amount, tax(inputs)).total_minor}


@kind("invoice_total")
def _invoice_total(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    phases = [Phase(day(row["from"]), row["amount_minor"], row.get("anchor_day")) for row in inputs["phases"]]
    lines = phase_lines(phases, interval(inputs), Billing(inputs["billing"]), day(inputs["target"]))
    return {
        "total_minor": sum(line.amount_minor for line in lines),
        "line_count": len(lines),
        "periods": [_dates(line) for line in lines],
    }


def _dates(line: PeriodLine) -> list[str]:
    return [str(line.period.start), str(line.period.end)]


@kind("pause_resume")
def _pause_resume(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    pause = Period(day(inputs["pause"]), maybe_day(inputs.get("resume")) or day("9999-12-31"))
    billing, target = Billing(inputs["billing"]), day(inputs["target"])
    plan = schedule(inputs, inputs.get("end"))
    lines = recurring_lines(plan, billing, target, inputs["amount_minor"], pause=pause)
    return {"lines": [[*_dates(line), line.amount_minor] for line in lines]}


@kind("trial_then_charge")
def _trial_then_charge(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    charge_on = trial_end(
        local_day(inputs, "start"),
        inputs["trial_days"],
        changed_on=maybe_day(inputs.get("changed_during_trial")),
        on_change=TrialOnChange(options.get("trial_on_change", TrialOnChange.FROM_CHANGE)),
    )
    first = first_charge(charge_on, inputs.get("amount_minor", 0), interval(inputs), Alignment(inputs["alignment"]))
    return {
        "first_charge_date": str(first.charge_on),
        "anchor_day": first.anchor_day,
        "first_amount_minor": first.amount_minor,
        "next_full_date": str(first.next_full_on),
        "next_full_amount_minor": first.next_full_amount_minor,
    }


def _plan(row: dict[str, Any]) -> PlanPrice:
    return PlanPrice(interval(row), row["amount_minor"])


@kind("plan_change")
def _plan_change(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    change = change_plan(
        day(inputs["anchor"]),
        day(inputs["change"]),
        _plan(inputs["old"]),
        _plan(inputs["new"]),
        interval_change=IntervalChange(options.get("interval_change", IntervalChange.RESET)),
        at_period_end=options.get("effective") == "at_period_end",
        anchor_day=inputs.get("anchor_day"),
    )
    return {
        "credit_minor": change.credit_minor,
        "debit_minor": change.debit_minor,
        "next_renewal": str(change.next_renewal),
        "effective": str(change.effective),
    }


@kind("plan_change_chain")
def _plan_change_chain(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    steps = [PlanStep(day(row["date"]), row["amount_minor"]) for row in inputs["steps"]]
    period = aligned_period(Alignment(inputs["alignment"]), steps[0].start, interval(inputs))
    charges, credited = change_within(period, steps, tax(inputs))
    return {"charges_minor": charges, "credit_totals_minor": [credit.total_minor for credit in credited]}


def _remaining(inputs: dict[str, Any]) -> Fraction:
    if "remaining_fraction" in inputs:
        return Fraction(inputs["remaining_fraction"])
    return remaining_fraction(Period(day(inputs["period_start"]), day(inputs["period_end"])), day(inputs["change"]))


@kind("proration_lines")
def _proration_lines(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    lines = proration_lines(inputs["removed_minor"], inputs["added_minor"], _remaining(inputs))
    return {"credits_minor": list(lines.credits), "debits_minor": list(lines.debits), "net_minor": lines.net_minor}


@kind("quantity_change")
def _quantity_change(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    old, new = Fraction(inputs["old_quantity"]), Fraction(inputs["new_quantity"])
    everything = Fraction(1)
    pending = Fraction(inputs["next_cycle_unit_minor"])
    return {
        "prorated_minor": quantity_change(Fraction(inputs["unit_minor"]), old, new, _remaining(inputs)),
        "next_cycle_minor": quantity_change(pending, Fraction(0), new, everything),
    }


@kind("cancel_with_credit")
def _cancel_with_credit(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    started = local_day(inputs, "start")
    period = aligned_period(Alignment(inputs["alignment"]), started, interval(inputs))
    ends = service_end(local_day(inputs, "cancel"), cancellation_day(options))
    done = cancel_with_credit(period, started, ends, inputs["amount_minor"], tax(inputs))
    return {
        "invoice_tax_minor": done.invoice_tax_minor,
        "invoice_total_minor": done.invoice_total_minor,
        "credit_subtotal_minor": done.credit.subtotal_minor,
        "credit_tax_minor": done.credit.tax_minor,
        "credit_total_minor": done.credit.total_minor,
    }
