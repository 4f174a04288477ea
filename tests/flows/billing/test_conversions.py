"""Trials whose first payment is not simply there: T14 and its policy, T35 and T36 after the end, T47 while it is under way."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cauce.billing.catalog.rules import PlanPolicy
from cauce.flows.billing.cancel import Cancel, cancel
from cauce.flows.billing.methods import BeginSetup, begin_setup
from tests.flows.billing.shop import CHANNEL, Shop, flat

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


async def _add_card(seller: Shop, customer_id: str, behaviour: str) -> None:
    """The customer types in a card, and it has its consequences."""
    setup = await begin_setup(seller.context, BeginSetup(customer_id, CHANNEL, "https://shop.example/back"))
    await seller.work()
    seller.cards.complete_setup(setup.setup_id, behaviour, fingerprint=f"fp_{behaviour}_{len(seller.cards.cards)}")
    await seller.advance(2 * HOUR)


async def _stands(seller: Shop, one: str) -> tuple[str, str]:
    return (await seller.subscription(one)).status, await seller.access(one)


async def test_t14_a_first_payment_that_fails_leads_where_the_plan_says(seller: Shop) -> None:
    await seller.plan("debt", flat(2_900), trial_days=7)
    await seller.plan("door", flat(2_900), trial_days=7, policy=PlanPolicy(trial_unpaid="incomplete"))
    await seller.card("ana", "poor")
    await seller.card("bia", "poor")
    owes = (await seller.sign_up("ana", "debt")).subscription_id
    waits = await seller.sign_up("bia", "door")
    one = waits.subscription_id
    await seller.advance(7 * DAY)
    assert await _stands(seller, owes) == ("past_due", "grace")
    assert await _stands(seller, one) == ("incomplete", "none")
    assert "dunning.started" not in await seller.story(one)
    await seller.advance(22 * HOUR)
    await _add_card(seller, waits.customer_id, "good")
    assert await _stands(seller, one) == ("active", "full")
    told = await seller.story(one)
    assert told[-2:] == ["subscription.trial_converted", "subscription.activated"]
    assert [invoice["status"] for invoice in await seller.invoices(one)] == ["paid"]
    await seller.prove()


async def test_t14_an_unpaid_first_period_lapses_after_its_window(seller: Shop) -> None:
    await seller.plan("door", flat(2_900), trial_days=7, policy=PlanPolicy(trial_unpaid="incomplete"))
    await seller.card("bia", "poor")
    one = (await seller.sign_up("bia", "door")).subscription_id
    await seller.advance(7 * DAY + 23 * HOUR)
    assert await _stands(seller, one) == ("expired", "none")
    assert [invoice["status"] for invoice in await seller.invoices(one)] == ["void"]
    await seller.prove()


async def test_t36_a_card_that_fails_after_the_trial_leaves_it_over_and_the_next_one_begins_the_term(
    seller: Shop,
) -> None:
    await seller.plan("pro", flat(2_900), trial_days=7)
    done = await seller.sign_up("bia", "pro")
    one = done.subscription_id
    await seller.advance(8 * DAY)
    assert await _stands(seller, one) == ("paused", "none")
    retained = (await seller.subscription(one)).due_at
    await _add_card(seller, done.customer_id, "poor")
    assert await _stands(seller, one) == ("paused", "none")
    after = await seller.subscription(one)
    assert (after.due_at, after.pending_invoice_id, after.period_index) == (retained, None, -1)
    (invoice,) = await seller.invoices(one)
    assert invoice["status"] == "void", "nobody owes for what never began"
    assert "invoice.payment_failed" in await seller.story(invoice["id"])
    assert "subscription.trial_converted" not in await seller.story(one)
    async with seller.context.transaction() as tx:
        cases = await tx.value("SELECT count(*) FROM payments.dunning_case WHERE org_id = $1", tx.org)
    assert cases == 0
    await seller.advance(DAY)
    await _add_card(seller, done.customer_id, "good")
    begun = await seller.subscription(one)
    assert (begun.status, begun.pause_reason, await seller.access(one)) == ("active", "", "full")
    assert [each["status"] for each in await seller.invoices(one)] == ["void", "paid"]
    told = await seller.story(one)
    assert told.count("subscription.trial_converted") == 1 and "subscription.resumed" in told
    await seller.advance(62 * DAY)
    assert [each["status"] for each in await seller.invoices(one)] == ["void", "paid", "paid", "paid"]
    await seller.prove()


async def test_t35_waits_for_the_money_and_t37_for_neither(seller: Shop) -> None:
    await seller.plan("pro", flat(2_900), trial_days=7)
    slow, auth = await seller.sign_up("ana", "pro"), await seller.sign_up("bia", "pro")
    await seller.advance(8 * DAY)
    await _add_card(seller, slow.customer_id, "slow")
    await _add_card(seller, auth.customer_id, "auth")
    for one in (slow.subscription_id, auth.subscription_id):
        assert await _stands(seller, one) == ("paused", "none")
        assert [each["status"] for each in await seller.invoices(one)] == ["open"]
    (invoice,) = await seller.invoices(auth.subscription_id)
    assert "invoice.payment_action_required" in await seller.story(invoice["id"]), "the pay link is good"
    (key,) = [
        one for one, outcome in seller.cards.done.items() if one.startswith("pat_") and "Pending" in repr(outcome)
    ]
    seller.cards.finish(key, well=True)
    await seller.advance(DAY)
    assert await _stands(seller, slow.subscription_id) == ("active", "full")
    await seller.advance(40 * DAY)
    assert await _stands(seller, auth.subscription_id) == ("canceled", "none")
    assert [each["status"] for each in await seller.invoices(auth.subscription_id)] == ["void"]
    await seller.prove()


async def test_a_trial_that_is_over_and_waits_for_its_payment_can_be_ended_and_owes_nothing(seller: Shop) -> None:
    await seller.plan("pro", flat(2_900), trial_days=7)
    done = await seller.sign_up("bia", "pro")
    await seller.advance(8 * DAY)
    await _add_card(seller, done.customer_id, "auth")
    await cancel(seller.context, Cancel(done.subscription_id, now=True))
    assert [each["status"] for each in await seller.invoices(done.subscription_id)] == ["void"]
    await seller.prove()


@pytest.mark.parametrize("well", [True, False])
@pytest.mark.parametrize(
    ("policy", "meanwhile", "refused"),
    [("optimistic", ("active", "full"), ("past_due", "grace")), ("wait", ("incomplete", "none"), ("expired", "none"))],
)
async def test_t47_a_payment_under_way_is_trusted_or_waited_for(
    seller: Shop, policy: str, meanwhile: tuple[str, str], refused: tuple[str, str], well: bool
) -> None:
    await seller.plan("pro", flat(2_900), trial_days=7, policy=PlanPolicy(while_processing=policy))  # type: ignore[arg-type]
    await seller.card("ana", "slow")
    one = (await seller.sign_up("ana", "pro")).subscription_id
    await seller.advance(7 * DAY)
    assert await _stands(seller, one) == meanwhile
    await seller.advance(2 * DAY)
    assert await _stands(seller, one) == meanwhile, "nothing is dunned and nothing lapses while it is under way"
    assert "dunning.started" not in await seller.story(one)
    (key,) = seller.cards.done
    seller.cards.finish(key, well=well)
    await seller.advance(DAY)
    assert await _stands(seller, one) == (("active", "full") if well else refused)
    assert [each["status"] for each in await seller.invoices(one)] == [
        "paid" if well else "void" if policy == "wait" else "open"
    ]
    told = await seller.story(one)
    assert told.count("subscription.trial_converted") == (0 if policy == "wait" and not well else 1)
    await seller.prove()


async def test_t47_a_renewal_under_way_goes_on_and_is_behind_only_when_it_is_refused(seller: Shop) -> None:
    await seller.plan("pro", flat(2_900))
    await seller.card("ana")
    one = (await seller.sign_up("ana", "pro")).subscription_id
    seller.cards.cards = dict.fromkeys(seller.cards.cards, "slow")
    await seller.advance(33 * DAY)
    begun = await seller.subscription(one)
    assert (begun.status, begun.period_index) == ("active", 1)
    (key,) = [each for each, outcome in seller.cards.done.items() if "Pending" in repr(outcome)]
    seller.cards.finish(key, well=False)
    await seller.advance(DAY)
    assert await _stands(seller, one) == ("past_due", "grace")
    await seller.prove()
