"""Split rules: reading them, applying them to the last cent with its reason, and taking refunds back."""

from __future__ import annotations

import copy
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cauce.gateway.limits import ShareAboveCap
from cauce.kernel.currencies import UnknownCurrency
from cauce.kernel.errors import CauceError
from cauce.marketplace.splits.rules.evaluation import NegativeBase, OrderFacts, UnknownParty, evaluate
from cauce.marketplace.splits.rules.fields import BadSplitRule
from cauce.marketplace.splits.rules.measuring import Reason
from cauce.marketplace.splits.rules.parsing import parse_rule
from cauce.marketplace.splits.rules.provider_fee import ProviderFeeExceedsPart, plan_split
from cauce.marketplace.splits.rules.refunds import RefundablePart, over_carriers, plan_refund
from cauce.marketplace.splits.rules.schema import Fixed, Percent, RefundPolicy, RefundTerms, Rest, parties_of
from cauce.pricing.allocation import FixedExceedsAmount, SharesExceedAmount, SharesExceedOne, TwoRestShares
from cauce.pricing.refunds import PartsDoNotSum, RefundExceedsPart, RefundExceedsParts, UnknownPart
from cauce.pricing.rounding import Remainder
from tests.support.counts import programs

EXAMPLE: dict[str, Any] = {
    "name": "default",
    "version": 4,
    "currency": "cny",
    "base": "amount",
    "rounding": "floor_then_largest_remainder",
    "on_short": "refuse",
    "parts": [
        {"to": "fee", "kind": "percent", "value": "0.05", "of": "base", "min": 10, "cap": 5000, "refundable": True},
        {"to": "party:agent", "kind": "fixed", "value": 300},
        {
            "to": "party:store",
            "kind": "percent",
            "value": "0.10",
            "of": "after_fixed",
            "children": [{"to": "party:clerk", "kind": "percent", "value": "0.02"}],
        },
        {
            "to": "party:reserve",
            "kind": "sequence",
            "steps": [{"to": "party:loan", "cap": 2000}, {"to": "party:store", "cap": "rest"}],
            "value": "0.03",
        },
        {"to": "party:seller", "kind": "remainder", "weight": 1},
    ],
    "refund": {"policy": "proportional", "on_shortfall": "refuse"},
}


def rule(*parts: dict[str, Any], **more: Any) -> Any:
    return parse_rule({"name": "r", "version": 1, "currency": "cny", "parts": list(parts), **more})


def fixed(to: str, value: int, **more: Any) -> dict[str, Any]:
    return {"to": to, "kind": "fixed", "value": value, **more}


def percent(to: str, value: str, **more: Any) -> dict[str, Any]:
    return {"to": to, "kind": "percent", "value": value, **more}


REMAINDER = {"to": "party:seller", "kind": "remainder"}


def test_the_published_rule_divides_the_published_order() -> None:
    found = evaluate(parse_rule(EXAMPLE), OrderFacts(12345))
    assert found.by_party() == {
        "fee": 617,
        "party:agent": 300,
        "party:store": 1181,
        "party:clerk": 24,
        "party:loan": 370,
        "party:seller": 9853,
    }
    assert found.left_over_minor == 0


def test_every_cent_is_explained_by_exact_value_floor_rank_and_reason() -> None:
    fee, agent, store, clerk, loan, _, seller = evaluate(parse_rule(EXAMPLE), OrderFacts(12345)).allocations
    assert (fee.exact, fee.floor_minor, fee.rank, fee.reason) == (Fraction("617.25"), 617, 4, Reason.PERCENT)
    assert (agent.rank, agent.reason) == (None, Reason.FIXED)
    assert (store.exact, store.rank, store.rounded_minor, store.amount_minor) == (Fraction("1204.5"), 2, 1205, 1181)
    assert (clerk.path, clerk.exact) == ("parts[2].children[0]", Fraction("24.1"))
    assert (loan.path, loan.reason) == ("parts[3].steps[0]", Reason.STEP)
    assert (seller.rank, seller.reason, seller.amount_minor) == (1, Reason.REMAINDER, 9853)


def test_children_come_out_of_their_parents_part() -> None:
    nested = rule(
        fixed("fee", 10),
        fixed("party:b", 500, children=[fixed("party:d", 100)]),
        fixed("party:c", 200, children=[fixed("party:e", 50)]),
    )
    assert evaluate(nested, OrderFacts(1000)).by_party() == {
        "fee": 10, "party:b": 400, "party:d": 100, "party:c": 150, "party:e": 50, "party:seller": 290,
    }  # fmt: skip


