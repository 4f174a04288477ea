"""Automations: when an event happens and conditions hold, actions follow, once; guarded, tried over the past, logged (K7)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from cauce.billing.entitlements import service as entitlements
from cauce.billing.outreach import runs, service
from cauce.billing.outreach.automations import BadAutomation, from_plain
from cauce.billing.outreach.rules import BadCondition
from cauce.flows.outreach import automate, follow
from cauce.kernel.errors import NotFound
from cauce.storage import outbox
from cauce.storage.jobs import Job
from tests.flows.outreach.office import Office

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
