"""The campaigns that ship, each step on the clock against the relay: at the customer's ten o'clock, once, if still true."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from cauce.billing.catalog.rules import PlanPolicy, TrialEnd
from cauce.billing.customers import service as customers
from cauce.billing.outreach import schedule, service, texts
from cauce.billing.outreach.campaigns import period_of
from cauce.billing.outreach.defaults import SHIPPED
from cauce.billing.payments import service as payments
from cauce.flows import runner
from cauce.flows.billing import cancel
from cauce.flows.billing.cancel import Cancel
from cauce.flows.billing.changes import Change, change
from cauce.flows.billing.trial_dates import move_trial_end
from cauce.flows.context import SweepKind
from cauce.flows.outreach import due, follow
from cauce.gateway.charging import SavedMethod
from cauce.reports.outreach import FIELDS
from cauce.storage import outbox
from tests.flows.outreach.office import Office


def at(day: int, hour: int = 10, minute: int = 0, month: int = 1) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


async def when(desk: Office, who: str) -> list[tuple[str, str]]:
    """(subject, instant by the simulators' clock) of what arrived, in order."""
    return [(mail["subject"], mail["at"][:16]) for mail in await desk.mails(who)]


async def steps(desk: Office, customer_id: str, campaign: str) -> dict[str, tuple[str, str]]:
    async with desk.context.transaction() as tx:
        return {
            row["step"]: (row["state"], row["reason"])
            for row in await schedule.steps_of(tx, customer_id)
            if row["campaign"] == campaign
        }


async def test_a_trial_without_a_card_is_told_three_days_before_the_last_day_and_the_end(desk: Office) -> None:
    await desk.plan()
    ana = await desk.sign_up("ana")  # 15 January 09:00, ends on the 29th 09:00
    await desk.advance_to(at(30, 0))
    assert await when(desk, "ana") == [
        ("Welcome to Pro: here is how to begin", "2026-01-15T09:10"),
        ("Need a hand signing in?", "2026-01-16T10:00"),
        ("3 days left in your trial of Pro", "2026-01-26T10:00"),
        ("Your trial of Pro ends tomorrow", "2026-01-28T10:00"),
        ("Your trial of Pro has ended", "2026-01-29T09:00"),
    ]
    trial = await steps(desk, ana.customer_id, "trial")
    assert trial["c2"] == ("skipped", "condition:used")
    assert trial["c1b"] == ("skipped", "condition:has_method")


async def test_reminders_come_at_ten_where_the_customer_is(desk: Office) -> None:
    await desk.plan()
    await desk.sign_up("lee", timezone="Asia/Shanghai", locale="zh-CN")
    await desk.advance_to(at(27, 0))
    found = dict(await when(desk, "lee"))
    assert found["Pro 试用还剩 3 天"] == "2026-01-26T02:00"


async def test_ten_oclock_stays_ten_oclock_over_the_change_to_summer_time(desk: Office) -> None:
    await desk.plan()
    await desk.advance_to(at(18, 9, month=3))  # summer time begins in Madrid on 29 March
    await desk.sign_up("eva", timezone="Europe/Madrid")  # ends on 1 April 10:00 local, 08:00 UTC
    await desk.advance_to(at(2, 0, month=4))
    found = dict(await when(desk, "eva"))
    assert found["3 days left in your trial of Pro"] == "2026-03-29T08:00"
    assert found["Your trial of Pro ends tomorrow"] == "2026-03-31T08:00"


async def test_a_short_trial_is_told_an_hour_after_its_start_and_not_offered_a_call(desk: Office) -> None:
    await desk.plan("short", trial_days=2)
    ana = await desk.sign_up("ana", "short")
    await desk.advance_to(at(18, 0))
    assert [subject for subject, _ in await when(desk, "ana")][1:3] == [
        "2 days left in your trial of Short",
        "Need a hand signing in?",
    ]
    assert dict(await when(desk, "ana"))["2 days left in your trial of Short"] == "2026-01-15T10:00"
    assert set(await steps(desk, ana.customer_id, "trial")) == {"c1", "c1b", "c4"}


async def test_shortened_twice_and_extended_once_the_reminder_comes_once(desk: Office) -> None:
    await desk.plan()
    ana = await desk.sign_up("ana")
    await move_trial_end(desk.context, ana.subscription_id, at(10, 9, month=2))
    await move_trial_end(desk.context, ana.subscription_id, at(14, 9, month=2))
    await move_trial_end(desk.context, ana.subscription_id, at(24, 9))
    await desk.advance_to(at(1, 0, month=3))
    found = await when(desk, "ana")
    assert [moment for subject, moment in found if "days left" in subject] == ["2026-01-21T10:00"]
    assert [moment for subject, moment in found if "has ended" in subject] == ["2026-01-24T09:00"]
    assert [subject for subject, _ in found].count("Your trial of Pro now ends on January 24, 2026") == 1


async def test_a_reminder_that_went_out_does_not_come_again_for_a_longer_trial(desk: Office) -> None:
    await desk.plan()
    ana = await desk.sign_up("ana")
    await desk.advance_to(at(27, 0))
    await move_trial_end(desk.context, ana.subscription_id, at(20, 9, month=2))
    await desk.advance_to(at(21, 0, month=2))
    subjects = await desk.subjects("ana")
    assert sum("days left" in subject for subject in subjects) == 1
    assert sum("ends tomorrow" in subject for subject in subjects) == 1


async def test_a_step_whose_time_has_passed_goes_out_now_and_two_that_meet_become_one(desk: Office) -> None:
    await desk.plan()
    ana = await desk.sign_up("ana")
    await desk.advance_to(at(18, 9))
    await move_trial_end(desk.context, ana.subscription_id, at(19, 8))  # the first two have passed, the third is near
    await desk.advance_to(at(18, 12))
    trial = await steps(desk, ana.customer_id, "trial")
    assert trial["c1"] == ("skipped", "followed_by:c3")
    assert (await when(desk, "ana"))[-1] == ("Your trial of Pro ends tomorrow", "2026-01-18T10:00")


async def test_who_cancels_in_the_trial_hears_no_more_of_it(desk: Office) -> None:
    await desk.plan()
    ana = await desk.sign_up("ana")
    await desk.advance_to(at(20, 0))
    await cancel.cancel(desk.context, Cancel(ana.subscription_id))
    await desk.advance_to(at(30, 0))
    subjects = await desk.subjects("ana")
    assert not [one for one in subjects if "days left" in one or "tomorrow" in one]
    assert (await steps(desk, ana.customer_id, "trial"))["c1"][0] == "stopped"


async def test_a_person_who_wrote_is_left_alone_for_seven_days(desk: Office) -> None:
    await desk.plan()
    ana = await desk.sign_up("ana")
    await desk.advance_to(at(26, 9))
    async with desk.context.transaction() as tx:
        await service.hold_steps(tx, ana.customer_id, at(26, 9) + timedelta(days=7))
    await desk.advance_to(at(28, 23))
    assert not [one for one in await desk.subjects("ana") if "trial" in one]
    await desk.advance_to(at(3, 0, month=2))
    trial = await steps(desk, ana.customer_id, "trial")
    assert trial["c1"] == ("skipped", "condition:status"), "by then it was no longer true"
    assert [subject for subject, moment in await when(desk, "ana") if moment == "2026-02-02T10:00"] == [
        "Your trial of Pro has ended"
    ]


async def test_a_hold_that_comes_while_a_message_waits_takes_it_back(desk: Office) -> None:
    await desk.plan()
    ana = await desk.sign_up("ana")
    await desk.control.fault("smtp", "error_before", "rcpt", status=451, times=1)
    await desk.advance_to(at(16, 9))  # a welcome waited for the relay
    await desk.control.fault("smtp", "error_before", "rcpt", status=451, times=50)
    await desk.advance_to(at(16, 10, 0))
    async with desk.context.transaction() as tx:
        await service.hold_steps(tx, ana.customer_id, at(18, 9))
    await desk.control.clear_faults("smtp")
    await desk.advance_to(at(18, 11))
    assert await when(desk, "ana") == [
        ("Welcome to Pro: here is how to begin", (await when(desk, "ana"))[0][1]),
        ("Need a hand signing in?", "2026-01-18T10:00"),
    ]


async def test_lead_recovery_asks_after_a_week_tells_after_a_month_and_stops_when_he_is_back(desk: Office) -> None:
    await desk.plan(policy=PlanPolicy(trial_end=TrialEnd.CANCEL))
    for who in ("ana", "bea"):
        await desk.sign_up(who)
    await desk.advance_to(at(6, 0, month=2))
    assert (await when(desk, "ana"))[-1] == ("One question about Pro", "2026-02-05T10:00")
    async with desk.context.transaction() as tx:
        ana = await customers.find(tx, "ana")
        await service.set_consent(tx, ana.id, "marketing", False, source="test", now=await desk.context.now(tx))
    await desk.advance_to(at(1, 0, month=3))
    assert (await when(desk, "ana"))[-1] == ("One question about Pro", "2026-02-05T10:00")
    assert (await when(desk, "bea"))[-1] == ("What is new at Office", "2026-02-28T10:00")
    await desk.advance_to(at(1, 0, month=6))
    assert "New features of Pro" not in await desk.subjects("bea"), "the digest is off until somebody wants it"


async def test_who_left_for_a_missing_feature_hears_of_news_only_however_he_put_it(desk: Office) -> None:
    await desk.plan()
    told = {"ana": "missing_feature: no calendar:\nnone at all", "bea": "missing_feature", "cai": "not_used: no time"}
    for who, reason in told.items():
        done = await desk.sign_up(who)
        await cancel.cancel(desk.context, Cancel(done.subscription_id, now=True, reason=reason))
    news = replace(SHIPPED["recovery"], data={"news": "Calendars are here."})
    async with desk.context.transaction() as tx:
        await schedule.put_campaign(tx, news, await desk.context.now(tx), known=FIELDS, templates=texts.keys())
    await desk.advance_to(at(1, 0, month=3))
    async with desk.context.transaction() as tx:
        ids = {who: (await customers.find(tx, who)).id for who in told}
    states = {who: await steps(desk, one, "recovery") for who, one in ids.items()}
    for who in ("ana", "bea"):
        assert (states[who]["r2"][0], states[who]["r2feature"][0]) == ("skipped", "queued"), who
    assert (states["cai"]["r2"][0], states["cai"]["r2feature"][0]) == ("queued", "skipped")


async def test_s4_a_change_and_a_move_during_the_trial_are_followed(desk: Office) -> None:
    await desk.plan()
    await desk.plan("max", amount_minor=9_000)
    ana = await desk.sign_up("ana")  # ends on 29 January
    await change(desk.context, Change(ana.subscription_id, plan="max"))
    await move_trial_end(desk.context, ana.subscription_id, at(5, 9, month=2))
    await desk.advance_to(at(6, 0, month=2))
    told = [one for one in await when(desk, "ana") if "trial of" in one[0] and "now ends" not in one[0]]
    assert told == [
        ("3 days left in your trial of Max", "2026-02-02T10:00"),
        ("Your trial of Max ends tomorrow", "2026-02-04T10:00"),
        ("Your trial of Max has ended", "2026-02-05T09:00"),
    ]


def test_a_trial_that_nobody_paid_and_the_contract_after_it_end_twice() -> None:
    recovery = SHIPPED["recovery"]
    trial, paid = ({"subscription": "sub_1", "term": 1, "period_index": index} for index in (-1, 3))
    ends = [period_of(recovery, recovery.steps[0], facts, "sub_1", "evt_1") for facts in (trial, paid)]
    assert ends == ["sub_1:1", "sub_1:1:billed"], "lead recovery begins anew for who paid and left"


async def test_a_campaign_that_is_switched_off_sends_nothing_that_waited(desk: Office) -> None:
    await desk.plan()
    ana = await desk.sign_up("ana")
    async with desk.context.transaction() as tx:
        campaign = await schedule.read_campaign(tx, "trial")
        off, now = replace(campaign, enabled=False), await desk.context.now(tx)
        await schedule.put_campaign(tx, off, now, known=FIELDS, templates=texts.keys())
    await desk.advance_to(at(30, 0))
    assert not [one for one in await desk.subjects("ana") if "trial of Pro" in one]
    assert {state for state, _ in (await steps(desk, ana.customer_id, "trial")).values()} == {"stopped"}


@pytest.mark.parametrize("hour", [22, 3])
async def test_marketing_waits_for_the_morning(desk: Office, hour: int) -> None:
    await desk.plan(policy=PlanPolicy(trial_end=TrialEnd.CANCEL))
    ana = await desk.sign_up("ana")
    held = at(7, hour, month=2)
    await desk.advance_to(at(4, 0, month=2))
    async with desk.context.transaction() as tx:
        await service.hold_steps(tx, ana.customer_id, held)
    await desk.advance_to(at(9, 0, month=2))
    morning = 7 if hour == 3 else 8
    assert (await when(desk, "ana"))[-1] == ("One question about Pro", f"2026-02-0{morning}T10:00")


async def test_with_a_card_the_first_charge_is_announced_and_conversion_thanked(desk: Office) -> None:
    await desk.plan("free", amount_minor=0)
    ana = await desk.sign_up("ana", "free")
    async with desk.context.transaction() as tx:
        now = await desk.context.now(tx)
        saved = SavedMethod("pm_1", "card", "visa", "4242", date(2030, 1, 1), "fp_1")
        await payments.save_method(tx, ana.customer_id, desk.channels["smtp"], "c_1", saved, now=now)
    await desk.advance_to(at(30, 0))
    told = dict(await when(desk, "ana"))
    assert told["Your trial of Free ends on January 29, 2026"] == "2026-01-26T10:00"
    assert told["Thank you: your Free goes on"] == "2026-01-29T09:00"
    assert not [one for one in told if "days left" in one or "tomorrow" in one or "has ended" in one]
    (announced,) = [mail for mail in await desk.mails("ana") if "ends on" in mail["subject"]]
    assert "we charge €0.00" in announced["text"]


async def test_two_workers_and_a_chunk_that_comes_twice_send_each_step_once(desk: Office) -> None:
    """S2: what a killed worker leaves behind is done again, and nothing is doubled."""
    await desk.plan()
    ana = await desk.sign_up("ana")
    runtime = desk.product.runtime
    async with desk.context.transaction() as tx:
        numbers = [row["id"] for row in await outbox.page(tx, event_type="subscription.trial_started")]
        events = await outbox.read_events(tx, numbers)
        await follow.plan_steps(tx, events, await desk.context.now(tx))  # the chunk again
        await tx.run("UPDATE outreach.step SET due_at = $2 WHERE org_id = $1 AND step = 'o1'", tx.org, await desk.now())
    kind = SweepKind(schedule.STEP, due.run)
    taken = await asyncio.gather(*(runner.sweep_chunk(runtime, kind, [desk.org.id]) for _ in range(4)))
    assert sum(taken) == 1
    with pytest.raises(RuntimeError):  # a worker that dies in the middle of a chunk leaves nothing
        async with desk.context.transaction() as tx:
            rows = await tx.rows(
                "UPDATE outreach.step SET due_at = now() WHERE org_id = $1 AND step = 'o2' RETURNING *", tx.org
            )
            await due.run(runtime, tx, rows)
            raise RuntimeError
    await desk.advance(timedelta(days=2))
    messages = [row["template"] for row in await desk.messages(ana.customer_id)]
    assert messages == ["welcome", "first_login"]
    assert len(await desk.mails("ana")) == 2