def test_what_a_rule_leaves_over_goes_to_the_orders_seller_and_never_to_the_platform() -> None:
    found = evaluate(rule(percent("fee", "0.1")), OrderFacts(1005, seller="party:shop"))
    assert found.by_party() == {"fee": 101, "party:shop": 904}


def test_bounds_turn_a_percentage_into_a_fixed_part() -> None:
    low, high = evaluate(parse_rule(EXAMPLE), OrderFacts(400)), evaluate(parse_rule(EXAMPLE), OrderFacts(10**6))
    assert (low.allocations[0].amount_minor, low.allocations[0].reason) == (20, Reason.PERCENT)
    assert (high.allocations[0].amount_minor, high.allocations[0].reason) == (5000, Reason.CAP)
    tiny = evaluate(rule(percent("fee", "0.05", min=10), REMAINDER), OrderFacts(100)).allocations[0]
    assert (tiny.amount_minor, tiny.reason) == (10, Reason.MINIMUM)


def test_after_fees_counts_the_exact_fees() -> None:
    found = evaluate(rule(percent("party:agent", "1/2", of="after_fees"), percent("fee", "0.105")), OrderFacts(1000))
    assert found.allocations[0].exact == Fraction(895, 2)


def test_weighted_remainders_share_and_unweighted_ones_are_refused() -> None:
    weighted = rule(
        {"to": "party:a", "kind": "remainder", "weight": 2}, {"to": "party:b", "kind": "remainder", "weight": 1}
    )
    assert evaluate(weighted, OrderFacts(1000)).by_party() == {"party:a": 667, "party:b": 333}
    with pytest.raises(TwoRestShares):
        evaluate(rule(REMAINDER, {"to": "party:b", "kind": "remainder"}), OrderFacts(1000))


def test_a_sequence_may_be_a_fixed_pot_or_the_remainder() -> None:
    steps = [{"to": "party:a", "cap": 70}, {"to": "party:b", "cap": 20}, {"to": "party:c", "cap": "rest"}]
    pot = {"to": "party:pot", "kind": "sequence", "steps": steps}
    assert evaluate(rule({**pot, "fixed": 80}), OrderFacts(100)).by_party() == {
        "party:a": 70, "party:b": 10, "party:c": 0, "party:seller": 20,
    }  # fmt: skip
    assert evaluate(rule(pot), OrderFacts(100)).by_party() == {"party:a": 70, "party:b": 20, "party:c": 10}


def test_a_kept_part_and_what_rounding_leaves_stay_in_hold() -> None:
    found = evaluate(
        rule({"kind": "kept", "value": "1/3"}, percent("party:a", "1/3"), percent("party:b", "1/3"),
             rounding="remainder_kept_apart"),
        OrderFacts(100),
    )  # fmt: skip
    assert (found.by_party(), found.left_over_minor, found.kept_minor) == (
        {"kept": 33, "party:a": 33, "party:b": 33},
        1,
        34,
    )


def test_the_larger_of_several_and_tiers_measure_a_part() -> None:
    choices = [{"kind": "percent", "value": "0.05"}, {"kind": "fixed", "value": 100}]
    fee = {"to": "fee", "kind": "percent", "greater_of": choices}
    assert evaluate(rule(fee), OrderFacts(1000)).allocations[0].reason is Reason.GREATER_OF_FIXED
    assert [evaluate(rule(fee), OrderFacts(n)).by_party()["fee"] for n in (1000, 2000, 5000)] == [100, 100, 250]
    tiers = [{"up_to": 1000, "value": "0.10"}, {"up_to": None, "value": "0.05", "flat": 7}]
    for mode, expected in (("graduated", 157), ("volume", 107)):
        tiered = {"to": "fee", "kind": "percent", "tiers": {"mode": mode, "tiers": tiers}}
        assert evaluate(rule(tiered), OrderFacts(2000)).by_party()["fee"] == expected


