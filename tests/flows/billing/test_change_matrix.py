"""One rule per direction of change (F4): by the plan, by the call, now or at the renewal; and where a new interval begins (V10)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from cauce.billing.catalog.rules import ChangePolicy, ChangeRule, ChangeTiming, PlanPolicy, ProrationBehavior
from cauce.flows.billing.changes import Change, change, preview_change
from cauce.flows.billing.upcoming import upcoming_invoice
from cauce.pricing.changes import IntervalChange
from tests.flows.billing.shop import Shop, flat, per_unit

NOW, LATER = ChangeTiming.NOW, ChangeTiming.AT_RENEWAL
FLIPPED = ChangePolicy(
    upgrade=ChangeRule(LATER),
    downgrade=ChangeRule(NOW),
    quantity_up=ChangeRule(LATER),
    quantity_down=ChangeRule(NOW),
    interval_up=ChangeRule(LATER),
    interval_down=ChangeRule(NOW),
)
STRAIGHT = replace(ChangePolicy(), interval_up=ChangeRule(NOW), interval_down=ChangeRule(LATER))
WISHES = {
    "upgrade": Change("", plan="large"),
    "downgrade": Change("", plan="small"),
    "quantity_up": Change("", quantities={"seats": "9"}),
    "quantity_down": Change("", quantities={"seats": "1"}),
    "interval_up": Change("", plan="yearly"),
    "interval_down": Change("", plan="weekly"),
}


async def subscribed(seller: Shop, policy: ChangePolicy) -> str:
    seats = per_unit("100")
    await seller.plan("middle", flat(2_000), seats, policy=PlanPolicy(change=policy))
    await seller.plan("large", flat(9_000), seats)
    await seller.plan("small", flat(100), seats)
    await seller.plan("yearly", flat(20_000, interval="year"))
    await seller.plan("weekly", flat(900, interval="week"))
    await seller.card("ana")
    return (await seller.sign_up("ana", "middle", quantities={"seats": "3"})).subscription_id


@pytest.mark.parametrize("policy", [STRAIGHT, FLIPPED], ids=["straight", "flipped"])
async def test_each_direction_goes_by_its_own_rule_and_a_call_by_what_it_says(
    seller: Shop, policy: ChangePolicy
) -> None:
    one = await subscribed(seller, policy)
    for direction, wish in WISHES.items():
        command = replace(wish, subscription_id=one)
        wanted = getattr(policy, direction).timing
        assert (await preview_change(seller.context, command)).timing is wanted, direction
        for said in (NOW, LATER):
            found = await preview_change(seller.context, replace(command, timing=said))
            assert found.timing is said, direction
        none = replace(command, timing=NOW, proration=ProrationBehavior.NONE)
        if not direction.startswith("interval"):
            assert (await preview_change(seller.context, none)).lines == ()


async def test_without_a_rule_of_its_own_an_interval_goes_by_upgrade_and_downgrade(seller: Shop) -> None:
    one = await subscribed(seller, ChangePolicy())
    assert (await preview_change(seller.context, Change(one, plan="yearly"))).timing is LATER, "less a month"
    assert (await preview_change(seller.context, Change(one, plan="weekly"))).timing is NOW, "more a month"


async def _monthly(seller: Shop, how: IntervalChange | None = None) -> str:
    policy = PlanPolicy(change=replace(ChangePolicy(), interval_up=ChangeRule(NOW)))
    if how is not None:
        policy = replace(policy, change=replace(policy.change, interval_change=how))
    await seller.plan("monthly", flat(3_100), policy=policy)
    await seller.plan("yearly", flat(36_500, interval="year"))
    await seller.card("ana")
    return (await seller.sign_up("ana", "monthly")).subscription_id


@pytest.mark.parametrize("by_call", [True, False])
async def test_a_longer_interval_keeps_the_old_anchor_where_plan_or_call_say_so(seller: Shop, by_call: bool) -> None:
    keep = IntervalChange.KEEP_ANCHOR
    one = await _monthly(seller, None if by_call else keep)
    await seller.advance_to(datetime(2026, 3, 20, 9, tzinfo=UTC))
    command = Change(one, plan="yearly", interval_change=keep if by_call else None)
    preview = await preview_change(seller.context, command)
    # 26 of the 31 days from 15 March are unused; of the year from 15 January 301 days are left
    assert [line.charge.amount_minor for line in preview.lines] == [-2_600, 30_100]
    await change(seller.context, replace(command, at=preview.effective_at, expect_total_minor=27_500))
    await seller.work()
    after = await seller.subscription(one)
    assert (after.period_start, after.period_end) == (date(2026, 3, 20), date(2027, 1, 15))
    assert (after.interval_unit, after.status) == ("year", "active")
    assert (await upcoming_invoice(seller.context, one)).bill.priced.total_minor == 36_500
    await seller.advance_to(datetime(2027, 1, 15, 9, tzinfo=UTC))
    assert [each["total_minor"] for each in await seller.invoices(one)] == [3_100, 3_100, 3_100, 27_500, 36_500]
    assert (await seller.subscription(one)).period_end == date(2028, 1, 15)
    await seller.prove()


async def test_a_longer_interval_begins_now_by_itself(seller: Shop) -> None:
    one = await _monthly(seller)
    await seller.advance_to(datetime(2026, 3, 20, 9, tzinfo=UTC))
    done = await change(seller.context, Change(one, plan="yearly"))
    assert [line.charge.amount_minor for line in done.lines] == [-2_600, 36_500]
    await seller.work()
    assert (await seller.subscription(one)).period_end == date(2027, 3, 20)


async def test_a_scheduled_change_keeps_the_anchor_that_it_was_asked_for_with(seller: Shop) -> None:
    one = await _monthly(seller)
    keep = IntervalChange.KEEP_ANCHOR
    await seller.advance_to(datetime(2026, 3, 20, 9, tzinfo=UTC))
    await change(seller.context, Change(one, plan="yearly", timing=LATER, interval_change=keep))
    await seller.advance_to(datetime(2026, 4, 15, 9, tzinfo=UTC))
    after = await seller.subscription(one)
    assert (after.period_start, after.period_end) == (date(2026, 4, 15), date(2027, 1, 15))
    assert (await seller.invoices(one))[-1]["total_minor"] == 36_500 * 275 // 365
    await seller.prove()


async def test_a_shorter_interval_and_a_remembered_last_day_keep_the_anchor(seller: Shop) -> None:
    await seller.advance_to(datetime(2026, 1, 31, 9, tzinfo=UTC))
    policy = PlanPolicy(
        change=replace(ChangePolicy(), interval_down=ChangeRule(NOW), interval_change=IntervalChange.KEEP_ANCHOR)
    )
    await seller.plan("yearly", flat(36_500, interval="year"), policy=policy)
    await seller.plan("monthly", flat(2_800))
    await seller.card("ana")
    one = (await seller.sign_up("ana", "yearly")).subscription_id
    await seller.advance_to(datetime(2026, 3, 10, 9, tzinfo=UTC))
    done = await change(seller.context, Change(one, plan="monthly"))
    # of 365 days 327 are unused; the month from 28 February to 31 March has 31, of which 21 are left
    assert [line.charge.amount_minor for line in done.lines] == [-32_700, round(2_800 * 21 / 31)]
    ends = []
    for month in (3, 4, 5):
        ends.append((await seller.subscription(one)).period_end)
        await seller.advance_to(datetime(2026, month, 30 if month == 4 else 31, 9, tzinfo=UTC))
    assert ends == [date(2026, 3, 31), date(2026, 4, 30), date(2026, 5, 31)]
    await seller.prove()


async def test_a_change_that_waits_for_its_payment_keeps_the_anchor_when_it_is_made(seller: Shop) -> None:
    keep = IntervalChange.KEEP_ANCHOR
    one = await _monthly(seller, keep)
    await seller.advance_to(datetime(2026, 3, 20, 9, tzinfo=UTC))
    done = await change(seller.context, Change(one, plan="yearly"))
    assert done.awaits_payment
    await seller.work()
    assert (await seller.subscription(one)).period_end == date(2027, 1, 15)
