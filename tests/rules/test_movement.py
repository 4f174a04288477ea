"""Waterfalls, holds and fees: nothing is made or lost, a refusal changes nothing."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cauce.kernel.errors import CauceError
from cauce.pricing import waterfall as w
from cauce.pricing.allocation import NegativeShare, SharesBelowOne
from cauce.pricing.fees import Bearer, Fee, FeeBase, FeeNotBelowAmount, charge_fees
from cauce.pricing.holds import BadAmount, HoldAccount, InsufficientFunds, UnknownHold
from cauce.pricing.rounding import Remainder
from tests.support.counts import programs

A, B, C = w.Account("a"), w.Account("b"), w.Account("c")
names = st.sampled_from("abcd")
accounts = st.builds(w.Account, names, st.integers(0, 50), st.just(False))
payers = st.recursive(
    accounts | st.just(w.External()),
    lambda inner: (
        st.builds(w.Capped, st.integers(-5, 200), inner)
        | st.builds(w.PayersInOrder, st.lists(inner, min_size=1, max_size=3).map(tuple))
    ),
    max_leaves=5,
)
receivers = st.recursive(
    st.builds(w.Account, names) | st.just(w.External()) | st.just(w.Keep()),
    lambda inner: (
        st.builds(
            w.ReceiversInOrder,
            st.builds(
                lambda capped, last: (*capped, (None, last)),
                st.lists(st.tuples(st.integers(0, 100), inner), max_size=3).map(tuple),
                inner,
            ),
        )
        | st.builds(
            w.ReceiversByShare,
            st.tuples(st.tuples(st.fractions(0, 1, max_denominator=12), inner), st.tuples(st.none(), inner)),
        )
    ),
    max_leaves=5,
)
moves = st.builds(w.Move, st.just("usd"), st.none() | st.integers(0, 300), payers, receivers)
protects = st.builds(w.Protect, st.just("usd"), st.none() | st.integers(0, 100), names)
balances = st.dictionaries(st.tuples(names, st.just("usd")), st.integers(-100, 300))


@programs
@given(balances, st.lists(moves | protects, max_size=5), st.sampled_from(Remainder))
def test_a_waterfall_moves_money_and_never_makes_any(
    held: dict[tuple[str, str], int], plan: list[w.Move | w.Protect], policy: Remainder
) -> None:
    try:
        flows = w.run_waterfall(held, plan, policy)
    except CauceError:
        return
    after = Counter({name: amount for (name, _), amount in held.items()})
    for flow in flows:
        assert flow.amount_minor > 0
        after[flow.payer] -= flow.amount_minor
        after[flow.receiver] += flow.amount_minor
    assert sum(after.values()) == sum(held.values())
    # Nobody falls below zero further than his overdraft; who owed before may owe that still.
    for name, amount in after.items():
        if name != w.EXTERNAL:
            assert amount >= min(held.get((name, "usd"), 0), -50)
    assert flows == sorted(flows)


def test_one_refusal_undoes_the_whole_plan() -> None:
    held = {("a", "usd"): 10}
    plan = [w.Move("usd", 10, A, B), w.Move("usd", 11, B, C)]
    with pytest.raises(InsufficientFunds):
        w.run_waterfall(held, plan)
    assert held == {("a", "usd"): 10}


def test_kept_money_stays_with_the_payers_that_come_last_and_may_be_used_again() -> None:
    half = w.ReceiversByShare(((Fraction(1, 2), w.Keep()), (None, C)))
    plan = [w.Move("usd", 20, w.PayersInOrder((A, B)), half), w.Move("usd", 10, B, C)]
    flows = w.run_waterfall({("a", "usd"): 10, ("b", "usd"): 10}, plan)
    assert flows == [w.Flow("a", "c", "usd", 10), w.Flow("b", "c", "usd", 10)]


def test_the_same_account_twice_has_its_balance_once() -> None:
    with pytest.raises(InsufficientFunds):
        w.run_waterfall({("a", "usd"): 10}, [w.Move("usd", 15, w.PayersInOrder((A, A)), B)])


def test_protected_money_is_out_of_reach_and_all_of_it_may_be_protected() -> None:
    held = {("a", "usd"): 90}
    some = [w.Protect("usd", 50, "a"), w.Move("usd", None, A, B)]
    assert w.run_waterfall(held, some) == [w.Flow("a", "b", "usd", 40)]
    assert w.run_waterfall(held, [w.Protect("usd", None, "a"), w.Move("usd", None, A, B)]) == []


def test_currencies_do_not_mix() -> None:
    with pytest.raises(InsufficientFunds):
        w.run_waterfall({("a", "eur"): 90}, [w.Move("usd", 1, A, B)])


def test_plans_that_cannot_be_read_are_refused() -> None:
    everything = w.Move("usd", None, w.External(), B)
    shares = w.PayersByShare(((Fraction(1), A),))
    impossible: list[tuple[w.Move | w.Protect, type[CauceError]]] = [
        (everything, w.UnboundedPayer),
        (w.Move("usd", None, shares, B), w.UnboundedPayer),
        (w.Move("usd", -1, A, B), NegativeShare),
        (w.Protect("usd", -1, "a"), NegativeShare),
        (w.Move("usd", 5, w.External(), w.ReceiversInOrder(((3, B),))), w.UnplacedMoney),
        (w.Move("usd", 5, w.External(), w.ReceiversByShare(((Fraction(1, 2), B),))), SharesBelowOne),
    ]
    for step, refusal in impossible:
        with pytest.raises(refusal):
            w.run_waterfall({}, [step])


steps = st.lists(
    st.tuples(
        st.sampled_from(["move", "move_up_to", "hold", "post", "post_all", "void", "advance"]),
        st.sampled_from("xyz"),
        st.integers(-3, 60),
        st.none() | st.integers(0, 20),
    ),
    max_size=25,
)


def play(account: HoldAccount, step: tuple[str, str, int, int | None]) -> HoldAccount:
    op, name, amount, seconds = step
    if op == "move":
        return account.move(amount)
    if op == "move_up_to":
        return account.move_up_to(max(0, amount))[0]
    if op == "hold":
        return account.hold(name, amount, expires_after_seconds=seconds)
    if op == "post":
        return account.post(name, amount)
    if op == "post_all":
        return account.post(name)
    return account.void(name) if op == "void" else account.advance(max(0, amount))


@programs
@given(st.integers(0, 100), steps)
def test_holds_never_let_an_account_spend_more_than_it_has(
    limit: int, plan: list[tuple[str, str, int, int | None]]
) -> None:
    account = HoldAccount(limit)
    for step in plan:
        before = account
        try:
            account = play(account, step)
        except CauceError:
            assert account == before
        assert account.posted_minor + account.held_minor <= limit
        assert account.held_minor >= 0
        assert account.posted_minor >= before.posted_minor


def test_an_unknown_hold_and_negative_amounts_are_refused() -> None:
    account = HoldAccount(100)
    with pytest.raises(UnknownHold):
        account.post("nobody")
    for act in (lambda: account.move(-1), lambda: account.hold("x", -1), lambda: account.hold("x", 5).post("x", -1)):
        with pytest.raises(BadAmount):
            act()


@programs
@given(
    st.integers(1, 10**9),
    st.lists(
        st.builds(
            Fee,
            borne_by=st.sampled_from(Bearer),
            flat_minor=st.none() | st.integers(0, 1000),
            percent=st.none() | st.fractions(0, 5, max_denominator=100),
            to=st.none() | st.sampled_from(["platform", "acquirer"]),
            base=st.sampled_from(FeeBase),
            min_amount_minor=st.none() | st.integers(0, 1000),
        ),
        max_size=5,
    ),
)
def test_what_the_payer_pays_is_what_the_receiver_gets_and_the_fees(amount: int, fees: list[Fee]) -> None:
    try:
        charged = charge_fees(amount, fees)
    except FeeNotBelowAmount:
        return
    assert charged.charged_minor == charged.receiver_minor + charged.fee_minor
    assert charged.charged_minor >= amount >= charged.receiver_minor > 0
    assert sum(charged.by_recipient.values()) <= charged.fee_minor


def test_a_fee_outside_its_bounds_does_not_apply_and_the_bounds_are_inclusive() -> None:
    fee = Fee(Bearer.PAYER, flat_minor=10, min_amount_minor=100, max_amount_minor=200)
    assert [charge_fees(amount, [fee]).fee_minor for amount in (99, 100, 200, 201)] == [0, 10, 10, 0]
