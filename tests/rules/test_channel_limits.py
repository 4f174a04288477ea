"""A split plan against a channel: what it cannot do is refused when it is made, with the limit and its source."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from fractions import Fraction

import pytest

from cauce.gateway.capabilities import Can, Capabilities, Sourced, SplitMoment
from cauce.gateway.errors import CapabilityMissing
from cauce.gateway.limits import (
    AmountBelowMinimum,
    CurrencyUnsupported,
    ReleaseAfterFreeze,
    ReturnExceedsShared,
    ShareAboveCap,
    ShareCapUnknown,
    SplitMomentUnsupported,
    TooManyReceivers,
    TooManyRequests,
    check_split,
    is_released,
    requests_of,
    require_at_most,
    require_chargeable,
    require_returns_within,
    sent_parts,
    share_cap_minor,
)
from cauce.gateway.plans import PlannedPart, SplitPlan

READ = date(2026, 11, 2)
CHANNEL = Capabilities(
    can=frozenset({Can.SPLITS}),
    currencies=frozenset({"cny"}),
    split_moments=frozenset({SplitMoment.LATER}),
    receivers_per_call_max=Sourced(2, "receivers", "a page", READ),
    requests_per_order_max=Sourced(3, "requests", "a page", READ),
    share_max=None,
    share_cap_excludes_owner=True,
    freeze_days_max=Sourced(30, "days", "a page", READ),
    amount_min_minor={"cny": 50},
)
THIRD = Fraction(3, 10)


def plan(*amounts: int, total: int = 1000, **changes: object) -> SplitPlan:
    others = (PlannedPart(f"p{i}", amount) for i, amount in enumerate(amounts))
    parts = (PlannedPart("seller", total - sum(amounts), is_owner=True), *others)
    return replace(SplitPlan("cny", total, parts), **changes)  # type: ignore[arg-type]


def test_a_plan_within_every_limit_passes() -> None:
    check_split(plan(100, 100, 100), CHANNEL, THIRD)


def test_a_plan_that_sends_nothing_needs_no_channel_that_splits() -> None:
    check_split(plan(0, 0), Capabilities(can=frozenset()))


@pytest.mark.parametrize(
    ("bad", "refusal"),
    [
        (plan(100, 100, 101), ShareAboveCap),
        (plan(100, shared_before_minor=201), ShareAboveCap),
        (plan(100, 100, 100, refunded_minor=1), ShareAboveCap),
        (plan(1, 1, 1, 1, 1, 1, 1), TooManyRequests),
        (plan(1, 1, 1, requests_before=2), TooManyRequests),
        (plan(1, moment=SplitMoment.AT_PAY), SplitMomentUnsupported),
        (plan(1, release_after_days=30), ReleaseAfterFreeze),
        (plan(1, currency="usd"), CurrencyUnsupported),
    ],
)
def test_each_limit_refuses_its_plan(bad: SplitPlan, refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        check_split(bad, CHANNEL, THIRD)


def test_a_channel_that_cannot_split_says_so_and_a_share_cap_is_never_assumed() -> None:
    with pytest.raises(CapabilityMissing):
        check_split(plan(1), replace(CHANNEL, can=frozenset()), THIRD)
    with pytest.raises(ShareCapUnknown):
        check_split(plan(1), CHANNEL)


def test_zero_parts_and_the_owners_own_are_not_sent_and_the_rest_is_cut_into_requests() -> None:
    parts = sent_parts(plan(1, 0, 1, 1))
    assert [part.party for part in parts] == ["p0", "p2", "p3"]
    assert [[part.party for part in chunk] for chunk in requests_of(parts, CHANNEL)] == [["p0", "p2"], ["p3"]]
    assert len(list(requests_of(parts, replace(CHANNEL, receivers_per_call_max=None)))) == 1
    assert list(requests_of([], CHANNEL)) == []


def test_the_cap_is_the_floor_of_what_is_not_refunded() -> None:
    assert share_cap_minor(999, 0, THIRD) == 299
    assert share_cap_minor(1000, 4, THIRD) == 298


def test_a_refusal_names_the_limit_its_source_and_the_day_it_was_read() -> None:
    with pytest.raises(TooManyReceivers) as refused:
        require_at_most(3, CHANNEL.receivers_per_call_max, TooManyReceivers)
    assert refused.value.fields == {
        "limit": 2,
        "unit": "receivers",
        "source": "a page",
        "read_on": "2026-11-02",
        "value": 3,
    }
    require_at_most(10**9, None, TooManyReceivers)


def test_returns_stay_within_what_was_shared_and_a_full_freeze_is_released() -> None:
    require_returns_within(500, [200, 300])
    with pytest.raises(ReturnExceedsShared):
        require_returns_within(500, [200, 301])
    assert [is_released(day, CHANNEL.freeze_days_max) for day in (29, 30, 31)] == [False, True, True]
    assert not is_released(10**6, None)


def test_less_than_the_smallest_charge_is_carried_and_not_sent() -> None:
    require_chargeable(50, "cny", CHANNEL)
    with pytest.raises(AmountBelowMinimum):
        require_chargeable(49, "cny", CHANNEL)
