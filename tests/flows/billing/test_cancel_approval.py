"""Cancellation that an operator must approve (T32): asked for, approved, rejected, withdrawn; a trial needs no approval."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cauce.billing.catalog.rules import PlanPolicy
from cauce.flows.billing.cancel import Cancel, cancel, decide, undo
from cauce.kernel.errors import Conflict
from tests.flows.billing.shop import Shop, flat

DAY = timedelta(days=1)


async def _subscribed(seller: Shop, **more: int) -> str:
    await seller.plan("pro", flat(2_900), policy=PlanPolicy(cancel_approval=True), **more)
    await seller.card("ana")
    return (await seller.sign_up("ana", "pro")).subscription_id


async def _flags(seller: Shop, one: str) -> tuple[str, str, bool]:
    found = await seller.subscription(one)
    return found.status, found.cancellation, found.cancel_at_period_end


async def test_a_request_changes_nothing_until_it_is_approved_and_then_ends_at_the_periods_end(seller: Shop) -> None:
    one = await _subscribed(seller)
    await cancel(seller.context, Cancel(one, reason="too_expensive"))
    assert await _flags(seller, one) == ("active", "waiting", False)
    await seller.advance(31 * DAY)
    assert await _flags(seller, one) == ("active", "waiting", False)
    assert len(await seller.invoices(one)) == 2
    await decide(seller.context, one, approve=True)
    assert await _flags(seller, one) == ("active", "approved", True)
    await seller.advance(31 * DAY)
    assert (await seller.subscription(one)).status == "canceled"
    assert len(await seller.invoices(one)) == 2
    story = await seller.story(one)
    assert [event for event in story if "cancel" in event] == [
        "subscription.cancellation_requested",
        "subscription.cancellation_approved",
        "subscription.canceled",
    ]


async def test_a_rejected_request_goes_on_and_may_be_made_again(seller: Shop) -> None:
    one = await _subscribed(seller)
    await cancel(seller.context, Cancel(one, reason="not_used"))
    await decide(seller.context, one, approve=False)
    assert await _flags(seller, one) == ("active", "rejected", False)
    with pytest.raises(Conflict):
        await decide(seller.context, one, approve=True)
    await seller.advance(31 * DAY)
    assert (await seller.subscription(one)).status == "active"
    await cancel(seller.context, Cancel(one, reason="not_used"))
    assert await _flags(seller, one) == ("active", "waiting", False)
    assert "subscription.cancellation_rejected" in await seller.story(one)


@pytest.mark.parametrize("approved", [False, True])
async def test_a_request_is_withdrawn_whether_it_waits_or_is_approved(seller: Shop, approved: bool) -> None:
    one = await _subscribed(seller)
    await cancel(seller.context, Cancel(one, reason="other"))
    if approved:
        await decide(seller.context, one, approve=True)
    await undo(seller.context, one)
    assert await _flags(seller, one) == ("active", "", False)
    with pytest.raises(Conflict):
        await undo(seller.context, one)
    await seller.advance(31 * DAY)
    assert (await seller.subscription(one)).status == "active"
    await cancel(seller.context, Cancel(one))  # an approval that was withdrawn approves no later request
    assert await _flags(seller, one) == ("active", "waiting", False)


async def test_a_trial_is_canceled_without_approval(seller: Shop) -> None:
    one = await _subscribed(seller, trial_days=14)
    moved = await cancel(seller.context, Cancel(one, reason="too_expensive"))
    assert (moved.status, moved.cancel_at_period_end) == ("trialing", True)
    await seller.advance(14 * DAY)
    assert (await seller.subscription(one)).status == "canceled"
    assert await seller.invoices(one) == []
