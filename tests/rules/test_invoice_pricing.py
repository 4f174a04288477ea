"""The pipeline from items to invoice lines, and the arithmetic under it: sums, caps, tax, discounts, recognition."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cauce.kernel.calendar.periods import Interval, Period, Schedule, Unit
from cauce.kernel.currencies import UnknownCurrency
from cauce.kernel.money import AmountOutOfRange
from cauce.pricing.balance import Collectable, collectable
from cauce.pricing.changes import PlanPrice, change_plan
from cauce.pricing.credit_notes import CreditExceedsInvoice, credit_notes, invoice_of
from cauce.pricing.discounts import (
    BadDiscount,
    CouponOrder,
    Discount,
    DiscountLine,
    DiscountRounding,
    discount_lines,
)
from cauce.pricing.dunning import BadRetryInterval, retry_dates
from cauce.pricing.items import change_items, recurring_items
from cauce.pricing.lines import ChargeItem, DuplicateReference, LineKind, LineRounding, PricedInvoice, PricingPolicy
from cauce.pricing.models import (
    BadPackage,
    BadTiers,
    BlockTier,
    Flat,
    Graduated,
    GraduatedBlocks,
    Model,
    NegativeQuantity,
    Package,
    PerUnit,
    QuantityAboveLastTier,
    Tier,
    Volume,
    VolumeBlocks,
)
from cauce.pricing.percentage import PercentagePrice
from cauce.pricing.pipeline import price_invoice
from cauce.pricing.proration import EmptyPeriod, NegativePart, PartExceedsPeriod, bounded, day_fraction
from cauce.pricing.rating import rate
from cauce.pricing.recognition import CreditSplit, monthly_schedule, recognised_before, split_credit
from cauce.pricing.recurring_revenue import monthly_recurring
from cauce.pricing.schedule import Billing
from cauce.pricing.subscription_charges import Sold, full_amount
from cauce.pricing.tax import BadTaxRate, Tax, TaxRounding, TaxTreatment, line_taxes
from tests.support.counts import programs

F = Fraction
MONTH = Interval(Unit.MONTH)
VAT = Tax(F(21))
TIERS = (Tier(F(100), F(10)), Tier(F(500), F(8)), Tier(None, F(5)))

percents = st.fractions(0, 100, max_denominator=1000)
taxes = st.builds(Tax, percents, st.booleans(), st.sampled_from(TaxTreatment))
models: st.SearchStrategy[Model] = st.one_of(
    st.builds(Flat, st.integers(0, 10**8)),
    st.builds(PerUnit, st.fractions(0, 1000, max_denominator=1000)),
    st.builds(Package, st.integers(1, 100).map(F), st.integers(0, 10**5)),
    st.sampled_from([Graduated(TIERS), Volume(TIERS)]),
)
raw_items = st.builds(
    ChargeItem,
    ref=st.just(""),
    price=models,
    quantity=st.fractions(0, 1000, max_denominator=100),
    fraction=st.fractions(0, 1, max_denominator=31),
    tax=taxes,
    group=st.sampled_from(["", "one", "two"]),
    credit=st.booleans(),
    discountable=st.booleans(),
    minimum_minor=st.none() | st.integers(0, 10**5),
    maximum_minor=st.none() | st.integers(0, 10**5),
)
item_lists = st.lists(raw_items, max_size=6).map(
    lambda found: [
        replace(item, ref=f"i{n}", minimum_minor=None if item.credit else item.minimum_minor)
        for n, item in enumerate(found)
    ]
)
discount_lists = st.lists(
    st.builds(Discount, percent=percents, group=st.none() | st.just("one"))
    | st.builds(Discount, fixed_minor=st.integers(0, 10**6), group=st.none() | st.just("two")),
    max_size=3,
)
policies = st.builds(
    PricingPolicy,
    st.sampled_from(LineRounding),
    st.sampled_from(TaxRounding),
    st.sampled_from(DiscountRounding),
    st.sampled_from(CouponOrder),
)


@programs
@given(item_lists, discount_lists, policies, st.integers(0, 10**6))
def test_lines_sum_to_the_invoice_and_credit_never_exceeds_what_is_due(
    items: list[ChargeItem], discounts: list[Discount], policy: PricingPolicy, credit: int
) -> None:
    found = price_invoice("eur", items, discounts=discounts, account_credit_minor=credit, policy=policy)
    assert found == price_invoice("eur", items, discounts=discounts, account_credit_minor=credit, policy=policy)
    assert sum(line.total_minor for line in found.lines) == found.total_minor
    assert sum(line.net_minor for line in found.lines) == found.net_minor
    assert found.amount_due_minor + found.credit_applied_minor == max(0, found.total_minor)
    assert 0 <= found.credit_applied_minor <= credit
    assert len({line.ref for line in found.lines}) == len(found.lines)
    for line in found.lines:
        assert 0 <= line.discount_minor <= max(0, line.amount_minor)
        if line.tax.inclusive:
            assert line.total_minor == line.amount_minor - line.discount_minor
        if line.tax.treatment is not TaxTreatment.STANDARD:
            assert line.tax_minor == 0 or policy.tax_rounding is TaxRounding.ONCE_PER_INVOICE


@programs
@given(item_lists)
def test_without_discounts_the_order_of_the_items_changes_no_line(items: list[ChargeItem]) -> None:
    straight = {line.ref: line for line in price_invoice("eur", items).lines}
    assert {line.ref: line for line in price_invoice("eur", items[::-1]).lines} == straight


def test_s1_options_are_added_and_taken_away_exactly_ten_thousand_times() -> None:
    dice = random.Random(11)
    for _ in range(10_000):
        base, added = dice.randrange(1, 10**9), dice.randrange(0, 10**6)
        percent = F(dice.randrange(-9_999, 50_000), 100)
        sold = Sold("si_1", "price_1", "prod_1", "Base", Flat(base), F(dice.randrange(1, 50)))
        plain, dearer = full_amount(sold), full_amount(replace(sold, adjust_minor=added, adjust_percent=percent))
        assert plain == sold.quantity * base
        assert dearer / (1 + percent / 100) - added == plain, (base, added, percent)


def test_three_lines_taxed_alone_sum_to_the_tax_of_the_invoice() -> None:
    items = [ChargeItem.fixed(f"l{n}", 3333, tax=VAT) for n in range(3)]
    found = price_invoice("eur", items)
    assert [line.tax_minor for line in found.lines] == [700, 700, 700]
    assert (found.net_minor, found.tax_minor, found.total_minor) == (9999, 2100, 12099)


def test_an_inclusive_price_is_what_the_customer_pays() -> None:
    found = price_invoice("eur", [ChargeItem.fixed("l", 9900, tax=Tax(F(19), inclusive=True))])
    assert (found.net_minor, found.tax_minor, found.total_minor) == (8319, 1581, 9900)


def test_reverse_charge_and_exempt_lines_carry_no_tax() -> None:
    for treatment in (TaxTreatment.EXEMPT, TaxTreatment.REVERSE_CHARGE):
        found = price_invoice("eur", [ChargeItem.fixed("l", 9900, tax=replace(VAT, treatment=treatment))])
        assert (found.tax_minor, found.total_minor) == (0, 9900)


def test_the_published_worked_values() -> None:
    change = change_plan(date(2026, 6, 1), date(2026, 6, 11), PlanPrice(MONTH, 3000), PlanPrice(MONTH, 5000))
    assert (change.credit_minor, change.debit_minor) == (2000, 3333)
    change = change_plan(date(2026, 10, 1), date(2026, 10, 20), PlanPrice(MONTH, 4900), PlanPrice(MONTH, 9900))
    assert (change.credit_minor, change.debit_minor) == (1897, 3832)
    stub = next(
        iter(
            recurring_items(
                ChargeItem("s", Flat(4900)),
                Schedule(date(2026, 3, 12), MONTH, 1),
                Billing.IN_ADVANCE,
                date(2026, 3, 12),
            )
        )
    )
    assert price_invoice("eur", [stub]).amount_minor == 3161
    lines = [DiscountLine(999), DiscountLine(999), DiscountLine(1002)]
    assert discount_lines(lines, [Discount(fixed_minor=500)]).minor == (167, 166, 167)
    assert rate(Graduated(TIERS), F(650)).amount_minor == 4950
    assert rate(Volume(TIERS), F(650)).amount_minor == 3250
    assert [
        monthly_recurring(n, Interval(u)) for n, u in ((120000, Unit.YEAR), (1000, Unit.WEEK), (100, Unit.DAY))
    ] == [
        10000,
        4333,
        3042,
    ]
    assert retry_dates(date(2026, 1, 1)) == [date(2026, 1, n) for n in (2, 4, 6, 8)]


def test_a_change_of_plan_is_one_credit_and_one_debit_line_capped_at_what_was_billed() -> None:
    change = change_plan(date(2026, 6, 1), date(2026, 6, 11), PlanPrice(MONTH, 3000), PlanPrice(MONTH, 5000))
    old = ChargeItem("si_1", Flat(3000), credit_max_minor=1500, tax=VAT)
    found = price_invoice("eur", change_items(old, ChargeItem("si_1", Flat(5000), tax=VAT), change))
    assert [(line.kind, line.amount_minor) for line in found.lines] == [
        (LineKind.PRORATION_CREDIT, -1500),
        (LineKind.PRORATION_DEBIT, 3333),
    ]
    assert [line.ref for line in found.lines] == [
        "si_1:proration_credit:2026-06-11:2026-07-01",
        "si_1:proration_debit:2026-06-11:2026-07-01",
    ]


def test_credits_that_outweigh_the_charges_become_account_credit() -> None:
    credit = ChargeItem("c", Flat(500), credit=True)
    found = price_invoice("eur", [credit, ChargeItem.fixed("l", 200)], account_credit_minor=1000)
    assert (found.total_minor, found.amount_due_minor) == (-300, 0)
    assert (found.credit_generated_minor, found.credit_applied_minor) == (300, 0)


def test_renewals_continue_where_billing_has_come_to_and_bill_nothing_twice() -> None:
    schedule = Schedule(date(2026, 1, 31), MONTH)
    item = ChargeItem("si_1", Flat(3000))
    first = list(recurring_items(item, schedule, Billing.IN_ADVANCE, date(2026, 3, 31)))
    later = list(
        recurring_items(item, schedule, Billing.IN_ADVANCE, date(2026, 5, 1), billed_through=first[-1].period.end)
    )  # type: ignore[union-attr]
    assert [each.period.start for each in first + later] == [  # type: ignore[union-attr]
        date(2026, 1, 31), date(2026, 2, 28), date(2026, 3, 31), date(2026, 4, 30),
    ]  # fmt: skip


def test_usage_free_units_maximum_and_minimum_work_in_that_order() -> None:
    usage = ChargeItem(
        "u", PerUnit(F(10)), quantity=F(150), free_units=F(100), previous_quantity=F(40), kind=LineKind.USAGE
    )
    assert price_invoice("eur", [usage]).amount_minor == 900
    assert price_invoice("eur", [replace(usage, maximum_minor=700)]).amount_minor == 700
    assert price_invoice("eur", [replace(usage, already_billed_minor=300)]).amount_minor == 600
    found = price_invoice(
        "eur", [replace(usage, minimum_minor=2000, fraction=F(1, 2))], discounts=[Discount(percent=F(10))]
    )
    assert [(line.ref, line.kind, line.amount_minor - line.discount_minor) for line in found.lines] == [
        ("u", LineKind.USAGE, 405),
        ("u:minimum", LineKind.MINIMUM, 595),
    ]


def test_percentage_prices_rate_their_events() -> None:
    item = ChargeItem("p", PercentagePrice(F(2), fixed_minor=10), events=(1000, 2500))
    assert price_invoice("eur", [item]).amount_minor == 20 + 10 + 50 + 10


def test_rounding_half_to_even_is_an_option_of_the_legal_entity() -> None:
    item = ChargeItem("h", PerUnit(F(1, 2)), quantity=F(5))
    assert price_invoice("eur", [item]).amount_minor == 3
    assert price_invoice("eur", [item], policy=PricingPolicy(LineRounding.HALF_EVEN)).amount_minor == 2


@pytest.mark.parametrize(
    ("act", "refusal"),
    [
        (lambda: price_invoice("EUR", []), UnknownCurrency),
        (lambda: price_invoice("eur", [ChargeItem.fixed("l", 1)] * 2), DuplicateReference),
        (lambda: price_invoice("eur", [ChargeItem.fixed("l", 2**63)]), AmountOutOfRange),
        (lambda: rate(PerUnit(F(1)), F(-1)), NegativeQuantity),
        (lambda: rate(Graduated((Tier(F(5), F(1)),)), F(6)), QuantityAboveLastTier),
        (lambda: rate(GraduatedBlocks((BlockTier(F(5), 2, 1),)), F(11)), QuantityAboveLastTier),
        (lambda: Graduated(()), BadTiers),
        (lambda: Volume((Tier(None, F(1)), Tier(F(5), F(1)))), BadTiers),
        (lambda: Graduated((Tier(F(5), F(1)), Tier(F(5), F(1)))), BadTiers),
        (lambda: VolumeBlocks((BlockTier(F(0), 1, 1),)), BadPackage),
        (lambda: Package(F(0), 1), BadPackage),
        (lambda: Discount(), BadDiscount),
        (lambda: Discount(percent=F(101)), BadDiscount),
        (lambda: Discount(fixed_minor=-1), BadDiscount),
        (lambda: Tax(F(-1)), BadTaxRate),
        (lambda: bounded(F(11, 10)), PartExceedsPeriod),
        (lambda: day_fraction(Period(date(2026, 1, 2), date(2026, 1, 1)), Period(date(2026, 1, 1), date(2026, 2, 1))), NegativePart),
        (lambda: day_fraction(Period(date(2026, 1, 1), date(2026, 1, 2)), Period(date(2026, 1, 1), date(2026, 1, 1))), EmptyPeriod),
        (lambda: retry_dates(date(2026, 1, 1), [1, -1]), BadRetryInterval),
        (lambda: credit_notes(invoice_of([100], VAT), [101], VAT), CreditExceedsInvoice),
    ],
)  # fmt: skip
def test_what_means_nothing_is_refused(act, refusal: type[Exception]) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(refusal):
        act()


@programs
@given(st.lists(st.integers(-1000, 10**7), max_size=10), discount_lists, st.sampled_from(CouponOrder))
def test_discounts_conserve_their_rounded_whole_and_spare_credit_lines(
    amounts: list[int], discounts: list[Discount], order: CouponOrder
) -> None:
    lines = [DiscountLine(amount, f"l{n}", ("one", "two")[n % 2]) for n, amount in enumerate(amounts)]
    found = discount_lines(lines, discounts, order=order)
    assert abs(found.total_minor - sum(found.exact)) <= F(1, 2)
    assert all(0 <= part <= max(0, line.amount_minor) for part, line in zip(found.minor, lines, strict=True))


@programs
@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=8), taxes, st.data())
def test_credit_notes_in_any_cut_sum_to_the_invoice_exactly(lines: list[int], tax: Tax, data: st.DataObject) -> None:
    invoice = invoice_of(lines, tax)
    left, cuts = invoice.subtotal_minor, []
    while left:
        cuts.append(data.draw(st.integers(max(1, left // 6), left)))
        left -= cuts[-1]
    notes = credit_notes(invoice, cuts, tax)
    if cuts:
        assert sum(note.total_minor for note in notes) == invoice.subtotal_minor + invoice.tax_minor
    assert all(note.tax_minor >= 0 for note in notes)


@programs
@given(st.lists(st.tuples(st.integers(-(10**9), 10**9), taxes), max_size=12))
def test_tax_rounded_once_is_the_rounded_sum_whatever_the_lines(rows: list[tuple[int, Tax]]) -> None:
    amounts, listed = [row[0] for row in rows], [row[1] for row in rows]
    exact = sum((amount * tax.rate for amount, tax in rows), F(0))
    once = line_taxes(amounts, listed, TaxRounding.ONCE_PER_INVOICE)
    assert abs(sum(once) - exact) <= F(1, 2)
    assert all(abs(part - amount * tax.rate) < 1 for part, (amount, tax) in zip(once, rows, strict=True))


def test_a_year_of_revenue_is_recognised_by_the_day() -> None:
    year = Period(date(2026, 1, 1), date(2027, 1, 1))
    months = [month.amount_minor for month in monthly_schedule(12000, year)]
    assert months[:3] == [1019, 921, 1019]
    assert sum(months) == 12000
    assert split_credit(500, 300) == CreditSplit(300, 200)


@programs
@given(
    st.integers(-(10**9), 10**9), st.dates(date(2000, 1, 1), date(2050, 1, 1)), st.integers(0, 800), st.lists(st.integers(-5, 810))
)  # fmt: skip
def test_any_cut_into_closes_recognises_exactly_the_net(net: int, start: date, days: int, cuts: list[int]) -> None:
    period = Period(start, start + timedelta(days=days))
    closes = sorted(start + timedelta(days=cut) for cut in cuts)
    done = [recognised_before(net, period, close) for close in closes]
    assert all(abs(one) <= abs(other) for one, other in pairwise(done))
    assert recognised_before(net, period, period.end) == net
    assert sum(month.amount_minor for month in monthly_schedule(net, period)) == net


@programs
@given(models, st.lists(st.fractions(0, 2000, max_denominator=50), min_size=2, max_size=6).map(sorted))
def test_increments_of_a_growing_quantity_sum_to_the_price_of_the_whole(
    model: Model, quantities: list[Fraction]
) -> None:
    billed = 0
    for quantity in quantities:
        item = ChargeItem("u", model, quantity=quantity, already_billed_minor=billed)
        billed += price_invoice("eur", [item]).amount_minor
    assert billed == rate(model, quantities[-1]).amount_minor


def test_the_priced_invoice_of_nothing_is_zero() -> None:
    assert price_invoice("jpy", []) == PricedInvoice("jpy", (), 0, 0, 0, 0)


def test_an_amount_too_small_to_charge_is_carried_forward_or_forgiven() -> None:
    found = [collectable(due, minimum_minor=50, forgive_below_minor=10) for due in (0, 9, 10, 49, 50)]
    assert found == [
        Collectable(0),
        Collectable(0, forgiven_minor=9),
        Collectable(0, carried_minor=10),
        Collectable(0, carried_minor=49),
        Collectable(50),
    ]
