"""From charges to invoice lines in the one order, and the arithmetic under it: sums, caps, tax, discounts, recognition."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cauce.kernel.calendar.periods import Interval, Period, SchedulePeriod, Unit
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
from cauce.pricing.invoice_lines import (
    MINIMUM,
    NO_COMMITMENT,
    Charge,
    Commitment,
    PercentOff,
    Priced,
    price_lines,
)
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
from cauce.pricing.policy import LineRounding, PricingPolicy
from cauce.pricing.proration import EmptyPeriod, NegativePart, PartExceedsPeriod, bounded, day_fraction
from cauce.pricing.rating import rate
from cauce.pricing.recognition import CreditSplit, monthly_schedule, recognised_before, split_credit
from cauce.pricing.recurring_revenue import monthly_recurring
from cauce.pricing.subscription_charges import Sold, full_amount, recurring_charges, usage_charges
from cauce.pricing.tax import NO_TAX, BadTaxRate, Tax, TaxRounding, TaxTreatment, line_taxes
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
commitments = st.tuples(st.integers(0, 10**5), st.none() | st.integers(0, 10**5)).map(
    lambda pair: Commitment(min(pair[0], pair[1]) if pair[1] is not None else pair[0], pair[1])
)
charge_lists = st.lists(
    st.builds(
        Charge,
        kind=st.just("usage"),
        description=st.just(""),
        amount_minor=st.integers(0, 10**6),
        tax=taxes,
        product_id=st.sampled_from(["", "one", "two"]),
        commitment=st.none() | commitments,
        net_of_percent=st.booleans(),
    )
    | st.builds(Charge, st.just("proration"), st.just(""), st.integers(-(10**6), 0), taxes),
    max_size=6,
)
discount_lists = st.lists(
    st.builds(Discount, percent=percents, groups=st.none() | st.just(frozenset(["one"])))
    | st.builds(Discount, fixed_minor=st.integers(0, 10**6), groups=st.none() | st.just(frozenset(["two"]))),
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
@given(charge_lists, discount_lists, policies)
def test_lines_sum_to_the_invoice_and_no_line_is_below_its_least_amount_but_for_money_off(
    charges: list[Charge], discounts: list[Discount], policy: PricingPolicy
) -> None:
    found = price_lines(charges, discounts, policy)
    assert found == price_lines(charges, discounts, policy)
    assert sum(line.total_minor for line in found.lines) == found.total_minor
    assert sum(line.net_minor for line in found.lines) == found.net_minor
    assert found.subtotal_minor - found.discount_minor == sum(
        line.net_minor if not line.charge.tax.inclusive else line.total_minor for line in found.lines
    )
    for line in found.lines:
        assert 0 <= line.discount_minor <= max(0, line.charge.amount_minor)
        if line.charge.tax.treatment is not TaxTreatment.STANDARD:
            assert line.tax_minor == 0 or policy.tax_rounding is TaxRounding.ONCE_PER_INVOICE
    without = price_lines(charges, [one for one in discounts if one.percent is not None], policy)
    lines = iter(without.lines)
    for charge in charges:
        line, commitment = next(lines), charge.commitment
        paid = line.charge.amount_minor - line.discount_minor
        if commitment is not None and paid < commitment.minimum_minor:
            extra = next(lines)
            assert (extra.charge.kind, extra.discount_minor) == (MINIMUM, 0)
            paid += extra.charge.amount_minor
            assert paid == commitment.minimum_minor
        if commitment is not None and commitment.maximum_minor is not None:
            assert paid <= commitment.maximum_minor
    assert not list(lines)


@programs
@given(charge_lists)
def test_without_discounts_the_order_of_the_charges_changes_no_line(charges: list[Charge]) -> None:
    def bag(priced: Priced) -> list[str]:
        return sorted(map(repr, priced.lines))

    assert bag(price_lines(charges[::-1])) == bag(price_lines(charges))


def test_s1_options_are_added_and_taken_away_exactly_ten_thousand_times() -> None:
    dice = random.Random(11)
    for _ in range(10_000):
        base, added = dice.randrange(1, 10**9), dice.randrange(0, 10**6)
        percent = F(dice.randrange(-9_999, 50_000), 100)
        sold = Sold("si_1", "price_1", "prod_1", "Base", Flat(base), F(dice.randrange(1, 50)))
        plain, dearer = full_amount(sold), full_amount(replace(sold, adjust_minor=added, adjust_percent=percent))
        assert plain == sold.quantity * base
        assert dearer / (1 + percent / 100) - added == plain, (base, added, percent)


def charge(amount_minor: int, tax: Tax = NO_TAX, **more: Any) -> Charge:
    """A charge of a known amount."""
    return Charge("usage", "", amount_minor, tax, **more)


def stated(priced: Priced) -> list[tuple[str, int, int]]:
    """Each line's kind, amount before discount, and discount."""
    return [(line.charge.kind, line.charge.amount_minor, line.discount_minor) for line in priced.lines]


