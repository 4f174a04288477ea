"""Erasure here and at the card company (B4): personal data go, the books stay, an unknown answer is asked about until it is known."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from cauce.billing.conversations.rules import Person
from cauce.billing.relations import knowing as relations
from cauce.flows import clock, erasing
from cauce.flows.billing import cancel
from cauce.flows.chat import talking
from cauce.flows.outreach.door import queue_message
from tests.flows.billing.at_stripe import STRIPE, StripeShop, open_shop
from tests.flows.billing.shop import flat
from tests.support.runtime import world

_HOLDING = """
SELECT 'customer' FROM customers.customer WHERE org_id = $1 AND (name <> '' OR email <> '' OR external_id NOT LIKE 'erased:%')
 UNION ALL SELECT 'message' FROM outreach.message WHERE org_id = $1 AND (to_address <> '' OR to_name <> '' OR body_text <> '' OR data <> '{}')
 UNION ALL SELECT 'note' FROM relations.note WHERE org_id = $1 AND body <> ''
 UNION ALL SELECT 'words' FROM conversations.message WHERE org_id = $1 AND body <> ''
 UNION ALL SELECT 'card' FROM payments.method WHERE org_id = $1 AND removed_at IS NULL
 UNION ALL SELECT 'payer' FROM payments.payer WHERE org_id = $1 AND ref <> ''
"""


async def _pass(shop: StripeShop, by: timedelta) -> None:
    async with shop.context.transaction() as tx:
        target = await shop.context.now(tx) + by
    await clock.begin_advance(shop.context, target)
    await shop.walk()


async def _holding(shop: StripeShop) -> set[str]:
    async with shop.context.transaction() as tx:
        return {row[0] for row in await tx.rows(_HOLDING, tx.org)}


@pytest.mark.parametrize("fault", ["", "drop_after", "drop_before"])
async def test_an_erased_customer_is_gone_here_and_at_the_card_company(dsn: str, tmp_path: Path, fault: str) -> None:
    async with world(dsn, tmp_path, sandbox=True) as product:
        shop = await open_shop(product)
        await shop.plan("pro", flat(2_900))
        done = await shop.sign_up("ana", "pro", trial_days=14, email="ana@customers.example")
        await shop.add_card(done.customer_id)
        async with shop.context.transaction() as tx:
            await relations.note(tx, done.customer_id, "bob", "Lives in Vigo", await shop.context.now(tx))
            await queue_message(tx, shop.context, done.customer_id, "registered", {})
        await talking.hear(shop.context, Person(done.customer_id, name="Ana"), "My number is 555")
        await shop.work()
        assert await _holding(shop) == {"customer", "message", "note", "words", "card", "payer"}
        with pytest.raises(erasing.StillSubscribed):
            await erasing.erase_customer(shop.context, done.customer_id)
        await cancel.cancel(shop.context, cancel.Cancel(done.subscription_id, now=True))
        await shop.work()
        if fault:
            await shop.sim.fault(STRIPE, fault, "customers.delete")
        await erasing.erase_customer(shop.context, done.customer_id)
        await erasing.erase_customer(shop.context, done.customer_id)
        await _pass(shop, timedelta(days=1))
        assert await _holding(shop) == set()
        assert [one.get("deleted") for one in await shop.objects("customer")] in ([], [True])
        assert (await shop.story(done.customer_id)).count("customer.deleted") == 1
        await shop.prove()
