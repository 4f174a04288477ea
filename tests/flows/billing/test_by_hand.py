"""A step by hand is the same step: it waits as a task, and ends in the same ledger, events and instances (O9, O10)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cauce.billing.relations.rules import Mode, TaskOver
from cauce.flows import automation
from cauce.flows.automation_steps import STEPS
from cauce.flows.billing import cancel, trial_dates
from cauce.flows.inventory import inventory
from cauce.reports import automation as report
from tests.flows.billing.landlord import Landlord, landlord


@pytest.fixture
async def host(dsn: str, tmp_path: Path) -> AsyncIterator[Landlord]:
    """A seller whose runner takes signed webhooks, its clock frozen on 15 January 2026, 09:00 UTC."""
    async with landlord(dsn, tmp_path) as one:
        yield one


async def _tasks(host: Landlord) -> list[str]:
    async with host.context.transaction() as tx:
        return [row["step"] for row in await report.tasks(tx)]


async def _do_all(host: Landlord, minutes: int | None = None) -> None:
    async with host.context.transaction() as tx:
        ids = [row["id"] for row in await report.tasks(tx)]
    for task_id in ids:
        await automation.release(host.context, task_id, minutes=minutes)
    await host.work()


@pytest.mark.parametrize("mode", [Mode.MANUAL, Mode.ASSISTED])
async def test_an_instance_by_hand_waits_for_its_button(host: Landlord, mode: Mode) -> None:
    await host.plan()
    await automation.set_mode(host.context, "instance.provision", mode)
    done = await host.sign_up()
    assert (await host.instance(done))["status"] == "requested"
    assert await _tasks(host) == ["instance.provision"]
    await host.advance(days=3)
    assert (await host.instance(done))["status"] == "requested"
    await _do_all(host)
    assert (await host.instance(done))["status"] == "ready"
    assert await _tasks(host) == []


async def test_a_trial_that_is_ended_by_hand_ends_as_of_the_day_on_which_it_was_due(host: Landlord) -> None:
    await host.plan()
    await automation.set_mode(host.context, "trial.end", Mode.MANUAL)
    done = await host.sign_up()
    await host.advance(days=16)
    assert "subscription.trial_expired" not in await host.story(done.subscription_id)
    await _do_all(host)
    async with host.context.transaction() as tx:
        at = await tx.value(
            "SELECT occurred_at FROM storage.event WHERE org_id = $1 AND type = 'subscription.trial_expired'", tx.org
        )
    assert at == done.trial_end
    assert (await host.instance(done))["status"] == "suspended"


async def test_a_step_that_was_moved_meanwhile_is_dropped_and_falls_due_by_itself(host: Landlord) -> None:
    await host.plan()
    await automation.set_mode(host.context, "trial.end", Mode.MANUAL)
    done = await host.sign_up()
    await host.advance(days=14)
    async with host.context.transaction() as tx:
        now = await host.context.now(tx)
    await trial_dates.move_trial_end(host.context, done.subscription_id, now.replace(month=3))
    async with host.context.transaction() as tx:
        (task,) = await report.tasks(tx)
    assert await automation.release(host.context, task["id"]) is False
    with pytest.raises(TaskOver):
        await automation.release(host.context, task["id"])
    await host.work()
    assert (await host.instance(done))["status"] == "ready"


async def test_a_mode_for_one_plan_leaves_the_others_alone(host: Landlord) -> None:
    await host.plan()
    await host.plan("solo")
    await automation.set_mode(host.context, "instance.provision", Mode.MANUAL, "solo")
    by_hand, by_itself = await host.sign_up("ana", "solo"), await host.sign_up("bruno", "team")
    assert (await host.instance(by_hand))["status"] == "requested"
    assert (await host.instance(by_itself))["status"] == "ready"
    await automation.set_mode(host.context, "instance.provision", Mode.AUTOMATIC, "solo")
    await _do_all(host)
    assert (await host.instance(by_hand))["status"] == "ready"


async def test_what_waits_goes_on_when_its_step_is_switched_to_automatic(host: Landlord) -> None:
    await host.plan()
    await automation.set_mode(host.context, "instance.provision", Mode.MANUAL)
    done = await host.sign_up()
    await automation.set_mode(host.context, "instance.provision", Mode.AUTOMATIC)
    await host.work()
    assert (await host.instance(done))["status"] == "ready"


async def test_every_step_by_hand_ends_as_by_itself(host: Landlord) -> None:
    async def life(who: str, by_hand: bool) -> list[str]:
        done = await host.sign_up(who, plan, collection="send_invoice", net_days=5)
        for _ in range(50):
            await host.advance(days=1)
            while by_hand and await _tasks(host):
                await _do_all(host)
        await cancel.cancel(host.context, cancel.Cancel(done.subscription_id, now=True, void_open=True))
        await host.work()
        while by_hand and await _tasks(host):
            await _do_all(host)
        return [*await host.story(done.subscription_id), *await host.story((await host.instance(done))["id"])]

    plan = "team"
    await host.plan(plan, trial_days=0)
    by_itself = await life("ana", by_hand=False)
    for step in STEPS:
        await automation.set_mode(host.context, step.name, Mode.MANUAL)
    assert await life("bruno", by_hand=True) == by_itself
    assert "subscription.past_due" in by_itself
    assert "instance.suspended" in by_itself


async def test_the_inventory_ranks_by_runs_times_minutes_by_hand(host: Landlord) -> None:
    await host.plan()
    for step in ("instance.provision", "trial.notice"):
        await automation.set_mode(host.context, step, Mode.MANUAL)
    for who in ("ana", "bruno", "carla"):
        await host.sign_up(who)
    await _do_all(host, minutes=40)
    await host.advance(days=12)
    await _do_all(host, minutes=2)
    lines = {line.step: line for line in await inventory(host.context)}
    assert list(lines)[:2] == ["instance.provision", "trial.notice"]
    made = lines["instance.provision"]
    assert (made.runs, made.by_hand, made.minutes_each, made.minutes_by_hand) == (3, 3, 40, 120)
    assert (made.mode, made.minutes_saved, made.failures) == (Mode.MANUAL, 0, 0)
    await automation.set_mode(host.context, "instance.provision", Mode.AUTOMATIC)
    await host.sign_up("dora")
    lines = {line.step: line for line in await inventory(host.context)}
    assert (lines["instance.provision"].runs, lines["instance.provision"].minutes_saved) == (4, 40)