def test_a_part_that_does_not_apply_is_zero_with_its_children_and_says_why() -> None:
    gold = {"party": "party:shop", "attribute": "tier", "equals": "gold"}
    parts = (
        percent("fee", "0.1", min_base=500, max_base=1000),
        fixed("party:agent", 50, condition=gold, children=[fixed("party:clerk", 20)]),
    )
    order = OrderFacts(400, attributes={"party:shop": {"tier": "silver"}})
    fee, agent, clerk, seller = evaluate(rule(*parts), order).allocations
    assert (fee.amount_minor, fee.reason) == (0, Reason.OUTSIDE_BASE_BOUNDS)
    assert (agent.amount_minor, clerk.amount_minor) == (0, 0)
    assert agent.reason is clerk.reason is Reason.CONDITION_NOT_MET
    assert seller.amount_minor == 400
    order = OrderFacts(1000, attributes={"party:shop": {"tier": "gold"}})
    assert evaluate(rule(*parts), order).by_party() == {
        "fee": 100, "party:agent": 30, "party:clerk": 20, "party:seller": 850,
    }  # fmt: skip


def test_short_amounts_are_refused_or_paid_in_order_until_nothing_is_left() -> None:
    parts = (fixed("party:a", 70), fixed("party:b", 70), percent("fee", "0.1"))
    with pytest.raises(FixedExceedsAmount):
        evaluate(rule(*parts), OrderFacts(100))
    found = evaluate(rule(*parts, on_short="in_order_until_empty"), OrderFacts(100))
    assert found.by_party() == {"party:a": 70, "party:b": 30, "fee": 0}
    assert [each.reason for each in found.allocations] == [Reason.FIXED, Reason.FIXED_CUT, Reason.NOTHING_LEFT]


def test_impossible_shares_are_refused_with_the_code_of_the_cases() -> None:
    with pytest.raises(SharesExceedOne):
        evaluate(rule(percent("party:a", "0.6"), percent("party:b", "0.5")), OrderFacts(100))
    with pytest.raises(SharesExceedAmount):
        evaluate(rule(fixed("party:a", 60), percent("party:b", "0.5")), OrderFacts(100))
    with pytest.raises(NegativeBase):
        evaluate(rule(REMAINDER), OrderFacts(-1))
    with pytest.raises(NegativeBase):
        evaluate(rule(REMAINDER, base="net_of_provider_fee"), OrderFacts(10, provider_fee_minor=11))
    with pytest.raises(UnknownParty, match="party:agent"):
        evaluate(parse_rule(EXAMPLE), OrderFacts(100, parties=frozenset({"party:store"})))


def test_a_rule_over_lines_is_the_sum_of_its_lines() -> None:
    by_line = rule(percent("fee", "0.05"), REMAINDER, base="lines")
    found = evaluate(by_line, OrderFacts(30, lines_minor=(10, 10, 10)))
    assert found.by_party() == {"fee": 3, "party:seller": 27}  # 0.5 of each line is rounded up, three times
    assert found.allocations[0].exact == Fraction(3, 2)


def test_a_rule_may_divide_what_the_provider_left() -> None:
    found = plan_split(rule(percent("fee", "0.1"), base="net_of_provider_fee"), OrderFacts(1000, provider_fee_minor=6))
    assert (found.base_minor, found.by_party()) == (994, {"fee": 99, "party:seller": 895})


@pytest.mark.parametrize(
    ("bearer", "expected"),
    [("platform", (94, 900)), ("seller", (100, 894)), ("pro_rata", (99, 895))],
)
def test_the_providers_fee_comes_off_its_bearers_parts(bearer: str, expected: tuple[int, int]) -> None:
    found = plan_split(rule(percent("fee", "0.1"), fee_bearer=bearer), OrderFacts(1000, provider_fee_minor=6))
    assert tuple(found.by_party().values()) == expected
    assert sum(expected) == found.base_minor == 994


def test_a_bearer_whose_part_is_smaller_than_the_fee_is_refused() -> None:
    with pytest.raises(ProviderFeeExceedsPart):
        plan_split(rule(percent("fee", "0.1"), fee_bearer="platform"), OrderFacts(50, provider_fee_minor=6))


def test_a_channels_cap_refuses_a_floor_above_it_and_passes_a_spare_unit_on() -> None:
    thirty = rule(percent("party:a", "0.3"), REMAINDER)
    assert evaluate(thirty, OrderFacts(999)).by_party()["party:a"] == 300
    found = evaluate(thirty, OrderFacts(999, others_max_minor=299))
    assert found.by_party() == {"party:a": 299, "party:seller": 700}
    with pytest.raises(ShareAboveCap):
        evaluate(thirty, OrderFacts(1000, others_max_minor=299))
    with pytest.raises(ShareAboveCap):
        evaluate(thirty, OrderFacts(1000, part_max_minor=299))
    hidden = rule(fixed("party:seller", 500, children=[fixed("party:a", 400)]))
    with pytest.raises(ShareAboveCap):
        evaluate(hidden, OrderFacts(1000, others_max_minor=300))


