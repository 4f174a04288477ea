"""Pausing at the period's end and a plan's policies on pauses (T33, T34); fixed terms and notices across a rest."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from cauce.billing.catalog.pauses import PausePolicy
from cauce.billing.catalog.policies import policy_from
from cauce.billing.catalog.policy_parts import DunningPolicy
from cauce.billing.catalog.rules import BadPlan, CancelCredit, PlanPolicy
from cauce.flows.billing.cancel import Cancel, cancel, reactivate
from cauce.flows.billing.changes import Change, PauseWaits, change, withdraw_change
from cauce.flows.billing.correct import PayByHand, pay_by_hand
from cauce.flows.billing.extra import ExtraCharge, add_charge
from cauce.flows.billing.pausing import ChangeWaits, pause_at_end, pause_now
from cauce.flows.billing.resuming import resume_now
from cauce.flows.billing.upcoming import NothingUpcoming, upcoming_invoice
from cauce.kernel.errors import Conflict, InvalidRequest
from cauce.reports.subscriptions import waiting_changes
from tests.flows.billing.shop import Shop, flat
from tests.flows.billing.test_upcoming import told

DAY = timedelta(days=1)
MID_FEBRUARY, MID_MARCH = datetime(2026, 2, 15, 9, tzinfo=UTC), datetime(2026, 3, 15, 9, tzinfo=UTC)


async def _ana(seller: Shop, policy: PlanPolicy | None = None, **more: object) -> str:
    await seller.plan("pro", flat(3_000), policy=policy)
    await seller.card("ana")
    return (await seller.sign_up("ana", "pro", **more)).subscription_id


async def test_what_a_pause_leaves_unused_goes_back_to_the_card_where_the_plan_says_so(seller: Shop) -> None:
    one = await _ana(seller, PlanPolicy(pause=PausePolicy(credit="refund")))
    await seller.advance(10 * DAY)
    moved = await pause_now(seller.context, one)
    await seller.work()
    assert moved.credit_minor == 2_032  # 21 of 31 days
    async with seller.context.transaction() as tx:
        refunds = await tx.rows("SELECT amount_minor, state FROM payments.refund WHERE org_id = $1", tx.org)
    assert [tuple(row) for row in refunds] == [(2_032, "succeeded")]
    assert not any(":credit:" in line for line in await seller.books()), "nothing is kept for him"
    await seller.prove()


async def test_a_pause_at_the_end_of_the_period_begins_there_and_credits_nothing(seller: Shop) -> None:
    one = await _ana(seller)
    await seller.advance(10 * DAY)
    moved = await pause_at_end(seller.context, one, resume_at=MID_MARCH + 5 * DAY)
    assert (moved.status, moved.credit_minor) == ("active", 0)
    assert (await seller.story(one))[-1] == "subscription.change_scheduled"
    async with seller.context.transaction() as tx:
        shown = (await waiting_changes(tx, [one]))[one]
    assert (shown["due_on"], shown["content"]["pause"]) == (
        MID_FEBRUARY.date(),
        {"resume_at": "2026-03-20T09:00:00+00:00"},
    )
    with pytest.raises(NothingUpcoming):
        await upcoming_invoice(seller.context, one)
    await seller.advance_to(MID_FEBRUARY - timedelta(seconds=1))
    assert await seller.access(one) == "full"
    await seller.advance_to(MID_FEBRUARY)
    rests = await seller.subscription(one)
    assert (rests.status, rests.pause_reason, rests.paused_on, rests.mrr_minor) == (
        "paused", "requested", MID_FEBRUARY.date(), 0,
    )  # fmt: skip
    assert await seller.access(one) == "read_only"
    assert len(await seller.invoices(one)) == 1 and await told(seller, one) == []
    await seller.advance_to(MID_MARCH + 5 * DAY)
    assert ((await seller.subscription(one)).status, await seller.access(one)) == ("active", "full")
    _, piece = await seller.invoices(one)
    assert piece["total_minor"] == 2_516  # 26 of the 31 days to 15 April
    await seller.advance_to(datetime(2026, 4, 15, 10, tzinfo=UTC))
    assert [each["total_minor"] for each in await seller.invoices(one)] == [3_000, 2_516, 3_000]
    await seller.prove()


async def test_a_pause_that_waits_is_withdrawn_keeps_others_out_and_begins_nothing_twice(seller: Shop) -> None:
    await seller.plan("big", flat(9_000))
    one = await _ana(seller)
    await pause_at_end(seller.context, one)
    with pytest.raises(ChangeWaits):
        await pause_at_end(seller.context, one)
    with pytest.raises(PauseWaits):
        await change(seller.context, Change(one, plan="big", at=MID_FEBRUARY + DAY))
    await withdraw_change(seller.context, one)
    await seller.advance_to(MID_FEBRUARY)
    assert (await seller.subscription(one)).status == "active"
    await pause_at_end(seller.context, one)
    await pause_now(seller.context, one)
    await resume_now(seller.context, one)
    await seller.advance_to(MID_MARCH)
    assert (await seller.subscription(one)).status == "active", "the one that waited went with the one that came first"
    await cancel(seller.context, Cancel(one))
    with pytest.raises(Conflict):
        await pause_at_end(seller.context, one)
    await seller.prove()


async def test_a_pause_that_cannot_be_is_refused_and_changes_nothing(seller: Shop) -> None:
    one = await _ana(seller)
    with pytest.raises(InvalidRequest):
        await pause_at_end(seller.context, one, resume_at=MID_FEBRUARY)
    await seller.plan("stiff", flat(900), policy=PlanPolicy(pause_allowed=False))
    await seller.plan("trial", flat(900), trial_days=7)
    stiff = (await seller.sign_up("ana", "stiff")).subscription_id
    trial = (await seller.sign_up("ana", "trial", again="test")).subscription_id
    for refused in (stiff, trial):
        with pytest.raises(Conflict):
            await pause_at_end(seller.context, refused)
    async with seller.context.transaction() as tx:
        assert await waiting_changes(tx, [one, stiff, trial]) == {}
    for wrong in ({"access": "some"}, {"credit": "gift"}, {"resume": "never"}):
        with pytest.raises(BadPlan):
            policy_from({"pause": wrong})


async def test_a_pause_without_credit_keeps_the_days_that_were_paid(seller: Shop) -> None:
    one = await _ana(seller, PlanPolicy(pause=PausePolicy(credit="none", access="none")))
    await seller.advance(10 * DAY)
    assert (await pause_now(seller.context, one)).credit_minor == 0
    assert await seller.access(one) == "none"
    await seller.advance(5 * DAY)
    await resume_now(seller.context, one)
    assert ((await seller.subscription(one)).status, await seller.access(one)) == ("active", "full")
    assert len(await seller.invoices(one)) == 1, "they are still his"
    await seller.advance_to(MID_FEBRUARY + DAY)
    assert [each["total_minor"] for each in await seller.invoices(one)] == [3_000, 3_000]
    await pause_now(seller.context, one)
    await seller.advance_to(MID_MARCH + 15 * DAY)
    await resume_now(seller.context, one)
    assert (await seller.invoices(one))[-1]["total_minor"] == 1_548  # 16 of 31 days: what was paid is over
    await seller.work()
    await seller.prove()


async def test_a_pause_with_full_access_and_a_new_period_at_its_end(seller: Shop) -> None:
    policy = PlanPolicy(periods_max=4, pause=PausePolicy(access="full", resume="new_period"))
    one = await _ana(seller, policy)
    await seller.advance(10 * DAY)
    credit = (await pause_now(seller.context, one)).credit_minor
    assert (credit, await seller.access(one)) == (2_032, "full")
    await seller.advance(20 * DAY)
    await resume_now(seller.context, one)
    begun = await seller.subscription(one)
    assert (begun.status, begun.term, begun.period_index, begun.anchor_on) == (
        "active",
        2,
        0,
        MID_FEBRUARY.date() - DAY,
    )
    assert begun.periods_max == 3, "one of four is over"
    piece = (await seller.invoices(one))[-1]
    assert (piece["total_minor"], piece["credit_minor"]) == (3_000, 2_032)
    await seller.advance(120 * DAY)
    assert (await seller.subscription(one)).status == "expired"
    assert [each["total_minor"] for each in await seller.invoices(one)] == [3_000] * 4
    await seller.prove()


async def test_a_term_that_ended_during_the_pause_is_complete(seller: Shop) -> None:
    one = await _ana(seller, PlanPolicy(periods_max=2))
    await seller.advance(40 * DAY)
    await pause_now(seller.context, one)
    await seller.advance(60 * DAY)
    moved = await resume_now(seller.context, one)
    await seller.work()
    assert moved.status == "active"
    assert ((await seller.subscription(one)).status, await seller.access(one)) == ("expired", "none")
    assert len(await seller.invoices(one)) == 2
    await seller.prove()


async def test_who_comes_back_in_the_same_period_is_told_his_next_invoice_once(seller: Shop) -> None:
    one = await _ana(seller)
    await seller.advance_to(MID_FEBRUARY - 6 * DAY)
    assert [at for at, _ in await told(seller, one)] == ["02-08 09"]
    await pause_now(seller.context, one)
    await seller.advance(DAY)
    await resume_now(seller.context, one)
    await seller.advance_to(MID_FEBRUARY + DAY)
    assert [at for at, _ in await told(seller, one)] == ["02-08 09"]
    await pause_now(seller.context, one)
    await seller.advance_to(MID_MARCH - 3 * DAY)
    assert len(await told(seller, one)) == 1, "who rests is told nothing"
    await resume_now(seller.context, one)
    await seller.advance_to(MID_MARCH + 30 * DAY)
    assert [at for at, _ in await told(seller, one)] == ["02-08 09", "03-12 09", "04-08 09"]
    await seller.prove()


async def test_who_returns_from_unpaid_has_the_periods_that_were_left(seller: Shop) -> None:
    one = await _ana(seller, PlanPolicy(periods_max=4, dunning=DunningPolicy(retry_days=(1,), unpaid_days=90)))
    good = dict(seller.cards.cards)
    seller.cards.cards = dict.fromkeys(good, "poor")
    await seller.advance(35 * DAY)
    assert (await seller.subscription(one)).status == "unpaid"
    seller.cards.cards = good
    await pay_by_hand(seller.context, PayByHand((await seller.invoices(one))[-1]["id"], 3_000, "by bank"))
    await seller.work()
    back = await seller.subscription(one)
    assert (back.status, back.period_index, back.periods_max) == ("active", 0, 2), "two of four are over"
    await seller.advance(70 * DAY)
    assert (await seller.subscription(one)).status == "expired"
    assert len(await seller.invoices(one)) == 4
    await seller.prove()


async def test_who_returns_in_his_last_period_goes_on_to_its_end_and_a_new_contract_has_all(seller: Shop) -> None:
    one = await _ana(seller, PlanPolicy(periods_max=2, dunning=DunningPolicy(retry_days=(1,), unpaid_days=90)))
    good = dict(seller.cards.cards)
    seller.cards.cards = dict.fromkeys(good, "poor")
    await seller.advance(35 * DAY)
    seller.cards.cards = good
    await pay_by_hand(seller.context, PayByHand((await seller.invoices(one))[-1]["id"], 3_000, "by bank"))
    await seller.work()
    back = await seller.subscription(one)
    assert (back.status, back.due_at, await seller.access(one)) == ("active", MID_MARCH, "full")
    await cancel(seller.context, Cancel(one, now=True))
    await reactivate(seller.context, one)
    await seller.work()
    again = await seller.subscription(one)
    assert (again.status, again.period_index, again.periods_max) == ("active", 0, 2)
    await seller.prove()


@pytest.mark.parametrize("charged_when", ["before it rests", "while it rests"])
async def test_what_waits_for_the_next_invoice_is_billed_when_a_resting_subscription_ends(
    seller: Shop, charged_when: str
) -> None:
    one = await _ana(seller, PlanPolicy(cancel_credit=CancelCredit.NONE))
    set_up = ExtraCharge(one, 12_000, "Set-up on site")
    if charged_when == "before it rests":
        await add_charge(seller.context, set_up)
    await pause_now(seller.context, one, credit=CancelCredit.NONE)
    if charged_when == "while it rests":
        await add_charge(seller.context, set_up)
    await seller.advance(3 * DAY)
    ended = await cancel(seller.context, Cancel(one, now=True))
    await seller.work()
    first, last = await seller.invoices(one)
    assert (first["total_minor"], last["total_minor"], last["status"]) == (3_000, 12_000, "paid")
    assert [line.net_minor for line in ended.lines] == [12_000]
    await seller.prove()


async def test_a_resting_subscription_with_nothing_waiting_ends_without_an_invoice(seller: Shop) -> None:
    one = await _ana(seller)
    await pause_now(seller.context, one)
    ended = await cancel(seller.context, Cancel(one, now=True))
    assert (ended.invoice_id, len(await seller.invoices(one))) == (None, 1)
    await seller.prove()
