"""A credit note is void only while all that it did can be taken back exactly; then everything is as before."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from cauce.billing.invoicing.rules import CreditNoteStands
from cauce.billing.usage.rules import UsageEvent
from cauce.flows.billing.correct import Credited, CreditInvoice, PayByHand, credit_invoice, pay_by_hand
from cauce.flows.billing.recognize import recognize_revenue
from cauce.flows.billing.usage import create_meter, record_usage
from cauce.flows.billing.void_note import void_note
from cauce.kernel.errors import NotFound
from tests.flows.billing.shop import Shop, flat
from tests.flows.billing.test_final import calls
from tests.flows.billing.test_granted_credit import granting, grants


async def sent(seller: Shop, amount_minor: int = 12_000, interval: str = "year") -> dict[str, object]:
    """Ana's first invoice of a plan that is paid by bank transfer."""
    await seller.plan("pro", flat(amount_minor, interval=interval))
    one = (await seller.sign_up("ana", "pro", collection="send_invoice", net_days=400)).subscription_id
    return (await seller.invoices(one))[0]


async def paid(seller: Shop) -> dict[str, object]:
    """The same by card, paid."""
    await seller.plan("pro", flat(12_000, interval="year"))
    await seller.card("ana")
    one = (await seller.sign_up("ana", "pro")).subscription_id
    return (await seller.invoices(one))[0]


async def credited(seller: Shop, invoice: dict[str, object], total: int | None, *, refund: bool = False) -> Credited:
    """One note over it."""
    return await credit_invoice(
        seller.context, CreditInvoice(str(invoice["id"]), "wrong", total_minor=total, refund=refund)
    )


async def stands(seller: Shop, note: Credited) -> str:
    """Why the note cannot be voided; nothing is changed by the asking."""
    before = await seller.books()
    with pytest.raises(CreditNoteStands) as refused:
        await void_note(seller.context, note.credit_note_id, "mistake")
    assert await seller.books() == before
    await seller.prove()
    return str(refused.value.fields["reason"])


async def test_what_lowered_an_open_invoice_is_owed_again_and_revenue_goes_on_by_days(seller: Shop) -> None:
    invoice = await sent(seller)
    await recognize_revenue(seller.context, date(2026, 4, 1))
    before = await seller.books()
    note = await credited(seller, invoice, 9_500)
    assert (note.to_receivable_minor, note.to_credit_minor) == (9_500, 0)
    await void_note(seller.context, note.credit_note_id, "mistake")
    assert await seller.books() == before
    (again,) = await seller.invoices(str(invoice["subscription_id"]))
    assert (again["status"], again["credited_minor"], again["version"]) == ("open", 0, 3)
    assert await seller.story(note.credit_note_id) == ["credit_note.issued", "credit_note.voided"]
    assert (await seller.story(str(invoice["id"])))[-1] == "invoice.updated"
    await recognize_revenue(seller.context, date(2027, 1, 15))
    assert "revenue: 12000" in await seller.books()
    assert await stands(seller, note) == "voided"


async def test_a_close_between_a_note_and_its_voiding_loses_no_revenue(seller: Shop) -> None:
    invoice = await sent(seller)
    await recognize_revenue(seller.context, date(2026, 7, 1))
    note = await credited(seller, invoice, 9_500)
    await recognize_revenue(seller.context, date(2026, 8, 1))
    await void_note(seller.context, note.credit_note_id, "mistake")
    await seller.prove()
    await recognize_revenue(seller.context, date(2026, 9, 1))
    assert "revenue: 7529" in await seller.books()  # 229 of 365 days of 12000
    await seller.prove()


async def test_credit_that_is_unspent_is_taken_back_and_the_last_note_takes_the_rest(seller: Shop) -> None:
    invoice = await paid(seller)
    before = await seller.books()
    first = await credited(seller, invoice, 5_000)
    second = await credited(seller, invoice, 4_000)
    await void_note(seller.context, first.credit_note_id, "mistake")
    assert "customer:ana:credit: 4000" in await seller.books()
    last = await credited(seller, invoice, None)
    assert last.total_minor == 8_000
    await seller.prove()
    for note in (second, last):
        await void_note(seller.context, note.credit_note_id, "mistake")
    assert await seller.books() == before
    await seller.prove()


async def test_a_note_stands_once_what_it_did_is_used(seller: Shop) -> None:
    invoice = await paid(seller)
    spent = await credited(seller, invoice, 5_000)
    other = (await seller.sign_up("ana", "pro")).subscription_id
    assert (await seller.invoices(other))[0]["credit_minor"] == 5_000
    assert await stands(seller, spent) == "credit_spent"
    refunded = await credited(seller, invoice, 1_000, refund=True)
    assert await stands(seller, refunded) == "refunded"
    await seller.work()
    assert await stands(seller, refunded) == "refunded"
    with pytest.raises(NotFound):
        await void_note(seller.context, "cn_none", "mistake")


async def test_a_note_that_settled_its_invoice_stands(seller: Shop) -> None:
    invoice = await sent(seller)
    part = await credited(seller, invoice, 2_000)
    await pay_by_hand(seller.context, PayByHand(str(invoice["id"]), 10_000))
    assert await stands(seller, part) == "invoice_settled"


async def test_what_went_back_to_a_grant_is_taken_again_while_it_is_left(seller: Shop) -> None:
    await create_meter(seller.context, "calls", "sum")
    await seller.plan("credits", flat(5_000), calls(), policy=granting(1_000, "never"))
    await seller.card("ana")
    one = (await seller.sign_up("ana", "credits")).subscription_id
    await seller.advance_to(datetime(2026, 2, 1, 9, tzinfo=UTC))
    await record_usage(
        seller.context, [UsageEvent("app", "e1", "calls", "ana", Decimal(70), datetime(2026, 2, 1, 8, tzinfo=UTC))]
    )
    await seller.advance_to(datetime(2026, 2, 15, 9, tzinfo=UTC))
    before, given = await seller.books(), await grants(seller)
    note = await credited(seller, (await seller.invoices(one))[-1], None)
    assert note.to_granted_minor == 700
    await void_note(seller.context, note.credit_note_id, "mistake")
    assert (await seller.books(), await grants(seller)) == (before, given)
    await seller.prove()
