"""Whose money is whose: one customer in two currencies (B7), two customers with one address (B6), a price that leaves the shop (A4)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cauce.billing.catalog import service as catalog
from cauce.billing.catalog.rules import NoPriceInCurrency
from cauce.billing.customers.rules import CustomerData
from cauce.billing.subscriptions.rules import TrialUsed
from cauce.flows.billing.changes import Change, change
from cauce.flows.billing.correct import PayByHand, pay_by_hand
from cauce.flows.billing.quotes import approve_quote, send_quote
from cauce.flows.billing.signup import Signup, sign_up
from cauce.flows.billing.standing import grant_credit
from cauce.kernel.errors import CauceError
from tests.flows.billing.shop import Shop, flat

DAY = timedelta(days=1)


async def test_b7_one_customer_pays_in_two_currencies_each_with_its_own_credit(seller: Shop) -> None:
    await seller.plan("pro", flat(3_000), flat(4_000, currency="usd"))
    await seller.plan("euro", flat(9_000))
    terms = {"collection": "send_invoice", "net_days": 14}
    euros = await seller.sign_up("ana", "pro", **terms)
    dollars = await seller.sign_up("ana", "pro", currency="usd", **terms)
    assert euros.customer_id == dollars.customer_id
    await grant_credit(seller.context, euros.customer_id, "usd", 1_500, "sorry")
    (first,) = await seller.invoices(euros.subscription_id)
    await pay_by_hand(seller.context, PayByHand(first["id"], 3_700, "too much"))
    (second,) = await seller.invoices(dollars.subscription_id)
    await pay_by_hand(seller.context, PayByHand(second["id"], 4_000, "exactly"))
    with pytest.raises(NoPriceInCurrency):
        await change(seller.context, Change(dollars.subscription_id, plan="euro"))
    await seller.advance(31 * DAY)
    left = {
        one["currency"]: (one["total_minor"], one["credit_minor"])
        for of in (euros, dollars)
        for one in (await seller.invoices(of.subscription_id))[1:]
    }
    assert left == {"eur": (3_000, 700), "usd": (4_000, 1_500)}, "no cent of one pays the other"
    assert len([line for line in await seller.books() if line.startswith("customer:ana:receivable")]) == 2
    await seller.prove()


async def test_b6_two_customers_may_have_one_address_and_stay_two(seller: Shop) -> None:
    await seller.plan("pro", flat(3_000), trial_days=14)
    ana = await seller.sign_up("ana", "pro", email="team@example.com", trial_days=0)
    bea = await seller.sign_up("bea", "pro", email="team@example.com")
    assert ana.customer_id != bea.customer_id
    assert (await seller.subscription(ana.subscription_id)).status == "incomplete"
    assert (await seller.subscription(bea.subscription_id)).status == "trialing"
    third = Signup(CustomerData("cai", email="Team+1@example.com"), "pro", "eur")
    with pytest.raises(TrialUsed):  # an address is no identity, but it has had its one trial (D2)
        await sign_up(seller.context, third)


async def test_a4_a_price_that_is_archived_meanwhile_is_kept_by_who_was_offered_it_and_sold_to_nobody_else(
    seller: Shop,
) -> None:
    plan_id = await seller.plan("pro", flat(3_000))
    waiting = (await seller.sign_up("ana", "pro")).subscription_id  # his checkout is open: nothing is paid yet
    offered = (await send_quote(seller.context, Signup(CustomerData("bea"), "pro", "eur"))).subscription_id
    async with seller.context.transaction() as tx:
        (price,) = await catalog.prices_of_plan(tx, plan_id)
        await catalog.archive_price(tx, price.id, now=await seller.context.now(tx))
    with pytest.raises(CauceError):
        await sign_up(seller.context, Signup(CustomerData("cai"), "pro", "eur"))
    (first,) = await seller.invoices(waiting)
    await pay_by_hand(seller.context, PayByHand(first["id"], 3_000, "by bank"))
    await approve_quote(seller.context, offered)
    await seller.advance(31 * DAY)
    assert [one["total_minor"] for one in await seller.invoices(waiting)] == [3_000, 3_000]
    assert [one["total_minor"] for one in await seller.invoices(offered)] == [3_000]
    await seller.prove()
