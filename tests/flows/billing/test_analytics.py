"""Figures as of any day: what stands, what moved, what is owed since when, when deferred money becomes revenue."""

from __future__ import annotations

from datetime import date, timedelta

from cauce.billing.catalog.policy_parts import DunningPolicy
from cauce.billing.catalog.rules import PlanPolicy
from cauce.billing.customers.rules import CustomerData
from cauce.flows.billing import signup
from cauce.flows.billing.cancel import Cancel, cancel
from cauce.flows.billing.changes import Change, change
from cauce.flows.billing.recognize import recognize_revenue
from cauce.flows.billing.signup import Signup
from cauce.flows.housekeeping import tidy_up
from cauce.kernel.clock import wall_now
from cauce.reports import analytics
from tests.flows.billing.shop import Shop, flat

DAY = timedelta(days=1)
JAN, FEB, MAR, APR = (date(2026, month, 1) for month in (1, 2, 3, 4))


async def summary(seller: Shop, since: date, on: date) -> dict[str, int]:
    async with seller.context.transaction() as tx:
        found = await analytics.summary(tx, since, on)
    return dict(found[0]) if found else {}


async def test_recurring_revenue_and_its_movements_as_of_any_day(seller: Shop) -> None:
    await seller.plan("small", flat(1_000))
    await seller.plan("large", flat(3_000))
    for who in ("ana", "bo", "cy"):
        await seller.card(who)
    ana = (await seller.sign_up("ana", "small", trial_days=14)).subscription_id
    bo = (await seller.sign_up("bo", "small")).subscription_id
    await seller.sign_up("cy", "large")
    await seller.advance(20 * DAY)
    await change(seller.context, Change(bo, plan="large"))
    await seller.advance(25 * DAY)
    await cancel(seller.context, Cancel(ana, now=True, reason="too dear"))
    await seller.work()
    first = await summary(seller, JAN, date(2026, 1, 15))
    assert (first["mrr_minor"], first["paying"], first["trialing"]) == (4_000, 2, 1)
    assert (await summary(seller, JAN, date(2026, 1, 14))) == {}
    second = await summary(seller, FEB, date(2026, 2, 10))
    assert (second["mrr_minor"], second["mrr_expansion_minor"], second["paying"]) == (7_000, 2_000, 3)
    third = await summary(seller, MAR, date(2026, 3, 31))
    assert (third["mrr_minor"], third["mrr_churn_minor"], third["mrr_churn_bps"]) == (6_000, -1_000, 1_428)
    whole = await summary(seller, JAN, date(2026, 3, 31))
    assert (whole["trials_started"], whole["trials_converted"], whole["trial_conversion_bps"]) == (1, 1, 10_000)
    async with seller.context.transaction() as tx:
        moved = {(row["month"], row["kind"]): row["change_minor"] for row in await analytics.movements(tx, JAN, APR)}
        days = await analytics.daily(tx, date(2026, 1, 14), date(2026, 1, 16))
    assert moved == {
        (JAN, "new"): 5_000, (FEB, "expansion"): 2_000, (MAR, "churn"): -1_000,
    }  # fmt: skip
    assert [one["mrr_minor"] for one in days] == [0, 4_000, 4_000]
    await seller.prove()


async def test_what_was_owed_on_a_day_by_how_long_it_was_overdue(seller: Shop) -> None:
    await seller.plan("pro", flat(1_000))
    command = Signup(CustomerData("ana"), "pro", "eur", collection="send_invoice", net_days=10)
    await signup.sign_up(seller.context, command)
    await seller.advance(20 * DAY)
    async with seller.context.transaction() as tx:
        then = [tuple(row.values()) for row in await analytics.ageing(tx, date(2026, 1, 25))]
        later = [tuple(row.values()) for row in await analytics.ageing(tx, date(2026, 1, 26))]
        before = await analytics.ageing(tx, date(2026, 1, 14))
    assert then == [("eur", 0, 1_000, 1)]
    assert later == [("eur", 30, 1_000, 1)]
    assert before == []
    await seller.prove()


