"""What is told by event when it happens beside something else: versions, coupons that are used up, part payments, doubts."""

from __future__ import annotations

from datetime import timedelta

from cauce.billing.catalog import service as catalog
from cauce.billing.catalog.service import NewCoupon
from cauce.flows.billing.correct import CreditInvoice, PayByHand, credit_invoice, pay_by_hand
from cauce.storage import outbox
from tests.flows.billing.shop import Shop, flat, per_unit


async def test_a_new_version_is_told_and_which_prices_have_other_terms_there(seller: Shop) -> None:
    first = await seller.plan("pro", flat(1_000), per_unit("300"))
    second = await seller.plan("pro", flat(1_200), per_unit("300"))
    assert (await seller.story(first), await seller.story(second)) == (
        ["plan.created"],
        ["plan.created", "plan.updated"],
    )
    async with seller.context.transaction() as tx:
        told = {price.key: await outbox.events_of(tx, price.id) for price in await catalog.prices_of_plan(tx, second)}
        (old,) = [price for price in await catalog.prices_of_plan(tx, first) if price.key == "base"]
    assert [event["type"] for event in told["base"]] == ["price.created", "price.updated"]
    assert told["base"][1]["previous"] == {"id": old.id}
    assert [event["type"] for event in told["seats"]] == ["price.created"]


async def test_a_coupon_that_is_used_up_is_told_with_its_last_invoice(seller: Shop) -> None:
    await seller.plan("pro", flat(1_000))
    await seller.card("ana")
    async with seller.context.transaction() as tx:
        coupon = NewCoupon("TWO", "50", duration="repeating", duration_periods=2)
        await catalog.create_coupon(tx, coupon, now=await seller.context.now(tx))
    one = (await seller.sign_up("ana", "pro", coupon="TWO")).subscription_id
    async with seller.context.transaction() as tx:
        discount = await tx.value("SELECT id FROM subscriptions.discount WHERE org_id = $1", tx.org)
    assert await seller.story(discount) == ["discount.applied"]
    await seller.advance(timedelta(days=63))
    assert await seller.story(discount) == ["discount.applied", "discount.removed"]
    assert [each["total_minor"] for each in await seller.invoices(one)] == [500, 500, 1_000]


async def test_an_invoice_of_which_a_part_is_paid_or_credited_is_told_and_what_is_left(seller: Shop) -> None:
    await seller.plan("pro", flat(1_000))
    one = (await seller.sign_up("ana", "pro", collection="send_invoice", net_days=30)).subscription_id
    (invoice,) = await seller.invoices(one)
    await pay_by_hand(seller.context, PayByHand(invoice["id"], 300))
    await credit_invoice(seller.context, CreditInvoice(invoice["id"], "sorry", {}, 200, False))
    await pay_by_hand(seller.context, PayByHand(invoice["id"], 500))
    async with seller.context.transaction() as tx:
        told = await outbox.events_of(tx, invoice["id"])
    assert [event["type"] for event in told] == [
        "invoice.created", "invoice.finalized", "invoice.updated", "invoice.updated", "invoice.paid",
    ]  # fmt: skip
    assert [event["data"]["amount_due"] for event in told if event["type"] == "invoice.updated"] == [700, 500]


async def test_a_charge_whose_answer_is_lost_is_told_once_and_again_when_it_is_known(seller: Shop) -> None:
    await seller.plan("pro", flat(1_000))
    await seller.card("ana")
    seller.cards.lose = 1
    one = (await seller.sign_up("ana", "pro")).subscription_id
    await seller.advance(timedelta(minutes=5))
    async with seller.context.transaction() as tx:
        attempt = await tx.value("SELECT id FROM payments.attempt WHERE org_id = $1", tx.org)
        told = await outbox.events_of(tx, attempt)
    kinds = [event["type"] for event in told]
    assert kinds == [
        "payment.attempted", "instruction.unresolved", "payment.unresolved", "instruction.concluded", "payment.succeeded",
    ]  # fmt: skip
    doubt = told[kinds.index("payment.unresolved")]
    assert (doubt["data"]["amount"], doubt["data"]["currency"]) == (1_000, "eur")
    assert [each["status"] for each in await seller.invoices(one)] == ["paid"]
