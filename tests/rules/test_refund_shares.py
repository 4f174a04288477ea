"""Refunds over any number of steps: never negative, never above a part, everything in the end."""

from __future__ import annotations

from itertools import permutations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cauce.pricing.allocation import NegativeShare, allocate_by_weight
from cauce.pricing.refunds import (
    PartsDoNotSum,
    RefundExceedsPart,
    RefundExceedsParts,
    UnknownPart,
    refund_among,
    refund_by_order,
    refund_explicit,
    refund_first_from,
    refund_proportional,
)
from tests.support.counts import programs


def chain(parts: tuple[int, ...], refunds: list[int]) -> list[tuple[int, ...]]:
    """What each refund in turn takes from each part."""
    returned = [0] * len(parts)
    steps = []
    for refund in refunds:
        taken = refund_proportional(parts, returned, refund)
        returned = [before + now for before, now in zip(returned, taken, strict=True)]
        steps.append(taken)
    return steps


@pytest.mark.parametrize(
    ("parts", "refunds", "expected"),
    [
        ((4875, 4875), [4875, 4875], [(2438, 2437), (2437, 2438)]),
        ((3333, 3333, 3335), [5000, 3000, 2001], [(1667, 1666, 1667), (999, 1000, 1001), (667, 667, 667)]),
        ((28000, 12000), [3333, 3333, 33334], [(2333, 1000), (2333, 1000), (23334, 10000)]),
        ((97, 2, 1), [50, 30, 20], [(49, 1, 0), (29, 0, 1), (19, 1, 0)]),
    ],
)
def test_the_published_chains(parts: tuple[int, ...], refunds: list[int], expected: list[tuple[int, ...]]) -> None:
    assert chain(parts, refunds) == expected


def test_seven_refunds_of_one_unit_never_go_backwards() -> None:
    order = [step.index(1) for step in chain((1, 3, 3), [1] * 7)]
    assert [("A", "B", "C")[i] for i in order] == ["B", "C", "A", "B", "C", "B", "C"]


def test_unit_steps_end_at_the_parts_for_every_small_vector() -> None:
    for size in (3, 4):
        for parts in product(range(1, 5), repeat=size):
            steps = chain(parts, [1] * sum(parts))
            assert all(min(step) >= 0 and sum(step) == 1 for step in steps)
            assert tuple(map(sum, zip(*steps, strict=True))) == parts


@programs
@given(st.data(), st.lists(st.integers(0, 10**9), min_size=1, max_size=12).filter(any))
def test_partial_refunds_in_any_cut_return_exactly_every_part(data: st.DataObject, parts: list[int]) -> None:
    left, returned = sum(parts), [0] * len(parts)
    while left:
        refund = data.draw(st.integers(max(1, left // 8), left))
        taken = refund_proportional(parts, returned, refund)
        assert sum(taken) == refund and min(taken) >= 0
        returned = [before + now for before, now in zip(returned, taken, strict=True)]
        assert all(now <= part for now, part in zip(returned, parts, strict=True))
        left -= refund
    assert returned == parts


@programs
@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=12).filter(any), st.fractions(0, 1, max_denominator=100))
def test_the_first_refund_is_the_plain_largest_remainder(parts: list[int], share) -> None:  # type: ignore[no-untyped-def]
    refund = int(sum(parts) * share)
    assert refund_proportional(parts, [0] * len(parts), refund) == allocate_by_weight(refund, parts).parts


def test_more_than_the_parts_is_refused_unless_receivers_bear_it() -> None:
    with pytest.raises(RefundExceedsParts):
        refund_proportional([4875, 4875], [0, 0], 10000)
    with pytest.raises(RefundExceedsParts):
        refund_proportional([500, 500], [300, 300], 401)
    assert refund_proportional([4875, 4875], [0, 0], 10000, above_parts=True) == (5000, 5000)
    with pytest.raises(RefundExceedsParts):
        refund_proportional([0, 0], [0, 0], 1, above_parts=True)
    assert refund_proportional([], [], 0) == ()


def test_explicit_refunds_are_checked_and_never_filled_in() -> None:
    parts, fresh = [850, 150], [0, 0]
    assert refund_explicit(parts, fresh, 600, {0: 500, 1: 100}) == (500, 100)
    assert refund_explicit(parts, fresh, 600, {0: 400, 1: 200}, allow_above_part=True) == (400, 200)
    for named, refusal in (
        ({0: 599}, PartsDoNotSum),
        ({0: 400, 1: 200}, RefundExceedsPart),
        ({2: 600}, UnknownPart),
        ({0: 700, 1: -100}, NegativeShare),
    ):
        with pytest.raises(refusal):
            refund_explicit(parts, fresh, 600, named)
    with pytest.raises(RefundExceedsPart):
        refund_explicit(parts, [500, 0], 400, {0: 400})


def test_by_order_takes_each_party_to_its_end_before_the_next() -> None:
    assert refund_by_order([100, 200, 300], [50, 0, 0], 260, [2, 0, 1]) == (0, 0, 260)
    assert refund_by_order([100, 200, 300], [50, 0, 0], 360, [2, 0, 1]) == (50, 10, 300)
    with pytest.raises(RefundExceedsParts):
        refund_by_order([100, 200], [0, 0], 101, [0])


def test_the_platform_returns_its_fee_first_and_the_rest_is_proportional() -> None:
    assert refund_first_from([50, 600, 300], [0, 0, 0], 350, [0]) == (50, 200, 100)
    assert refund_first_from([50, 600, 300], [0, 0, 0], 30, [0]) == (30, 0, 0)


def test_parts_that_are_not_refundable_stay_outside() -> None:
    assert refund_among([50, 600, 300], [0, 0, 0], 300, [1, 2]) == (0, 200, 100)
    with pytest.raises(RefundExceedsParts):
        refund_among([50, 600, 300], [0, 0, 0], 901, [1, 2])


def test_a_permutation_of_distinct_parts_permutes_the_refund() -> None:
    parts = (701, 203, 96)
    plain = dict(zip(parts, refund_proportional(parts, [0] * 3, 333), strict=True))
    for order in permutations(parts):
        assert refund_proportional(order, [0] * 3, 333) == tuple(plain[part] for part in order)
