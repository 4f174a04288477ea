"""Conventions that an organization or a plan chooses (V2, V8, V9, V18-V21): applied by the run and by previews alike."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from cauce.billing.catalog import service as catalog
from cauce.billing.catalog.rules import CancelCredit, NewPrice, PlanPolicy
from cauce.billing.catalog.service import NewCoupon
from cauce.billing.customers.rules import CustomerData
from cauce.flows.billing.cancel import Cancel, NothingToGiveBack, cancel, preview_cancel
from cauce.flows.billing.changes import Change, preview_change
from cauce.flows.billing.conventions import BadConvention, Conventions, conventions, set_conventions
from cauce.flows.billing.coupons import apply_coupon
from cauce.flows.billing.signup import Signup, sign_up
from cauce.flows.billing.upcoming import upcoming_invoice
from cauce.kernel.errors import InvalidRequest
from cauce.pricing.discounts import CouponOrder, DiscountRounding
from cauce.pricing.policy import LineRounding
from cauce.pricing.proration import Basis, CancellationDay
from cauce.pricing.tax import TaxRounding
from tests.flows.billing.shop import Shop, flat, per_unit

DAY = timedelta(days=1)


async def choose(seller: Shop, **wanted: object) -> None:
    """Set these conventions, the others at their defaults."""
    async with seller.context.transaction() as tx:
        await set_conventions(tx, seller.context, replace(Conventions(), **wanted))  # type: ignore[arg-type]


async def billed(seller: Shop, one: str) -> list[int]:
    """Totals of the invoices, and the preview of each that is still to come is the one that comes."""
    preview = (await upcoming_invoice(seller.context, one)).bill.priced
    await seller.advance(31 * DAY)
    invoices = await seller.invoices(one)
    assert invoices[-1]["total_minor"] == preview.total_minor, "the preview is the bill"
    assert invoices[-1]["tax_minor"] == preview.tax_minor
    await seller.prove()
    return [each["total_minor"] for each in invoices]


async def test_a_line_is_rounded_half_to_even_where_the_seller_says_so(seller: Shop) -> None:
    await seller.plan("half", per_unit("0.5"))
    await seller.card("ana")
    one = (await seller.sign_up("ana", "half", quantities={"seats": "5"})).subscription_id
    await choose(seller, rounding=LineRounding.HALF_EVEN)
    assert await billed(seller, one) == [3, 2]


async def test_tax_is_rounded_once_on_the_invoice_where_the_seller_says_so(seller: Shop) -> None:
    async with seller.context.transaction() as tx:
        await catalog.put_tax_rate(tx, "", "10")
    await seller.plan("three", *(NewPrice(f"p{n}", "eur", {"type": "flat", "amount_minor": 14}) for n in range(3)))
    await seller.card("ana")
    one = (await seller.sign_up("ana", "three")).subscription_id
    await choose(seller, tax_rounding=TaxRounding.ONCE_PER_INVOICE)
    assert await billed(seller, one) == [42 + 3, 42 + 4]


@pytest.mark.parametrize(("chosen", "off"), [(DiscountRounding.TOTAL, 2), (DiscountRounding.PER_LINE, 3)])
async def test_a_percentage_is_rounded_on_the_whole_or_on_every_line(
    seller: Shop, chosen: DiscountRounding, off: int
) -> None:
    async with seller.context.transaction() as tx:
        await catalog.create_coupon(tx, NewCoupon("TEN", "10", duration="forever"), now=await seller.context.now(tx))
    await choose(seller, discount_rounding=chosen)
    await seller.plan("three", *(NewPrice(f"p{n}", "eur", {"type": "flat", "amount_minor": 5}) for n in range(3)))
    await seller.card("ana")
    one = (await seller.sign_up("ana", "three", coupon="TEN")).subscription_id
    assert await billed(seller, one) == [15 - off, 15 - off]


@pytest.mark.parametrize(
    ("rounding", "where", "off"),
    [
        (LineRounding.HALF_UP, DiscountRounding.TOTAL, 3),  # half of 5 is 2.5
        (LineRounding.HALF_EVEN, DiscountRounding.TOTAL, 2),
        (LineRounding.HALF_UP, DiscountRounding.PER_LINE, 4),  # of 3 it is 1.5, of 1 and 1 it is 0.5 each: 2 + 1 + 1
        (LineRounding.HALF_EVEN, DiscountRounding.PER_LINE, 2),  # 2 + 0 + 0
    ],
)
async def test_a_percentage_is_rounded_half_to_even_where_the_seller_rounds_so(
    seller: Shop, rounding: LineRounding, where: DiscountRounding, off: int
) -> None:
    async with seller.context.transaction() as tx:
        await catalog.create_coupon(tx, NewCoupon("HALF", "50", duration="forever"), now=await seller.context.now(tx))
    await choose(seller, rounding=rounding, discount_rounding=where)
    amounts = (3, 1, 1)
    await seller.plan(
        "three", *(NewPrice(f"p{n}", "eur", {"type": "flat", "amount_minor": each}) for n, each in enumerate(amounts))
    )
    await seller.card("ana")
    one = (await seller.sign_up("ana", "three", coupon="HALF")).subscription_id
    assert await billed(seller, one) == [5 - off, 5 - off]


@pytest.mark.parametrize(("chosen", "total"), [(CouponOrder.PERCENT_FIRST, 400), (CouponOrder.LISTED, 450)])
async def test_coupons_work_percentages_first_or_as_they_were_redeemed(
    seller: Shop, chosen: CouponOrder, total: int
) -> None:
    async with seller.context.transaction() as tx:
        now = await seller.context.now(tx)
        fixed = NewCoupon("FIX", amount_minor=100, currency="eur", duration="forever")
        await catalog.create_coupon(tx, fixed, now=now)
        await catalog.create_coupon(tx, NewCoupon("HALF", "50", duration="forever"), now=now)
    await choose(seller, coupon_order=chosen)
    await seller.plan("pro", flat(1_000))
    await seller.card("ana")
    one = (await seller.sign_up("ana", "pro", coupon="FIX")).subscription_id
    await seller.advance(DAY)
    async with seller.context.transaction() as tx:
        await apply_coupon(tx, await seller.subscription(one), "HALF", await seller.context.now(tx))
    assert (await billed(seller, one))[-1] == total


async def test_parts_of_a_period_are_counted_by_months_of_thirty_days_where_the_seller_says_so(seller: Shop) -> None:
    await choose(seller, proration_basis=Basis.FIXED_30)
    policy = PlanPolicy(anchor_day=1, cancel_credit=CancelCredit.CREDIT)
    await seller.plan("pro", flat(3_000), policy=policy)
    await seller.plan("max", flat(6_000), policy=policy)
    await seller.card("ana")
    one = (await seller.sign_up("ana", "pro")).subscription_id
    # from 15 January to 1 February: 16 days of 30, where the calendar has 17 of 31
    assert [each["total_minor"] for each in await seller.invoices(one)] == [1_600]
    await seller.advance_to(datetime(2026, 2, 11, 9, tzinfo=UTC))
    # February is paid whole; from the 11th to 1 March 20 days of 30 are left
    preview = await preview_change(seller.context, Change(one, plan="max"))
    assert [line.charge.amount_minor for line in preview.lines] == [-2_000, 4_000]
    found = await preview_cancel(seller.context, Cancel(one, now=True))
    assert found.credit_minor == 2_000
    assert (await cancel(seller.context, Cancel(one, now=True))).credit_minor == 2_000
    await seller.prove()


@pytest.mark.parametrize(
    ("of_org", "of_plan", "of_price", "credit"),
    [
        (Basis.DAY, None, "", 2_100),  # 21 of the 31 days from 15 January
        (Basis.DAY, Basis.FIXED_30, "", 2_067),  # 20 of 30 of its days: the plan's over the organization's
        (Basis.FIXED_30, Basis.DAY, "", 2_100),
        (Basis.FIXED_30, Basis.FIXED_30, "day", 2_100),  # the price's over the plan's
        (Basis.DAY, Basis.SECOND, "", 2_050),  # half of the first of the 21 days is over
    ],
)
async def test_a_plan_says_how_its_parts_are_counted(
    seller: Shop, of_org: Basis, of_plan: Basis | None, of_price: str, credit: int
) -> None:
    await choose(seller, proration_basis=of_org)
    model = {"type": "flat", "amount_minor": 3_100} | ({"proration_basis": of_price} if of_price else {})
    policy = PlanPolicy(cancel_credit=CancelCredit.CREDIT, proration_basis=of_plan)
    await seller.plan("pro", NewPrice("base", "eur", model), policy=policy)
    await seller.card("ana")
    one = (await seller.sign_up("ana", "pro")).subscription_id
    await seller.advance(timedelta(days=10, hours=12))
    assert (await cancel(seller.context, Cancel(one, now=True))).credit_minor == credit
    await seller.prove()


@pytest.mark.parametrize(("said", "credit"), [(None, 2_100), (CancellationDay.BILLED, 2_000)])
async def test_a_call_says_whether_the_day_of_the_end_is_billed(
    seller: Shop, said: CancellationDay | None, credit: int
) -> None:
    await seller.plan("pro", flat(3_100), policy=PlanPolicy(cancel_credit=CancelCredit.CREDIT))
    await seller.card("ana")
    one = (await seller.sign_up("ana", "pro")).subscription_id
    await seller.advance(10 * DAY)
    with pytest.raises(NothingToGiveBack):
        await cancel(seller.context, Cancel(one, cancellation_day=CancellationDay.BILLED))
    wish = Cancel(one, now=True, cancellation_day=said)
    assert (await preview_cancel(seller.context, wish)).credit_minor == credit
    assert (await cancel(seller.context, wish)).credit_minor == credit


@pytest.mark.parametrize(("chosen", "credit"), [(CancellationDay.FREE, 2_100), (CancellationDay.BILLED, 2_000)])
async def test_the_day_of_a_cancellation_is_free_or_billed(seller: Shop, chosen: CancellationDay, credit: int) -> None:
    policy = PlanPolicy(cancel_credit=CancelCredit.CREDIT, cancellation_day=chosen)
    await seller.plan("pro", flat(3_100), policy=policy)
    await seller.card("ana")
    one = (await seller.sign_up("ana", "pro")).subscription_id
    await seller.advance(10 * DAY)
    assert (await preview_cancel(seller.context, Cancel(one, now=True))).credit_minor == credit
    assert (await cancel(seller.context, Cancel(one, now=True))).credit_minor == credit
    await seller.prove()


async def test_a_basis_that_invoices_cannot_be_billed_by_is_refused(seller: Shop) -> None:
    with pytest.raises(BadConvention):
        await choose(seller, proration_basis=Basis.NONE)
    async with seller.context.transaction() as tx:
        assert await conventions(tx) == Conventions()


async def test_a_subscription_may_have_a_zone_of_its_own(seller: Shop) -> None:
    await seller.plan("pro", flat(3_000))
    await seller.card("ana")
    await seller.advance_to(datetime(2026, 1, 31, 16, tzinfo=UTC))
    usual, far = [
        await sign_up(seller.context, Signup(CustomerData("ana"), "pro", "eur", timezone=zone))
        for zone in ("", "Asia/Tokyo")
    ]
    days = [(await seller.subscription(one.subscription_id)).anchor_on.isoformat() for one in (usual, far)]
    assert days == ["2026-01-31", "2026-02-01"]
    with pytest.raises(InvalidRequest):
        await sign_up(seller.context, Signup(CustomerData("ana"), "pro", "eur", timezone="Mars/Base"))
