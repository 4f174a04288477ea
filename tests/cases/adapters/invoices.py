"""Adapters of the kinds about discounts, tax, credit and collection."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from cauce.pricing.balance import invoice_balance
from cauce.pricing.credit_notes import credit_cap, credit_notes, invoice_of
from cauce.pricing.discounts import (
    CouponOrder,
    Discount,
    DiscountedLines,
    DiscountLine,
    DiscountRounding,
    discount_lines,
)
from cauce.pricing.dunning import OverdueState, overdue_state, retry_dates
from cauce.pricing.invoice_lines import Charge, price_lines
from cauce.pricing.policy import PricingPolicy
from cauce.pricing.tax import Tax, TaxRounding
from tests.cases.adapter import kind
from tests.cases.adapters.periods import day
from tests.cases.adapters.recurring import tax


def _discount(row: dict[str, Any], places: dict[str, str] | None = None) -> Discount:
    lines, group = row.get("lines"), row.get("group")
    return Discount(
        percent=Fraction(row["percent"]) if "percent" in row else None,
        fixed_minor=row.get("fixed_minor"),
        lines=None if lines is None else frozenset((places or {})[line] for line in lines),
        groups=None if group is None else frozenset([group]),
    )


def _discounted(amounts: list[int], rows: list[dict[str, Any]], options: dict[str, Any]) -> DiscountedLines:
    return discount_lines(
        [DiscountLine(amount) for amount in amounts],
        [_discount(row) for row in rows],
        order=CouponOrder(options.get("coupon_order", CouponOrder.PERCENT_FIRST)),
        rounding=DiscountRounding(options.get("discount_rounding", DiscountRounding.TOTAL)),
    )


@kind("discount_allocation")
def _discount_allocation(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    return {"allocated_minor": list(_discounted(inputs["lines_minor"], [inputs], options).minor)}


@kind("coupon_stack")
def _coupon_stack(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    return {"discount_minor": _discounted([inputs["subtotal_minor"]], inputs["coupons"], options).total_minor}


@kind("coupon_then_tax")
def _coupon_then_tax(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    charges = [
        Charge(
            "one_time", row["id"], row["amount_minor"], Tax(Fraction(row["tax_percent"])), product_id=row.get("group")
        )
        for row in inputs["lines"]
    ]
    places = {row["id"]: str(n) for n, row in enumerate(inputs["lines"])}
    policy = PricingPolicy(
        tax_rounding=TaxRounding(options.get("tax_rounding", TaxRounding.PER_LINE)), coupon_order=CouponOrder.LISTED
    )
    priced = price_lines(charges, [_discount(row, places) for row in inputs["coupons"]], policy)
    return {
        "line_discount_minor": [line.discount_minor for line in priced.lines],
        "line_tax_minor": [line.tax_minor for line in priced.lines],
        "subtotal_minor": priced.net_minor,
        "tax_minor": priced.tax_minor,
        "total_minor": priced.total_minor,
    }


@kind("credit_note_sequence")
def _credit_note_sequence(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    invoice = invoice_of(inputs["invoice_lines_minor"], tax(inputs))
    notes = credit_notes(invoice, inputs["credit_subtotals_minor"], tax(inputs))
    totals = [note.total_minor for note in notes]
    return {
        "invoice_total_minor": invoice.total_minor,
        "credit_totals_sum_minor": sum(totals),
        "credit_taxes_minor": [note.tax_minor for note in notes],
        "credit_totals_minor": totals,
    }


@kind("credit_cap")
def _credit_cap(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    names = ("potential_minor", "original_minor", "previous_credits_minor")
    return {"credit_minor": credit_cap(*(inputs[name] for name in names))}


@kind("invoice_balance")
def _invoice_balance(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    found = invoice_balance(
        inputs["charge_minor"],
        adjustment_minor=inputs["adjustment_minor"],
        account_credit_minor=inputs["account_credit_minor"],
        paid_minor=inputs["paid_minor"],
    )
    return {
        "charged_minor": found.charged_minor,
        "credit_applied_minor": found.credit_applied_minor,
        "credit_generated_minor": found.credit_generated_minor,
        "balance_minor": found.balance_minor,
    }


@kind("dunning_retries")
def _dunning_retries(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    return {"retry_dates": [str(on) for on in retry_dates(day(inputs["failed_on"]), inputs["retry_intervals_days"])]}


@kind("overdue_states")
def _overdue_states(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    states = [OverdueState(row["name"], row["after_days"]) for row in inputs["states"]]
    first = day(inputs["first_unpaid_on"])
    return {"states": [overdue_state(first, states, day(on)) for on in inputs["dates"]]}
