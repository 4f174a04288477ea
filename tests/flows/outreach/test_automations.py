"""Automations: when an event happens and conditions hold, actions follow, once; guarded, tried over the past, logged (K7)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from cauce.billing.customers import service as customers
from cauce.billing.entitlements import service as entitlements
from cauce.billing.outreach import runs, schedule, service
from cauce.billing.outreach.automations import BadAutomation, from_plain
from cauce.billing.outreach.rules import BadCondition, Category
from cauce.billing.relations import knowing as relations
from cauce.billing.relations.filters import filter_from
from cauce.flows.outreach import automate, editing, follow, writing
from cauce.kernel.errors import InvalidRequest, NotFound
from cauce.storage import outbox
from cauce.storage.jobs import Job
from tests.flows.outreach.office import Office, office

WELCOME: dict[str, Any] = {
    "events": ["subscription.trial_started"],
    "conditions": [{"field": "plan", "op": "is", "value": "pro"}],
    "actions": [
        {"kind": "message", "template": "note", "data": {"title": "A gift", "text": "Enjoy the exports."}},
        {"kind": "feature", "feature": "exports", "days": 30},
        {"kind": "hold", "days": 2},
    ],
}


async def _runs(desk: Office, automation_id: str) -> list[dict[str, Any]]:
    async with desk.context.transaction() as tx:
        return [dict(row) for row in await runs.runs(tx, automation_id)]


async def test_actions_follow_an_event_in_order_and_once(desk: Office) -> None:
    await desk.plan()
    await desk.plan("other")
    id = await automate.save(desk.context, "", "Gift", True, from_plain(WELCOME))
    ana = await desk.sign_up("ana")
    await desk.sign_up("bea", "other")
    (one,) = await _runs(desk, id)
    assert (one["customer_id"], one["state"], one["done"]) == (ana.customer_id, "completed", 3)
    assert [line.partition(" ")[0] for line in one["log"]] == ["message", "feature", "hold"]
    assert "A gift" in await desk.subjects("ana")
    async with desk.context.transaction() as tx:
        now = await desk.context.now(tx)
        (grant,) = await entitlements.grants_of(tx, ana.customer_id, now)
        assert grant["feature"] == "exports" and grant["actor"] == f"automation:{id}"
        assert (await service.standings(tx, [ana.customer_id]))[ana.customer_id].held_until == now + timedelta(days=2)
        numbers = [row["id"] for row in await outbox.page(tx, event_type="subscription.trial_started")]
    job = Job(desk.org.id, 0, follow.FOLLOW_JOB, {"event_ids": numbers}, now, 1, 0)
    async with desk.context.transaction() as tx:  # the same events come again
        events = await outbox.read_events(tx, job.payload["event_ids"])
        await automate.begin_runs(tx, events, now)
    await desk.advance(timedelta(0))
    assert len(await _runs(desk, id)) == 1
    assert await desk.story(id) == ["automation.completed"]


async def test_every_kind_of_action_has_its_effect(dsn: str, tmp_path: Path) -> None:
    async with office(dsn, tmp_path, "smtp", "intercom", "command") as desk:
        await desk.plan()
        rule = {
            "events": ["subscription.trial_started"],
            "actions": [
                {"kind": "tag", "tag": "vip"},
                {"kind": "task", "title": "Call her", "days": 2, "owner": "ana@example.com"},
                {"kind": "webhook", "name": "crm.sync"},
                {"kind": "desk_event", "name": "vip-began"},
                {"kind": "command", "channel": desk.channels["command"]},
            ],
        }
        id = await automate.save(desk.context, "", "All", True, from_plain(rule))
        ana = await desk.sign_up("ana")
        (one,) = await _runs(desk, id)
        assert (one["state"], one["done"]) == ("completed", 5), one["log"]
        assert await desk.story(id) == ["automation.called", "automation.completed"]
        async with desk.context.transaction() as tx:
            assert await relations.tags_of(tx, ana.customer_id) == ["vip"]
            todo = await tx.row("SELECT title, owner, due_on FROM relations.todo WHERE org_id = $1", tx.org)
            called = (await outbox.page(tx, event_type="automation.called"))[0]
        assert tuple(todo) == ("Call her", "ana@example.com", date(2026, 1, 17))
        assert (called["customer_id"], called["data"]["name"]) == (ana.customer_id, "crm.sync")
        told = (await desk.control.verb("intercom", "events", {}))["events"]
        (named,) = [event for event in told if event["event_name"] == "vip-began"]
        (heard,) = (await desk.control.verb("command", "automations", {}))["automations"].values()
        assert (heard["type"], heard["customer"]["external_id"]) == ("subscription.trial_started", "ana")
        assert named["created_at"] == int((await desk.now()).timestamp())


@pytest.mark.parametrize("channel", ["", "nowhere", "smtp"])
async def test_a_command_runs_nothing_but_what_is_allowed(desk: Office, channel: str) -> None:
    await desk.plan()
    wanted = desk.channels.get(channel, channel)
    rule = {"events": ["subscription.trial_started"], "actions": [{"kind": "command", "channel": wanted}]}
    if channel != "smtp":
        with pytest.raises(InvalidRequest):
            await automate.save(desk.context, "", "Bad", True, from_plain(rule))
        return
    id = await automate.save(desk.context, "", "Mail is no program", True, from_plain(rule))
    await desk.sign_up("ana")
    (one,) = await _runs(desk, id)
    assert (one["state"], one["done"]) == ("failed", 0)


async def test_a_segment_bounds_automations_and_campaigns_alike(desk: Office) -> None:
    await desk.plan()
    await desk.plan("other")
    async with desk.context.transaction() as tx:
        now = await desk.context.now(tx)
        segment = await relations.save_segment(tx, "Pro", filter_from({"plans": ["pro"]}), now)
        campaign = replace(await schedule.read_campaign(tx, "onboarding"), segment=segment)
    await editing.put_campaign(desk.context, campaign)
    rule = {**WELCOME, "conditions": [], "actions": [{"kind": "tag", "tag": "pro"}], "segment": segment}
    id = await automate.save(desk.context, "", "Gift", True, from_plain(rule))
    ana, bea = await desk.sign_up("ana"), await desk.sign_up("bea", "other")
    await desk.advance(timedelta(hours=1))
    assert [one["customer_id"] for one in await _runs(desk, id)] == [ana.customer_id]
    assert any("Welcome" in subject for subject in await desk.subjects("ana"))
    assert not any("Welcome" in subject for subject in await desk.subjects("bea"))
    assert await automate.why_not(desk.context, from_plain(rule), "bea") == "segment"
    found = await automate.dry_run(desk.context, from_plain(rule), 30)
    assert {(one.customer_id, one.reason) for one in found} == {(ana.customer_id, ""), (bea.customer_id, "segment")}


async def test_everybody_of_a_segment_is_written_to_once_and_as_many_as_were_shown(desk: Office) -> None:
    await desk.plan()
    for who in ("ana", "bea", "carla"):
        await desk.sign_up(who)
    async with desk.context.transaction() as tx:
        now = await desk.context.now(tx)
        segment = await relations.save_segment(tx, "All", filter_from({"states": ["trialing"]}), now)
        carla = (await customers.find(tx, "carla")).id
        await service.set_consent(tx, carla, "marketing", False, source="test", now=now)
    with pytest.raises(writing.SegmentChanged):
        await writing.write_to_segment(desk.context, segment, "News", "A line.", Category.MARKETING, size=2)
    await writing.write_to_segment(desk.context, segment, "News", "A line.", Category.MARKETING, size=3)
    await desk.advance(timedelta(hours=1))
    got = {who: (await desk.subjects(who)).count("News") for who in ("ana", "bea", "carla")}
    assert got == {"ana": 1, "bea": 1, "carla": 0}
    assert await desk.troubles() == []


async def test_what_an_automation_causes_starts_no_automation(desk: Office) -> None:
    await desk.plan()
    loop = {"events": ["access.granted"], "actions": [{"kind": "feature", "feature": "more"}]}
    id = await automate.save(desk.context, "", "Loop", True, from_plain(loop))
    await desk.sign_up("ana")
    await desk.advance(timedelta(days=1))
    assert len(await _runs(desk, id)) == 1


async def test_a_customer_starts_the_same_automation_only_so_often(desk: Office) -> None:
    await desk.plan()
    often = {"events": ["customer.updated"], "actions": [{"kind": "hold", "days": 0}]}
    id = await automate.save(desk.context, "", "Often", True, from_plain(often))
    for _ in range(8):
        await desk.sign_up("ana", again="test")
    states = [one["state"] for one in await _runs(desk, id)]
    assert states.count("completed") == 5 and states.count("skipped") == 2


async def test_an_action_that_is_refused_ends_its_run_visibly(desk: Office) -> None:
    await desk.plan()
    broken = {
        "events": ["subscription.trial_started"],
        "actions": [{"kind": "hold", "days": 1}, {"kind": "coupon", "coupon": "NONE"}, {"kind": "hold", "days": 9}],
    }
    id = await automate.save(desk.context, "", "Broken", True, from_plain(broken))
    await desk.sign_up("ana")
    (one,) = await _runs(desk, id)
    assert (one["state"], one["done"]) == ("failed", 1) and "NONE" in one["log"][-1]
    assert await desk.story(id) == ["automation.failed"]


async def test_a_dry_run_looks_at_the_past_and_writes_nothing(desk: Office) -> None:
    await desk.plan()
    await desk.plan("other")
    ana, bea = await desk.sign_up("ana"), await desk.sign_up("bea", "other")
    found = await automate.dry_run(desk.context, from_plain(WELCOME), 30)
    assert {(one.customer_id, one.reason) for one in found} == {
        (ana.customer_id, ""),
        (bea.customer_id, "condition:plan"),
    }
    async with desk.context.transaction() as tx:
        assert await runs.automations(tx) == []


@pytest.mark.parametrize(
    "change",
    [
        {"events": []},
        {"events": ["message.sent"]},
        {"events": ["no.such"]},
        {"actions": []},
        {"actions": [{"kind": "shell", "template": "rm"}]},
        {"actions": [{"kind": "message"}]},
        {"actions": [{"kind": "message", "template": "nothing"}]},
        {"conditions": [{"field": "shoe_size"}]},
    ],
)
async def test_what_could_never_work_is_refused(desk: Office, change: dict[str, Any]) -> None:
    with pytest.raises((BadAutomation, BadCondition)):
        await automate.save(desk.context, "", "Bad", True, from_plain({**WELCOME, **change}))


async def test_automations_are_changed_switched_and_removed(desk: Office) -> None:
    await desk.plan()
    id = await automate.save(desk.context, "", "Gift", True, from_plain(WELCOME))
    await automate.save(desk.context, id, "Gift", False, from_plain(WELCOME))
    await desk.sign_up("ana")
    assert await _runs(desk, id) == []
    await automate.drop(desk.context, id)
    with pytest.raises(NotFound):
        await automate.drop(desk.context, id)
