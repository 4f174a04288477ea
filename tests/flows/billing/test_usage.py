"""Usage that is counted once and billed in arrears; revenue that is earned day by day; coupons and taxes on the way."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from cauce.billing.catalog import service as catalog
from cauce.billing.catalog.rules import NewPrice, PriceKind
from cauce.billing.catalog.service import NewCoupon
from cauce.billing.usage.rules import BadUsage, UsageEvent
from cauce.flows.billing.coupons import CouponNotValid
from cauce.flows.billing.current_usage import current_usage
from cauce.flows.billing.extra import ExtraCharge, add_charge
from cauce.flows.billing.pausing import pause_now
from cauce.flows.billing.recognize import recognize_revenue
from cauce.flows.billing.resuming import resume_now
from cauce.flows.billing.trial_dates import move_trial_end
from cauce.flows.billing.upcoming import upcoming_invoice
from cauce.flows.billing.usage import create_meter, record_usage
from cauce.pricing.schedule import Billing
from tests.flows.billing.shop import BEGIN, Shop, flat

DAY = timedelta(days=1)
TIERS = {
    "type": "graduated",
    "tiers": [
        {"up_to": "100", "unit_amount": "10"},
        {"up_to": "500", "unit_amount": "8"},
        {"up_to": None, "unit_amount": "5"},
    ],
}


def metered(meter: str, model: dict[str, object] | None = None) -> NewPrice:
    """A price by a meter, billed when its period is over."""
    return NewPrice(
        meter, "eur", model or TIERS, kind=PriceKind.USAGE, billing=Billing.IN_ARREARS, meter_key=meter, nickname=meter
    )


def event(n: int, value: str, at: datetime, meter: str = "calls", unique: str = "") -> UsageEvent:
    """One event of Ana."""
    return UsageEvent("app", f"e{n}", meter, "ana", Decimal(value), at, unique)


async def test_usage_is_counted_once_and_billed_when_its_period_is_over(seller: Shop) -> None:
    await create_meter(seller.context, "calls", "sum")
    await seller.plan("pro", flat(1_000), metered("calls"))
    await seller.card("ana")
    one = (await seller.sign_up("ana", "pro")).subscription_id
    await seller.advance(5 * DAY)
    batch = [event(n, "65", BEGIN + DAY) for n in range(10)]
    assert (await record_usage(seller.context, [*batch, batch[0]])).fresh == 10
    assert (await record_usage(seller.context, batch)).fresh == 0
    with pytest.raises(BadUsage):
        await record_usage(seller.context, [event(99, "1", BEGIN + 400 * DAY)])
    upcoming = await upcoming_invoice(seller.context, one)
    await seller.advance_to(datetime(2026, 2, 15, 9, tzinfo=UTC))
    _, second = await seller.invoices(one)
    assert [line["amount_minor"] for line in second["lines"]] == [1_000, 4_950]
    assert [line.charge.amount_minor for line in upcoming.bill.priced.lines] == [1_000, 4_950]
    await seller.advance_to(datetime(2026, 3, 15, 9, tzinfo=UTC))
    assert [each["total_minor"] for each in await seller.invoices(one)] == [1_000, 5_950, 1_000]
    await seller.prove()


async def test_the_use_so_far_and_what_it_comes_to_if_it_goes_on(seller: Shop) -> None:
    await create_meter(seller.context, "calls", "sum")
    await create_meter(seller.context, "peak", "max")
    await seller.plan("pro", flat(1_000), metered("calls"), metered("peak"))
    await seller.card("ana")
    one = (await seller.sign_up("ana", "pro")).subscription_id
    await seller.advance(9 * DAY)  # the tenth of 31 days
    await record_usage(seller.context, [event(1, "200", BEGIN + DAY), event(2, "30", BEGIN + DAY, "peak")])
    found = await current_usage(seller.context, one)
    calls, peak = sorted(found.meters, key=lambda each: each.meter)
    assert (calls.used, calls.amount_minor) == (200, 1_800)
    assert (calls.forecast, calls.forecast_minor) == (620, 1_000 + 3_200 + 600)
    assert (peak.used, peak.amount_minor, peak.forecast, peak.forecast_minor) == (30, 300, 30, 300)


async def test_every_way_of_counting(seller: Shop) -> None:
    per_one = {"type": "per_unit", "unit_amount": "1"}
    ways = ("count", "sum", "max", "unique", "latest")
    for way in ways:
        await create_meter(seller.context, way, way)
    await seller.plan("pro", flat(0), *(metered(way, per_one) for way in ways))
    await seller.card("ana")
    one = (await seller.sign_up("ana", "pro")).subscription_id
    await seller.advance(5 * DAY)
    values = [("3", 1, "a"), ("9", 2, "b"), ("4", 3, "a")]
    await record_usage(
        seller.context,
        [
            event(n * 10 + k, v, BEGIN + d * DAY, way, u)
            for k, way in enumerate(ways)
            for n, (v, d, u) in enumerate(values)
        ],
    )
    await seller.advance_to(datetime(2026, 2, 15, 9, tzinfo=UTC))
    _, second = await seller.invoices(one)
    used = {line["description"]: line["amount_minor"] for line in second["lines"] if line["kind"] == "usage"}
    assert used == {"count": 3, "sum": 16, "max": 9, "unique": 2, "latest": 4}


async def test_revenue_is_earned_day_by_day_and_a_credit_takes_the_unearned_first(seller: Shop) -> None:
    await seller.plan("yearly", flat(12_000, interval="year"))
    await seller.card("ana")
    await seller.sign_up("ana", "yearly")
    assert (await recognize_revenue(seller.context, date(2026, 2, 1))).amounts_minor == {"eur": 559}  # 17 of 365 days
    assert (await recognize_revenue(seller.context, date(2026, 2, 1))).amounts_minor == {}
    assert (await recognize_revenue(seller.context, date(2027, 1, 15))).amounts_minor == {"eur": 12_000 - 559}
    assert [line for line in await seller.books() if line.startswith(("deferred", "revenue"))] == ["revenue: 12000"]
    await seller.prove()


async def test_a_coupon_works_for_its_periods_and_no_longer(seller: Shop) -> None:
    async with seller.context.transaction() as tx:
        now = await seller.context.now(tx)
        coupon = NewCoupon("TWO", "25", duration="repeating", duration_periods=2, redemptions_max=1)
        await catalog.create_coupon(tx, coupon, now=now)
        await catalog.put_tax_rate(tx, "", "20")
    await seller.plan("pro", flat(1_000), trial_days=7)
    await seller.card("ana")
    one = (await seller.sign_up("ana", "pro", coupon="TWO")).subscription_id
    with pytest.raises(CouponNotValid):
        await seller.sign_up("bia", "pro", coupon="TWO")
    await seller.advance(100 * DAY)
    totals = [(each["discount_minor"], each["tax_minor"], each["total_minor"]) for each in await seller.invoices(one)]
    assert totals == [(250, 150, 900), (250, 150, 900), (0, 200, 1_200), (0, 200, 1_200)]
    await seller.prove()


async def test_days_of_a_pause_are_not_billed(seller: Shop) -> None:
    await seller.plan("pro", flat(3_000))
    await seller.advance_to(datetime(2026, 4, 1, 9, tzinfo=UTC))
    await seller.card("ana")
    one = (await seller.sign_up("ana", "pro")).subscription_id
    await seller.advance_to(datetime(2026, 4, 11, 9, tzinfo=UTC))
    assert (await pause_now(seller.context, one, resume_at=datetime(2026, 5, 17, 9, tzinfo=UTC))).credit_minor == 2_000
    assert await seller.access(one) == "read_only"
    await seller.advance_to(datetime(2026, 5, 17, 10, tzinfo=UTC))
    assert (await seller.subscription(one)).status == "active"
    _, piece = await seller.invoices(one)
    assert (piece["total_minor"], piece["credit_minor"]) == (1_452, 1_452)  # 15 of 31 days
    await seller.advance_to(datetime(2026, 6, 1, 9, tzinfo=UTC))
    assert (await seller.invoices(one))[-1]["total_minor"] == 3_000
    await pause_now(seller.context, one)
    await resume_now(seller.context, one)
    await seller.work()
    await seller.prove()


async def test_a_one_off_charge_now_or_with_the_next_invoice(seller: Shop) -> None:
    await seller.plan("pro", flat(1_000))
    await seller.card("ana")
    one = (await seller.sign_up("ana", "pro")).subscription_id
    await add_charge(seller.context, ExtraCharge(one, 700, "Set-up", invoice_now=True))
    await add_charge(seller.context, ExtraCharge(one, 300, "Training"))
    await seller.work()
    assert [each["total_minor"] for each in await seller.invoices(one)] == [1_000, 700]
    await seller.advance_to(datetime(2026, 3, 15, 9, tzinfo=UTC))
    assert [each["total_minor"] for each in await seller.invoices(one)] == [1_000, 700, 1_300, 1_000]
    await seller.prove()


async def test_a_moved_trial_ends_once_at_its_last_date(seller: Shop) -> None:
    await seller.plan("pro", flat(1_000), trial_days=7)
    await seller.card("ana")
    one = (await seller.sign_up("ana", "pro")).subscription_id
    for days in (20, 30, 10):
        await move_trial_end(seller.context, one, BEGIN + days * DAY)
    await seller.advance(35 * DAY)
    assert (await seller.story(one)).count("subscription.trial_converted") == 1
    assert [each["period_start"] for each in await seller.invoices(one)] == [date(2026, 1, 25)]
    other = (await seller.sign_up("bia", "pro")).subscription_id
    await move_trial_end(seller.context, other, None)
    assert (await seller.subscription(other)).status == "paused"