def broken(change: Any) -> dict[str, Any]:
    document = copy.deepcopy(EXAMPLE)
    change(document)
    return document


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (lambda d: d.pop("name"), "name"),
        (lambda d: d.update(version="4"), "version"),
        (lambda d: d.update(parts=[]), "parts"),
        (lambda d: d.update(colour="red"), "colour"),
        (lambda d: d.update(rounding="upwards"), "rounding"),
        (lambda d: d.update(rounding="named_takes_all"), "rounding_to"),
        (lambda d: d.update(rounding="named_takes_all", rounding_to="party:nobody"), "rounding_to"),
        (lambda d: d.update(rounding_to="party:seller"), "rounding_to"),
        (lambda d: d["parts"][0].update(value=0.05), "parts[0].value"),
        (lambda d: d["parts"][0].update(value="-0.05"), "parts[0].value"),
        (lambda d: d["parts"][0].update(value="five"), "parts[0].value"),
        (lambda d: d["parts"][0].update(caps=5), "parts[0].caps"),
        (lambda d: d["parts"][0].update(min=5001), "parts[0].min"),
        (lambda d: d["parts"][0].update(of="after_fees"), "parts[0].of"),
        (lambda d: d["parts"][0].update(refundable="yes"), "parts[0].refundable"),
        (lambda d: d["parts"][0].update(condition={"party": "x"}), "parts[0].condition.attribute"),
        (lambda d: d["parts"][0].update(greater_of=[{"kind": "fixed", "value": 1}]), "parts[0]"),
        (lambda d: d["parts"][1].update(value=-300), "parts[1].value"),
        (lambda d: d["parts"][1].update(value=True), "parts[1].value"),
        (lambda d: d["parts"][1].update(min=3), "parts[1]"),
        (lambda d: d["parts"][1].update(to="agent"), "parts[1].to"),
        (lambda d: d["parts"][2]["children"][0].update(kind="remainder"), "parts[2].children[0].value"),
        (lambda d: d["parts"][2]["children"].append({"to": "party:x", "kind": "remainder"}), "parts[2].children[1]"),
        (lambda d: d["parts"][3]["steps"].pop(), "parts[3].steps[0].cap"),
        (lambda d: d["parts"][3].update(steps=None), "parts[3].steps"),
        (lambda d: d["parts"][4].update(weight=0), "parts[4].weight"),
        (lambda d: d["parts"][4].update(kind="leftovers"), "parts[4].kind"),
        (lambda d: d["refund"].update(policy="by_order"), "refund.order"),
        (lambda d: d["refund"].update(refund_fee="ours"), "refund.refund_fee"),
        (lambda d: d.update(refund="proportional"), "refund"),
    ],
)
def test_a_mistake_in_a_rule_is_refused_with_its_place(change: Any, place: str) -> None:
    with pytest.raises(BadSplitRule) as refused:
        parse_rule(broken(change))
    assert refused.value.param == place
    assert refused.value.message.startswith(place)


def test_a_rule_is_neither_too_deep_nor_too_long_and_its_currency_exists() -> None:
    deep = fixed("party:a", 1)
    for _ in range(4):
        deep = fixed("party:a", 1, children=[deep])
    with pytest.raises(BadSplitRule, match="deeper than 4"):
        rule(deep)
    with pytest.raises(BadSplitRule, match="more than 200"):
        rule(*[fixed("party:a", 1)] * 201)
    with pytest.raises(UnknownCurrency):
        parse_rule(broken(lambda d: d.update(currency="CNY")))


def test_parsing_keeps_exact_values_and_names_every_party() -> None:
    parsed = parse_rule(EXAMPLE)
    assert [type(part.measure) for part in parsed.parts] == [Percent, Fixed, Percent, Percent, Rest]
    assert parsed.parts[3].measure == Percent(Fraction(3, 100))
    assert parties_of(parsed.parts) == {
        "fee", "party:agent", "party:store", "party:clerk", "party:reserve", "party:loan", "party:seller",
    }  # fmt: skip


