"""Dividing an amount: conservation, sign symmetry, the distance to the exact value, and every named policy."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cauce.pricing.allocation import (
    REST,
    BadStep,
    NegativeShare,
    NoWeight,
    Share,
    allocate_by_share,
    allocate_by_weight,
    allocate_to_ceilings,
)
from cauce.pricing.positions import Transfer, net_positions
from cauce.pricing.rounding import CeilingsTooLow, Remainder, Together, round_fractions, round_parts
from tests.support.counts import programs

amounts = st.integers(-(10**15), 10**15)
weights = st.lists(st.fractions(0, 10**6, max_denominator=10**4), min_size=1, max_size=50).filter(any)
conserving = st.sampled_from([p for p in Remainder if p not in (Remainder.KEPT_APART, Remainder.WHOLE_BLOCKS)])
F = Fraction


def shares_of(text: str) -> list[Share]:
    return [Share(fraction=F(each)) for each in text.split()]


@pytest.mark.parametrize(
    ("amount", "shares", "default", "first", "last_all"),
    [
        (10001, ".3333 .3333 .3334", (3333, 3333, 3335), (3334, 3333, 3334), (3333, 3333, 3335)),
        (10000, "1/3 1/3 1/3", (3334, 3333, 3333), (3334, 3333, 3333), (3333, 3333, 3334)),
        (150, "1/2 9/20 1/20", (75, 68, 7), (76, 67, 7), (75, 67, 8)),
        (5, "1/7 2/7 4/7", (1, 1, 3), (1, 2, 2), (0, 1, 4)),
        (1, "1/2 1/2", (1, 0), (1, 0), (0, 1)),
        (100, "1/6 1/6 1/6 1/6 1/6 1/6", (17, 17, 17, 17, 16, 16), (17, 17, 17, 17, 16, 16), (16, 16, 16, 16, 16, 20)),
    ],
)
def test_the_published_vectors_of_the_rounding_policies(
    amount: int, shares: str, default: tuple[int, ...], first: tuple[int, ...], last_all: tuple[int, ...]
) -> None:
    listed = shares_of(shares)
    assert allocate_by_share(amount, listed).parts == default
    assert allocate_by_share(amount, listed, Remainder.FIRST).parts == first
    assert allocate_by_share(amount, listed, Remainder.LAST_TAKES_ALL).parts == last_all


def test_a_fixed_part_never_takes_a_spare_unit() -> None:
    shares = [Share(fixed_minor=50000), Share(fraction=F(1, 4)), Share(fraction=F(1, 10)), REST]
    for policy in Remainder:
        assert allocate_by_share(123456, shares, policy).parts[0] == 50000
    assert allocate_by_share(123456, shares).parts == (50000, 30864, 12346, 30246)


def test_a_named_part_takes_all_spare_and_a_named_zero_leaves_it_to_the_last() -> None:
    assert allocate_by_weight(100, [1, 1, 1, 1, 1, 1], Remainder.NAMED_TAKES_ALL, named=2).parts[2] == 20
    assert allocate_by_weight(10, [0, 1, 1, 1], Remainder.NAMED_TAKES_ALL, named=0).parts == (0, 3, 3, 4)


def test_impossible_divisions_are_refused() -> None:
    with pytest.raises(NoWeight):
        allocate_by_weight(1, [0, 0])
    assert allocate_by_weight(0, [0, 0]).parts == (0, 0)
    with pytest.raises(NegativeShare):
        allocate_by_weight(1, [2, -1])
    with pytest.raises(NegativeShare):
        allocate_by_share(1, [Share(fraction=F(-1, 2)), REST])
    with pytest.raises(NegativeShare):
        allocate_to_ceilings(-1, [1])
    with pytest.raises(BadStep):
        allocate_by_weight(1, [1], step=0)


def test_what_is_no_whole_step_is_left_over() -> None:
    found = allocate_by_weight(1003, [1, 1], step=5)
    assert (found.parts, found.left_over) == ((500, 500), 3)


@programs
@given(amounts, weights, conserving)
def test_parts_sum_to_the_amount_under_every_policy_that_gives_all_away(
    amount: int, listed: list[Fraction], policy: Remainder
) -> None:
    found = allocate_by_weight(amount, listed, policy, named=0)
    assert sum(found.parts) == amount and not found.left_over
    assert all(part == 0 for part, weight in zip(found.parts, listed, strict=True) if not weight)
    assert all(part * amount >= 0 for part in found.parts)


@programs
@given(amounts, weights, st.sampled_from(Remainder))
def test_a_negative_amount_is_the_mirror_of_the_positive_one(
    amount: int, listed: list[Fraction], policy: Remainder
) -> None:
    one, other = allocate_by_weight(amount, listed, policy), allocate_by_weight(-amount, listed, policy)
    assert tuple(-part for part in one.parts) == other.parts
    assert one.left_over == -other.left_over


@programs
@given(amounts, weights)
def test_under_the_default_no_part_is_a_unit_away_from_its_exact_value(amount: int, listed: list[Fraction]) -> None:
    total = sum(listed)
    for part, weight in zip(allocate_by_weight(amount, listed).parts, listed, strict=True):
        assert abs(part - amount * weight / total) < 1


@programs
@given(amounts, weights, st.fractions(F(1, 1000), 1000, max_denominator=1000))
def test_weights_count_only_by_their_proportion(amount: int, listed: list[Fraction], factor: Fraction) -> None:
    scaled = [weight * factor for weight in listed]
    for policy in Remainder:
        assert allocate_by_weight(amount, listed, policy) == allocate_by_weight(amount, scaled, policy)


@programs
@given(st.integers(0, 10**12), st.lists(st.integers(1, 10**6), min_size=2, max_size=12, unique=True), st.randoms())
def test_without_ties_the_order_of_the_receivers_changes_nothing(amount: int, listed: list[int], chance) -> None:  # type: ignore[no-untyped-def]
    total = sum(listed)
    fractions = [amount * weight % total for weight in listed]
    if len(set(fractions)) < len(fractions):
        return
    order = list(range(len(listed)))
    chance.shuffle(order)
    straight = allocate_by_weight(amount, listed).parts
    shuffled = allocate_by_weight(amount, [listed[i] for i in order]).parts
    assert [straight[i] for i in order] == list(shuffled)


@programs
@given(st.integers(0, 10**12), st.lists(st.integers(0, 10**9), max_size=20))
def test_nobody_gets_more_than_his_ceiling(amount: int, ceilings: list[int]) -> None:
    found = allocate_to_ceilings(amount, ceilings)
    assert all(0 <= part <= top for part, top in zip(found.parts, ceilings, strict=True))
    assert sum(found.parts) + found.left_over == amount
    assert sum(found.parts) == min(amount, sum(ceilings))


def test_a_spare_unit_that_would_pass_a_ceiling_goes_to_the_next_part() -> None:
    thirds = [F(10, 3)] * 3
    assert round_fractions(thirds, 10, ceilings=[3, None, None]).parts == (3, 4, 3)
    with pytest.raises(CeilingsTooLow):
        round_fractions(thirds, 10, ceilings=[3, 3, 3])
    together = Together(frozenset({0, 1}), 0)
    assert round_parts([10, 10, 10], 3, 10, together=together).parts == (3, 3, 4)


@programs
@given(
    st.lists(st.builds(Transfer, st.sampled_from("abcd"), st.sampled_from("abcd"), st.integers(0, 10**15)), max_size=30)
)
def test_net_positions_sum_to_zero_in_any_order(transfers: list[Transfer]) -> None:
    net = net_positions(transfers)
    assert sum(net.values()) == 0
    assert net_positions(reversed(transfers)) == net
