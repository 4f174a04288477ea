"""Quotas that a meter counts: told at their thresholds once a period, and no longer allowed when they are used up (I5)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from cauce.billing.catalog.policy_parts import UsageLimit
from cauce.billing.catalog.rules import BadPlan, PlanPolicy
from cauce.billing.usage.rules import UsageEvent
from cauce.flows.billing.check_access import Check, Checked, check_access
from cauce.flows.billing.usage import create_meter, record_usage
from tests.flows.billing.shop import Shop, flat

DAY = timedelta(days=1)


async def use(seller: Shop, n: int, value: int, meter: str = "calls", unique: str = "") -> None:
    """Ana uses something, and says so twice."""
    async with seller.context.transaction() as tx:
        now = await seller.context.now(tx)
    event = UsageEvent("app", f"e{n}", meter, "ana", Decimal(value), now, unique)
    for _ in range(2):
        await record_usage(seller.context, [event])


async def calls(seller: Shop, feature: str = "calls") -> Checked:
    """What the check says of Ana's calls."""
    (found,) = await check_access(seller.context, [Check("ana", feature)])
    assert found is not None
    return found


async def told(seller: Shop, subscription_id: str) -> list[tuple[str, int]]:
    """The thresholds that were told, in order."""
    async with seller.context.transaction() as tx:
        rows = await tx.rows(
            "SELECT type, data FROM storage.event WHERE org_id = $1 AND object_id = $2 AND type LIKE 'usage.%' ORDER BY sequence",
            tx.org,
            subscription_id,
        )
    return [(row["type"].removeprefix("usage."), row["data"]["percent"]) for row in rows]


async def test_a_quota_is_told_once_a_period_and_then_blocks(seller: Shop) -> None:
    await create_meter(seller.context, "calls", "sum")
    limits = (UsageLimit("calls", "calls", warn_percent=(50, 80)),)
    await seller.plan("pro", flat(1_000), features={"calls": 100}, policy=PlanPolicy(limits=limits), trial_days=7)
    await seller.card("ana")
    one = (await seller.sign_up("ana", "pro")).subscription_id
    await use(seller, 1, 49)
    assert await told(seller, one) == [], "nothing is billed by the meter, and yet it counts, in the trial too"
    await use(seller, 2, 35)
    assert await told(seller, one) == [("threshold_reached", 50), ("threshold_reached", 80)]
    now = await calls(seller)
    assert (now.allowed, now.value, now.used, now.remaining) == (True, 100, 84, 16)
    await use(seller, 3, 16)
    await use(seller, 4, 1)
    assert (await told(seller, one))[2:] == [("limit_reached", 100)]
    now = await calls(seller)
    assert (now.allowed, now.used, now.remaining) == (False, 101, 0)
    await seller.advance(8 * DAY)
    assert (await calls(seller)).allowed, "another period, another quota"
    await use(seller, 5, 100)
    assert (await told(seller, one))[3:] == [
        ("threshold_reached", 50),
        ("threshold_reached", 80),
        ("limit_reached", 100),
    ]
    await seller.prove()


async def test_a_quota_of_distinct_values_may_be_passed_where_the_plan_allows_it(seller: Shop) -> None:
    await create_meter(seller.context, "people", "unique")
    limits = (UsageLimit("people", "people", overage="allow"),)
    await seller.plan("pro", flat(1_000), features={"people": 2}, policy=PlanPolicy(limits=limits))
    await seller.card("ana")
    one = (await seller.sign_up("ana", "pro")).subscription_id
    for n, name in enumerate(["x", "y", "x", "z"]):
        await use(seller, n, 1, "people", name)
    found = await calls(seller, "people")
    assert (found.allowed, found.used, found.remaining) == (True, 3, 0)
    assert await told(seller, one) == [("threshold_reached", 80), ("limit_reached", 100)]
    await seller.advance_to(datetime(2026, 2, 16, 9, tzinfo=UTC))
    assert (await calls(seller, "people")).used == 0


@pytest.mark.parametrize(
    ("features", "limit"),
    [
        ({}, UsageLimit("calls", "calls")),
        ({"calls": True}, UsageLimit("calls", "calls")),
        ({"calls": 5}, UsageLimit("calls", "calls", warn_percent=(100,))),
        ({"calls": 5}, UsageLimit("calls", "")),
    ],
)
async def test_a_limit_of_what_is_no_quota_is_refused(
    seller: Shop, features: dict[str, object], limit: UsageLimit
) -> None:
    with pytest.raises(BadPlan):
        await seller.plan("pro", flat(1_000), features=features, policy=PlanPolicy(limits=(limit,)))
