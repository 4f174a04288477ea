"""O2, S25: what a provider took, gave back, kept and paid out for subscriptions agrees with our own book, or is a break."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from cauce.flows.marketplace.reconcile import fetch_statements, reconcile
from tests.flows.billing.at_stripe import StripeShop, stripe_shop
from tests.flows.billing.shop import BEGIN, flat


async def test_charges_refunds_and_fees_of_subscriptions_agree(dsn: str, tmp_path: Path) -> None:
    async with stripe_shop(dsn, tmp_path) as shop:
        await shop.plan("pro", flat(2_900))
        for who in ("ana", "bob"):
            done = await shop.sign_up(who, "pro", trial_days=7)
            await shop.add_card(done.customer_id)
        await shop.advance(timedelta(days=8))
        day = (BEGIN + timedelta(days=7)).date()
        await fetch_statements(shop.context, shop.channel_id, [day])
        found = await reconcile(shop.context, shop.channel_id, day, day + timedelta(days=1))
        async with shop.context.transaction() as tx:
            for row in await tx.rows("SELECT * FROM reconciliation.break"):
                print("BREAK", dict(row))
            for row in await tx.rows("SELECT * FROM reconciliation.line"):
                print("LINE", dict(row))
            for row in await tx.rows("SELECT key, recipe, reference, evidence, books FROM ledger.journal"):
                print("J", dict(row))
        print(found)
        assert 0
