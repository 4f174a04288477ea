"""A contested payment: what the plan says happens to access and subscription (T44), and that limits of access stay."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from cauce.billing.catalog.policy_parts import Consequence, DisputePolicy, DunningPolicy
from cauce.billing.catalog.rules import PlanPolicy
from cauce.flows.billing import disputes
from cauce.flows.billing.cancel import Cancel, cancel, undo
from cauce.flows.billing.standing import set_suspended
from cauce.gateway.reporting import Notice, NoticeKind
from tests.flows.billing.shop import CHANNEL, Shop, flat

DAY = timedelta(days=1)


async def tell(seller: Shop, status: str, *, moved: int = 0, closed: bool = False) -> None:
    """The card company tells how the dispute of the only payment stands, twice."""
    async with seller.context.transaction() as tx:
        now = await seller.context.now(tx)
        reference = await tx.value("SELECT reference FROM payments.payment WHERE org_id = $1", tx.org)
    data: dict[str, object] = {
        "collection_ref": reference, "status": status, "money_moved": moved, "closed": closed,
        "amount_minor": 2_900, "fee_minor": 1_500 if moved < 0 else 0,
    }  # fmt: skip
    notice = Notice(f"evt_{status}_{moved}", NoticeKind.DISPUTE, now, ref="dp_1", data=data)
    for _ in range(2):
        await disputes.dispute_told(seller.context, CHANNEL, notice)
    await seller.work()


@pytest.mark.parametrize(
    ("opened", "lost", "outcome", "levels", "status"),
    [
        ("none", "none", "lost", ("full", "full"), "active"),
        ("restrict", "none", "won", ("read_only", "full"), "active"),
        ("restrict", "none", "lost", ("read_only", "full"), "active"),
        ("restrict", "restrict", "lost", ("read_only", "read_only"), "active"),
        ("none", "cancel", "lost", ("full", "none"), "canceled"),
        ("cancel", "none", "won", ("none", "none"), "canceled"),
    ],
)
async def test_t44_a_dispute_does_what_the_plan_says(
    seller: Shop, opened: Consequence, lost: Consequence, outcome: str, levels: tuple[str, str], status: str
) -> None:
    await seller.plan("pro", flat(2_900), policy=PlanPolicy(dispute=DisputePolicy(opened, lost)))
    await seller.card("ana")
    one = (await seller.sign_up("ana", "pro")).subscription_id
    await tell(seller, "needs_response")
    await tell(seller, "under_review", moved=-1)
    (invoice,) = await seller.invoices(one)
    assert (await seller.access(one), invoice["disputed"]) == (levels[0], True)
    await tell(seller, outcome, moved=1 if outcome == "won" else 0, closed=True)
    assert (await seller.access(one), (await seller.subscription(one)).status) == (levels[1], status)
    (invoice,) = await seller.invoices(one)
    assert invoice["disputed"] is (outcome == "lost")
    assert ("loss: 2900" in await seller.books()) is (outcome == "lost")
    steps = [step["target"] for step in await history(seller, one) if step["trigger"] == "dispute"]
    assert len(steps) == 2, "each turn of it once, however often it is told"
    await seller.prove()


async def test_access_that_is_limited_stays_so_whatever_else_happens(seller: Shop) -> None:
    await seller.plan("pro", flat(2_900), policy=PlanPolicy(dunning=DunningPolicy(grace_days=2, retry_days=(20, 5))))
    await seller.card("ana")
    done = await seller.sign_up("ana", "pro")
    one = done.subscription_id
    seller.cards.cards = dict.fromkeys(seller.cards.cards, "poor")
    await seller.advance(34 * DAY)
    assert await seller.access(one) == "read_only"
    await cancel(seller.context, Cancel(one))
    await undo(seller.context, one)
    assert await seller.access(one) == "read_only", "asking for the end and taking it back gives no grace again"
    await set_suspended(seller.context, done.customer_id, True)
    assert await seller.access(one) == "none"
    await set_suspended(seller.context, done.customer_id, False)
    assert await seller.access(one) == "read_only"


async def history(seller: Shop, subscription_id: str) -> list[dict[str, Any]]:
    async with seller.context.transaction() as tx:
        rows = await tx.rows(
            "SELECT trigger, target FROM subscriptions.history WHERE org_id = $1 AND subscription_id = $2",
            tx.org,
            subscription_id,
        )
    return [dict(row) for row in rows]
