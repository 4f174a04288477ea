"""Amounts that the provider is too dear for: carried to the next invoice, once, whatever becomes of that one (V28, G12)."""

from __future__ import annotations

from datetime import timedelta

from cauce.flows.billing.conventions import Conventions, set_conventions
from cauce.flows.billing.correct import void
from cauce.flows.billing.standing import grant_credit
from cauce.flows.billing.upcoming import upcoming_invoice
from tests.flows.billing.shop import Shop, flat

DAY = timedelta(days=1)


async def test_an_amount_too_small_to_charge_stands_on_the_next_invoice(seller: Shop) -> None:
    seller.cards.amount_min_minor = {"eur": 50}
    await seller.plan("tiny", flat(30))
    await seller.card("ana")
    done = await seller.sign_up("ana", "tiny")
    assert (await seller.subscription(done.subscription_id)).status == "active"
    assert (seller.cards.tries, await seller.books()) == ([], ["customer:ana:carried: 30", "deferred: 30"])
    assert (await upcoming_invoice(seller.context, done.subscription_id)).amount_due_minor == 60
    await seller.advance(31 * DAY)
    assert [request.amount.amount_minor for request in seller.cards.charged] == [60]
    invoices = await seller.invoices(done.subscription_id)
    assert [(each["total_minor"], each["credit_minor"], each["status"]) for each in invoices] == [
        (30, 30, "paid"),
        (30, -30, "paid"),
    ]
    assert not any("carried" in line for line in await seller.books())
    await seller.prove()


async def test_an_amount_that_the_seller_does_not_ask_for_is_forgiven_and_the_contract_runs(seller: Shop) -> None:
    seller.cards.amount_min_minor = {"eur": 50}
    async with seller.context.transaction() as tx:
        await set_conventions(tx, seller.context, Conventions(forgive_below={"eur": 31, "jpy": 100}))
    await seller.plan("tiny", flat(30))
    await seller.plan("small", flat(31))
    await seller.card("ana")
    tiny = await seller.sign_up("ana", "tiny")
    assert (await seller.subscription(tiny.subscription_id)).status == "active"
    (invoice,) = await seller.invoices(tiny.subscription_id)
    assert (invoice["status"], invoice["credited_minor"], invoice["paid_minor"]) == ("paid", 30, 0)
    assert await seller.books() == []
    assert seller.cards.tries == []
    small = await seller.sign_up("ana", "small")
    assert [each["credited_minor"] for each in await seller.invoices(small.subscription_id)] == [0], "it is carried"
    assert "customer:ana:carried: 31" in await seller.books()
    await seller.prove()


async def test_what_an_invoice_collected_of_earlier_ones_is_carried_again_when_it_is_voided(seller: Shop) -> None:
    seller.cards.amount_min_minor = {"eur": 50}
    await seller.plan("tiny", flat(30))
    await seller.card("ana")
    done = await seller.sign_up("ana", "tiny")
    seller.cards.cards = dict.fromkeys(seller.cards.cards, "poor")
    await seller.advance(31 * DAY)
    await void(seller.context, (await seller.invoices(done.subscription_id))[-1]["id"])
    assert "customer:ana:carried: 30" in await seller.books()
    await seller.prove()
    await grant_credit(seller.context, done.customer_id, "eur", 1_000, "sorry")
    await seller.advance(31 * DAY)
    last = (await seller.invoices(done.subscription_id))[-1]
    assert (last["status"], last["credit_minor"]) == ("paid", 30)
    await seller.prove()
