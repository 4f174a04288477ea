"""Least and most amounts of metered prices with discounts: percentages first, then the commitment, then money off.

Ana uses fifty calls at ten cents a month, of at least ten euros, with twenty percent off: 500 less 100 count, 600 are missing.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

from cauce.billing.catalog import service as catalog
from cauce.billing.catalog.rules import ChangeTiming
from cauce.billing.catalog.service import NewCoupon
from cauce.billing.usage.rules import UsageEvent
from cauce.flows.billing.cancel import Cancel, cancel, preview_cancel
from cauce.flows.billing.changes import Change, change, preview_change
from cauce.flows.billing.current_usage import current_usage
from cauce.flows.billing.run_preview import preview_run
from cauce.flows.billing.upcoming import upcoming_invoice
from cauce.flows.billing.usage import create_meter, record_usage
from cauce.pricing.invoice_lines import PricedLine
from tests.flows.billing.shop import Shop, flat
from tests.flows.billing.test_changes import unborn
from tests.flows.billing.test_final import calls

APRIL, MAY, JUNE = (datetime(2026, month, 1, 9, tzinfo=UTC) for month in (4, 5, 6))
Line = tuple[str, int, int]


async def used(seller: Shop, key: str, value: int, day: int, month: int = 4) -> None:
    """Ana uses some calls at eight on a day."""
    at = datetime(2026, month, day, 8, tzinfo=UTC)
    await record_usage(seller.context, [UsageEvent("app", key, "calls", "ana", Decimal(value), at)])


async def begun(seller: Shop, *coupons: NewCoupon, base: int = 0, **bounds: int) -> str:
    """Ana's subscription from 1 April with fifty calls on the fifth; coupons apply in the order given."""
    await create_meter(seller.context, "calls", "sum")
    async with seller.context.transaction() as tx:
        now = await seller.context.now(tx)
        for coupon in coupons:
            await catalog.create_coupon(tx, coupon, now=now)
        await catalog.put_tax_rate(tx, "", "21")
    await seller.plan("pro", *([flat(base)] if base else []), calls(**bounds))
    await seller.card("ana")
    await seller.advance_to(APRIL)
    one = (await seller.sign_up("ana", "pro", coupon=coupons[0].code if coupons else None)).subscription_id
    await seller.advance_to(datetime(2026, 4, 5, 9, tzinfo=UTC))
    await used(seller, "e1", 50, 5)
    return one


def foreseen(lines: tuple[PricedLine, ...]) -> list[Line]:
    """Kind, amount and discount of lines that are not written."""
    return sorted((line.charge.kind, line.charge.amount_minor, line.discount_minor) for line in lines)


async def billed(seller: Shop, one: str) -> list[list[Line]]:
    """The same of every invoice."""
    return [
        sorted((line["kind"], line["amount_minor"], line["discount_minor"]) for line in invoice["lines"])
        for invoice in await seller.invoices(one)
    ]


FIFTH = NewCoupon("FIFTH", "20", duration="forever")
SHORT = [("minimum", 600, 0), ("usage", 500, 100)]


async def test_the_invoice_its_preview_and_the_usage_page_settle_the_minimum_after_the_percentage(seller: Shop) -> None:
    one = await begun(seller, FIFTH, minimum_minor=1_000)
    (calls_used,) = (await current_usage(seller.context, one)).meters
    assert (calls_used.used, calls_used.amount_minor, calls_used.discount_minor) == (50, 1_100, 100)
    # the fifth of thirty days: 300 calls, 3000 less 600
    assert (calls_used.forecast_minor, calls_used.forecast_discount_minor) == (3_000, 600)
    upcoming = await upcoming_invoice(seller.context, one)
    preview = await preview_run(seller.context, MAY)
    assert foreseen(upcoming.bill.priced.lines) == SHORT
    assert (preview.total_minor["eur"], preview.tax_minor["eur"]) == (1_210, 210)
    await seller.advance_to(MAY)
    assert (await billed(seller, one))[-1] == SHORT
    assert (await seller.invoices(one))[-1]["total_minor"] == 1_210
    await seller.prove()


async def test_the_maximum_counts_after_the_percentage(seller: Shop) -> None:
    one = await begun(seller, FIFTH, maximum_minor=450)
    await seller.advance_to(MAY)
    assert (await billed(seller, one))[-1] == [("usage", 450, 50)]  # 500 less 100 are 400 and below it
    await seller.advance_to(datetime(2026, 5, 2, 9, tzinfo=UTC))
    await used(seller, "e2", 80, 2, 5)
    await seller.advance_to(JUNE)
    assert (await billed(seller, one))[-1] == [("usage", 450, 0)]  # 800 less 160 are 640: 450 are paid
    await seller.prove()