async def test_deferred_revenue_stands_in_the_months_that_earn_it(seller: Shop) -> None:
    await seller.plan("pro", flat(3_100))
    await seller.card("ana")
    await seller.sign_up("ana", "pro")
    async with seller.context.transaction() as tx:
        schedule = {row["month"]: row["amount_minor"] for row in await analytics.deferred_schedule(tx)}
    assert schedule == {JAN: 1_700, FEB: 1_400}  # 15 January to 15 February: 17 days and 14
    await seller.advance(20 * DAY)
    await recognize_revenue(seller.context, FEB)
    async with seller.context.transaction() as tx:
        assert [tuple(row.values()) for row in await analytics.deferred_schedule(tx)] == [("eur", FEB, 1_400, 1)]
        books = await analytics.books(tx)
    assert [(row["revenue_minor"], row["deferred_minor"]) for row in books] == [(1_700, 1_400)]
    await seller.prove()


async def test_counts_sales_and_times(seller: Shop) -> None:
    await seller.plan("pro", flat(1_000))
    await seller.card("ana")
    await seller.sign_up("ana", "pro", trial_days=14)
    await seller.advance(20 * DAY)
    async with seller.context.transaction() as tx:
        (people,) = await analytics.people(tx)
        (sold,) = await analytics.sold(tx)
        sales = [tuple(row.values()) for row in await analytics.sales(tx, JAN, MAR)]
        (week,) = await analytics.times_to_first_payment(tx, JAN, MAR)
        ready = await analytics.times_to_ready_instance(tx, JAN, MAR)
    assert (people["total"], people["active"], people["with_method"], people["flagged"]) == (1, 1, 1, 0)
    assert (sold["plan"], sold["running"], sold["mrr_minor"]) == ("pro", 1, 1_000)
    assert sales == [("eur", "recurring", 1_000, 1)]
    assert (week["customers"], week["median_seconds"]) == (1, 14 * 86_400)
    assert ready == []


async def test_housekeeping_folds_what_the_days_brought(seller: Shop) -> None:
    await seller.plan("pro", flat(1_000))
    await seller.card("ana")
    await seller.sign_up("ana", "pro")
    before = await summary(seller, JAN, MAR)
    await tidy_up(seller.runtime, wall_now())
    async with seller.context.transaction() as tx:
        assert await tx.value("SELECT count(*) FROM reports.change WHERE org_id = $1", tx.org) == 0
    assert await summary(seller, JAN, MAR) == before


async def test_what_was_recovered_is_told_by_plan_policy_and_retry(seller: Shop) -> None:
    await seller.plan("pro", flat(2_900))
    await seller.plan("patient", flat(100), policy=PlanPolicy(dunning=DunningPolicy(retry_days=(3, 4))))
    for who in ("ana", "bea", "cid"):
        await seller.card(who, "poor")
        await seller.sign_up(who, "patient" if who == "cid" else "pro", trial_days=1)
    await seller.advance(timedelta(days=1, hours=1))
    refs = {
        who: next(ref for ref in seller.cards.cards if ref.startswith(f"pm_{who}_")) for who in ("ana", "bea", "cid")
    }
    seller.cards.cards[refs["ana"]] = "good"
    await seller.advance(timedelta(days=2))  # the first retry pays for Ana and fails for Bea
    seller.cards.cards[refs["bea"]] = "good"
    await seller.advance(timedelta(days=3))
    async with seller.context.transaction() as tx:
        found = [dict(row) for row in await analytics.recovery(tx, date(2026, 1, 1), date(2026, 12, 31))]
        assert await analytics.recovery(tx, date(2027, 1, 1), date(2027, 12, 31)) == []
    told = {
        (row["plan"], row["retry_days"], row["step"]): (
            row["cases"],
            row["recovered"],
            row["recovered_minor"],
            row["recovered_bps"],
        )
        for row in found
    }
    assert sum(row["recovered"] for row in found) == 2
    assert {plan for plan, *_ in told} == {"pro", "patient"}
    assert told["patient", "3 4", 1] == (1, 0, 0, 0)
    pro = {key: row for key, row in told.items() if key[0] == "pro"}
    assert {days for _, days, _ in pro} == {"1 2 2 2"} and sum(row[2] for row in pro.values()) == 5_800
    assert all(row[3] == 10_000 for row in pro.values()) and len(pro) == 2, "one after each retry"
