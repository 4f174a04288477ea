"""Adapters of the kinds about usage rating."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

from cauce.kernel.calendar.periods import Period
from cauce.kernel.money import half_up
from cauce.pricing import models as m
from cauce.pricing.invoice_lines import MINIMUM, Charge, Commitment, price_lines
from cauce.pricing.percentage import PercentagePrice, rate_events
from cauce.pricing.proration import day_fraction, prorated
from cauce.pricing.rating import Overflow, Rated, RatingRules, deduct_free_units, rate
from tests.cases.adapter import kind
from tests.cases.adapters.periods import day
from tests.cases.adapters.recurring import tax


def _maybe(text: str | None) -> Fraction | None:
    return None if text is None else Fraction(text)


def _tiers(rows: list[dict[str, Any]], price: str) -> tuple[m.Tier, ...]:
    return tuple(m.Tier(_maybe(row["up_to"]), Fraction(row[price]), row.get("flat_minor", 0)) for row in rows)


def _blocks(rows: list[dict[str, Any]]) -> tuple[m.BlockTier, ...]:
    return tuple(m.BlockTier(Fraction(row["block_size"]), row["max_blocks"], row["block_minor"]) for row in rows)


def _package(inputs: dict[str, Any]) -> m.Package:
    free = Fraction(inputs.get("free_units", "0"))
    return m.Package(Fraction(inputs["package_size"]), inputs["package_minor"], free)


def _model(inputs: dict[str, Any]) -> m.Model:
    builders: dict[str, Any] = {
        "per_unit": lambda: m.PerUnit(Fraction(inputs["unit_amount"])),
        "graduated": lambda: m.Graduated(_tiers(inputs["tiers"], "unit_amount")),
        "volume": lambda: m.Volume(_tiers(inputs["tiers"], "unit_amount")),
        "graduated_percentage": lambda: m.GraduatedPercentage(_tiers(inputs["tiers"], "rate_percent")),
        "package": lambda: _package(inputs),
        "graduated_blocks": lambda: m.GraduatedBlocks(_blocks(inputs["tiers"])),
        "volume_blocks": lambda: m.VolumeBlocks(_blocks(inputs["tiers"])),
        "markup": lambda: m.Markup(Fraction(inputs["multiplier"])),
    }
    model: m.Model = builders[inputs["model"]]()
    return model


def _rated(inputs: dict[str, Any], options: dict[str, Any]) -> Rated:
    rules = RatingRules(
        zero_usage_flat_fee=options.get("zero_usage_flat_fee", False),
        overflow=Overflow(options.get("overflow", Overflow.REFUSE)),
    )
    prorated = _maybe(inputs.get("prorated_quantity")) if options.get("prorated_quantity") else None
    rated = rate(_model(inputs), Fraction(inputs["quantity"]), rules, prorated_quantity=prorated)
    return rated.plus(inputs.get("base_minor", 0))


def exact_text(value: Fraction) -> str:
    return str(Decimal(value.numerator) / Decimal(value.denominator))


@kind("rating")
def _rating(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    rated = _rated(inputs, options)
    return {
        "amount_minor": rated.amount_minor,
        "amount_exact": exact_text(rated.amount),
        "tier_amounts_exact": [exact_text(tier.amount) for tier in rated.tiers],
    }


@kind("package_count")
def _package_count(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    return {"packages": m.packages(Fraction(inputs["quantity"]), Fraction(inputs["package_size"]))}


@kind("percentage_rating")
def _percentage_rating(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    price = PercentagePrice(
        Fraction(inputs["rate_percent"]),
        fixed_minor=inputs.get("fixed_per_event_minor", 0),
        free_events=inputs.get("free_events"),
        free_value_minor=inputs.get("free_value_minor"),
        min_minor=inputs.get("min_per_event_minor"),
        max_minor=inputs.get("max_per_event_minor"),
    )
    amount = rate_events(price, inputs["events_minor"])
    return {"amount_minor": half_up(amount), "amount_exact": exact_text(amount)}


@kind("incremental_rating")
def _incremental_rating(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    rated = _rated(inputs, options).amount_minor
    commitment = Commitment(maximum_minor=inputs.get("maximum_minor"))
    return {"amount_minor": commitment.increment(rated, inputs["already_billed_minor"])}


@kind("minimum_commitment")
def _minimum_commitment(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    fraction = Fraction(1)
    if "period_start" in inputs:
        full = Period(day(inputs["period_start"]), day(inputs["period_end"]))
        fraction = day_fraction(Period(day(inputs["from"]), day(inputs["to"])), full)
    commitment = Commitment(prorated(inputs["minimum_minor"], fraction))
    used = Charge("usage", "", inputs["used_minor"], tax(inputs), commitment=commitment)
    priced = price_lines([used])
    missing = [line for line in priced.lines if line.charge.kind == MINIMUM]
    return {
        "true_up_minor": sum(line.charge.amount_minor for line in missing),
        "total_minor": priced.subtotal_minor,
        "true_up_tax_minor": sum(line.tax_minor for line in missing),
    }


@kind("usage_discount")
def _usage_discount(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    names = ("free_units", "previous_quantity", "quantity")
    found = deduct_free_units(*(Fraction(inputs[name]) for name in names))
    return {"billable_quantity": exact_text(found.billable), "discounted_quantity": exact_text(found.discounted)}