def test_three_lines_taxed_alone_sum_to_the_tax_of_the_invoice() -> None:
    found = price_lines([charge(3333, VAT) for _ in range(3)])
    assert [line.tax_minor for line in found.lines] == [700, 700, 700]
    assert (found.net_minor, found.tax_minor, found.total_minor) == (9999, 2100, 12099)


def test_an_inclusive_price_is_what_the_customer_pays() -> None:
    found = price_lines([charge(9900, Tax(F(19), inclusive=True))])
    assert (found.net_minor, found.tax_minor, found.total_minor) == (8319, 1581, 9900)


def test_reverse_charge_and_exempt_lines_carry_no_tax() -> None:
    for treatment in (TaxTreatment.EXEMPT, TaxTreatment.REVERSE_CHARGE):
        found = price_lines([charge(9900, replace(VAT, treatment=treatment))])
        assert (found.tax_minor, found.total_minor) == (0, 9900)


def test_a_percentage_lowers_what_counts_towards_the_least_amount_and_is_not_taken_off_what_is_missing_to_it() -> None:
    """Used 500 of at least 1000, 20 % off: 400 count, 600 are missing; 1000 are paid, not 900."""
    used = charge(500, commitment=Commitment(1_000))
    found = price_lines([used], [Discount(percent=F(20))])
    assert stated(found) == [("usage", 500, 100), (MINIMUM, 600, 0)]
    assert found.total_minor == 1_000
    assert found.lines[0].percent_off == PercentOff(100, F(4, 5))
    assert stated(price_lines([charge(2_000, commitment=Commitment(1_000))], [Discount(percent=F(20))])) == [
        ("usage", 2_000, 400)
    ]


def test_the_most_that_is_paid_counts_after_the_percentage_too() -> None:
    """1000 less 20 % are 800, at most 700 are paid: not 20 % less than 700."""
    top = Commitment(maximum_minor=700)
    assert stated(price_lines([charge(1_000, commitment=top)], [Discount(percent=F(20))])) == [("usage", 700, 0)]
    assert stated(price_lines([charge(800, commitment=top)], [Discount(percent=F(20))])) == [("usage", 700, 60)]
    assert stated(price_lines([charge(1_000, commitment=top)])) == [("usage", 700, 0)]


def test_money_off_comes_after_the_commitment_and_pays_part_of_what_is_missing() -> None:
    """Used 500 less 20 %, 600 missing to 1000; 250 off are spread over 400 and 600."""
    used = charge(500, commitment=Commitment(1_000))
    found = price_lines([used, charge(300, net_of_percent=True)], [Discount(fixed_minor=260), Discount(percent=F(20))])
    assert stated(found) == [("usage", 500, 180), (MINIMUM, 600, 120), ("usage", 300, 60)]
    assert found.total_minor == 1_040
    alone = price_lines([used], [Discount(fixed_minor=200)])
    assert stated(alone) == [("usage", 500, 100), (MINIMUM, 500, 100)]


def test_coupons_in_their_listed_order_settle_the_commitment_after_the_last_percentage() -> None:
    listed = PricingPolicy(coupon_order=CouponOrder.LISTED)
    coupons = [Discount(fixed_minor=100), Discount(percent=F(10)), Discount(fixed_minor=50)]
    found = price_lines([charge(1_100, commitment=Commitment(1_000))], coupons, listed)
    assert stated(found) == [("usage", 1_100, 245), (MINIMUM, 100, 5)]  # 900 count, 100 are missing, 50 off 900 and 100
    assert found.total_minor == 950


def test_a_coupon_of_one_product_leaves_what_another_is_committed_to() -> None:
    lines = [charge(500, commitment=Commitment(1_000), product_id="a"), charge(500, product_id="b")]
    found = price_lines(lines, [Discount(percent=F(50), groups=frozenset(["b"]))])
    assert stated(found) == [("usage", 500, 0), (MINIMUM, 500, 0), ("usage", 500, 250)]


def test_money_off_sums_to_what_it_says_where_percentages_are_rounded_on_every_line() -> None:
    policy = PricingPolicy(discount_rounding=DiscountRounding.PER_LINE)
    found = price_lines([charge(105)] * 3, [Discount(fixed_minor=100), Discount(percent=F(10))], policy)
    assert [line.discount_minor for line in found.lines] == [11 + 34, 11 + 33, 11 + 33]


