"""One trial per card and product, also when the card comes during the trial (D2); coupons at their edges (A5)."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from cauce.billing.catalog import service as catalog
from cauce.billing.catalog.rules import PlanPolicy
from cauce.billing.catalog.service import NewCoupon
from cauce.billing.customers.rules import CustomerData
from cauce.billing.subscriptions.rules import TrialUsed
from cauce.flows import instruct
from cauce.flows.billing.coupons import CouponNotApplicable, CouponNotValid
from cauce.flows.billing.methods import BeginSetup, begin_setup
from cauce.flows.billing.signup import SignedUp, Signup, sign_up
from cauce.kernel.errors import CauceError
from cauce.storage import outbox
from tests.flows.billing.shop import CHANNEL, Shop, flat

DAY = timedelta(days=1)


async def types_in(seller: Shop, who: str, customer_id: str, fingerprint: str) -> None:
    """A card by the provider's form."""
    begun = await begin_setup(seller.context, BeginSetup(customer_id, CHANNEL, "https://shop.example/"))
    await seller.work()
    seller.cards.complete_setup(begun.setup_id, fingerprint=fingerprint)
    await instruct.ask_by_key(seller.context, begun.setup_id)
    await seller.work()


async def told_of_cards(seller: Shop, customer_id: str) -> list[bool]:
    """Whether each card that was added had had a trial before."""
    async with seller.context.transaction() as tx:
        ids = await tx.rows(
            "SELECT id FROM payments.method WHERE org_id = $1 AND customer_id = $2", tx.org, customer_id
        )
        rows = [row for one in ids for row in await outbox.events_of(tx, one["id"])]
    return ["trial_used_before" in str(dict(row)) for row in rows if row["type"] == "payment_method.added"]


@pytest.mark.parametrize(("policy", "status"), [("keep", "trialing"), ("end", "active")])
async def test_a_card_that_had_a_trial_is_told_and_ends_the_next_one_where_the_plan_says_so(
    seller: Shop, policy: Any, status: str
) -> None:
    await seller.plan("pro", flat(900), trial_days=14, policy=PlanPolicy(trial_card_reused=policy))
    ana = await seller.sign_up("ana", "pro", email="ana@example.com")
    await types_in(seller, "ana", ana.customer_id, "fp_one")
    bia = await seller.sign_up("bia", "pro", email="bia@example.com")
    await seller.advance(DAY)
    await types_in(seller, "bia", bia.customer_id, "fp_one")
    assert (await seller.subscription(ana.subscription_id)).status == "trialing"
    assert (await seller.subscription(bia.subscription_id)).status == status
    assert await told_of_cards(seller, ana.customer_id) == [False]
    assert await told_of_cards(seller, bia.customer_id) == [True]
    await seller.prove()


async def test_a_card_that_was_added_in_a_trial_begins_no_other(seller: Shop) -> None:
    await seller.plan("pro", flat(900), trial_days=14)
    ana = await seller.sign_up("ana", "pro", email="ana@example.com")
    await types_in(seller, "ana", ana.customer_id, "fp_one")
    await seller.card("bia", fingerprint="fp_one")
    with pytest.raises(TrialUsed):
        await seller.sign_up("bia", "pro", email="bia@example.com")


async def test_a_second_trial_that_an_operator_allowed_is_left_alone(seller: Shop) -> None:
    await seller.plan("pro", flat(900), trial_days=14, policy=PlanPolicy(trial_card_reused="end"))
    first = await seller.sign_up("ana", "pro")
    await types_in(seller, "ana", first.customer_id, "fp_one")
    second = await seller.sign_up("ana", "pro", again="asked nicely")
    await types_in(seller, "ana", first.customer_id, "fp_one")
    assert (await seller.subscription(second.subscription_id)).status == "trialing"


async def coupon(seller: Shop, code: str, **terms: Any) -> None:
    async with seller.context.transaction() as tx:
        await catalog.create_coupon(tx, NewCoupon(code, **terms), now=await seller.context.now(tx))


async def test_of_many_at_once_one_redeems_the_last_coupon(seller: Shop) -> None:
    await seller.plan("pro", flat(900))
    await coupon(seller, "LAST", percent="50", redemptions_max=1)
    found = await asyncio.gather(*(seller_sign_up(seller, f"c{n}") for n in range(5)), return_exceptions=True)
    refused = [one for one in found if isinstance(one, CouponNotValid)]
    assert (len(refused), len(found) - len(refused)) == (4, 1), found


async def seller_sign_up(seller: Shop, who: str) -> SignedUp:
    return await sign_up(seller.context, Signup(CustomerData(who, name=who), "pro", "eur", coupon="LAST"))


async def test_a_coupon_takes_off_no_more_than_there_is(seller: Shop) -> None:
    await seller.plan("pro", flat(900))
    await coupon(seller, "BIG", amount_minor=5_000, currency="eur", duration="repeating", duration_periods=2)
    one = (await seller.sign_up("ana", "pro", coupon="BIG")).subscription_id
    await seller.card("ana")
    await seller.advance(62 * DAY)
    assert [each["total_minor"] for each in await seller.invoices(one)] == [0, 0, 900]
    await seller.prove()


@pytest.mark.parametrize(
    ("terms", "error"),
    [
        ({"amount_minor": 100, "currency": "usd"}, CouponNotApplicable),
        ({"percent": "10", "product_ids": ("prod_other",)}, CouponNotApplicable),
        ({"percent": "10", "first_purchase": True}, CouponNotApplicable),
        ({"percent": "10", "expires_at": None}, None),
    ],
)
async def test_a_coupon_of_another_currency_product_or_for_a_first_purchase_is_refused_whole(
    seller: Shop, terms: dict[str, Any], error: type[CauceError] | None
) -> None:
    await seller.plan("pro", flat(900))
    await seller.sign_up("ana", "pro")
    if "expires_at" in terms:
        async with seller.context.transaction() as tx:
            terms, error = {**terms, "expires_at": await seller.context.now(tx)}, CouponNotValid
    await coupon(seller, "NO", **terms)
    assert error is not None
    with pytest.raises(error):
        await seller.sign_up("ana", "pro", coupon="NO")
    async with seller.context.transaction() as tx:
        used = await tx.value("SELECT redemptions FROM catalog.coupon WHERE org_id = $1 AND code = 'NO'", tx.org)
        many = await tx.value("SELECT count(*) FROM subscriptions.subscription WHERE org_id = $1", tx.org)
    assert (used, many) == (0, 1)
