"""Who stayed, what a customer is worth, what campaigns did, how far the billing run is."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import asyncpg

from cauce.flows.billing.cancel import Cancel, cancel
from cauce.kernel.clock import wall_now
from cauce.kernel.ids import first_id, new_id
from cauce.reports import cohorts
from cauce.reports.run_progress import run_progress
from tests.flows.billing.shop import BEGIN, Shop, flat

DAY = timedelta(days=1)
JAN, FEB, APR = date(2026, 1, 1), date(2026, 2, 1), date(2026, 4, 30)


async def test_cohorts_and_what_a_customer_is_worth(seller: Shop) -> None:
    await seller.plan("small", flat(1_000))
    await seller.plan("large", flat(3_000))
    for who in ("ana", "bo", "cy"):
        await seller.card(who)
    ana = (await seller.sign_up("ana", "small")).subscription_id
    await seller.sign_up("bo", "large")
    await seller.advance(20 * DAY)  # 4 February
    await seller.sign_up("cy", "small")
    await seller.advance(30 * DAY)  # 6 March
    await cancel(seller.context, Cancel(ana, now=True))
    await seller.advance(40 * DAY)  # 15 April
    async with seller.context.transaction() as tx:
        rows = await cohorts.cohorts(tx, JAN, APR)
        (worth,) = await cohorts.lifetime_values(tx, JAN, APR)
        later = await cohorts.cohorts(tx, FEB, APR)
    kept = {(row["cohort"], row["month"]): (row["customers"], row["mrr_minor"], row["kept_bps"]) for row in rows}
    assert kept == {
        (JAN, 0): (2, 4_000, 10_000), (JAN, 1): (2, 4_000, 10_000), (JAN, 2): (1, 3_000, 5_000), (JAN, 3): (1, 3_000, 5_000),
        (FEB, 0): (1, 1_000, 10_000), (FEB, 1): (1, 1_000, 10_000), (FEB, 2): (1, 1_000, 10_000),
    }  # fmt: skip
    assert {row["cohort"] for row in later} == {FEB}
    assert cohorts.matrix(rows, 3)[1] == {"cohort": JAN, "size": 2, "kept_bps": [10_000, 10_000, 5_000]}
    paid = 2 * 1_000 + 4 * 3_000 + 3 * 1_000  # ana twice, bo four times, cy three times
    assert (worth["customers"], worth["paying"], worth["paid_minor"]) == (3, 2, paid)
    assert worth["paid_per_customer_minor"] == 5_667
    assert worth["lost_a_month_bps"] == 1_428  # one of 2 + 2 + 1 and 1 + 1
    assert worth["expected_minor"] == 2_000 * 7


async def test_what_a_campaign_did_beside_those_it_did_not_reach(seller: Shop, dsn: str) -> None:
    await seller.plan("small", flat(1_000), trial_days=5)
    for who in ("ana", "bo", "cy"):
        await seller.card(who)
        await seller.sign_up(who, "small", **({"trial_days": 60} if who == "bo" else {}))
    ids = {name: customer_id for customer_id, name in seller.names.items()}
    owner = await asyncpg.connect(dsn)
    try:
        for who, state in (("ana", "sent"), ("bo", "sent"), ("cy", "")):
            message = new_id("msg") if state else None
            if message:
                await owner.execute(
                    "INSERT INTO outreach.message (org_id, id, customer_id, category, template, channel, locale, state, created_at)"
                    " VALUES ($1, $2, $3, 'onboarding', 't', 'log', 'en', $4, $5)",
                    seller.org_id, message, ids[who], state, BEGIN + DAY,
                )  # fmt: skip
            await owner.execute(
                "INSERT INTO outreach.step (org_id, customer_id, campaign, step, period, position, state, planned_at, message_id, created_at)"
                " VALUES ($1, $2, 'welcome', 's1', 'p', 1, $3, $4, $5, $4)",
                seller.org_id, ids[who], "queued" if message else "skipped", BEGIN + DAY, message,
            )  # fmt: skip
    finally:
        await owner.close()
    await seller.advance(70 * DAY)
    async with seller.context.transaction() as tx:
        found = await cohorts.campaign_effects(tx, JAN, APR)
        assert await cohorts.campaign_effects(tx, FEB, APR) == []
    effects = {row["met"]: (row["campaign"], row["customers"], row["gained"], row["gained_bps"]) for row in found}
    assert effects == {"reached": ("welcome", 2, 1, 5_000), "held_back": ("welcome", 1, 1, 10_000)}


async def test_how_far_the_billing_run_is(seller: Shop) -> None:
    await seller.plan("small", flat(1_000))
    for who in ("ana", "bo", "cy"):
        await seller.card(who)
        await seller.sign_up(who, "small")
    due = datetime.combine(date(2026, 2, 15), BEGIN.timetz())
    async with seller.context.transaction() as tx:
        before = await run_progress(tx, BEGIN, wall_now())
        ahead = await run_progress(tx, due, wall_now())
        gone = await run_progress(tx, due, wall_now() + timedelta(hours=2))
    assert (before.due, before.parked, before.done, before.seconds_left) == (0, 0, 3, 0)
    assert (ahead.due, ahead.oldest_due_at, ahead.done_minute, ahead.seconds_left) == (3, due, 3, 60)
    assert ahead.per_ten_thousand == 5_000
    assert (gone.done, gone.done_minute, gone.seconds_left, gone.per_ten_thousand) == (0, 0, None, 0)


def test_the_first_id_of_an_instant_stands_before_all_that_are_made_after_it() -> None:
    at = wall_now()
    assert first_id("in", at) <= new_id("in") < first_id("in", at + timedelta(minutes=1))
