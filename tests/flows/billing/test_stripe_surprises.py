"""What Stripe tells later than anybody likes: refunds that fail, disputes, customers that were deleted there."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import httpx2

from cauce.flows.billing.correct import CreditInvoice, credit_invoice
from tests.flows.billing.at_stripe import STRIPE, stripe_shop
from tests.flows.billing.shop import flat

DAY = timedelta(days=1)


async def test_s21_a_refund_that_fails_later_is_credit_again(dsn: str, tmp_path: Path) -> None:
    async with stripe_shop(dsn, tmp_path) as seller:
        await seller.plan("pro", flat(2_900), trial_days=7)
        done = await seller.sign_up("ana", "pro")
        await seller.add_card(done.customer_id, "refund_fails")
        await seller.advance(8 * DAY)
        (invoice,) = await seller.invoices(done.subscription_id)
        note = await credit_invoice(
            seller.context, CreditInvoice(invoice["id"], "half", total_minor=1_450, refund=True)
        )
        await seller.work()
        (refund_id,) = note.refund_ids
        assert (await seller.story(refund_id))[-1] == "refund.succeeded"
        await seller.advance(9 * DAY)
        assert (await seller.story(refund_id))[-1] == "refund.failed"
        assert "customer:ana:credit: 1450" in await seller.books()
        await seller.agree()


async def test_a_lost_dispute_costs_the_payment_and_its_fee(dsn: str, tmp_path: Path) -> None:
    async with stripe_shop(dsn, tmp_path) as seller:
        await seller.plan("pro", flat(2_900), trial_days=7)
        done = await seller.sign_up("ana", "pro")
        await seller.add_card(done.customer_id, "dispute")
        await seller.advance(8 * DAY)
        assert f"dispute_receivable:{seller.channel_id}: 2900" in await seller.books()
        await seller.agree()
        await seller.advance(20 * DAY)
        assert "loss: 2900" in await seller.books()
        await seller.agree()


async def test_a_customer_deleted_at_stripe_loses_his_cards_and_is_made_again(dsn: str, tmp_path: Path) -> None:
    async with stripe_shop(dsn, tmp_path) as seller:
        await seller.plan("pro", flat(2_900), trial_days=7)
        done = await seller.sign_up("ana", "pro")
        await seller.add_card(done.customer_id)
        (customer,) = await seller.objects("customer")
        async with httpx2.AsyncClient(trust_env=False, timeout=60) as http:
            key = {"authorization": f"Bearer sk_test_{seller.sim.tenant}"}
            gone = await http.delete(f"{seller.sim.face_url(STRIPE)}/v1/customers/{customer['id']}", headers=key)
            assert gone.status_code == 200
        await seller.sim.quiet()
        await seller.advance(8 * DAY)
        assert (await seller.subscription(done.subscription_id)).status == "paused", (
            "no method: the trial's end as planned"
        )
        await seller.add_card(done.customer_id)
        assert (await seller.subscription(done.subscription_id)).status == "active"
        await seller.agree()
