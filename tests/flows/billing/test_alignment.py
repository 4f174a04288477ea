"""Periods that begin with the calendar, on a weekday, or with the customer's other subscription (V4-V7, C17)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from cauce.billing.catalog.rules import BadPlan, CancelCredit, ChangePolicy, ChangeRule, ChangeTiming, PlanPolicy
from cauce.flows.billing.cancel import Cancel, cancel, reactivate
from cauce.flows.billing.changes import Change, change
from cauce.flows.billing.upcoming import upcoming_invoice
from cauce.pricing.changes import IntervalChange
from tests.flows.billing.shop import Shop, flat

CALENDAR, ACCOUNT = PlanPolicy(alignment="calendar"), PlanPolicy(alignment="account")


async def billed(seller: Shop, one: str) -> list[tuple[date, date, int]]:
    return [
        (line["period_start"], line["period_end"], line["net_minor"])
        for invoice in await seller.invoices(one)
        for line in invoice["lines"]
    ]


async def begun(seller: Shop, on: datetime, plan: str, who: str = "ana", **more: object) -> str:
    await seller.advance_to(on)
    await seller.card(who)
    return (await seller.sign_up(who, plan, **more)).subscription_id


async def test_all_subscriptions_renew_on_the_first(seller: Shop) -> None:
    await seller.plan("pro", flat(4_900), policy=CALENDAR)
    one = await begun(seller, datetime(2026, 3, 12, 9, tzinfo=UTC), "pro")
    two = await begun(seller, datetime(2026, 3, 31, 23, tzinfo=UTC), "pro", "bia")
    three = await begun(seller, datetime(2026, 4, 1, 15, tzinfo=UTC), "pro", "cid")
    await seller.advance_to(datetime(2026, 5, 2, tzinfo=UTC))
    april, may = (date(2026, 4, 1), date(2026, 5, 1), 4_900), (date(2026, 5, 1), date(2026, 6, 1), 4_900)
    assert await billed(seller, one) == [(date(2026, 3, 12), date(2026, 4, 1), 3_161), april, may]
    assert await billed(seller, two) == [(date(2026, 3, 31), date(2026, 4, 1), 158), april, may]
    assert await billed(seller, three) == [april, may]
    await seller.prove()


@pytest.mark.parametrize(
    ("interval", "amount", "until", "stub"),
    [
        ({"interval": "quarter"}, 9_000, date(2026, 4, 1), 2_000),  # 20 of the 90 days of January to March
        ({"interval": "year"}, 36_500, date(2027, 1, 1), 29_500),  # 295 of 365
        ({"interval": "week"}, 700, date(2026, 3, 16), 400),  # Thursday to Monday
        ({"interval": "day"}, 100, date(2026, 3, 13), 100),
    ],
)
async def test_the_calendar_of_each_interval(
    seller: Shop, interval: dict[str, str], amount: int, until: date, stub: int
) -> None:
    await seller.plan("pro", flat(amount, **interval), policy=CALENDAR)
    one = await begun(seller, datetime(2026, 3, 12, 9, tzinfo=UTC), "pro")
    assert await billed(seller, one) == [(date(2026, 3, 12), until, stub)]
    assert (await upcoming_invoice(seller.context, one)).bill.priced.total_minor == amount


async def test_a_trial_ends_into_the_rest_of_its_month(seller: Shop) -> None:
    await seller.plan("pro", flat(5_000_000), trial_days=10, policy=CALENDAR)
    one = await begun(seller, datetime(2026, 3, 5, 9, tzinfo=UTC), "pro")
    await seller.advance_to(datetime(2026, 4, 1, 10, tzinfo=UTC))
    rest = (date(2026, 3, 15), date(2026, 4, 1), 2_741_935)
    assert await billed(seller, one) == [rest, (date(2026, 4, 1), date(2026, 5, 1), 5_000_000)]
    await seller.prove()


async def test_an_end_within_a_stub_credits_its_unused_days_and_a_return_aligns_again(seller: Shop) -> None:
    await seller.plan("pro", flat(3_100), policy=CALENDAR)
    one = await begun(seller, datetime(2026, 3, 12, 9, tzinfo=UTC), "pro")
    await seller.advance_to(datetime(2026, 3, 22, 9, tzinfo=UTC))
    done = await cancel(seller.context, Cancel(one, now=True, credit=CancelCredit.CREDIT))
    assert done.credit_minor == 1_000
    await seller.advance_to(datetime(2026, 4, 21, 9, tzinfo=UTC))
    await reactivate(seller.context, one)
    await seller.work()
    assert (await billed(seller, one))[-1] == (date(2026, 4, 21), date(2026, 5, 1), 1_033)
    await seller.prove()


async def test_another_interval_that_keeps_the_anchor_keeps_to_the_calendar(seller: Shop) -> None:
    change_policy = ChangePolicy(interval_up=ChangeRule(ChangeTiming.NOW), interval_change=IntervalChange.KEEP_ANCHOR)
    await seller.plan("pro", flat(3_100), policy=PlanPolicy(alignment="calendar", change=change_policy))
    await seller.plan("yearly", flat(36_500, interval="year"))
    one = await begun(seller, datetime(2026, 3, 12, 9, tzinfo=UTC), "pro")
    done = await change(seller.context, Change(one, plan="yearly"))
    assert [line.total_minor for line in done.lines] == [-2_000, 29_500]
    await seller.work()
    assert (await seller.subscription(one)).period_end == date(2027, 1, 1)
    await seller.prove()


async def test_new_subscriptions_align_to_the_customers_first(seller: Shop) -> None:
    await seller.plan("pro", flat(3_100), policy=ACCOUNT)
    await seller.plan("extra", flat(3_100), policy=ACCOUNT)
    await seller.plan("yearly", flat(36_500, interval="year"), policy=ACCOUNT)
    first = await begun(seller, datetime(2026, 1, 31, 9, tzinfo=UTC), "pro")
    second = await begun(seller, datetime(2026, 3, 12, 9, tzinfo=UTC), "extra")
    third = await begun(seller, datetime(2026, 3, 12, 10, tzinfo=UTC), "yearly")
    alone = await begun(seller, datetime(2026, 3, 12, 11, tzinfo=UTC), "pro", "bia")
    await seller.advance_to(datetime(2026, 4, 30, 12, tzinfo=UTC))
    ends = [(await seller.subscription(one)).period_end for one in (first, second, third, alone)]
    assert ends == [date(2026, 5, 31), date(2026, 5, 31), date(2027, 3, 31), date(2026, 5, 12)]
    # from the 12th to the 31st of the period that began on 28 February
    assert (await billed(seller, second))[0] == (date(2026, 3, 12), date(2026, 3, 31), 1_900)
    assert (await billed(seller, third))[0] == (date(2026, 3, 12), date(2026, 3, 31), 1_900)
    await seller.prove()


async def test_weeks_begin_on_the_weekday_that_the_plan_says_or_the_customer_has(seller: Shop) -> None:
    await seller.plan("pro", flat(700, interval="week"), policy=PlanPolicy(align_to_weekday=7))
    await seller.plan("more", flat(1_400, interval="week", interval_count=2), policy=ACCOUNT)
    one = await begun(seller, datetime(2026, 3, 12, 9, tzinfo=UTC), "pro")  # a Thursday
    two = await begun(seller, datetime(2026, 3, 16, 9, tzinfo=UTC), "more")  # a Monday
    await seller.advance(timedelta(days=7))
    sunday = date(2026, 3, 15)
    assert await billed(seller, one) == [
        (date(2026, 3, 12), sunday, 300), (sunday, date(2026, 3, 22), 700), (date(2026, 3, 22), date(2026, 3, 29), 700),
    ]  # fmt: skip
    assert await billed(seller, two) == [
        (date(2026, 3, 16), date(2026, 3, 22), 600),
        (date(2026, 3, 22), date(2026, 4, 5), 1_400),
    ]
    await seller.prove()


@pytest.mark.parametrize(
    "policy",
    [
        PlanPolicy(anchor_day=0), PlanPolicy(anchor_day=32), PlanPolicy(align_to_weekday=0), PlanPolicy(align_to_weekday=8),
        PlanPolicy(alignment="calendar", anchor_day=3), PlanPolicy(alignment="account", align_to_weekday=1),
    ],
)  # fmt: skip
async def test_an_alignment_that_there_is_not_is_refused(seller: Shop, policy: PlanPolicy) -> None:
    with pytest.raises(BadPlan):
        await seller.plan("odd", flat(100), policy=policy)
