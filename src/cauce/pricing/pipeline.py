"""The one way from items to invoice lines: free units, price model, rounding, discounts, commitments, tax, credit.

Invoices, previews and usage pages all call `price_invoice`, so what a preview shows is what the commit books
(F2, G5, decision 3). Each line is rounded once; totals are sums of rounded lines.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from cauce.kernel.currencies import exponent_of
from cauce.kernel.money import AMOUNT_MAX_MINOR, AmountOutOfRange
from cauce.pricing.balance import invoice_balance
from cauce.pricing.credit_notes import credit_cap
from cauce.pricing.discounts import Discount, DiscountedLines, DiscountLine, discount_lines
from cauce.pricing.lines import (
    DEFAULT_POLICY,
    ONE,
    ROUNDERS,
    ZERO,
    ChargeItem,
    DuplicateReference,
    InvoiceLine,
    LineKind,
    PricedInvoice,
    PricingPolicy,
)
from cauce.pricing.models import Flat
from cauce.pricing.percentage import PercentagePrice, rate_events
from cauce.pricing.proration import prorated
from cauce.pricing.rating import Rated, RatingRules, deduct_free_units, increment, rate, true_up
from cauce.pricing.tax import TaxRounding, line_taxes


def price_invoice(
    currency: str,
    items: Sequence[ChargeItem],
    *,
    discounts: Sequence[Discount] = (),
    account_credit_minor: int = 0,
    policy: PricingPolicy = DEFAULT_POLICY,
) -> PricedInvoice:
    """Price `items` into lines and totals in `currency` (lower-case ISO 4217).

    `DuplicateReference` when two items share a reference, the refusals of rating for impossible quantities,
    `AmountOutOfRange` beyond what the ledger holds.
    """
    exponent_of(currency)
    if len({item.ref for item in items}) != len(items):
        raise DuplicateReference(param="items")
    lines = [_rated_line(item, policy) for item in items]
    lines, exact = _discounted(items, lines, discounts, policy)
    lines, exact = _committed(items, lines, exact)
    return _totals(currency, _taxed(lines, exact, policy), account_credit_minor)


def _rated_line(item: ChargeItem, policy: PricingPolicy) -> InvoiceLine:
    """The item's line before discount and tax, rounded once."""
    rated, quantity = _rate(item, policy.rating)
    exact = rated.amount if item.fraction == ONE else rated.amount * item.fraction
    amount = exact.numerator if exact.denominator == 1 else ROUNDERS[policy.rounding](exact)
    if item.maximum_minor is not None or item.already_billed_minor:
        top = None if item.maximum_minor is None else prorated(item.maximum_minor, item.fraction)
        amount = increment(amount, item.already_billed_minor, top)
    if item.credit:
        ceiling = amount if item.credit_max_minor is None else item.credit_max_minor
        amount = -credit_cap(amount, ceiling, 0)
    return InvoiceLine(
        item.ref,
        item.kind,
        item.description,
        item.period,
        quantity,
        item.fraction,
        rated,
        amount,
        0,
        item.tax,
        0,
    )


def _rate(item: ChargeItem, rules: RatingRules) -> tuple[Rated, Fraction]:
    price = item.price
    if isinstance(price, PercentagePrice):
        return Rated(rate_events(price, item.events)), Fraction(len(item.events))
    if isinstance(price, Flat):
        return Rated(Fraction(price.amount_minor)), item.quantity
    quantity = item.quantity
    if item.free_units:
        quantity = deduct_free_units(item.free_units, item.previous_quantity, quantity).billable
    return rate(price, quantity, rules), quantity


def _discounted(
    items: Sequence[ChargeItem], lines: list[InvoiceLine], discounts: Sequence[Discount], policy: PricingPolicy
) -> tuple[list[InvoiceLine], list[Fraction | int]]:
    """The lines with their discounts, and each line's exact net for a tax that is rounded once."""
    if not discounts:
        return lines, [line.amount_minor for line in lines]
    found = _find_discounts(items, lines, discounts, policy)
    cut = [replace(line, discount_minor=off) if off else line for line, off in zip(lines, found.minor, strict=True)]
    return cut, [line.amount_minor - off for line, off in zip(lines, found.exact, strict=True)]


def _find_discounts(
    items: Sequence[ChargeItem], lines: Sequence[InvoiceLine], discounts: Sequence[Discount], policy: PricingPolicy
) -> DiscountedLines:
    seen = [
        DiscountLine(line.amount_minor if item.discountable else 0, item.ref, item.group)
        for item, line in zip(items, lines, strict=True)
    ]
    return discount_lines(seen, discounts, order=policy.coupon_order, rounding=policy.discount_rounding)


def _committed(
    items: Sequence[ChargeItem], lines: list[InvoiceLine], exact: list[Fraction | int]
) -> tuple[list[InvoiceLine], list[Fraction | int]]:
    """A line more for each item whose minimum is not reached by what it costs after discount (V17)."""
    if all(item.minimum_minor is None for item in items):
        return lines, exact
    all_lines, all_exact = [], []
    for item, line, value in zip(items, lines, exact, strict=True):
        all_lines.append(line)
        all_exact.append(value)
        used = item.already_billed_minor + line.amount_minor - line.discount_minor
        missing = true_up(item.minimum_minor or 0, used, item.fraction)
        if missing:
            rated = Rated(Fraction(missing))
            extra = replace(line, ref=f"{line.ref}:minimum", kind=LineKind.MINIMUM, quantity=ZERO, rated=rated)
            all_lines.append(replace(extra, amount_minor=missing, discount_minor=0))
            all_exact.append(missing)
    return all_lines, all_exact


def _taxed(lines: Sequence[InvoiceLine], exact: Sequence[Fraction | int], policy: PricingPolicy) -> list[InvoiceLine]:
    """The lines with their tax: on the rounded net of each, or on the exact nets rounded once (V21)."""
    amounts: Sequence[Fraction | int] = exact
    if policy.tax_rounding is TaxRounding.PER_LINE:
        amounts = [line.amount_minor - line.discount_minor for line in lines]
    taxes = line_taxes(amounts, [line.tax for line in lines], policy.tax_rounding, ROUNDERS[policy.rounding])
    return [replace(line, tax_minor=tax) if tax else line for line, tax in zip(lines, taxes, strict=True)]


def _totals(currency: str, lines: Sequence[InvoiceLine], account_credit_minor: int) -> PricedInvoice:
    net = sum(line.net_minor for line in lines)
    tax = sum(line.tax_minor for line in lines)
    if (
        max((abs(line.total_minor) for line in lines), default=0) > AMOUNT_MAX_MINOR
        or abs(net + tax) > AMOUNT_MAX_MINOR
    ):
        raise AmountOutOfRange(param="items")
    applied = invoice_balance(max(0, net + tax), account_credit_minor=account_credit_minor).credit_applied_minor
    return PricedInvoice(
        currency,
        tuple(lines),
        sum(line.amount_minor for line in lines),
        sum(line.discount_minor for line in lines),
        net,
        tax,
        applied,
    )
