"""Steps of a subscription that few take: each leads where the table says, is written and told (§5.2)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cauce.billing.catalog.policy_parts import DunningPolicy
from cauce.billing.catalog.rules import PlanPolicy
from cauce.billing.customers.rules import CustomerData
from cauce.billing.subscriptions import service as subscriptions
from cauce.flows.billing.cancel import Cancel, cancel, decide, reactivate, undo
from cauce.flows.billing.changes import Change, change
from cauce.flows.billing.correct import PayByHand, pay_by_hand
from cauce.flows.billing.quotes import approve_quote, send_quote
from cauce.flows.billing.signup import Signup
from tests.flows.billing.shop import Shop, flat

DAY = timedelta(days=1)
SLOW = DunningPolicy(retry_days=(20, 20), grace_days=40)


async def steps(seller: Shop, one: str) -> list[tuple[str, str, str]]:
    """The latest step's source, trigger and target first."""
    async with seller.context.transaction() as tx:
        rows = await subscriptions.history(tx, one)
    return [(row["source"], row["trigger"], row["target"]) for row in reversed(rows)]


async def _past_due(seller: Shop, policy: PlanPolicy) -> str:
    """Behind since a renewal that failed, a month after the sign-up."""
    await seller.plan("pro", flat(3_000), policy=policy)
    await seller.plan("max", flat(9_000), policy=policy)
    await seller.card("ana")
    one = (await seller.sign_up("ana", "pro")).subscription_id
    seller.cards.cards = dict.fromkeys(seller.cards.cards, "poor")
    await seller.advance(32 * DAY)
    assert (await seller.subscription(one)).status == "past_due"
    return one


async def test_t03_an_offer_that_costs_nothing_is_active_when_it_is_approved(seller: Shop) -> None:
    await seller.plan("free", flat(0))
    sent = await send_quote(seller.context, Signup(CustomerData("ana"), "free", "eur"))
    await approve_quote(seller.context, sent.subscription_id)
    assert (await steps(seller, sent.subscription_id))[0] == ("draft", "approve", "active")
    assert {"quote.approved", "subscription.activated"} <= set(await seller.story(sent.subscription_id))


async def test_t11_who_has_not_paid_yet_cancels_and_owes_nothing(seller: Shop) -> None:
    await seller.plan("pro", flat(3_000))
    one = (await seller.sign_up("ana", "pro")).subscription_id
    await cancel(seller.context, Cancel(one, now=True))
    assert (await steps(seller, one))[0] == ("incomplete", "cancel", "canceled")
    assert [invoice["status"] for invoice in await seller.invoices(one)] == ["void"]
    assert (await seller.story(one))[-1] == "subscription.canceled"
    await seller.prove()


async def test_t29_and_t31_a_trial_is_left_taken_up_again_and_left_at_once(seller: Shop) -> None:
    await seller.plan("pro", flat(3_000), trial_days=14)
    one = (await seller.sign_up("ana", "pro")).subscription_id
    await cancel(seller.context, Cancel(one))
    await undo(seller.context, one)
    assert (await steps(seller, one))[0] == ("trialing", "undo_cancel", "trialing")
    await cancel(seller.context, Cancel(one, now=True))
    assert (await steps(seller, one))[0] == ("trialing", "cancel", "canceled")
    told = await seller.story(one)
    assert told[-3:] == [
        "subscription.cancellation_requested", "subscription.cancellation_undone", "subscription.canceled",
    ]  # fmt: skip
    assert await seller.invoices(one) == []


async def test_t25_and_t45_collection_that_ends_in_cancellation_and_a_payment_after_it(seller: Shop) -> None:
    one = await _past_due(seller, PlanPolicy(dunning=DunningPolicy(retry_days=(3,), terminal="cancel")))
    await seller.advance(4 * DAY)
    assert (await steps(seller, one))[0] == ("past_due", "exhaust", "canceled")
    assert {"dunning.exhausted"} <= set(await _all_told(seller))
    debt = (await seller.invoices(one))[-1]
    await pay_by_hand(seller.context, PayByHand(debt["id"], 3_000, "late"))
    assert (await steps(seller, one))[0] == ("canceled", "pay_late", "canceled")
    await seller.prove()


async def _all_told(seller: Shop) -> list[str]:
    async with seller.context.transaction() as tx:
        return [row["type"] for row in await tx.rows("SELECT type FROM storage.event WHERE org_id = $1", tx.org)]


async def test_t30_a_cancellation_takes_effect_though_he_is_behind(seller: Shop) -> None:
    one = await _past_due(seller, PlanPolicy(dunning=SLOW))
    await cancel(seller.context, Cancel(one))
    await seller.advance(31 * DAY)
    assert ("past_due", "end_term", "canceled") in await steps(seller, one)
    assert len(await seller.invoices(one)) == 2, "no further period is billed"
    await seller.prove()


async def test_t31_who_is_behind_ends_at_once_and_his_debt_stays(seller: Shop) -> None:
    one = await _past_due(seller, PlanPolicy(dunning=SLOW))
    await cancel(seller.context, Cancel(one, now=True))
    assert (await steps(seller, one))[0] == ("past_due", "cancel", "canceled")
    assert (await seller.invoices(one))[-1]["status"] == "open"
    await seller.prove()


@pytest.mark.parametrize("approve", [True, False])
async def test_t32_a_cancellation_of_who_is_behind_is_decided(seller: Shop, *, approve: bool) -> None:
    one = await _past_due(seller, PlanPolicy(cancel_approval=True, dunning=SLOW))
    await cancel(seller.context, Cancel(one))
    assert (await steps(seller, one))[0] == ("past_due", "request_cancel", "past_due")
    await decide(seller.context, one, approve=approve)
    assert (await steps(seller, one))[0] == ("past_due", "decide_cancel", "past_due")
    assert (await seller.subscription(one)).cancel_at_period_end is approve
    verb = "approved" if approve else "rejected"
    assert (await seller.story(one))[-2:] == [
        "subscription.cancellation_requested", f"subscription.cancellation_{verb}",
    ]  # fmt: skip


async def test_t38_who_returns_to_what_costs_nothing_is_active_at_once(seller: Shop) -> None:
    await seller.plan("free", flat(0))
    one = (await seller.sign_up("ana", "free")).subscription_id
    await cancel(seller.context, Cancel(one, now=True))
    await reactivate(seller.context, one)
    assert (await steps(seller, one))[0] == ("canceled", "reactivate", "active")
    assert (await seller.story(one))[-1] == "subscription.reactivated"


async def test_t40_and_t41_a_change_that_waits_is_made_though_he_is_behind(seller: Shop) -> None:
    one = await _past_due(seller, PlanPolicy(dunning=SLOW))
    waits = await change(seller.context, Change(one, plan="max", policy={"upgrade": {"timing": "at_renewal"}}))
    assert waits.invoice_id is None
    assert (await steps(seller, one))[0] == ("past_due", "schedule_change", "past_due")
    await seller.advance(29 * DAY)
    assert ("past_due", "apply_change", "past_due") in await steps(seller, one)
    assert (await seller.invoices(one))[-1]["total_minor"] == 9_000
    assert "subscription.change_scheduled" in await seller.story(one)
    assert "subscription.changed" in await seller.story(one)
    await seller.prove()
