"""Changes in the middle of a period: credit for unused, charge for new; previews; changes that wait."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from cauce.billing.catalog import service as catalog
from cauce.billing.catalog.rules import ChangePolicy, ChangeTiming, FailedPayment, PlanPolicy, ProrationBehavior
from cauce.flows.billing.changes import (
    Change,
    ChangeAwaitsPayment,
    ChangeNotDue,
    PreviewOutdated,
    change,
    preview_change,
    withdraw_change,
)
from cauce.flows.billing.correct import PayByHand, pay_by_hand
from cauce.flows.billing.trial_dates import move_trial_end
from cauce.flows.billing.upcoming import upcoming_invoice
from cauce.pricing.invoice_lines import PricedLine
from tests.flows.billing.shop import Shop, flat, per_unit

NOW = ChangeTiming.NOW


def unborn(line: PricedLine) -> PricedLine:
    """The line without the id of its item, which a preview does not make."""
    return replace(line, charge=replace(line.charge, item_id=None))


async def _on_april_1(seller: Shop, *prices: object, **more: object) -> str:
    await seller.advance_to(datetime(2026, 4, 1, 9, tzinfo=UTC))
    await seller.card("ana")
    return (await seller.sign_up("ana", "small", **more)).subscription_id


async def test_an_upgrade_on_day_eleven_credits_2000_and_charges_3333(seller: Shop) -> None:
    await seller.plan("small", flat(3_000))
    await seller.plan("large", flat(5_000))
    one = await _on_april_1(seller)
    await seller.advance_to(datetime(2026, 4, 11, 9, tzinfo=UTC))
    preview = await preview_change(seller.context, Change(one, plan="large"))
    assert [line.charge.amount_minor for line in preview.lines] == [-2_000, 3_333]
    assert len(await seller.invoices(one)) == 1
    done = await change(seller.context, Change(one, plan="large", at=preview.effective_at, expect_total_minor=1_333))
    assert [unborn(line) for line in done.lines] == [unborn(line) for line in preview.lines]
    await seller.work()
    invoices = await seller.invoices(one)
    assert [(each["total_minor"], each["status"]) for each in invoices] == [(3_000, "paid"), (1_333, "paid")]
    assert (await seller.subscription(one)).mrr_minor == 5_000
    await seller.advance_to(datetime(2026, 5, 1, 9, tzinfo=UTC))
    assert [each["total_minor"] for each in await seller.invoices(one)] == [3_000, 1_333, 5_000]
    await seller.prove()


async def test_the_upcoming_invoice_is_that_of_the_change_which_waits_and_asking_makes_nothing(seller: Shop) -> None:
    await seller.plan("small", flat(3_000))
    await seller.plan("large", flat(5_000))
    one = await _on_april_1(seller)
    await change(seller.context, Change(one, plan="large", timing=ChangeTiming.AT_RENEWAL))
    before = await seller.subscription(one), await seller.story(one)
    upcoming = await upcoming_invoice(seller.context, one)
    assert (upcoming.bill.priced.total_minor, upcoming.at) == (5_000, datetime(2026, 5, 1, 9, tzinfo=UTC))
    assert (await seller.subscription(one), await seller.story(one)) == before
    await seller.advance_to(datetime(2026, 5, 1, 9, tzinfo=UTC))
    assert [each["total_minor"] for each in await seller.invoices(one)] == [3_000, 5_000]


async def test_upgrade_and_back_on_one_day_costs_nothing(seller: Shop) -> None:
    await seller.plan("small", flat(3_000))
    await seller.plan("large", flat(5_000))
    one = await _on_april_1(seller)
    await seller.advance_to(datetime(2026, 4, 11, 9, tzinfo=UTC))
    totals = []
    for plan in ("large", "small", "large", "small"):
        totals.append((await change(seller.context, Change(one, plan=plan, timing=NOW))).total_minor)
        await seller.work()
    assert sum(totals) == 0
    await seller.prove()


async def test_a_downgrade_waits_for_the_renewal_and_can_be_withdrawn(seller: Shop) -> None:
    await seller.plan("small", flat(3_000))
    await seller.plan("tiny", flat(1_000))
    one = await _on_april_1(seller)
    first = await change(seller.context, Change(one, plan="tiny"))
    assert (first.timing, first.lines) == (ChangeTiming.AT_RENEWAL, ())
    await withdraw_change(seller.context, one)
    await change(seller.context, Change(one, plan="tiny"))
    await seller.advance_to(datetime(2026, 6, 1, 9, tzinfo=UTC))
    assert [each["total_minor"] for each in await seller.invoices(one)] == [3_000, 1_000, 1_000]
    await seller.prove()


async def test_more_seats_now_and_fewer_at_renewal(seller: Shop) -> None:
    await seller.plan("small", flat(1_000), per_unit("300"))
    one = await _on_april_1(seller, quantities={"seats": "2"})
    await seller.advance_to(datetime(2026, 4, 16, 9, tzinfo=UTC))
    more = await change(seller.context, Change(one, quantities={"seats": "4"}))
    assert (more.timing, more.total_minor) == (NOW, 300)
    fewer = await change(seller.context, Change(one, quantities={"seats": "1"}))
    assert fewer.timing is ChangeTiming.AT_RENEWAL
    await seller.advance_to(datetime(2026, 5, 1, 9, tzinfo=UTC))
    assert [each["total_minor"] for each in await seller.invoices(one)] == [1_600, 300, 1_300]
    await seller.prove()


async def test_prorations_for_the_next_invoice_are_not_credited_twice(seller: Shop) -> None:
    await seller.plan("small", flat(3_000))
    await seller.plan("large", flat(6_000))
    one = await _on_april_1(seller)
    later = ProrationBehavior.NEXT_INVOICE
    await seller.advance_to(datetime(2026, 4, 11, 9, tzinfo=UTC))
    await change(seller.context, Change(one, plan="large", proration=later))
    await seller.advance_to(datetime(2026, 4, 21, 9, tzinfo=UTC))
    await change(seller.context, Change(one, plan="small", timing=NOW, proration=later))
    await seller.advance_to(datetime(2026, 5, 1, 9, tzinfo=UTC))
    invoices = await seller.invoices(one)
    assert [each["total_minor"] for each in invoices] == [3_000, 3_000 + 1_000]  # ten days at twice the price
    await seller.prove()


async def test_a_yearly_plan_begins_a_new_period_now(seller: Shop) -> None:
    await seller.plan("small", flat(3_000))
    await seller.plan("yearly", flat(30_000, interval="year"))
    one = await _on_april_1(seller)
    await seller.advance_to(datetime(2026, 4, 16, 9, tzinfo=UTC))
    done = await change(seller.context, Change(one, plan="yearly", timing=NOW))
    assert done.total_minor == 30_000 - 1_500
    await seller.work()
    assert str((await seller.subscription(one)).period_end) == "2027-04-16"
    await seller.prove()


async def test_a_preview_that_no_longer_holds_is_refused(seller: Shop) -> None:
    await seller.plan("small", flat(3_000))
    await seller.plan("large", flat(5_000))
    one = await _on_april_1(seller)
    with pytest.raises(PreviewOutdated):
        await change(seller.context, Change(one, plan="large", expect_total_minor=1))
    assert (await seller.subscription(one)).mrr_minor == 3_000


async def test_an_upgrade_that_is_not_paid_changes_nothing(seller: Shop) -> None:
    await seller.plan("small", flat(3_000))
    await seller.plan("large", flat(5_000), features={"projects": 9})
    one = await _on_april_1(seller)
    seller.cards.cards = dict.fromkeys(seller.cards.cards, "poor")
    done = await change(seller.context, Change(one, plan="large"))
    assert (done.awaits_payment, done.total_minor) == (True, 2_000)
    with pytest.raises(ChangeAwaitsPayment):
        await change(seller.context, Change(one, plan="large"))
    await seller.work()
    subscription = await seller.subscription(one)
    assert (subscription.status, subscription.mrr_minor) == ("active", 3_000)
    assert [(each["total_minor"], each["status"]) for each in await seller.invoices(one)] == [
        (3_000, "paid"),
        (2_000, "void"),
    ]
    assert (await seller.story(one))[-2:] == ["subscription.change_scheduled", "subscription.change_canceled"]
    await seller.prove()
    seller.cards.cards = dict.fromkeys(seller.cards.cards, "good")
    await change(seller.context, Change(one, plan="large"))
    await seller.work()
    assert (await seller.subscription(one)).mrr_minor == 5_000
    await seller.advance_to(datetime(2026, 5, 1, 9, tzinfo=UTC))
    assert (await seller.invoices(one))[-1]["total_minor"] == 5_000
    await seller.prove()


async def test_where_the_policy_allows_it_an_unpaid_upgrade_is_made_and_collected(seller: Shop) -> None:
    policy = PlanPolicy(change=ChangePolicy(failed_payment=FailedPayment.ALLOW))
    await seller.plan("small", flat(3_000), policy=policy)
    await seller.plan("large", flat(5_000))
    one = await _on_april_1(seller)
    seller.cards.cards = dict.fromkeys(seller.cards.cards, "poor")
    assert not (await change(seller.context, Change(one, plan="large"))).awaits_payment
    await seller.work()
    subscription = await seller.subscription(one)
    assert (subscription.status, subscription.mrr_minor) == ("past_due", 5_000)
    await seller.prove()


async def test_a_change_whose_payment_must_be_confirmed_waits_and_lapses(seller: Shop) -> None:
    await seller.plan("small", flat(3_000))
    await seller.plan("large", flat(5_000))
    one = await _on_april_1(seller)
    seller.cards.cards = dict.fromkeys(seller.cards.cards, "auth")
    done = await change(seller.context, Change(one, plan="large"))
    await seller.work()
    assert (await seller.invoices(one))[-1]["status"] == "open"
    assert done.invoice_id is not None
    assert (await seller.story(done.invoice_id))[-1] == "invoice.payment_action_required"
    await seller.advance(timedelta(hours=23))
    assert (await seller.invoices(one))[-1]["status"] == "void"
    assert (await seller.subscription(one)).mrr_minor == 3_000
    again = await change(seller.context, Change(one, plan="large"))
    await seller.work()
    assert again.invoice_id is not None
    await pay_by_hand(seller.context, PayByHand(again.invoice_id, again.total_minor))
    assert (await seller.subscription(one)).mrr_minor == 5_000
    await seller.prove()


async def test_a_change_for_a_later_date_is_made_on_that_date(seller: Shop) -> None:
    await seller.plan("small", flat(3_000))
    await seller.plan("large", flat(6_000))
    one = await _on_april_1(seller)
    dated = await change(seller.context, Change(one, plan="large", at=datetime(2026, 4, 16, 9, tzinfo=UTC)))
    assert (dated.lines, dated.effective_at) == ((), datetime(2026, 4, 16, 9, tzinfo=UTC))
    await seller.advance_to(datetime(2026, 4, 16, 9, tzinfo=UTC))
    invoices = await seller.invoices(one)
    assert [(each["total_minor"], str(each["issued_on"])) for each in invoices] == [
        (3_000, "2026-04-01"),
        (1_500, "2026-04-16"),
    ]
    assert (await seller.subscription(one)).mrr_minor == 6_000
    await seller.prove()


async def test_a_dated_change_that_can_no_longer_be_made_ends_with_its_reason(seller: Shop) -> None:
    await seller.plan("small", flat(3_000))
    plan_id = await seller.plan("large", flat(6_000))
    one = await _on_april_1(seller)
    await change(seller.context, Change(one, plan="large", at=datetime(2026, 4, 16, 9, tzinfo=UTC)))
    async with seller.context.transaction() as tx:
        await catalog.archive_plan(tx, plan_id, now=await seller.context.now(tx), actor="test")
    await seller.advance_to(datetime(2026, 4, 17, 9, tzinfo=UTC))
    assert (await seller.story(one))[-1] == "subscription.change_canceled"
    assert (await seller.subscription(one)).mrr_minor == 3_000
    await seller.prove()


async def test_a_change_back_in_time_is_dated_then_and_not_before_the_period(seller: Shop) -> None:
    await seller.plan("small", flat(3_000))
    await seller.plan("large", flat(6_000))
    one = await _on_april_1(seller)
    await seller.advance_to(datetime(2026, 4, 20, 9, tzinfo=UTC))
    with pytest.raises(ChangeNotDue):
        await change(seller.context, Change(one, plan="large", at=datetime(2026, 3, 31, 9, tzinfo=UTC)))
    done = await change(seller.context, Change(one, plan="large", at=datetime(2026, 4, 16, 9, tzinfo=UTC)))
    assert done.total_minor == 1_500
    await seller.work()
    assert str((await seller.invoices(one))[-1]["issued_on"]) == "2026-04-16"
    await seller.prove()


async def test_a_change_is_not_dated_before_an_earlier_one_for_its_days_would_be_paid_twice(seller: Shop) -> None:
    for key, fee in (("small", 3_000), ("large", 6_000), ("max", 9_000)):
        await seller.plan(key, flat(fee))
    one = await _on_april_1(seller)
    await seller.advance_to(datetime(2026, 4, 16, 9, tzinfo=UTC))
    await change(seller.context, Change(one, plan="large"))
    await seller.work()
    await seller.advance_to(datetime(2026, 4, 20, 9, tzinfo=UTC))
    for act in (preview_change, change):
        with pytest.raises(ChangeNotDue):
            await act(seller.context, Change(one, plan="max", at=datetime(2026, 4, 11, 9, tzinfo=UTC)))
    done = await change(seller.context, Change(one, plan="max", at=datetime(2026, 4, 16, 9, tzinfo=UTC)))
    assert done.total_minor == 1_500, "on the day of the change itself it takes its place"
    await seller.prove()


async def test_s4_a_change_during_a_trial_is_followed_by_its_end_and_reminders(seller: Shop) -> None:
    await seller.plan("small", flat(3_000), trial_days=14)
    await seller.plan("large", flat(5_000), per_unit("700"), trial_days=30)
    await seller.card("ana")
    one = (await seller.sign_up("ana", "small")).subscription_id
    first = await seller.subscription(one)
    assert first.trial_start is not None
    await seller.advance(timedelta(days=2))
    await change(seller.context, Change(one, plan="large", quantities={"seats": "2"}, timing=NOW))
    begun = (await seller.subscription(one)).trial_end
    assert begun == first.trial_start + timedelta(days=30), "the new plan's days, from the first start: no second trial"
    assert await seller.invoices(one) == [], "nothing is charged in a trial"
    assert (await upcoming_invoice(seller.context, one)).bill.priced.total_minor == 6_400
    assert begun is not None
    later = begun + timedelta(days=5)
    await move_trial_end(seller.context, one, later)
    await change(seller.context, Change(one, quantities={"seats": "1"}, timing=NOW))
    await seller.advance_to(begun + timedelta(hours=1))
    assert (await seller.subscription(one)).status == "trialing" and "subscription.trial_will_end" not in (
        await seller.story(one)
    )
    await seller.advance_to(later + timedelta(hours=1))
    (invoice,) = await seller.invoices(one)
    assert (invoice["total_minor"], invoice["status"]) == (5_700, "paid")
    story = await seller.story(one)
    assert [story.count(f"subscription.{what}") for what in ("trial_will_end", "trial_converted")] == [1, 1]
    await seller.prove()
