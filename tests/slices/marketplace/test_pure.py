"""Pure rules of the marketplace: schedules, payments cut by seller, parts laid over collections, refunds, verdicts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cauce.gateway.limits import ShareAboveCap
from cauce.marketplace.compliance.rules import (
    QUESTIONS,
    Answer,
    PooledMoney,
    SelfCheckIncomplete,
    check_answers,
    next_notice,
)
from cauce.marketplace.orders.refunding import Collected, RefundExceedsPaid, over_collections, share_refund
from cauce.marketplace.orders.rules import cut_by_seller
from cauce.marketplace.reconciliation.rules import BreakType, Compared, Severity, Tolerances, judge
from cauce.marketplace.settlement.rules import BadSchedule, parse_schedule
from cauce.marketplace.splits.planning import Goods, Part, Pot, less_fee, plan_order
from cauce.marketplace.splits.rules.parsing import parse_rule
from cauce.marketplace.splits.rules.provider_fee import ProviderFeeExceedsPart
from cauce.marketplace.splits.rules.schema import FeeBearer

THURSDAY = datetime(2026, 1, 15, 9, tzinfo=UTC)
RULE = parse_rule(
    {
        "name": "commission",
        "currency": "brl",
        "parts": [{"to": "fee", "kind": "percent", "value": "0.12"}, {"to": "party:seller", "kind": "remainder"}],
    }
)


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({}, "2026-01-19T00:00"),
        ({"interval": "daily", "cutoff": "08:00"}, "2026-01-16T08:00"),
        ({"interval": "daily", "cutoff": "10:00"}, "2026-01-15T10:00"),
        ({"interval": "daily", "delay_days": 2}, "2026-01-17T00:00"),
        ({"interval": "daily", "delay_days": 2, "business_days": True}, "2026-01-19T00:00"),
        ({"interval": "weekly", "weekdays": [3], "cutoff": "08:00"}, "2026-01-22T08:00"),
        ({"interval": "monthly", "month_days": [31]}, "2026-01-31T00:00"),
        ({"interval": "monthly", "month_days": [30], "delay_days": 20}, "2026-02-28T00:00"),
        ({"interval": "daily", "timezone": "Asia/Shanghai"}, "2026-01-15T16:00"),
    ],
)
def test_a_schedule_names_the_first_run_that_pays_a_credit(document: dict[str, object], expected: str) -> None:
    run_at = parse_schedule(document).next_run(THURSDAY)
    assert run_at is not None
    assert run_at.isoformat()[:16] == expected


def test_a_manual_schedule_never_runs_and_a_bad_one_is_refused() -> None:
    assert parse_schedule({"interval": "manual"}).next_run(THURSDAY) is None
    for bad in ({"interval": "hourly"}, {"weekdays": [7]}, {"minimum": 3}, {"delay_days": -1}):
        with pytest.raises(BadSchedule):
            parse_schedule(bad)


def test_minimum_maximum_and_what_is_retained_shape_the_payouts() -> None:
    schedule = parse_schedule({"minimum_amount": 500, "maximum_amount": 1_000, "retained_balance": 200})
    assert schedule.payouts_of(699) == []
    assert schedule.payouts_of(700) == [500]
    assert schedule.payouts_of(2_700) == [1_000, 1_000, 500]


@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=8), st.lists(st.integers(1, 10**9), min_size=1, max_size=8))
def test_every_unit_of_a_payment_is_one_sellers(payments: list[int], totals: list[int]) -> None:
    sellers = {f"s{n}": total for n, total in enumerate(totals)}
    cuts = cut_by_seller(payments, sellers)
    for n, amount in enumerate(payments):
        assert sum(cut.amount_minor for cut in cuts if cut.payment == n) == amount
    assert all(cut.amount_minor > 0 for cut in cuts)
    if sum(payments) == sum(totals):
        by_seller = {name: sum(c.amount_minor for c in cuts if c.seller_id == name) for name in sellers}
        assert by_seller == sellers


@given(
    st.lists(st.tuples(st.integers(0, 10**7), st.integers(0, 10**6)), min_size=1, max_size=5),
    st.lists(st.integers(1, 100), min_size=1, max_size=5),
    st.integers(0, 500),
)
def test_the_parts_of_each_collection_sum_to_it(lines: list[tuple[int, int]], weights: list[int], surplus: int) -> None:
    goods = [Goods(f"s{n}", (price,), freight) for n, (price, freight) in enumerate(lines)]
    total = sum(price + freight for price, freight in lines) + surplus
    cut = [total * weight // sum(weights) for weight in weights]
    cut[-1] += total - sum(cut)
    pots = [Pot(f"c{n}", amount) for n, amount in enumerate(cut)]
    found = plan_order(RULE, goods, {}, pots, None)
    for pot in pots:
        assert sum(part.amount_minor for part in found[pot.id]) == pot.amount_minor
        assert all(part.amount_minor >= 0 for part in found[pot.id])
    fee = sum(part.amount_minor for parts in found.values() for part in parts if part.party == "fee")
    exact = sum((Fraction(12 * price, 100) for price, _ in lines), Fraction(0))
    assert abs(Fraction(fee) - exact) < len(lines)


def test_parts_of_others_stay_within_the_cap_of_each_collection() -> None:
    pots = [Pot("c1", 100, "s"), Pot("c2", 9_900, "s")]
    found = plan_order(RULE, [Goods("s", (10_000,), 0)], {}, pots, Fraction(3, 10))
    assert [part.amount_minor for part in found["c1"]] == [30, 70]
    assert [part.amount_minor for part in found["c2"]] == [1_170, 8_730]
    with pytest.raises(ShareAboveCap):
        plan_order(RULE, [Goods("s", (10_000,), 0)], {}, pots, Fraction(1, 10))


@pytest.mark.parametrize(
    ("parts", "remainder"),
    [
        (
            [{"kind": "kept", "value": "0.10"}, {"to": "party:seller", "kind": "remainder"}],
            "floor_then_largest_remainder",
        ),
        (
            [
                {"to": "fee", "kind": "percent", "value": "1/3"},
                {"to": "party:seller", "kind": "percent", "value": "2/3"},
            ],
            "remainder_kept_apart",
        ),
    ],
)
def test_what_a_rule_keeps_for_later_is_given_to_nobody(parts: list[dict[str, str]], remainder: str) -> None:
    rule = parse_rule({"name": "keeps", "currency": "brl", "parts": parts, "rounding": remainder})
    pooled = plan_order(rule, [Goods("s", (10_000,), 0)], {}, [Pot("c1", 4_000), Pot("c2", 6_000)], None)
    owned = plan_order(rule, [Goods("s", (10_000,), 0)], {}, [Pot("c1", 10_000, "s")], Fraction(1, 2))
    for found in (pooled, owned):
        assert sum(part.amount_minor for each in found.values() for part in each) == 10_000
        kept = sum(part.amount_minor for each in found.values() for part in each if part.party == "kept")
        assert kept == (1_000 if remainder != "remainder_kept_apart" else 1)


def test_the_providers_fee_makes_its_bearers_part_smaller_and_never_negative() -> None:
    parts = [Part("fee", 1_200), Part("s", 8_800, is_rest=True)]
    assert [p.amount_minor for p in less_fee(parts, 60, FeeBearer.SELLER)] == [1_200, 8_740]
    assert [p.amount_minor for p in less_fee(parts, 60, FeeBearer.PLATFORM)] == [1_140, 8_800]
    assert [p.amount_minor for p in less_fee(parts, 60, FeeBearer.PRO_RATA)] == [1_193, 8_747]
    with pytest.raises(ProviderFeeExceedsPart):
        less_fee(parts, 1_201, FeeBearer.PLATFORM)


@given(st.integers(1, 10**8), st.integers(0, 500), st.lists(st.integers(1, 10**8), max_size=6), st.booleans())
def test_refunds_in_any_steps_give_back_exactly_everything(
    amount: int, fee_bps: int, steps: list[int], returns_fee: bool
) -> None:
    fee = amount * fee_bps // 10_000
    refunded = back = net = borne = 0
    for step in [*steps, amount]:
        now = min(step, amount - refunded)
        if not now:
            continue
        share = share_refund(Collected(amount, fee, 0, refunded, back), now, returns_fee=returns_fee)
        assert share.fee_back_minor + share.net_minor + share.borne_minor == now
        assert min(share.fee_back_minor, share.net_minor, share.borne_minor) >= 0
        refunded, back = refunded + now, back + share.fee_back_minor
        net, borne = net + share.net_minor, borne + share.borne_minor
    assert net == amount - fee
    assert (back, borne) == ((fee, 0) if returns_fee else (0, fee))
    with pytest.raises(RefundExceedsPaid):
        share_refund(Collected(amount, fee, 0, refunded, back), 1, returns_fee=returns_fee)


def test_a_refund_of_an_order_takes_its_collections_in_order() -> None:
    assert over_collections(700, [500, 300]) == [500, 200]
    with pytest.raises(RefundExceedsPaid):
        over_collections(801, [500, 300])


def test_differences_are_judged_by_what_each_side_says() -> None:
    early, late = THURSDAY, THURSDAY + timedelta(days=2)
    cut_off = THURSDAY + timedelta(days=1)

    def one(
        ours: int | None, theirs: int | None, kind: str = "collection", *, at: datetime = early, twice: bool = False
    ) -> Compared:
        return Compared(kind, "k", "eur", ours, theirs, ours_at=at, doubled=int(twice))

    assert judge([one(5, 5)], cut_off=cut_off) == []
    cases = {
        BreakType.MISSING_HERE: one(None, 5),
        BreakType.MISSING_THERE: one(5, None),
        BreakType.TIMING: one(5, None, at=late),
        BreakType.AMOUNT: one(5, 6),
        BreakType.DUPLICATE: one(5, 10, twice=True),
        BreakType.FEE: one(5, 6, "fee"),
    }
    for expected, compared in cases.items():
        (found,) = judge([compared], cut_off=cut_off)
        assert found.type is expected
    assert judge([replace(one(None, 5, "payout"), our_state="pending")], cut_off=cut_off) == [], "it is on its way"
    (debit,) = judge([one(None, 5, "payout")], cut_off=cut_off)
    assert debit.severity is Severity.CRITICAL
    assert judge([one(5, 6, "fee")], cut_off=cut_off, tolerances=Tolerances(fees={"collection": 1})) == []


def test_the_self_check_wants_every_answer_and_refuses_a_pool() -> None:
    answers = {question.number: Answer("holder", "contract") for question in QUESTIONS}
    answers |= {n: Answer("no", "contract") for n in (3, 4, 5, 6)} | {n: Answer("yes", "contract") for n in (7, 10, 11)}
    check_answers(answers)
    with pytest.raises(SelfCheckIncomplete):
        check_answers({k: v for k, v in answers.items() if k != 12})
    with pytest.raises(PooledMoney):
        check_answers(answers | {3: Answer("yes", "one account")})


def test_licence_notices_come_ninety_thirty_and_seven_days_before() -> None:
    ends = datetime(2026, 12, 31, tzinfo=UTC).date()
    days, today = [], datetime(2026, 1, 1, tzinfo=UTC).date()
    while (found := next_notice(ends, today)) is not None:
        days.append((ends - found).days)
        today = found
    assert days == [90, 30, 7]
