"""A customer's instance follows the state of his bill, whatever his runner does (J1-J4)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cauce.billing.catalog.policy_parts import InstancePolicy
from cauce.billing.catalog.rules import AfterTerm, PlanPolicy
from cauce.billing.entitlements.rules import Level
from cauce.billing.provisioning.rules import NothingToRetry
from cauce.flows.billing import cancel, changes, pausing, provision_run, resuming, standing, trial_dates
from cauce.flows.billing.provision_asking import Vetoed
from cauce.flows.billing.provision_telling import RunnerSilent
from tests.flows.billing.landlord import Landlord, landlord


@pytest.fixture
async def host(dsn: str, tmp_path: Path) -> AsyncIterator[Landlord]:
    """A seller whose runner takes signed webhooks, its clock frozen on 15 January 2026, 09:00 UTC."""
    async with landlord(dsn, tmp_path) as one:
        yield one


async def test_a_trial_gets_its_instance_and_its_address(host: Landlord) -> None:
    await host.plan()
    done = await host.sign_up()
    one = await host.instance(done)
    assert (one["status"], one["failure"]) == ("ready", "")
    assert one["redirect_url"].endswith(f"/_sim/pages/{host.org.public_id}/{one['id']}")
    assert one["ref"] == f"run_{one['id']}"
    assert await host.hooks() == ["pre_provision", "post_provision"]
    assert await host.story(one["id"]) == ["instance.requested", "instance.provisioning", "instance.ready"]


async def test_the_hook_carries_the_state_as_it_is_stored(host: Landlord) -> None:
    await host.plan()
    done = await host.sign_up(quantities={"seats": "3"})
    told = (await host.at_runner())[(await host.instance(done))["id"]]["data"]
    assert told["customer"] == {
        "id": done.customer_id, "external_id": "ana", "email": "ana@example.com", "name": "Ana", "locale": "en",
    }  # fmt: skip
    assert (told["plan"]["key"], told["status"], told["access"]) == ("team", "trialing", "full")
    assert told["subscription"]["id"] == done.subscription_id
    assert told["subscription"]["quantities"] == {"base": "1", "seats": "3"}


async def test_what_the_pre_hook_answers_is_known_before_the_instance_is_ready(host: Landlord) -> None:
    await host.plan()
    await host.answer({"fields": {"region": "eu"}, "redirect_url": "https://ana.example/"}, {"fields": {"node": "7"}})
    one = await host.instance(await host.sign_up())
    assert one["fields"] == {"region": "eu", "node": "7"}
    assert one["redirect_url"] == "https://ana.example/"


async def test_a_veto_refuses_the_sign_up_and_leaves_nothing(host: Landlord) -> None:
    await host.plan()
    await host.answer({"veto": "no room in this region"})
    with pytest.raises(Vetoed, match="no room in this region"):
        await host.sign_up()
    async with host.context.transaction() as tx:
        assert await tx.value("SELECT count(*) FROM customers.customer WHERE org_id = $1", tx.org) == 0
        assert (
            await tx.value("SELECT count(*) FROM storage.event WHERE org_id = $1 AND object_id LIKE 'inst%'", tx.org)
            == 0
        )


@pytest.mark.parametrize("fault", ["error_before", "garbled"])
async def test_a_pre_hook_that_does_not_answer_holds_nothing_up_unless_the_plan_says_so(
    host: Landlord, fault: str
) -> None:
    await host.plan()
    await host.plan("strict", when_silent="refuse")
    await host.control.fault("hook", fault)
    assert (await host.instance(await host.sign_up()))["status"] == "ready"
    await host.control.fault("hook", fault)
    with pytest.raises(RunnerSilent):
        await host.sign_up("bruno", "strict")


@pytest.mark.parametrize("fault", ["drop_after", "error_after", "error_before", "garbled"])
async def test_a_lost_answer_is_found_out_under_the_same_id(host: Landlord, fault: str) -> None:
    await host.plan()
    await host.control.fault("hook", fault, skip=1)
    done = await host.sign_up()
    assert (await host.instance(done))["status"] == "provisioning"
    await host.advance(minutes=1)
    one = await host.instance(done)
    assert one["status"] == "ready"
    assert (await host.at_runner())[one["id"]]["operations"] == 1
    assert await host.hooks() == ["pre_provision", "post_provision", "post_provision"]


async def test_a_runner_that_stays_down_fails_visibly_and_is_retried_by_a_person(host: Landlord) -> None:
    await host.plan()
    await host.control.fault("hook", "error_before", skip=1, times=10)
    done = await host.sign_up()
    await host.advance(hours=6)
    one = await host.instance(done)
    assert (one["status"], one["failure"]) == ("failed", "the runner answered 500")
    assert (await host.story(one["id"]))[-1] == "instance.failed"
    await provision_run.retry(host.context, one["id"])
    await host.work()
    assert (await host.instance(done))["status"] == "ready"
    with pytest.raises(NothingToRetry):
        await provision_run.retry(host.context, one["id"])


async def test_a_trial_that_ends_without_a_card_suspends_and_is_deleted_after_retention(host: Landlord) -> None:
    await host.plan()
    done = await host.sign_up()
    await host.advance(days=14)
    one = await host.instance(done)
    assert (one["status"], one["wanted"]) == ("suspended", "suspended")
    await host.advance(days=29)
    assert (await host.instance(done))["status"] == "suspended"
    await host.advance(days=1)
    one = await host.instance(done)
    assert (one["status"], one["redirect_url"]) == ("deleted", "")
    assert (await host.at_runner())[one["id"]]["state"] == "deleted"


async def test_who_comes_back_within_retention_finds_his_instance(host: Landlord) -> None:
    await host.plan(trial_days=0)
    done = await host.sign_up(collection="send_invoice", net_days=30)
    before = await host.instance(done)
    await cancel.cancel(host.context, cancel.Cancel(done.subscription_id, now=True, void_open=True))
    await host.work()
    assert (await host.instance(done))["status"] == "suspended"
    assert (await host.instance(done))["delete_at"] is not None
    await host.advance(days=10)
    await cancel.reactivate(host.context, done.subscription_id)
    await host.work()
    after = await host.instance(done)
    assert (after["status"], after["delete_at"], after["redirect_url"]) == ("ready", None, before["redirect_url"])
    assert (await host.hooks())[-2:] == ["pre_reactivate", "post_reactivate"]
    await host.advance(days=25)
    assert (await host.instance(done))["status"] == "ready"


async def test_who_comes_back_later_gets_a_new_one_under_the_same_subscription(host: Landlord) -> None:
    await host.plan(trial_days=0)
    done = await host.sign_up(collection="send_invoice", net_days=30)
    await cancel.cancel(host.context, cancel.Cancel(done.subscription_id, now=True, void_open=True))
    await host.advance(days=31)
    assert (await host.instance(done))["status"] == "deleted"
    await cancel.reactivate(host.context, done.subscription_id)
    await host.work()
    one = await host.instance(done)
    assert (one["status"], one["deleted_at"]) == ("ready", None)
    assert (await host.story(one["id"]))[-2:] == ["instance.provisioning", "instance.ready"]


async def test_a_change_of_quantity_reaches_the_instance(host: Landlord) -> None:
    await host.plan()
    done = await host.sign_up(quantities={"seats": "1"})
    await changes.change(host.context, changes.Change(done.subscription_id, quantities={"seats": "5"}))
    await host.work()
    told = (await host.at_runner())[(await host.instance(done))["id"]]
    assert told["data"]["subscription"]["quantities"]["seats"] == "5"
    assert (await host.hooks())[-2:] == ["pre_change", "post_change"]


@pytest.mark.parametrize("command", ["change", "cancel"])
async def test_a_veto_refuses_a_command_and_changes_nothing(host: Landlord, command: str) -> None:
    await host.plan()
    done = await host.sign_up(quantities={"seats": "1"})
    before = await host.story(done.subscription_id)
    await host.answer({"veto": "an export is running"})
    with pytest.raises(Vetoed, match="an export is running"):
        if command == "change":
            await changes.change(host.context, changes.Change(done.subscription_id, quantities={"seats": "5"}))
        else:
            await cancel.cancel(host.context, cancel.Cancel(done.subscription_id))
    await host.work()
    assert await host.story(done.subscription_id) == before


async def test_a_pause_suspends_and_a_resumption_restores(host: Landlord) -> None:
    await host.plan(trial_days=0)
    done = await host.sign_up(collection="send_invoice", net_days=30)
    await pausing.pause_now(host.context, done.subscription_id)
    await host.work()
    assert (await host.instance(done))["status"] == "suspended"
    await resuming.resume_now(host.context, done.subscription_id)
    await host.work()
    one = await host.instance(done)
    assert one["status"] == "ready"
    assert (await host.story(one["id"]))[-2:] == ["instance.suspended", "instance.restored"]


async def test_access_by_hand_restores_a_suspended_instance_until_it_ends(host: Landlord) -> None:
    await host.plan()
    done = await host.sign_up()
    await host.advance(days=14)
    async with host.context.transaction() as tx:
        now = await host.context.now(tx)
    command = standing.HandGrant(
        done.customer_id, "waits for his bank", level=Level.FULL, ends_at=now.replace(day=now.day + 1)
    )
    await standing.grant_by_hand(host.context, command)
    await host.work()
    assert (await host.instance(done))["status"] == "ready"
    await host.advance(days=2)
    assert (await host.instance(done))["status"] == "suspended"


async def test_a_suspended_customer_loses_his_instance_until_he_is_let_in_again(host: Landlord) -> None:
    await host.plan()
    done = await host.sign_up()
    await standing.set_suspended(host.context, done.customer_id, True)
    await host.work()
    assert (await host.instance(done))["status"] == "suspended"
    await standing.set_suspended(host.context, done.customer_id, False)
    await host.work()
    assert (await host.instance(done))["status"] == "ready"


async def test_an_extended_trial_keeps_its_instance(host: Landlord) -> None:
    await host.plan()
    done = await host.sign_up()
    async with host.context.transaction() as tx:
        now = await host.context.now(tx)
    await trial_dates.move_trial_end(host.context, done.subscription_id, now.replace(month=3))
    await host.advance(days=20)
    assert (await host.instance(done))["status"] == "ready"


async def test_a_plan_whose_runner_is_not_connected_says_so(host: Landlord) -> None:
    await host.plan(runner="kubernetes")
    one = await host.instance(await host.sign_up())
    assert one["status"] == "failed"
    assert one["failure"] == "no channel is called 'kubernetes'; connect one, then try again"


@pytest.mark.parametrize("policy", ["hold", "refund"])
async def test_what_was_paid_and_cannot_be_made_is_held_or_given_back(host: Landlord, policy: str) -> None:
    await host.plan(trial_days=0, on_failure=policy)
    await host.answer({}, {})
    await host.control.fault("hook", "error_before", skip=1, times=10)
    done = await host.sign_up(collection="send_invoice", net_days=30)
    await host.advance(hours=6)
    async with host.context.transaction() as tx:
        status = await tx.value(
            "SELECT status FROM subscriptions.subscription WHERE org_id = $1 AND id = $2", tx.org, done.subscription_id
        )
        open_invoices = await tx.value(
            "SELECT count(*) FROM invoicing.invoice WHERE org_id = $1 AND status = 'open'", tx.org
        )
    assert (status, open_invoices) == (("active", 1) if policy == "hold" else ("canceled", 0))
    assert (await host.instance(done))["failure"]


@pytest.mark.parametrize(("after_term", "status"), [(AfterTerm.KEEP, "ready"), (AfterTerm.BY_KIND, "suspended")])
async def test_an_instance_outlives_the_term_only_where_the_plan_says_so(
    host: Landlord, after_term: AfterTerm, status: str
) -> None:
    policy = PlanPolicy(periods_max=1, after_term=after_term, instance=InstancePolicy(runner="hook"))
    await host.plan(trial_days=0, policy=policy)
    done = await host.sign_up(collection="send_invoice", net_days=60)
    await host.advance(days=32)
    assert (await host.instance(done))["status"] == status
