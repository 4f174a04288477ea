"""O2, S25: what a provider took, gave back, kept and paid out for subscriptions agrees with our own book, or is a break."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import asyncpg

from cauce.flows.billing.correct import CreditInvoice, credit_invoice
from cauce.flows.marketplace.reconcile import Reconciled, check_mirror, fetch_statements, reconcile
from tests.flows.billing.at_stripe import STRIPE, StripeShop, stripe_shop
from tests.flows.billing.shop import BEGIN, flat

DAY = timedelta(days=1)
WEEK = BEGIN.date() + 7 * DAY


async def _sold(shop: StripeShop, *names: str) -> None:
    """Customers whose trials end at one moment, and who are charged then."""
    await shop.plan("pro", flat(2_900))
    for who in names:
        done = await shop.sign_up(who, "pro", trial_days=7)
        await shop.add_card(done.customer_id)
    await shop.advance(8 * DAY)


async def _compared(shop: StripeShop, first: date, days: int = 1) -> Reconciled:
    await fetch_statements(shop.context, shop.channel_id, [first + n * DAY for n in range(days)])
    return await reconcile(shop.context, shop.channel_id, first, first + days * DAY)


async def _subscriptions(shop: StripeShop) -> list[str]:
    async with shop.context.transaction() as tx:
        rows = await tx.rows("SELECT id FROM subscriptions.subscription WHERE org_id = $1 ORDER BY id", tx.org)
    return [row["id"] for row in rows]


async def _open(shop: StripeShop) -> list[tuple[str, str, int | None, int | None]]:
    async with shop.context.transaction() as tx:
        rows = await tx.rows(
            "SELECT type, kind, ours_minor, theirs_minor FROM reconciliation.break WHERE org_id = $1 AND state = 'open' ORDER BY 1, 2",
            tx.org,
        )
    return [(row["type"], row["kind"], row["ours_minor"], row["theirs_minor"]) for row in rows]


async def _give_back(shop: StripeShop, subscription_id: str) -> None:
    (invoice,) = await shop.invoices(subscription_id)
    await credit_invoice(shop.context, CreditInvoice(invoice["id"], reason="requested", refund=True))
    await shop.work()


async def test_charges_refunds_disputes_fees_and_payouts_agree(dsn: str, tmp_path: Path) -> None:
    async with stripe_shop(dsn, tmp_path) as shop:
        await _sold(shop, "ana", "bob", "eva")
        found = await _compared(shop, WEEK)
        assert (found.ours, found.theirs, found.breaks) == (6, 6, 0), "three charges, each with its fee"
        first, second, _ = await _subscriptions(shop)
        await _give_back(shop, first)
        await _give_back(shop, second)
        refund = (await shop.objects("refund"))[-1]
        await shop.sim.verb(STRIPE, f"refunds/{refund['id']}/fail", {})
        refunded = {str(one["charge"]) for one in await shop.objects("refund")}
        (left,) = [one for one in await shop.objects("charge") if one["id"] not in refunded]
        dispute = await shop.sim.verb(STRIPE, "disputes", {"charge": left["id"]})
        await shop.sim.quiet()
        await shop.advance(DAY)
        assert (await _compared(shop, WEEK + DAY)).breaks == 0
        await shop.sim.verb(STRIPE, f"disputes/{dispute['id']}/decide", {"verdict": "won"})
        await shop.sim.quiet()
        await shop.advance(7 * DAY)
        await shop.sim.verb(STRIPE, "payouts/automatic", {"currency": "eur"})
        await shop.sim.quiet()
        await shop.advance(3 * DAY)
        assert (await _compared(shop, WEEK + 2 * DAY, 9)).breaks == 0
        assert await check_mirror(shop.context, shop.channel_id) == {}, (
            "what subscriptions brought lies in that balance"
        )
        assert await _open(shop) == []
        await shop.agree()


async def test_planted_differences_of_every_kind_are_found_and_only_those(dsn: str, tmp_path: Path) -> None:
    async with stripe_shop(dsn, tmp_path) as shop:
        await _sold(shop, "ana", "bob", "eva", "dan")
        (first, *_) = await _subscriptions(shop)
        await _give_back(shop, first)
        await shop.advance(DAY)
        await fetch_statements(shop.context, shop.channel_id, [WEEK, WEEK + DAY])
        owner = await asyncpg.connect(dsn)
        try:
            charges = await owner.fetch(
                "SELECT row_key FROM reconciliation.line WHERE kind = 'collection' ORDER BY key"
            )
            changed, without, dearer = (row["row_key"] for row in charges[:3])
            line = "reconciliation.line"
            await owner.execute(f"UPDATE {line} SET amount_minor = amount_minor + 5 WHERE row_key = $1", changed)
            await owner.execute(f"DELETE FROM {line} WHERE row_key = $1", without)
            await owner.execute(f"UPDATE {line} SET fee_minor = fee_minor + 3 WHERE row_key = $1", dearer)
            await owner.execute(f"UPDATE {line} SET amount_minor = amount_minor - 7 WHERE kind = 'refund'")
        finally:
            await owner.close()
        await reconcile(shop.context, shop.channel_id, WEEK, WEEK + 2 * DAY)
        assert await _open(shop) == [
            ("amount", "collection", 2_900, 2_905),
            ("amount", "refund", 2_900, 2_907),
            ("fee", "fee", 114, 117),
            ("missing_there", "collection", 2_900, None),
        ]
