"""Quotes, and what a provider tells by itself."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from cauce.billing.customers.rules import CustomerData
from cauce.billing.subscriptions import service as subscriptions
from cauce.flows.billing.disputes import dispute_told, method_told
from cauce.flows.billing.quotes import approve_quote, reject_quote, send_quote
from cauce.flows.billing.signup import Signup
from cauce.gateway.reporting import Notice, NoticeKind
from cauce.kernel.errors import IllegalTransition
from tests.flows.billing.shop import BEGIN, CHANNEL, Shop, flat

DAY = timedelta(days=1)


async def test_a_quote_is_approved_rejected_or_lapses(seller: Shop) -> None:
    await seller.plan("pro", flat(900))
    await seller.plan("try", flat(900), trial_days=7)
    await seller.card("ana")
    quotes = [await send_quote(seller.context, Signup(CustomerData(who), plan, "eur")) for who, plan in
              (("ana", "pro"), ("bia", "try"), ("cid", "pro"), ("dan", "pro"))]  # fmt: skip
    paid, trial, no, late = [one.subscription_id for one in quotes]
    assert await seller.books() == []
    await approve_quote(seller.context, paid)
    await approve_quote(seller.context, trial)
    await reject_quote(seller.context, no)
    await seller.work()
    assert [(await seller.subscription(one)).status for one in (paid, trial, no, late)] == [
        "active", "trialing", "canceled", "draft",
    ]  # fmt: skip
    assert await seller.story(paid) == [
        "quote.sent", "quote.approved", "subscription.created", "subscription.activated",
    ]  # fmt: skip
    assert (await seller.story(trial))[:4] == [
        "quote.sent", "quote.approved", "subscription.created", "subscription.trial_started",
    ]  # fmt: skip
    await seller.advance(30 * DAY)
    assert (await seller.subscription(late)).status == "expired"
    with pytest.raises(IllegalTransition):
        await approve_quote(seller.context, late)
    await seller.prove()


async def test_a_dispute_takes_money_once_and_gives_it_back_once(seller: Shop) -> None:
    await seller.plan("pro", flat(900))
    await seller.card("ana")
    await seller.sign_up("ana", "pro")
    ref = f"ch_{seller.cards.charged[0].key}"

    def told(event: str, status: str, moved: int) -> Notice:
        data: dict[str, Any] = {
            "status": status,
            "reason": "fraud",
            "amount_minor": 900,
            "money_moved": moved,
            "collection_ref": ref,
        }
        return Notice(event, NoticeKind.DISPUTE, BEGIN, ref="dp_1", data=data)

    taken = told("evt_2", "needs_response", -1)
    for notice in (told("evt_1", "needs_response", 0), taken, taken):
        await dispute_told(seller.context, CHANNEL, notice)
    assert "dispute_receivable:ch_cards: 900" in await seller.books()
    await dispute_told(seller.context, CHANNEL, told("evt_3", "won", 1))
    assert not any("dispute" in line for line in await seller.books())
    await dispute_told(seller.context, CHANNEL, told("evt_4", "won", 0))
    await seller.prove()


async def test_a_method_that_is_gone_at_the_provider_is_charged_no_more(seller: Shop) -> None:
    await seller.plan("pro", flat(900))
    await seller.card("ana")
    one = (await seller.sign_up("ana", "pro")).subscription_id
    (ref,) = seller.cards.cards
    version = (await seller.subscription(one)).version
    for _ in range(2):  # told twice, it happens once
        await method_told(
            seller.context, CHANNEL, Notice("evt_1", NoticeKind.METHOD, BEGIN, ref=ref, data={"attached": False})
        )
    async with seller.context.transaction() as tx:
        steps = [row["trigger"] for row in await subscriptions.history(tx, one)]
    assert steps.count("lose_method") == 1 and (await seller.subscription(one)).version == version + 1
    await seller.advance(31 * DAY)
    assert (await seller.subscription(one)).status == "past_due"
    assert len(seller.cards.tries) == 1
