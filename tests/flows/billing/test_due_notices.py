"""That an invoice with terms of payment will be due is told once, some days before, while something is owed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from cauce.flows.billing.conventions import BadConvention, conventions, set_conventions
from cauce.flows.billing.correct import CreditInvoice, PayByHand, credit_invoice, pay_by_hand
from cauce.storage import outbox
from tests.flows.billing.shop import BEGIN, Shop, flat

DAY = timedelta(days=1)


async def sent(seller: Shop, net_days: int = 14, who: str = "ana") -> str:
    """An invoice of 15 January, nine o'clock; its id."""
    if not seller.product_id:
        await seller.plan("pro", flat(3_000, interval="year"))
    one = (await seller.sign_up(who, "pro", collection="send_invoice", net_days=net_days)).subscription_id
    return str((await seller.invoices(one))[0]["id"])


async def told(seller: Shop, invoice_id: str) -> list[tuple[datetime, int]]:
    """When it was told, and what was owed."""
    async with seller.context.transaction() as tx:
        return [
            (row["occurred_at"], row["data"]["amount_due"])
            for row in await outbox.events_of(tx, invoice_id)
            if row["type"] == "invoice.will_be_due"
        ]


async def test_it_is_told_three_days_before_and_not_of_what_is_settled(seller: Shop) -> None:
    part, whole, short = await sent(seller), await sent(seller, who="bia"), await sent(seller, 3, who="dan")
    await credit_invoice(seller.context, CreditInvoice(part, "half", total_minor=1_000))
    await pay_by_hand(seller.context, PayByHand(whole, 3_000))
    await seller.advance_to(BEGIN + 11 * DAY - timedelta(seconds=1))
    assert await told(seller, part) == []
    await seller.advance(timedelta(seconds=1))
    await seller.advance_to(BEGIN + 40 * DAY)
    assert await told(seller, part) == [(datetime(2026, 1, 26, 9, tzinfo=UTC), 2_000)]
    assert await told(seller, whole) == await told(seller, short) == []
    assert (await seller.story(part)).count("invoice.overdue") == 1
    await seller.prove()


async def test_the_seller_says_how_long_before(seller: Shop) -> None:
    async with seller.context.transaction() as tx:
        usual = await conventions(tx)
        await set_conventions(tx, seller.context, replace(usual, due_notice_days=10))
    early = await sent(seller)
    async with seller.context.transaction() as tx:
        await set_conventions(tx, seller.context, replace(usual, due_notice_days=0))
    never = await sent(seller, who="bia")
    await seller.advance_to(BEGIN + 13 * DAY)
    assert await told(seller, early) == [(datetime(2026, 1, 19, 9, tzinfo=UTC), 3_000)]
    assert await told(seller, never) == []
    async with seller.context.transaction() as tx:
        with pytest.raises(BadConvention):
            await set_conventions(tx, seller.context, replace(usual, due_notice_days=91))