def test_tax_that_is_rounded_once_is_of_the_exact_net() -> None:
    once = PricingPolicy(tax_rounding=TaxRounding.ONCE_PER_INVOICE)
    lines = [charge(1, Tax(F(30))), charge(2, Tax(F(60)))]
    found = price_lines(lines, [Discount(fixed_minor=1)], once)
    assert [line.discount_minor for line in found.lines] == [0, 1]
    assert found.tax_minor == 1  # 2/3 of 0.30 and 4/3 of 0.60: exactly 1; of the booked nets 1 and 1 it were 0.90


def test_the_published_worked_values() -> None:
    change = change_plan(date(2026, 6, 1), date(2026, 6, 11), PlanPrice(MONTH, 3000), PlanPrice(MONTH, 5000))
    assert (change.credit_minor, change.debit_minor) == (2000, 3333)
    change = change_plan(date(2026, 10, 1), date(2026, 10, 20), PlanPrice(MONTH, 4900), PlanPrice(MONTH, 9900))
    assert (change.credit_minor, change.debit_minor) == (1897, 3832)
    (stub,) = recurring_charges(
        Sold("si", "pr", "prod", "", Flat(4900), F(1)),
        Period(date(2026, 3, 12), date(2026, 4, 1)),
        Period(date(2026, 3, 1), date(2026, 4, 1)),
    )
    assert stub.amount_minor == 3161
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


def test_a_credit_line_is_never_made_smaller() -> None:
    found = price_lines([charge(-500), charge(200)], [Discount(percent=F(50))])
    assert (found.total_minor, [line.discount_minor for line in found.lines]) == (-400, [0, 100])


def test_usage_is_rated_after_its_free_units_with_the_commitments_of_its_days() -> None:
    sold = Sold(
        "si", "pr", "prod", "", PerUnit(F(10)), F(1), included_units=F(60), minimum_minor=2_001, maximum_minor=3_001
    )
    june = Period(date(2026, 6, 1), date(2026, 7, 1))
    half = SchedulePeriod(0, Period(june.start, date(2026, 6, 16)), june)
    (found,) = usage_charges(sold, F(150), half)
    assert (found.amount_minor, found.commitment) == (900, Commitment(1_001, 1_501))
    assert usage_charges(replace(sold, minimum_minor=None), F(0), half) == []
    assert stated(price_lines(usage_charges(sold, F(0), half))) == [("usage", 0, 0), (MINIMUM, 1_001, 0)]


def test_percentage_prices_rate_their_events() -> None:
    sold = Sold("si", "pr", "prod", "", PercentagePrice(F(2), fixed_minor=10), F(1))
    june = Period(date(2026, 6, 1), date(2026, 7, 1))
    (found,) = usage_charges(sold, F(0), SchedulePeriod(0, june, june), [F(1000), F(2500)])
    assert (found.amount_minor, found.quantity) == (20 + 10 + 50 + 10, 2)


def test_rounding_half_to_even_is_an_option_of_the_legal_entity() -> None:
    june = Period(date(2026, 6, 1), date(2026, 7, 1))
    sold = Sold("si", "pr", "prod", "", PerUnit(F(1, 2)), F(5))
    assert recurring_charges(sold, june, june)[0].amount_minor == 3
    even = replace(sold, policy=PricingPolicy(LineRounding.HALF_EVEN))
    assert recurring_charges(even, june, june)[0].amount_minor == 2


@pytest.mark.parametrize(
    ("act", "refusal"),
    [
        (lambda: price_lines([charge(2**63)]), AmountOutOfRange),
        (lambda: price_lines([charge(2**62), charge(2**62)]), AmountOutOfRange),
        (lambda: price_lines([charge(2**63), charge(-(2**63))]), AmountOutOfRange),
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
        billed += NO_COMMITMENT.increment(rate(model, quantity).amount_minor, billed)
    assert billed == rate(model, quantities[-1]).amount_minor


def test_the_priced_invoice_of_nothing_is_zero() -> None:
    assert price_lines([]) == Priced((), 0, 0, 0, 0)


def test_an_amount_too_small_to_charge_is_carried_forward_or_forgiven() -> None:
    found = [collectable(due, minimum_minor=50, forgive_below_minor=10) for due in (0, 9, 10, 49, 50)]
    assert found == [
        Collectable(0),
        Collectable(0, forgiven_minor=9),
        Collectable(0, carried_minor=10),
        Collectable(0, carried_minor=49),
        Collectable(50),
    ]
