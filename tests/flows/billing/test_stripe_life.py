"""The life of a subscription against Stripe's simulator, on the organization's clock: trial, card, renewal, debt, end, return."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from cauce.flows.billing import cancel as ending
from cauce.flows.billing.extra import ExtraCharge, add_charge
from tests.flows.billing.at_stripe import STRIPE, stripe_shop
from tests.flows.billing.shop import flat

DAY = timedelta(days=1)


async def test_the_life_of_a_subscription_from_trial_to_return(dsn: str, tmp_path: Path) -> None:
    async with stripe_shop(dsn, tmp_path) as seller:
        await seller.plan("pro", flat(2_900), trial_days=14)
        done = await seller.sign_up("ana", "pro", email="ana@example.com")
        one, who = done.subscription_id, done.customer_id
        assert (await seller.metadata(who))["cauce_status"] == "trialing"
        # Who pays by transfer has nothing to do with the provider of cards.
        await seller.sign_up("tom", "pro", collection="send_invoice", email="tom@example.com")
        assert [each["email"] for each in await seller.objects("customer")] == ["ana@example.com"]
        # The trial ends without a card: access is restricted, the customer is told, nothing is billed.
        await seller.advance(15 * DAY)
        assert ((await seller.subscription(one)).status, await seller.access(one)) == ("paused", "none")
        assert "subscription.trial_expired" in await seller.story(one)
        # A card is added: invoice, charge, active, access restored.
        await seller.add_card(who)
        assert ((await seller.subscription(one)).status, await seller.access(one)) == ("active", "full")
        assert (await seller.metadata(who))["cauce_status"] == "active"
        await seller.agree()
        # An extra charge on the running subscription stands on the renewal.
        await add_charge(seller.context, ExtraCharge(one, 500, "Workshop"))
        await seller.advance(31 * DAY)
        assert [each["total_minor"] for each in await seller.invoices(one)] == [2_900, 3_400]
        # A payment fails, is retried, and is paid once another card is there.
        await seller.add_card(who, "insufficient_funds")
        for method in await seller.objects("payment_method"):
            await seller.sim.verb(STRIPE, f"payment_methods/{method['id']}/behave", {"as": "insufficient_funds"})
        await seller.advance(31 * DAY)
        assert ((await seller.subscription(one)).status, await seller.access(one)) == ("past_due", "grace")
        await seller.add_card(who)
        assert ((await seller.subscription(one)).status, await seller.access(one)) == ("active", "full")
        assert "subscription.recovered" in await seller.story(one)
        await seller.agree()
        # Cancelled at the period's end, and back again on the same subscription without a second trial.
        await ending.cancel(seller.context, ending.Cancel(one, reason="too_expensive"))
        assert await seller.access(one) == "full"
        await seller.advance(32 * DAY)
        assert ((await seller.subscription(one)).status, await seller.access(one)) == ("canceled", "none")
        await seller.advance(9 * DAY)
        await ending.reactivate(seller.context, one)
        await seller.work()
        assert ((await seller.subscription(one)).status, await seller.access(one)) == ("active", "full")
        assert (await seller.story(one)).count("subscription.trial_started") == 1
        await seller.agree()
