"""Coupons and changes in the middle of a period: each works as often as it says, however often the plan changes (A5, F5)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cauce.billing.catalog import service as catalog
from cauce.billing.catalog.rules import ChangePolicy, ChangeRule, ChangeTiming, PlanPolicy, ProrationBehavior
from cauce.billing.catalog.service import NewCoupon
from cauce.flows.billing.changes import Change, change, preview_change
from cauce.flows.billing.extra import ExtraCharge, add_charge, preview_charge
from cauce.flows.billing.pausing import pause_now
from cauce.flows.billing.resuming import resume_now
from cauce.pricing.schedule import Billing
from tests.flows.billing.shop import Shop, flat

DAY = timedelta(days=1)
ALL_NOW = PlanPolicy(change=ChangePolicy(downgrade=ChangeRule(ChangeTiming.NOW)))
MAY = datetime(2026, 5, 1, 10, tzinfo=UTC)


async def _since_april(seller: Shop, plan: str, **coupon: Any) -> str:
    """A subscription with a coupon since 1 April. Large costs 60.00, small 30.00."""
    for key, fee in (("large", 6_000), ("small", 3_000), ("free", 0)):
        await seller.plan(key, flat(fee), policy=ALL_NOW)
    await seller.advance_to(datetime(2026, 4, 1, 9, tzinfo=UTC))
    await seller.card("ana")
    async with seller.context.transaction() as tx:
        await catalog.create_coupon(tx, NewCoupon("OFF", **coupon), now=await seller.context.now(tx))
    return (await seller.sign_up("ana", plan, coupon="OFF")).subscription_id


async def _paid(seller: Shop, one: str) -> int:
    return sum(invoice["total_minor"] for invoice in await seller.invoices(one))


async def test_money_off_each_period_is_taken_off_once_however_often_the_plan_changes(seller: Shop) -> None:
    one = await _since_april(seller, "small", amount_minor=600, currency="eur", duration="forever")
    for day in range(2, 30):
        await seller.advance_to(datetime(2026, 4, day, 9, tzinfo=UTC))
        await change(seller.context, Change(one, plan="large" if day % 2 else "small" if day > 2 else "large"))
        await seller.work()
    april = await _paid(seller, one)
    full = (
        sum(200 if day % 2 or day == 2 else 100 for day in range(2, 30)) + 100 + 200
    )  # what the days cost; the 30th is large's
    assert abs(april - (full - 600)) <= 28, "a cent a change is rounding"
    await seller.advance_to(MAY)
    assert (await seller.invoices(one))[-1]["total_minor"] == 5_400
    await seller.prove()


async def test_an_upgrade_costs_the_difference_under_money_off(seller: Shop) -> None:
    one = await _since_april(seller, "small", amount_minor=600, currency="eur", duration="forever")
    await seller.advance_to(datetime(2026, 4, 11, 9, tzinfo=UTC))
    seen = await preview_change(seller.context, Change(one, plan="large"))
    assert [(line.charge.amount_minor, line.discount_minor) for line in seen.lines] == [(-1_600, 0), (4_000, 400)]
    done = await change(seller.context, Change(one, plan="large", expect_total_minor=2_000))
    assert done.total_minor == 2_000, "twenty days of the difference of 30.00"
    await seller.work()
    await seller.prove()


@pytest.mark.parametrize("pays", [True, False], ids=["paid at once", "declined and made later"])
async def test_a_coupon_for_one_bill_that_waited_on_a_free_plan_works_on_one_bill(seller: Shop, *, pays: bool) -> None:
    one = await _since_april(seller, "free", percent="50", duration="once")
    good = dict(seller.cards.cards)
    await seller.advance_to(datetime(2026, 4, 11, 9, tzinfo=UTC))
    if not pays:
        seller.cards.cards = dict.fromkeys(good, "poor")
        await change(seller.context, Change(one, plan="large"))
        await seller.work()
        seller.cards.cards = good
        await seller.advance(2 * DAY)
    days = 20 if pays else 18
    await change(seller.context, Change(one, plan="large"))
    await seller.work()
    assert (await seller.invoices(one))[-1]["total_minor"] == 6_000 * days // 30 // 2
    await seller.advance_to(MAY)
    assert (await seller.invoices(one))[-1]["total_minor"] == 6_000
    await seller.prove()


async def test_a_new_period_uses_up_one_of_a_coupons_periods(seller: Shop) -> None:
    one = await _since_april(seller, "small", percent="50", duration="repeating", duration_periods=2)
    for day in (3, 5):
        await seller.advance_to(datetime(2026, 4, day, 9, tzinfo=UTC))
        wish = Change(one, plan="large" if day == 3 else "small", proration=ProrationBehavior.FULL_RESET)
        await change(seller.context, wish)
        await seller.work()
    discounts = [invoice["discount_minor"] for invoice in await seller.invoices(one)]
    assert discounts == [1_500, 3_000, 0], "two periods at half, then whole"
    await seller.prove()


async def test_a_coupon_for_a_product_that_is_not_billed_is_kept_for_when_it_is(seller: Shop) -> None:
    async with seller.context.transaction() as tx:
        now = await seller.context.now(tx)
        other = await catalog.create_product(tx, "other", "Another", now=now)
    await seller.plan("extra", flat(1_000), product_id=other)
    one = await _since_april(seller, "small", percent="10", duration="forever")
    async with seller.context.transaction() as tx:
        await tx.run(
            "INSERT INTO catalog.coupon (org_id, id, code, name, percent, duration, product_ids, created_at)"
            " VALUES ($1, 'cpn_x', 'X', '', 50, 'once', $2, now())",
            tx.org,
            [other],
        )
        await tx.run(
            "INSERT INTO subscriptions.discount (org_id, id, subscription_id, coupon_id, percent, product_ids, periods_left, created_at)"
            " VALUES ($1, 'dis_x', $2, 'cpn_x', 50, $3, 1, now())",
            tx.org,
            one,
            [other],
        )
    await seller.advance_to(MAY)
    async with seller.context.transaction() as tx:
        left = await tx.value(
            "SELECT periods_left FROM subscriptions.discount WHERE org_id = $1 AND id = 'dis_x'", tx.org
        )
    assert left == 1


@pytest.mark.parametrize("billing", [Billing.IN_ADVANCE, Billing.IN_ARREARS])
async def test_money_off_is_not_had_again_by_pausing(seller: Shop, billing: Billing) -> None:
    async with seller.context.transaction() as tx:
        coupon = NewCoupon("OFF", amount_minor=600, currency="eur", duration="forever")
        await catalog.create_coupon(tx, coupon, now=await seller.context.now(tx))
    await seller.plan("pro", flat(3_000, billing=billing))
    await seller.advance_to(datetime(2026, 4, 1, 9, tzinfo=UTC))
    await seller.card("ana")
    one = (await seller.sign_up("ana", "pro", coupon="OFF")).subscription_id
    for day in (5, 10, 15, 20):
        await seller.advance_to(datetime(2026, 4, day, 9, tzinfo=UTC))
        await pause_now(seller.context, one)
        await resume_now(seller.context, one)
        await seller.work()
    await seller.advance_to(MAY)
    april = [invoice for invoice in await seller.invoices(one) if str(invoice["issued_on"]) < "2026-05-01"]
    if billing is Billing.IN_ADVANCE:
        cost = sum(line["net_minor"] - line["credited_net_minor"] for invoice in april for line in invoice["lines"])
        assert abs(cost - 2_400) <= 8, "a cent a line is rounding"
    else:
        off = [invoice["discount_minor"] for invoice in april if invoice["total_minor"]]
        assert off == [80, 100, 100, 100], "so many days of 6.00 a month"
    await seller.prove()


async def test_a_pause_uses_up_none_of_a_coupons_periods(seller: Shop) -> None:
    one = await _since_april(seller, "small", percent="50", duration="repeating", duration_periods=2)
    for day in (5, 10):
        await seller.advance_to(datetime(2026, 4, day, 9, tzinfo=UTC))
        await pause_now(seller.context, one)
        await resume_now(seller.context, one)
        await seller.work()
    await seller.advance_to(datetime(2026, 6, 1, 10, tzinfo=UTC))
    may, june = (await seller.invoices(one))[-2:]
    assert (may["discount_minor"], june["discount_minor"]) == (1_500, 0)
    await seller.prove()


async def test_a_charge_that_is_billed_at_once_leaves_changes_to_the_next_invoice_and_its_coupon(seller: Shop) -> None:
    one = await _since_april(seller, "small", percent="50", duration="forever")
    await seller.advance_to(datetime(2026, 4, 11, 9, tzinfo=UTC))
    await change(seller.context, Change(one, plan="large", proration=ProrationBehavior.NEXT_INVOICE))
    extra = ExtraCharge(one, 500, "Set-up", invoice_now=True)
    assert (await preview_charge(seller.context, extra)).total_minor == 500
    await add_charge(seller.context, extra)
    await seller.work()
    assert [invoice["total_minor"] for invoice in await seller.invoices(one)] == [1_500, 500]
    await seller.advance_to(MAY)
    assert (await seller.invoices(one))[-1]["total_minor"] == 3_000 + 2_000 - 1_000
    await seller.prove()
