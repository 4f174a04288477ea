"""Who pauses with a debt comes back with it (T34): behind, and with somebody to collect it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cauce.billing.catalog.policy_parts import DunningPolicy
from cauce.billing.catalog.rules import PlanPolicy
from cauce.flows.billing import pausing, resuming
from cauce.flows.billing.correct import PayByHand, pay_by_hand
from tests.flows.billing.shop import Shop, flat

DAY = timedelta(days=1)


@pytest.mark.parametrize("days", [2, 20], ids=["while it is collected", "after that was given up"])
async def test_who_pauses_in_debt_comes_back_behind_and_is_collected_from(seller: Shop, days: int) -> None:
    policy = PlanPolicy(dunning=DunningPolicy(retry_days=(3, 3, 3), unpaid_days=90))
    await seller.plan("pro", flat(1_000), policy=policy)
    await seller.card("ana")
    one = (await seller.sign_up("ana", "pro")).subscription_id
    for ref in seller.cards.cards:
        seller.cards.cards[ref] = "poor"
    await seller.advance(32 * DAY)
    assert (await seller.subscription(one)).status == "past_due"
    await pausing.pause_now(seller.context, one)
    await seller.advance(days * DAY)
    moved = await resuming.resume_now(seller.context, one)
    assert (moved.status, await seller.access(one)) == ("past_due", "grace")
    async with seller.context.transaction() as tx:
        states = await tx.rows("SELECT state FROM payments.dunning_case WHERE org_id = $1 ORDER BY started_at", tx.org)
    assert [row["state"] for row in states] == (["open"] if days == 2 else ["exhausted", "open"])
    await seller.work()
    for invoice in await seller.invoices(one):
        if invoice["status"] == "open":
            await pay_by_hand(seller.context, PayByHand(invoice["id"], invoice["total_minor"], "by bank"))
    await seller.work()
    assert ((await seller.subscription(one)).status, await seller.access(one)) == ("active", "full")
    await seller.prove()


async def test_who_pauses_without_a_debt_comes_back_without_one(seller: Shop) -> None:
    await seller.plan("pro", flat(1_000))
    await seller.card("ana")
    one = (await seller.sign_up("ana", "pro")).subscription_id
    await pausing.pause_now(seller.context, one)
    await seller.advance(5 * DAY)
    assert (await resuming.resume_now(seller.context, one)).status == "active"