parties = st.sampled_from([f"party:p{n}" for n in range(8)] + ["fee"])
ratios = st.fractions(0, Fraction(1, 12), max_denominator=997).map(str)
bounds = st.fixed_dictionaries({}, optional={"min": st.integers(0, 50), "cap": st.integers(50, 10**9)})


def part_documents(depth: int) -> st.SearchStrategy[dict[str, Any]]:
    children = st.just({})
    if depth < 4:
        below = st.lists(st.deferred(lambda: part_documents(depth + 1)), max_size=3)
        children = below.map(lambda found: {"children": found} if found else {})
    plain = st.builds(lambda to, value, more: percent(to, value, **more), parties, ratios, children)
    bounded = st.builds(lambda to, value, more: percent(to, value, **more), parties, ratios, bounds)
    whole = st.builds(lambda to, value, more: fixed(to, value, **more), parties, st.integers(0, 100), children)
    return plain | bounded | whole


documents = st.lists(part_documents(1), min_size=1, max_size=12)


@programs
@given(
    documents, st.integers(0, 10**15), st.sampled_from(["refuse", "in_order_until_empty"]), st.sampled_from(Remainder)
)
def test_any_rule_divides_any_amount_without_making_or_losing_a_unit(
    parts: list[dict[str, Any]], amount: int, on_short: str, policy: Remainder
) -> None:
    more = {"rounding_to": parts[0]["to"]} if policy is Remainder.NAMED_TAKES_ALL else {}
    parsed = rule(*parts, on_short=on_short, rounding=policy, **more)
    try:
        found = evaluate(parsed, OrderFacts(amount))
    except (FixedExceedsAmount, SharesExceedAmount, SharesExceedOne):
        return
    assert sum(each.amount_minor for each in found.allocations) + found.left_over_minor == amount
    assert all(each.amount_minor >= 0 for each in found.allocations)
    assert found == evaluate(parsed, OrderFacts(amount))
    if policy is Remainder.LARGEST_REMAINDER:
        assert all(abs(each.rounded_minor - each.exact) < 1 for each in found.allocations)
    for each in found.allocations:
        if each.reason in (Reason.FIXED, Reason.CAP, Reason.MINIMUM):
            assert each.rounded_minor == each.exact


many = st.lists(st.integers(0, 10_000), min_size=1, max_size=50).map(
    lambda weights: [
        percent(f"party:p{n}", str(Fraction(weight, max(1, sum(weights))))) for n, weight in enumerate(weights)
    ]
)


@programs
@given(many, st.integers(0, 10**15), st.sampled_from(["jpy", "cny", "kwd", "clf"]), st.sampled_from(Remainder))
def test_fifty_parties_of_any_currency_share_any_amount_to_the_unit(
    parts: list[dict[str, Any]], amount: int, currency: str, policy: Remainder
) -> None:
    more = {"rounding_to": parts[-1]["to"]} if policy is Remainder.NAMED_TAKES_ALL else {}
    found = evaluate(rule(*parts, currency=currency, rounding=policy, **more), OrderFacts(amount))
    assert sum(found.by_party().values()) + found.left_over_minor == amount
    assert min(found.by_party().values()) >= 0
    if policy is Remainder.LARGEST_REMAINDER:
        assert all(abs(each.rounded_minor - each.exact) < 1 for each in found.allocations)
    zero = {part["to"] for part in parts if part["value"] == "0"}
    assert not any(found.by_party()[to] for to in zero), "a share of zero never gets a unit"


@programs
@given(documents, st.integers(0, 10**9), st.integers(0, 10**6), st.sampled_from(["platform", "seller", "pro_rata"]))
def test_after_the_providers_fee_the_parts_are_what_the_escrow_holds(
    parts: list[dict[str, Any]], amount: int, fee: int, bearer: str
) -> None:
    try:
        found = plan_split(rule(*parts, fee_bearer=bearer), OrderFacts(amount, provider_fee_minor=fee))
    except CauceError:
        return
    assert sum(each.amount_minor for each in found.allocations) == amount - fee
    assert all(each.amount_minor >= 0 for each in found.allocations)


