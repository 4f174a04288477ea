"""A running system is taken over: nobody is charged by it, and the old anchor goes on."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from cauce.billing.catalog.rules import ChangeTiming
from cauce.billing.customers.rules import CustomerData
from cauce.flows.billing.changes import Change, change
from cauce.flows.billing.take_over import OldSubscription, take_over
from cauce.flows.billing.upcoming import upcoming_invoice
from cauce.gateway.charging import SavedMethod
from tests.flows.billing.shop import BEGIN, CHANNEL, Shop, flat, per_unit


def old(reference: str, who: str, **more: object) -> OldSubscription:
    """A row of the old system."""
    return OldSubscription(reference, CustomerData(who), "pro", "eur", **more)  # type: ignore[arg-type]


async def test_what_ran_elsewhere_goes_on_here_at_its_own_anchor(seller: Shop) -> None:
    await seller.plan("pro", flat(1_000))
    seller.cards.cards["pm_old"] = "good"
    card = SavedMethod("pm_old", "card", "visa", "4242", date(2030, 1, 1), "fp")
    rows = [
        old(
            "a",
            "ana",
            paid_until=date(2026, 1, 31),
            channel_id=CHANNEL,
            customer_ref="c_ana",
            method=card,
            credit_minor=300,
        ),
        old("b", "bia", paid_until=date(2026, 2, 28), anchor_day=31),
        old("c", "cid", trial_end=BEGIN + timedelta(days=3)),
        old("d", "dan", paid_until=date(2026, 1, 2)),
    ]
    assert [one.subscription_id for one in await take_over(seller.context, rows[:3], dry_run=True)] == [None] * 3
    taken = await take_over(seller.context, rows)
    assert [bool(one.refused) for one in taken] == [False, False, False, True]
    assert await take_over(seller.context, rows[:3]) == taken[:3]
    ana, bia, cid = [one.subscription_id or "" for one in taken[:3]]
    assert (await upcoming_invoice(seller.context, ana)).amount_due_minor == 700
    await seller.work()
    assert (await seller.story(ana), seller.cards.tries) == ([], [])
    await seller.advance_to(datetime(2026, 4, 2, tzinfo=UTC))
    assert [str(each["period_start"]) for each in await seller.invoices(ana)] == [
        "2026-01-31",
        "2026-02-28",
        "2026-03-31",
    ]
    assert [str(each["period_end"]) for each in await seller.invoices(bia)] == ["2026-03-31"]
    assert [request.amount.amount_minor for request in seller.cards.charged] == [700, 1_000, 1_000]
    assert (await seller.subscription(cid)).status == "canceled"
    await seller.prove()


async def test_a_price_is_kept_until_the_plan_changes(seller: Shop) -> None:
    await seller.plan("pro", flat(2_900), per_unit("500"))
    await seller.plan("max", flat(9_000))
    rows = [
        old(
            "a", "ana", paid_until=date(2026, 1, 31), quantities={"seats": "2"}, price_minor=1_900, credit_minor=50_000
        ),
        old("b", "bia", paid_until=date(2026, 1, 31), price_minor=0),
        old("c", "cid", paid_until=date(2026, 1, 31), price_minor=-1),
        old("d", "dan", paid_until=date(2026, 1, 31)),
    ]
    taken = await take_over(seller.context, rows)
    assert [bool(one.refused) for one in taken] == [False, False, True, False]
    ana, bia, dan = [one.subscription_id or "" for one in taken if one.subscription_id]
    due = [(await upcoming_invoice(seller.context, one)).bill.priced.total_minor for one in (ana, bia, dan)]
    assert due == [1_900, 0, 3_400]
    await change(seller.context, Change(ana, quantities={"seats": "3"}, timing=ChangeTiming.AT_RENEWAL))
    await seller.advance_to(datetime(2026, 2, 1, tzinfo=UTC))
    assert [one["total_minor"] for one in await seller.invoices(ana)] == [2_400], "the kept price and one seat more"
    await change(seller.context, Change(ana, plan="max", timing=ChangeTiming.AT_RENEWAL))
    await seller.advance_to(datetime(2026, 3, 1, tzinfo=UTC))
    assert [one["total_minor"] for one in await seller.invoices(ana)] == [2_400, 9_000]
    await seller.prove()