async def test_money_off_pays_what_is_missing_to_the_minimum_too(seller: Shop) -> None:
    money = NewCoupon("MONEY", amount_minor=250, currency="eur", duration="forever")
    one = await begun(seller, money, minimum_minor=1_000)
    assert foreseen((await upcoming_invoice(seller.context, one)).bill.priced.lines) == [
        ("minimum", 500, 125),
        ("usage", 500, 125),
    ]
    await seller.advance_to(MAY)
    assert (await seller.invoices(one))[-1]["total_minor"] == 750 + 158  # 21 % of 375 is 78.75, twice
    await seller.prove()


async def test_a_cancellation_bills_the_minimum_of_its_days_after_the_percentage(seller: Shop) -> None:
    one = await begun(seller, FIFTH, minimum_minor=3_000)
    await seller.advance_to(datetime(2026, 4, 10, 9, tzinfo=UTC))
    command = Cancel(one, now=True)
    preview = await preview_cancel(seller.context, command)
    done = await cancel(seller.context, command)
    assert [unborn(line) for line in preview.lines] == [unborn(line) for line in done.lines]
    # ten of thirty days: at least 1000; 400 of it are used
    assert foreseen(done.lines) == SHORT == (await billed(seller, one))[-1]
    await seller.prove()


async def test_another_plan_at_once_or_at_the_renewal_settles_the_old_one_first(seller: Shop) -> None:
    one = await begun(seller, FIFTH, minimum_minor=1_000)
    await seller.plan("yearly", flat(12_000, interval="year"))
    await change(seller.context, Change(one, plan="yearly", timing=ChangeTiming.AT_RENEWAL))
    assert foreseen((await upcoming_invoice(seller.context, one)).bill.priced.lines) == [
        *SHORT[:1],
        ("recurring", 12_000, 2_400),
        *SHORT[1:],
    ]
    await seller.advance_to(MAY)
    assert (await billed(seller, one))[-1] == [*SHORT[:1], ("recurring", 12_000, 2_400), *SHORT[1:]]
    await seller.prove()


async def test_a_change_of_interval_now_bills_the_minimum_of_the_days_until_then(seller: Shop) -> None:
    one = await begun(seller, FIFTH, minimum_minor=3_000)
    await seller.plan("yearly", flat(12_000, interval="year"))
    await seller.advance_to(datetime(2026, 4, 11, 9, tzinfo=UTC))
    wish = Change(one, plan="yearly", timing=ChangeTiming.NOW)
    preview = await preview_change(seller.context, wish)
    await change(seller.context, wish)
    await seller.work()
    expected = [*SHORT[:1], ("recurring", 12_000, 2_400), *SHORT[1:]]
    assert foreseen(preview.lines) == expected == (await billed(seller, one))[-1]
    await seller.prove()


async def test_late_use_counts_towards_the_minimum_with_the_percentage_that_held_then(seller: Shop) -> None:
    """The coupon is over when the late use arrives: 50 and 100 calls less 20 % are 1200, 200 above what was paid."""
    once = replace(FIFTH, duration="repeating", duration_periods=1)
    one = await begun(seller, once, minimum_minor=1_000)
    await seller.advance_to(MAY)
    await used(seller, "e2", 30, 6)  # 640 with the rest: still below the minimum
    assert (await preview_run(seller.context, JUNE)).total_minor["eur"] == 1_210
    await used(seller, "e3", 70, 7)
    await seller.advance_to(JUNE)
    *_, first, second = await seller.invoices(one)
    late = [line for line in second["lines"] if line["period_start"] == date(2026, 4, 1)]
    assert [(line["kind"], line["amount_minor"], line["discount_minor"]) for line in late] == [("usage", 200, 0)]
    assert (first["total_minor"], second["total_minor"]) == (1_210, 242 + 1_210)
    await seller.prove()


async def test_late_use_is_not_discounted_by_a_percentage_twice(seller: Shop) -> None:
    one = await begun(seller, FIFTH, minimum_minor=1_000, base=100)
    await seller.advance_to(MAY)
    await used(seller, "e2", 100, 6)
    foresight = foreseen((await upcoming_invoice(seller.context, one)).bill.priced.lines)
    await seller.advance_to(JUNE)
    assert (await billed(seller, one))[-1] == foresight
    assert foresight == [("minimum", 1_000, 0), ("recurring", 100, 20), ("usage", 0, 0), ("usage", 200, 0)]
    correction = UsageEvent("app", "e3", "calls", "ana", Decimal(0), datetime(2026, 4, 5, 8, tzinfo=UTC), corrects="e1")
    await record_usage(seller.context, [correction])  # 100 calls less 20 %: 800, the minimum is 1000, 1200 were paid
    await seller.advance_to(datetime(2026, 6, 20, 9, tzinfo=UTC))
    assert ("usage", -200, 0) in foreseen((await upcoming_invoice(seller.context, one)).bill.priced.lines)