@programs
@given(documents, st.integers(0, 10**9), st.fractions(0, 1, max_denominator=100))
def test_a_plan_under_a_cap_never_passes_it(parts: list[dict[str, Any]], amount: int, cap: Fraction) -> None:
    most = int(amount * cap)
    try:
        found = evaluate(rule(*parts), OrderFacts(amount, others_max_minor=most))
    except CauceError:
        return
    assert sum(paid for to, paid in found.by_party().items() if to != "party:seller") <= most


PARTS = [RefundablePart("fee", 100, refundable=False), RefundablePart("party:a", 600), RefundablePart("party:b", 300)]


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        (RefundTerms(), (50, 300, 150)),
        (RefundTerms(RefundPolicy.PLATFORM_FIRST), (100, 267, 133)),
        (RefundTerms(RefundPolicy.KEEP_FEE), (0, 333, 167)),
        (RefundTerms(RefundPolicy.BY_ORDER, order=("party:b", "party:a")), (0, 200, 300)),
    ],
)
def test_each_refund_policy_takes_half_back_in_its_way(terms: RefundTerms, expected: tuple[int, ...]) -> None:
    assert plan_refund(terms, PARTS, 500) == expected


def test_explicit_refunds_name_parties_and_are_checked() -> None:
    terms = RefundTerms(RefundPolicy.EXPLICIT)
    assert plan_refund(terms, PARTS, 500, named={"party:a": 500}) == (0, 500, 0)
    assert plan_refund(terms, PARTS, 700, named={"party:a": 700}, allow_above_part=True) == (0, 700, 0)
    for named, refusal in (
        ({"party:a": 499}, PartsDoNotSum),
        ({"fee": 101, "party:a": 399}, RefundExceedsPart),
        ({"party:c": 500}, UnknownPart),
        (None, PartsDoNotSum),
    ):
        with pytest.raises(refusal):
            plan_refund(terms, PARTS, 500, named=named)


@pytest.mark.parametrize(
    ("taken", "parked", "carried", "expected"),
    [
        (0, 50, [100], (0, (0,), 0)),
        (70, 0, [100, 30], (0, (70, 0), 0)),
        (70, 50, [100], (50, (20,), 0)),
        (120, 0, [100, 30], (0, (100, 20), 0)),
        (120, 10, [0, 30, 80], (10, (0, 30, 80), 0)),
        (120, 10, [100], (10, (100,), 10)),
    ],
)
def test_what_a_party_returns_comes_from_what_lies_parked_then_from_the_oldest_split(
    taken: int, parked: int, carried: list[int], expected: tuple[int, tuple[int, ...], int]
) -> None:
    assert over_carriers(taken, parked, carried) == expected


def test_a_party_with_two_parts_returns_them_one_after_the_other() -> None:
    parts = [RefundablePart("party:a", 100, 40), RefundablePart("party:b", 50), RefundablePart("party:a", 70)]
    assert plan_refund(RefundTerms(RefundPolicy.EXPLICIT), parts, 90, named={"party:a": 90}) == (60, 0, 30)


def test_a_kept_fee_limits_the_refund_unless_the_receivers_bear_it() -> None:
    with pytest.raises(RefundExceedsParts):
        plan_refund(RefundTerms(RefundPolicy.KEEP_FEE), PARTS, 1000)
    terms = RefundTerms(RefundPolicy.KEEP_FEE, borne_by_receivers=True)
    assert plan_refund(terms, PARTS, 1000) == (0, 667, 333)


@programs
@given(st.sampled_from(RefundPolicy), st.lists(st.integers(0, 10**6), min_size=1, max_size=8), st.data())
def test_under_every_policy_full_refunds_return_every_part(
    policy: RefundPolicy, amounts: list[int], data: st.DataObject
) -> None:
    names = ["fee", *(f"party:p{n}" for n in range(1, len(amounts)))]
    terms = RefundTerms(policy, order=tuple(names) if policy is RefundPolicy.BY_ORDER else ())
    returned, left = [0] * len(amounts), sum(amounts)
    while left:
        refund = data.draw(st.integers(max(1, left // 5), left))
        parts = [RefundablePart(*row) for row in zip(names, amounts, returned, strict=True)]
        named = None
        if policy is RefundPolicy.EXPLICIT:
            named = dict(zip(names, plan_refund(RefundTerms(), parts, refund), strict=True))
        taken = plan_refund(terms, parts, refund, named=named)
        assert sum(taken) == refund and min(taken) >= 0
        returned = [before + now for before, now in zip(returned, taken, strict=True)]
        left -= refund
    assert returned == amounts
