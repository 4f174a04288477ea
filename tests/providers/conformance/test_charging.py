"""Customers, saved methods and charges: the billing half of the contract."""

from __future__ import annotations

import pytest

from cauce.gateway.capabilities import Can
from cauce.gateway.charging import CustomerRequest, LinkRequest
from cauce.gateway.collecting import FetchRequest, Operation, RefundRequest
from cauce.gateway.outcome import Declined, Done, Pending, Refusal
from tests.providers.conformance.rig import Rig
from tests.providers.conformance.vendors import needs

_BILLING = (Can.REMEMBERS_CUSTOMERS, Can.SAVES_METHODS, Can.CHARGES_SAVED, Can.ANSWERS)


@needs(Can.REMEMBERS_CUSTOMERS)
async def test_a_customer_is_remembered_once_under_one_key_updated_and_forgotten(rig: Rig) -> None:
    request = CustomerRequest(rig.key("ensure"), "cus_1", "ana@example.com", "Ana", metadata={"status": "trialing"})
    first, second = await rig.gateway.ensure_customer(request), await rig.gateway.ensure_customer(request)
    assert isinstance(first, Done) and first == second
    changed = CustomerRequest(
        rig.key("update"), "cus_1", "ana@example.org", "Ana", ref=first.value.ref, metadata={"status": "active"}
    )
    assert await rig.gateway.update_customer(changed) == first
    assert isinstance(await rig.gateway.fetch(FetchRequest(Operation.ENSURE_CUSTOMER, request.key)), Done)
    assert isinstance(await rig.gateway.forget_customer(first.value.ref), Done)


@needs(*_BILLING)
async def test_a_saved_method_is_listed_charged_and_detached(rig: Rig) -> None:
    customer = await rig.customer()
    method = await rig.saved_method(customer)
    listed = await rig.gateway.list_methods(customer)
    assert isinstance(listed, Done) and [m.ref for m in listed.value] == [method.ref]
    assert len(method.last4) == 4 and method.fingerprint and method.expires_on is not None
    request = rig.charge(customer, method)
    charged = await rig.gateway.charge_saved(request)
    assert isinstance(charged, Done) and charged.value.amount == request.amount and charged.value.paid_at is not None
    assert isinstance(await rig.gateway.detach_method(customer, method.ref), Done)
    after = await rig.gateway.charge_saved(rig.charge(customer, method))
    assert isinstance(after, Declined) and after.refusal is Refusal.METHOD_INVALID
    assert (await rig.gateway.list_methods(customer)).value == ()


@needs(*_BILLING)
async def test_the_same_card_saved_twice_has_one_fingerprint(rig: Rig) -> None:
    customer = await rig.customer()
    first, second = await rig.saved_method(customer), await rig.saved_method(customer)
    assert first.ref != second.ref and first.fingerprint == second.fingerprint


@needs(*_BILLING)
@pytest.mark.parametrize(
    ("method", "refusal"),
    [
        ("insufficient_funds", Refusal.INSUFFICIENT_FUNDS),
        ("hard", Refusal.HARD),
        ("expired", Refusal.METHOD_INVALID),
        ("needs_authentication", Refusal.ACTION_REQUIRED),
    ],
)
async def test_a_refused_charge_has_its_class_moves_nothing_and_is_final_under_its_key(
    rig: Rig, method: str, refusal: Refusal
) -> None:
    customer = await rig.customer()
    card = await rig.saved_method(customer, method)
    request = rig.charge(customer, card)
    before = await rig.postings()
    refused = await rig.gateway.charge_saved(request)
    assert isinstance(refused, Declined) and refused.refusal is refusal and refused.code
    again = await rig.gateway.charge_saved(request)
    assert isinstance(again, Declined) and again.refusal is refusal
    asked = await rig.gateway.fetch(FetchRequest(Operation.CHARGE, request.key))
    assert isinstance(asked, Declined) and asked.refusal is refusal
    assert await rig.postings() == before


@needs(*_BILLING)
async def test_one_key_is_one_charge_however_often_it_is_sent(rig: Rig) -> None:
    customer = await rig.customer()
    request = rig.charge(customer, await rig.saved_method(customer))
    before = await rig.postings()
    outcomes = [await rig.gateway.charge_saved(request) for _ in range(3)]
    assert all(isinstance(o, Done) and o.value.ref == outcomes[0].value.ref for o in outcomes)
    assert await rig.postings() == before + 1


@needs(*_BILLING)
async def test_a_key_that_was_never_sent_is_not_found(rig: Rig) -> None:
    answer = await rig.gateway.fetch(FetchRequest(Operation.CHARGE, rig.key("charge")))
    assert isinstance(answer, Declined) and answer.refusal is Refusal.NOT_FOUND


@needs(*_BILLING)
async def test_a_charge_that_succeeded_cannot_be_cancelled_and_says_so(rig: Rig) -> None:
    customer = await rig.customer()
    request = rig.charge(customer, await rig.saved_method(customer))
    charged = await rig.gateway.charge_saved(request)
    assert isinstance(await rig.gateway.cancel_charge(request.key, charged.value.ref), Done)


@needs(Can.LINKS_PAYMENT, Can.ANSWERS)
async def test_an_invoice_is_paid_on_the_providers_page_under_our_key(rig: Rig) -> None:
    customer = await rig.customer() if rig.can(Can.REMEMBERS_CUSTOMERS) else ""
    key = rig.key("link")
    request = LinkRequest(key, customer, "in_7", rig.money(2500), "Invoice 7", "https://shop.example/paid")
    link = await rig.gateway.link_payment(request)
    assert isinstance(link, Done) and link.value.next_action.value
    await rig.control.payer(rig.name, "approve", key=key)
    paid = await rig.gateway.fetch(FetchRequest(Operation.CHARGE, key, link.value.ref))
    assert isinstance(paid, Done) and paid.value.amount == rig.money(2500)


@needs(*_BILLING, Can.REFUNDS)
async def test_a_charge_is_refunded_in_parts_and_never_beyond_its_amount(rig: Rig) -> None:
    customer = await rig.customer()
    charge = rig.charge(customer, await rig.saved_method(customer))
    done = await rig.gateway.charge_saved(charge)

    def part(amount_minor: int) -> RefundRequest:
        key, amount = rig.key("refund"), rig.money(amount_minor)
        return RefundRequest(key, charge.key, done.value.ref, amount, charge.amount, "requested_by_customer")

    first = part(999)
    refunded = await rig.gateway.refund(first)
    refunded = await rig.finished(refunded, FetchRequest(Operation.REFUND, first.key, parent_ref=done.value.ref))
    assert isinstance(refunded, Done) and refunded.value.amount == rig.money(999)
    assert isinstance(await rig.gateway.refund(part(1001)), Declined)
    assert isinstance(await rig.gateway.refund(part(1000)), Done | Pending)
