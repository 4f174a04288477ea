"""Cancel, undo, reactivate; methods that are added; credit notes, refunds, voids, losses, payments by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from cauce.billing.catalog.rules import CancelCredit
from cauce.billing.customers.rules import CustomerData
from cauce.billing.payments.rules import LastMethod
from cauce.billing.subscriptions.rules import TrialUsed
from cauce.flows.billing.cancel import Cancel, cancel, reactivate, undo
from cauce.flows.billing.correct import CreditInvoice, PayByHand, credit_invoice, pay_by_hand, void, write_off
from cauce.flows.billing.methods import BeginSetup, begin_setup, detach, read_setup
from cauce.kernel.errors import IllegalTransition
from tests.flows.billing.shop import CHANNEL, Shop, flat

DAY = timedelta(days=1)


async def test_a_cancellation_at_the_end_can_be_undone_and_then_happens(seller: Shop) -> None:
    await seller.plan("pro", flat(3_000))
    await seller.card("ana")
    one = (await seller.sign_up("ana", "pro")).subscription_id
    await cancel(seller.context, Cancel(one, reason="too dear"))
    await undo(seller.context, one)
    await seller.advance_to(datetime(2026, 2, 15, 9, tzinfo=UTC))
    assert len(await seller.invoices(one)) == 2
    await cancel(seller.context, Cancel(one))
    assert await seller.access(one) == "full"
    await seller.advance_to(datetime(2026, 3, 15, 9, tzinfo=UTC))
    assert (await seller.subscription(one)).status == "canceled"
    assert await seller.access(one) == "none"
    assert len(await seller.invoices(one)) == 2
    back = await reactivate(seller.context, one)
    await seller.work()
    assert (back.status, (await seller.subscription(one)).status) == ("incomplete", "active")
    with pytest.raises(IllegalTransition) as refused:
        await reactivate(seller.context, one)
    assert "cancel" in refused.value.fields["allowed"]
    await seller.prove()


async def test_a_cancellation_now_refunds_the_unused_part(seller: Shop) -> None:
    await seller.plan("pro", flat(3_000))
    await seller.advance_to(datetime(2026, 4, 1, 9, tzinfo=UTC))
    await seller.card("ana")
    one = (await seller.sign_up("ana", "pro")).subscription_id
    await seller.advance_to(datetime(2026, 4, 11, 9, tzinfo=UTC))
    moved = await cancel(seller.context, Cancel(one, now=True, credit=CancelCredit.REFUND))
    assert (moved.status, moved.credit_minor) == ("canceled", 2_000)
    await seller.work()
    assert [each.amount.amount_minor for each in seller.cards.refunded] == [2_000]
    assert await seller.books() == ["deferred: 1000", "provider_cost: 30", f"psp_clearing:ch_cards: {1_000 - 30}"]
    await seller.prove()


async def test_credit_notes_sum_to_the_invoice_to_the_cent(seller: Shop) -> None:
    async with seller.context.transaction() as tx:
        from cauce.billing.catalog import service as catalog

        await catalog.put_tax_rate(tx, "", "21")
    await seller.plan("pro", flat(3_333), flat(3_333, "support"), flat(3_333, "backup"))
    await seller.card("ana")
    one = (await seller.sign_up("ana", "pro")).subscription_id
    (invoice,) = await seller.invoices(one)
    assert (invoice["total_minor"], invoice["tax_minor"]) == (12_099, 2_100)
    notes = [
        await credit_invoice(seller.context, CreditInvoice(invoice["id"], "test", total_minor=n)) for n in (1, 7_001)
    ]
    notes.append(await credit_invoice(seller.context, CreditInvoice(invoice["id"], "rest")))
    assert sum(note.total_minor for note in notes) == 12_099
    assert sum(note.tax_minor for note in notes) == 2_100
    assert [line for line in await seller.books() if "credit" in line] == ["customer:ana:credit: 12099"]
    await seller.prove()


async def test_credit_pays_the_next_invoice(seller: Shop) -> None:
    await seller.plan("pro", flat(3_000))
    await seller.card("ana")
    one = (await seller.sign_up("ana", "pro")).subscription_id
    (invoice,) = await seller.invoices(one)
    await credit_invoice(seller.context, CreditInvoice(invoice["id"], "sorry", total_minor=1_000))
    await seller.advance_to(datetime(2026, 2, 15, 9, tzinfo=UTC))
    _, second = await seller.invoices(one)
    assert (second["credit_minor"], second["paid_minor"], second["status"]) == (1_000, 2_000, "paid")
    await seller.prove()


async def test_a_refund_that_fails_stays_as_credit(seller: Shop) -> None:
    await seller.plan("pro", flat(3_000))
    await seller.card("ana")
    one = (await seller.sign_up("ana", "pro")).subscription_id
    (invoice,) = await seller.invoices(one)
    seller.cards.refuse_refunds = True
    credited = await credit_invoice(seller.context, CreditInvoice(invoice["id"], "sorry", total_minor=500, refund=True))
    await seller.work()
    assert "refund.failed" in await seller.story(credited.refund_ids[0])
    assert "customer:ana:credit: 500" in await seller.books()
    await seller.prove()


async def test_sent_invoices_are_paid_by_hand_or_written_off(seller: Shop) -> None:
    await seller.plan("pro", flat(3_000))
    paid = (await seller.sign_up("ana", "pro", collection="send_invoice", net_days=14)).subscription_id
    lost = (await seller.sign_up("bia", "pro", collection="send_invoice", net_days=14)).subscription_id
    gone = (await seller.sign_up("cid", "pro", collection="send_invoice", net_days=14)).subscription_id
    (first,), (second,), (third,) = [await seller.invoices(one) for one in (paid, lost, gone)]
    await pay_by_hand(seller.context, PayByHand(first["id"], 1_000, "bank 1"))
    await pay_by_hand(seller.context, PayByHand(first["id"], 2_500, "bank 2", "bank_transfer"))
    await void(seller.context, third["id"])
    await seller.advance(16 * DAY)
    assert [(await seller.subscription(one)).status for one in (paid, lost)] == ["active", "past_due"]
    await write_off(seller.context, second["id"])
    assert (await seller.subscription(lost)).status == "active"
    assert "customer:ana:credit: 500" in await seller.books()
    assert "loss: 3000" in await seller.books()
    await seller.prove()


async def test_a_new_card_pays_the_debt_at_once(seller: Shop) -> None:
    await seller.plan("pro", flat(3_000))
    method = await seller.card("ana")
    done = await seller.sign_up("ana", "pro")
    seller.cards.cards = dict.fromkeys(seller.cards.cards, "stolen")
    await seller.advance_to(datetime(2026, 2, 15, 9, tzinfo=UTC))
    assert (await seller.subscription(done.subscription_id)).status == "past_due"
    with pytest.raises(LastMethod):
        await detach(seller.context, done.customer_id, method)
    setup = await begin_setup(seller.context, BeginSetup(done.customer_id, CHANNEL, "http://localhost/back"))
    await seller.work()
    async with seller.context.transaction() as tx:
        assert (await read_setup(tx, setup.setup_id)).next_action is not None
    seller.cards.complete_setup(setup.setup_id)
    await seller.advance(timedelta(hours=2))
    assert (await seller.subscription(done.subscription_id)).status == "active"
    await detach(seller.context, done.customer_id, method)
    await seller.prove()


async def test_a_card_after_the_trial_begins_a_paid_term(seller: Shop) -> None:
    await seller.plan("pro", flat(3_000), trial_days=7)
    done = await seller.sign_up("ana", "pro")
    await seller.advance(10 * DAY)
    setup = await begin_setup(seller.context, BeginSetup(done.customer_id, CHANNEL, "http://localhost/back"))
    await seller.work()
    seller.cards.complete_setup(setup.setup_id)
    await seller.advance(timedelta(hours=2))
    one = await seller.subscription(done.subscription_id)
    assert (one.status, await seller.access(one.id)) == ("active", "full")
    assert [each["status"] for each in await seller.invoices(one.id)] == ["paid"]
    shown = seller.cards.customers[done.customer_id].metadata
    assert (shown["cauce_plan"], shown["cauce_status"], shown["cauce_subscription"]) == ("pro", "active", one.id)
    await seller.prove()


async def test_a_second_trial_is_refused_to_the_same_person(seller: Shop) -> None:
    await seller.plan("pro", flat(3_000), trial_days=7)
    await seller.sign_up("ana", "pro", email="Ana.Lima+x@gmail.com")
    with pytest.raises(TrialUsed):
        await seller.sign_up("other", "pro", email="analima@gmail.com")
    async with seller.context.transaction() as tx:
        assert await tx.value("SELECT count(*) FROM customers.customer WHERE org_id = $1", tx.org) == 1
    assert CustomerData("x").email is None
