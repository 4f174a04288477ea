"""The life of subscriptions: trial, conversion, renewal, failure, recovery, end."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest

from cauce.billing.catalog.policy_parts import DunningPolicy
from cauce.billing.catalog.rules import ChangeTiming, PlanPolicy, TrialEnd
from cauce.flows.billing.changes import Change, change
from cauce.flows.billing.correct import PayByHand, pay_by_hand
from cauce.flows.billing.run_preview import preview_run
from cauce.kernel.calendar.months import add_months
from tests.flows.billing.shop import BEGIN, Shop, flat, per_unit

DAY = timedelta(days=1)


async def test_a_trial_with_a_card_converts_and_is_charged(seller: Shop) -> None:
    await seller.plan("pro", flat(2_900), per_unit("500"), trial_days=14)
    await seller.card("ana")
    done = await seller.sign_up("ana", "pro", quantities={"seats": "3"})
    assert (done.status, done.trial_end) == ("trialing", BEGIN + 14 * DAY)
    assert await seller.access(done.subscription_id) == "full"
    assert await seller.books() == []
    await seller.advance(14 * DAY)
    one = await seller.subscription(done.subscription_id)
    assert (one.status, one.period_start, one.period_end, one.mrr_minor) == (
        "active", date(2026, 1, 29), date(2026, 2, 28), 4_400,
    )  # fmt: skip
    (invoice,) = await seller.invoices(one.id)
    assert (invoice["number"], invoice["status"], invoice["total_minor"]) == ("INV-000001", "paid", 4_400)
    assert await seller.books() == ["deferred: 4400", "provider_cost: 30", f"psp_clearing:ch_cards: {4_400 - 30}"]
    assert await seller.story(one.id) == [
        "subscription.created",
        "subscription.trial_started",
        "subscription.trial_will_end",
        "subscription.trial_converted",
        "subscription.activated",
    ]
    await seller.prove()


async def test_periods_follow_the_remembered_day_and_nothing_is_billed_twice(seller: Shop) -> None:
    await seller.plan("pro", flat(1_000))
    await seller.advance_to(datetime(2026, 1, 31, 10, tzinfo=UTC))
    await seller.card("ana")
    done = await seller.sign_up("ana", "pro")
    assert (await seller.subscription(done.subscription_id)).status == "active"
    await seller.advance_to(datetime(2027, 2, 1, 10, tzinfo=UTC))
    invoices = await seller.invoices(done.subscription_id)
    assert [one["period_start"] for one in invoices] == [add_months(date(2026, 1, 31), n) for n in range(13)]
    assert all(a["period_end"] == b["period_start"] for a, b in pairwise(invoices))
    assert len(seller.cards.charged) == 13
    await seller.prove()


async def test_a_trial_without_a_card_pauses_and_access_ends(seller: Shop) -> None:
    await seller.plan("pro", flat(2_900), trial_days=7)
    done = await seller.sign_up("bia", "pro")
    await seller.advance(7 * DAY)
    one = await seller.subscription(done.subscription_id)
    assert (one.status, one.pause_reason) == ("paused", "trial_ended")
    assert await seller.access(one.id) == "none"
    await seller.advance(30 * DAY)
    assert (await seller.subscription(one.id)).status == "canceled"
    assert await seller.invoices(one.id) == []


async def test_a_trial_without_a_card_follows_the_policy_of_its_plan(seller: Shop) -> None:
    await seller.plan("gone", flat(900), trial_days=7, policy=PlanPolicy(trial_end=TrialEnd.CANCEL))
    await seller.plan("free", flat(0))
    await seller.plan(
        "down", flat(900), trial_days=7, policy=PlanPolicy(trial_end=TrialEnd.DOWNGRADE_TO_FREE, free_plan="free")
    )
    await seller.plan("bill", flat(900), trial_days=7, policy=PlanPolicy(trial_end=TrialEnd.CREATE_INVOICE))
    found = [await seller.sign_up(plan, plan, again="test") for plan in ("gone", "down", "bill")]
    await seller.advance(7 * DAY)
    states = [(await seller.subscription(one.subscription_id)).status for one in found]
    assert states == ["canceled", "active", "past_due"]
    assert [one["total_minor"] for one in await seller.invoices(found[1].subscription_id)] == [0]
    assert [one["status"] for one in await seller.invoices(found[2].subscription_id)] == ["open"]
    await seller.prove()


async def test_without_a_trial_the_first_payment_opens_the_door(seller: Shop) -> None:
    await seller.plan("pro", flat(2_900))
    await seller.card("ana")
    await seller.card("bia", "poor")
    paid, refused = await seller.sign_up("ana", "pro"), await seller.sign_up("bia", "pro")
    assert (await seller.subscription(paid.subscription_id)).status == "active"
    assert (await seller.subscription(refused.subscription_id)).status == "incomplete"
    assert await seller.access(refused.subscription_id) == "none"
    await seller.advance(timedelta(hours=23))
    assert (await seller.subscription(refused.subscription_id)).status == "expired"
    assert [one["status"] for one in await seller.invoices(refused.subscription_id)] == ["void"]
    await seller.prove()


@pytest.mark.parametrize(("well", "status", "level"), [(False, "expired", "none"), (True, "active", "full")])
async def test_a_first_payment_under_way_decides_itself_after_its_window(
    seller: Shop, well: bool, status: str, level: str
) -> None:
    await seller.plan("pro", flat(2_900))
    await seller.card("ana", "slow")
    done = await seller.sign_up("ana", "pro")
    await seller.advance(timedelta(days=3, hours=1))
    waiting = await seller.subscription(done.subscription_id)
    assert waiting.status == "incomplete"
    assert waiting.version < 8, "it is looked at once a day, not every few minutes"
    (key,) = seller.cards.done
    seller.cards.finish(key, well=well)
    await seller.advance(timedelta(hours=13))  # asked again after 79 hours, looked at again after 95
    assert (await seller.subscription(done.subscription_id)).status == status
    assert await seller.access(done.subscription_id) == level
    ended = await seller.invoices(done.subscription_id)
    assert [one["status"] for one in ended] == ["paid" if well else "void"]
    await seller.prove()


async def test_a_first_invoice_paid_in_part_lapses_and_leaves_credit(seller: Shop) -> None:
    await seller.plan("pro", flat(2_900))
    await seller.card("ana", "poor")
    done = await seller.sign_up("ana", "pro")
    (invoice,) = await seller.invoices(done.subscription_id)
    await pay_by_hand(seller.context, PayByHand(invoice["id"], 500))
    await seller.advance(timedelta(hours=23))
    assert (await seller.subscription(done.subscription_id)).status == "expired"
    assert [one for one in await seller.books() if one.startswith("customer:ana")] == ["customer:ana:credit: 500"]
    await seller.prove()


async def test_a_failed_renewal_is_retried_restricted_and_given_up(seller: Shop) -> None:
    await seller.plan("pro", flat(2_900), policy=PlanPolicy(dunning=DunningPolicy(grace_days=4)))
    await seller.card("ana")
    done = await seller.sign_up("ana", "pro")
    seller.cards.cards = dict.fromkeys(seller.cards.cards, "poor")
    await seller.advance_to(datetime(2026, 2, 15, 9, tzinfo=UTC))
    assert (await seller.subscription(done.subscription_id)).status == "past_due"
    assert await seller.access(done.subscription_id) == "grace"
    await seller.advance(4 * DAY)
    assert await seller.access(done.subscription_id) == "read_only"
    await seller.advance(3 * DAY)
    one = await seller.subscription(done.subscription_id)
    assert (one.status, await seller.access(one.id)) == ("unpaid", "none")
    assert len(seller.cards.tries) == 1 + 1 + 4  # the first period, the renewal, four retries
    await seller.advance(60 * DAY)
    assert (await seller.subscription(one.id)).status == "canceled"
    await seller.prove()


async def test_a_retry_that_succeeds_recovers(seller: Shop) -> None:
    await seller.plan("pro", flat(2_900))
    await seller.card("ana")
    done = await seller.sign_up("ana", "pro")
    seller.cards.cards = dict.fromkeys(seller.cards.cards, "poor")
    await seller.advance_to(datetime(2026, 2, 15, 9, tzinfo=UTC))
    seller.cards.cards = dict.fromkeys(seller.cards.cards, "good")
    await seller.advance(DAY)
    one = await seller.subscription(done.subscription_id)
    assert (one.status, await seller.access(one.id)) == ("active", "full")
    assert "subscription.recovered" in await seller.story(one.id)
    await seller.prove()


async def test_a_lost_answer_is_found_out_and_charged_once(seller: Shop) -> None:
    await seller.plan("pro", flat(2_900))
    await seller.card("ana")
    seller.cards.lose = 1
    done = await seller.sign_up("ana", "pro")
    assert (await seller.subscription(done.subscription_id)).status == "incomplete"
    await seller.advance(timedelta(minutes=2))
    assert (await seller.subscription(done.subscription_id)).status == "active"
    assert len(seller.cards.charged) == 1
    await seller.prove()


async def test_a_debt_that_is_partly_paid_by_a_retry_goes_on_being_collected(seller: Shop) -> None:
    await seller.plan(
        "pro", flat(700, interval="week"), policy=PlanPolicy(dunning=DunningPolicy(retry_days=(10, 5, 5)))
    )
    await seller.card("ana")
    done = await seller.sign_up("ana", "pro")
    seller.cards.cards = dict.fromkeys(seller.cards.cards, "poor")
    await seller.advance(16 * DAY)  # two invoices are open
    assert [one["status"] for one in await seller.invoices(done.subscription_id)] == ["paid", "open", "open"]
    seller.cards.cards = dict.fromkeys(seller.cards.cards, "slow")
    await seller.advance(DAY)
    first, second = [key for key, outcome in seller.cards.done.items() if type(outcome).__name__ == "Pending"]
    seller.cards.finish(first, well=False)
    await seller.advance(timedelta(hours=5))
    seller.cards.finish(second, well=True)
    seller.cards.cards = dict.fromkeys(seller.cards.cards, "good")
    await seller.advance(6 * DAY)
    one = await seller.subscription(done.subscription_id)
    assert one.status == "active"
    await seller.prove()


async def test_a_dry_run_says_what_the_run_then_bills(seller: Shop) -> None:
    await seller.plan("pro", flat(2_900), flat(3_100, currency="usd"))
    await seller.plan("max", flat(9_000))
    for who, currency in (("ana", "eur"), ("bia", "usd"), ("carl", "eur"), ("dora", "eur")):
        await seller.card(who)
        done = await seller.sign_up(who, "pro", currency=currency)
    await change(seller.context, Change(done.subscription_id, plan="max", timing=ChangeTiming.AT_RENEWAL))
    renewal = datetime(2026, 2, 15, 9, tzinfo=UTC)
    assert (await preview_run(seller.context, renewal - timedelta(seconds=1))).invoices == {}
    said = await preview_run(seller.context, renewal)
    assert (dict(said.invoices), said.apart) == ({"eur": 2, "usd": 1}, 1)
    assert dict(said.total_minor) == {"eur": 5_800, "usd": 3_100}
    assert said == await preview_run(seller.context, renewal), "asking changes nothing"
    await seller.advance_to(renewal)
    async with seller.context.transaction() as tx:
        billed = await tx.rows(
            "SELECT currency, count(*) AS many, sum(total_minor)::bigint AS total FROM invoicing.invoice"
            " WHERE org_id = $1 AND finalized_at = $2 AND total_minor <> 9000 GROUP BY currency",
            tx.org,
            renewal,
        )
    assert {row["currency"]: (row["many"], row["total"]) for row in billed} == {"eur": (2, 5_800), "usd": (1, 3_100)}
