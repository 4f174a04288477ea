"""The adapter against the simulator where the common suite does not reach: Stripe's own ways to fail and to divide."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import httpx2
import pytest

from cauce.gateway.accounts import AccountRequest, InstrumentRequest, PayoutRequest
from cauce.gateway.charging import CustomerRequest, LinkRequest, SetupRequest
from cauce.gateway.collecting import ActionKind, FetchRequest, Operation
from cauce.gateway.errors import BadStatement, CannotRead, CapabilityMissing, ChannelSettingsError
from cauce.gateway.outcome import Declined, Done, Outcome, Pending, Refusal, Unknown
from cauce.gateway.reporting import LineKind, Notice, NoticeKind
from cauce.gateway.splitting import PartState, ReceiverKind, ReverseSplitRequest, SplitPart, SplitRequest
from cauce.kernel.clock import wall_now
from cauce.providers.stripe import PROVIDER
from tests.providers.conformance.rig import START, Rig, connect
from tests.providers.receiver import Receiver

Send = Callable[[], Awaitable[Outcome[Any]]]
FAULTS = ("drop_before", "drop_after", "error_before", "error_after", "garbled", "rate_limited")


@pytest.fixture
async def rig(sandbox_url: str, http: httpx2.AsyncClient, receiver: Receiver) -> AsyncIterator[Rig]:
    """A fresh platform account."""
    made = await connect(PROVIDER, sandbox_url, http, receiver)
    yield made
    assert (await made.control.verb("stripe", "check", {}))["wrong"] == []


# -- every operation that is not money alone, under every fault -------------------------------------------------------


async def _ensure(rig: Rig) -> tuple[str, Send, FetchRequest, str]:
    request = CustomerRequest(rig.key("ensure"), "cus_7", "a@example.com", "Ana")
    ask = FetchRequest(Operation.ENSURE_CUSTOMER, request.key)
    return request.key, lambda: rig.gateway.ensure_customer(request), ask, "customer"


async def _setup(rig: Rig, hosted: bool) -> tuple[str, Send, FetchRequest, str]:
    request = SetupRequest(rig.key("setup"), await rig.customer(), "https://shop.example/", hosted=hosted)
    ask = FetchRequest(Operation.SETUP, request.key)
    return request.key, lambda: rig.gateway.begin_setup(request), ask, "checkout.session" if hosted else "setup_intent"


async def _account(rig: Rig) -> tuple[str, Send, FetchRequest, str]:
    request = AccountRequest(
        rig.key("open"), "mer_1", "Shop", ReceiverKind.MERCHANT, "company", "online", "US", email="s@example.com"
    )
    ask = FetchRequest(Operation.OPEN_ACCOUNT, request.key)
    return request.key, lambda: rig.gateway.open_account(request), ask, "account"


async def _instrument(rig: Rig) -> tuple[str, Send, FetchRequest, str]:
    seller = await rig.merchant()
    request = InstrumentRequest(rig.key("attach"), seller, "Shop", "eur", "US", number="110000000-000123456789")
    ask = FetchRequest(Operation.ATTACH_INSTRUMENT, request.key, merchant_ref=seller)
    return request.key, lambda: rig.gateway.attach_instrument(request), ask, "bank_account"


async def _payout(rig: Rig) -> tuple[str, Send, FetchRequest, str]:
    seller = await rig.merchant()
    await rig.control.verb("stripe", "topup", {"account": seller, "amount": 5000, "currency": "eur"})
    request = PayoutRequest(rig.key("payout"), seller, "", rig.money(5000), "weekly")
    ask = FetchRequest(Operation.PAYOUT, request.key, merchant_ref=seller)
    return request.key, lambda: rig.gateway.payout(request), ask, "payout"


async def _split_of(rig: Rig, receiver: str, amount_minor: int = 1_000) -> tuple[str, SplitRequest, Any]:
    request, paid = await rig.paid("")
    split = rig.split(request, paid, receiver, amount_minor)
    done = await rig.gateway.split(split)
    assert isinstance(done, Done)
    return request.key, split, done.value


async def _reversal(rig: Rig) -> tuple[str, Send, FetchRequest, str]:
    receiver = await rig.merchant()
    collection, split, done = await _split_of(rig, receiver)
    key = rig.key("reverse")
    part = done.parts[0].ref
    request = ReverseSplitRequest(key, split.key, done.ref, part, "", receiver, rig.money(400), "back")
    ask = FetchRequest(Operation.REVERSE_SPLIT, key, parent_key=collection)
    return key, lambda: rig.gateway.reverse_split(request), ask, "transfer_reversal"


_OPERATIONS: dict[str, Callable[[Rig], Awaitable[tuple[str, Send, FetchRequest, str]]]] = {
    "ensure_customer": _ensure,
    "setup": lambda rig: _setup(rig, hosted=False),
    "hosted setup": lambda rig: _setup(rig, hosted=True),
    "open_account": _account,
    "attach_instrument": _instrument,
    "payout": _payout,
    "reverse_split": _reversal,
}


async def _count(rig: Rig, kind: str) -> int:
    books = await rig.control._ask("GET", "/stripe/_sim/state")
    return len(books["objects"].get(kind, {}))


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("operation", _OPERATIONS)
async def test_each_operation_is_done_once_whatever_the_network_does(rig: Rig, operation: str, fault: str) -> None:
    key, send, ask, kind = await _OPERATIONS[operation](rig)
    before = await _count(rig, kind)
    await rig.control.fault("stripe", fault, contains=key)
    first = await send()
    assert isinstance(first, Unknown)
    outcome = await rig.to_the_end(first, send, ask)
    assert isinstance(outcome, Done | Pending)
    assert await _count(rig, kind) == before + 1


# -- errors that Stripe keeps -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("executed", [True, False])
async def test_an_error_that_stripe_keeps_and_repeats_ends_in_the_truth(rig: Rig, executed: bool) -> None:
    customer = await rig.customer()
    request = rig.charge(customer, await rig.saved_method(customer))
    before = await rig.postings()
    await rig.control.fault("stripe", "stored_error", "payment_intents.create", data={"execute": executed})
    first = await rig.gateway.charge_saved(request)
    assert isinstance(first, Unknown)
    ask = FetchRequest(Operation.CHARGE, request.key)
    outcome = await rig.to_the_end(first, lambda: rig.gateway.charge_saved(request), ask)
    assert await rig.postings() - before == int(executed)
    if executed:
        assert isinstance(outcome, Done)
    else:
        assert isinstance(outcome, Declined) and outcome.code == "stored_error"
        again = await rig.gateway.charge_saved(replace(request, key=rig.key("charge")))
        assert isinstance(again, Done), "a new key is a new attempt"


async def test_a_key_in_use_and_a_busy_object_are_unknown_and_pass(rig: Rig) -> None:
    customer = await rig.customer()
    request = rig.charge(customer, await rig.saved_method(customer))
    await rig.control.fault("stripe", "conflict", "payment_intents.create")
    assert isinstance(await rig.gateway.charge_saved(request), Unknown)
    assert isinstance(await rig.gateway.charge_saved(request), Done)


async def test_the_same_key_with_another_amount_is_a_defect_not_a_second_charge(rig: Rig) -> None:
    customer = await rig.customer()
    request = rig.charge(customer, await rig.saved_method(customer))
    assert isinstance(await rig.gateway.charge_saved(request), Done)
    other = await rig.gateway.charge_saved(replace(request, amount=rig.money(1)))
    assert isinstance(other, Declined)
    other = await rig.gateway.charge_saved(replace(request, amount=rig.money(777)))
    assert isinstance(other, Declined) and other.refusal is Refusal.DUPLICATE


# -- billing ------------------------------------------------------------------------------------------------------------


async def test_a_charge_tells_fee_and_settlement_also_when_they_come_late(rig: Rig) -> None:
    customer = await rig.customer()
    method = await rig.saved_method(customer)
    told = await rig.gateway.charge_saved(rig.charge(customer, method))
    assert isinstance(told, Done) and (told.value.fee_minor, told.value.settled) == (88, rig.money(1999))
    request = rig.charge(customer, method)
    await rig.control.fault("stripe", "async_balance_transaction")
    first = await rig.gateway.charge_saved(request)
    assert isinstance(first, Done)
    later = await rig.gateway.fetch(FetchRequest(Operation.CHARGE, request.key, first.value.ref))
    assert isinstance(later, Done) and later.value.fee_minor == 88


async def test_a_processing_charge_is_pending_until_the_bank_decides(rig: Rig) -> None:
    customer = await rig.customer()
    request = rig.charge(customer, await rig.saved_method(customer))
    await rig.control.fault("stripe", "processing", data={"result": "fail", "seconds": 3600})
    waiting = await rig.gateway.charge_saved(request)
    assert isinstance(waiting, Pending)
    await rig.control.set_clock(START + timedelta(hours=2))
    ended = await rig.gateway.fetch(FetchRequest(Operation.CHARGE, request.key, waiting.value.ref))
    assert isinstance(ended, Declined)


async def test_a_refund_that_fails_later_is_declined_when_asked_again(rig: Rig) -> None:
    customer = await rig.customer()
    charge = rig.charge(customer, await rig.saved_method(customer, "refund_fails"))
    done = await rig.gateway.charge_saved(charge)
    assert isinstance(done, Done)
    request = replace(rig.refund(rig.collect(""), done.value, 500), collection_key=charge.key, collected=charge.amount)
    refunded = await rig.gateway.refund(request)
    assert isinstance(refunded, Done)
    await rig.advance(days=3)
    failed = await rig.gateway.fetch(FetchRequest(Operation.REFUND, request.key, refunded.value.ref))
    assert isinstance(failed, Declined) and failed.code == "expired_or_canceled_card"
    notices = [n for h, b in rig.receiver.received for n in rig.gateway.parse_notice(h, b, wall_now()).notices]
    [last] = [n for n in notices if n.kind is NoticeKind.REFUND and n.data["type"] == "refund.failed"]
    assert last.key == request.key and isinstance(last.outcome, Declined)


async def test_a_hosted_setup_is_completed_on_stripes_page(rig: Rig) -> None:
    customer = await rig.customer()
    key = rig.key("setup")
    begun = await rig.gateway.begin_setup(SetupRequest(key, customer, "https://shop.example/back", hosted=True))
    assert isinstance(begun, Pending) and begun.value.next_action.kind is ActionKind.REDIRECT
    async with httpx2.AsyncClient(trust_env=False, timeout=60) as browser:
        back = await browser.post(begun.value.next_action.value, data={"choice": "pm_card_visa"})
    assert back.headers["location"] == "https://shop.example/back"
    for ref in (begun.value.ref, ""):
        done = await rig.gateway.fetch(FetchRequest(Operation.SETUP, key, ref))
        assert isinstance(done, Done) and done.value.method.last4 == "4242"


async def test_an_abandoned_setup_or_page_is_declined_once_it_expires(rig: Rig) -> None:
    customer = await rig.customer()
    setup = SetupRequest(rig.key("setup"), customer, "https://shop.example/", hosted=True)
    begun = await rig.gateway.begin_setup(setup)
    link = LinkRequest(rig.key("link"), customer, "in_1", rig.money(900), "Invoice 1", "https://shop.example/")
    made = await rig.gateway.link_payment(link)
    assert isinstance(begun, Pending) and isinstance(made, Done)
    await rig.advance(days=2)
    for ask in (
        FetchRequest(Operation.SETUP, setup.key, begun.value.ref),
        FetchRequest(Operation.CHARGE, link.key, made.value.ref),
    ):
        assert isinstance(await rig.gateway.fetch(ask), Declined)


async def test_what_cauce_runs_is_visible_in_the_customers_metadata(rig: Rig) -> None:
    request = CustomerRequest(rig.key("ensure"), "cus_9", "a@example.com", "Ana", metadata={"cauce_status": "trialing"})
    made = await rig.gateway.ensure_customer(request)
    assert isinstance(made, Done)
    await rig.gateway.update_customer(
        replace(request, key=rig.key("upd"), ref=made.value.ref, metadata={"cauce_status": "active", "x": "y" * 600})
    )
    state = await rig.control._ask("GET", "/stripe/_sim/state")
    metadata = state["objects"]["customer"][made.value.ref]["metadata"]
    assert metadata["cauce_status"] == "active" and metadata["cauce_key"] == request.key and len(metadata["x"]) == 500


async def test_a_customer_deleted_at_stripe_is_made_again(rig: Rig) -> None:
    gone = await rig.customer()
    await rig.gateway.forget_customer(gone)
    request = CustomerRequest(rig.key("ensure"), "cus_1", "a@example.com", "Ana", ref=gone)
    made = await rig.gateway.ensure_customer(request)
    assert isinstance(made, Done) and made.value.ref != gone


# -- marketplace --------------------------------------------------------------------------------------------------------


async def test_a_split_among_several_keeps_the_platforms_part_and_closes_what_stripe_refuses(rig: Rig) -> None:
    first, second = await rig.merchant(), await rig.merchant()
    await rig.control.verb("stripe", f"accounts/{second}/capabilities", {"transfers": "inactive"})
    request, paid = await rig.paid("")
    parts = (
        SplitPart("a", first, ReceiverKind.MERCHANT, 5_000, "goods"),
        SplitPart("b", second, ReceiverKind.MERCHANT, 3_000, "freight"),
        SplitPart("p", "", ReceiverKind.PLATFORM, 2_000, "commission"),
    )
    split = SplitRequest(rig.key("split"), request.key, paid.ref, "", "eur", parts)
    done = await rig.gateway.split(split)
    assert isinstance(done, Done)
    states = {p.key: (p.state, p.reason) for p in done.value.parts}
    assert states == {
        "a": (PartState.APPLIED, ""),
        "b": (PartState.CLOSED, "capability_not_active"),
        "p": (PartState.APPLIED, ""),
    }
    with pytest.raises(CapabilityMissing):
        await rig.gateway.split(replace(split, key=rig.key("split"), finish=True))


async def test_a_split_of_two_that_broke_in_the_middle_is_completed_under_the_same_key(rig: Rig) -> None:
    first, second = await rig.merchant(), await rig.merchant()
    request, paid = await rig.paid("")
    parts = tuple(SplitPart(k, ref, ReceiverKind.MERCHANT, 2_000, "") for k, ref in (("a", first), ("b", second)))
    split = SplitRequest(rig.key("split"), request.key, paid.ref, "", "eur", parts)
    await rig.control.fault("stripe", "drop_before", "transfers.create", skip=1)
    broken = await rig.gateway.split(split)
    assert isinstance(broken, Unknown)
    ask = FetchRequest(Operation.SPLIT, split.key, parent_key=request.key)
    done = await rig.to_the_end(broken, lambda: rig.gateway.split(split), ask)
    assert isinstance(done, Done) and {p.key for p in done.value.parts} == {"a", "b"}
    assert await _count(rig, "transfer") == 2


async def test_a_collection_on_stripes_page_goes_at_once_to_its_only_seller(rig: Rig) -> None:
    seller = await rig.merchant()
    request = replace(rig.collect(seller), splits_later=False, return_url="https://shop.example/thanks")
    begun = await rig.gateway.collect(request)
    assert isinstance(begun, Pending) and begun.value.next_action.kind is ActionKind.REDIRECT
    await rig.control.payer("stripe", "approve", key=request.key)
    paid = await rig.gateway.fetch(FetchRequest(Operation.COLLECT, request.key, begun.value.ref))
    assert isinstance(paid, Done) and paid.value.amount == request.amount
    assert sum(b.balance.amount_minor for b in await rig.gateway.balances((seller,))) == 10_000
    refund = rig.refund(request, paid.value, 2_500)
    assert isinstance(await rig.gateway.refund(refund), Done)
    assert sum(b.balance.amount_minor for b in await rig.gateway.balances((seller,))) == 7_500


async def test_a_reversal_that_the_seller_cannot_pay_is_refused_as_short_of_funds(rig: Rig) -> None:
    seller = await rig.merchant()
    _, split, done = await _split_of(rig, seller)
    await rig.advance(days=3)
    paid_out = await rig.gateway.payout(PayoutRequest(rig.key("payout"), seller, "", rig.money(1_000), ""))
    assert isinstance(paid_out, Pending)
    back = ReverseSplitRequest(
        rig.key("reverse"), split.key, done.ref, done.parts[0].ref, "", seller, rig.money(1_000), ""
    )
    refused = await rig.gateway.reverse_split(back)
    assert isinstance(refused, Declined) and refused.refusal is Refusal.INSUFFICIENT_FUNDS


async def test_an_account_waits_for_its_owner_and_a_payout_that_fails_says_why(rig: Rig) -> None:
    _, send, ask, _ = await _account(rig)
    opened = await send()
    assert isinstance(opened, Pending) and not opened.value.can_receive and opened.value.needs
    await rig.control.verb("stripe", f"accounts/{opened.value.ref}/onboard", {})
    ready = await rig.gateway.fetch(ask)
    assert isinstance(ready, Done) and ready.value.can_pay_out
    seller = await rig.control.merchant("stripe", currency="eur", account_number="000111111113")
    await rig.control.verb("stripe", "topup", {"account": seller, "amount": 100, "currency": "eur"})
    request = PayoutRequest(rig.key("payout"), seller, "", rig.money(100), "")
    sent = await rig.gateway.payout(request)
    ended = await rig.finished(sent, FetchRequest(Operation.PAYOUT, request.key, merchant_ref=seller))
    assert isinstance(ended, Declined) and ended.code == "account_closed"


async def test_the_statement_of_platform_and_seller_explains_every_cent(rig: Rig) -> None:
    seller = await rig.merchant()
    _, split, _ = await _split_of(rig, seller, 6_000)
    mine = [line async for line in rig.gateway.statement(START.date(), "balance")]
    his = [line async for line in rig.gateway.statement(START.date(), f"balance/{seller}")]
    assert [(line.kind, line.amount.amount_minor) for line in reversed(mine)] == [
        (LineKind.COLLECTION, 10_000),
        (LineKind.SPLIT, -6_000),
    ]
    assert mine[0].key == split.key
    assert [(line.amount.amount_minor, line.account_ref) for line in his] == [(6_000, seller)]
    for account, lines in (("", mine), (seller, his)):
        held = sum(b.balance.amount_minor for b in await rig.gateway.balances((account,)))
        assert held == sum(line.amount.amount_minor - line.fee_minor for line in lines)
    await rig.control.fault("stripe", "error_before")
    with pytest.raises(BadStatement):
        [line async for line in rig.gateway.statement(START.date(), "balance")]


async def test_the_balances_hold_after_any_sequence_of_operations(rig: Rig) -> None:
    dice = random.Random(20260302)
    sellers = [await rig.merchant() for _ in range(3)]
    paid: list[Any] = []
    for step in range(60):
        match dice.choice(["collect", "collect", "split", "refund", "payout", "advance"]):
            case "collect":
                paid.append(await rig.paid("", dice.randrange(500, 20_000)))
            case "split" if paid:
                request, collection = dice.choice(paid)
                await rig.gateway.split(rig.split(request, collection, dice.choice(sellers), dice.randrange(1, 9_000)))
            case "refund" if paid:
                request, collection = dice.choice(paid)
                await rig.gateway.refund(rig.refund(request, collection, dice.randrange(1, 9_000)))
            case "payout":
                await rig.gateway.payout(
                    PayoutRequest(rig.key("pay"), dice.choice(sellers), "", rig.money(dice.randrange(1, 5_000)), "")
                )
            case _:
                await rig.advance(hours=dice.randrange(1, 60))
        wrong = (await rig.control.verb("stripe", "check", {}))["wrong"]
        assert wrong == [], f"after step {step}"


async def test_events_that_never_reached_us_are_read_from_stripes_list(rig: Rig) -> None:
    rig.receiver.status = 500
    customer = await rig.customer()
    charge = rig.charge(customer, await rig.saved_method(customer))
    assert isinstance(await rig.gateway.charge_saved(charge), Done)
    await rig.control.quiet()

    async def listed(since: datetime, until: datetime) -> list[Notice]:
        return [notice async for page in rig.gateway.listed_notices(since, until, "") for notice in page]

    found = await listed(START, START + timedelta(seconds=1))
    assert [n.kind for n in found if n.key == charge.key] == [NoticeKind.CHARGE]
    assert {n.kind for n in found} <= {NoticeKind.CHARGE, NoticeKind.SETUP, NoticeKind.METHOD}, "nothing unasked for"
    assert await listed(START + timedelta(seconds=1), START + timedelta(days=1)) == []
    rig.receiver.status = 200
    await rig.advance(days=31)
    assert await listed(START, START + timedelta(days=1)) == [], "Stripe keeps them for 30 days"
    await rig.control.fault("stripe", "error_before", "events.list")
    with pytest.raises(CannotRead):
        await listed(START, START + timedelta(days=1))


async def test_an_open_page_without_an_intent_is_pending_not_refused(rig: Rig) -> None:
    link = LinkRequest(rig.key("link"), "", "in_1", rig.money(900), "Invoice 1", "https://shop.example/")
    made = await rig.gateway.link_payment(link)
    assert isinstance(made, Done)
    await rig.control.fault("stripe", "lazy_intent", "checkout.sessions.retrieve", times=2)
    waiting = await rig.gateway.fetch(FetchRequest(Operation.CHARGE, link.key, made.value.ref))
    assert isinstance(waiting, Pending) and waiting.value.amount == rig.money(900)


# -- the channel --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("livemode", "key"), [(True, "sk_test_x"), (False, "sk_live_x"), (False, "pk_test_x")])
async def test_a_key_of_the_other_mode_or_kind_is_refused(rig: Rig, livemode: bool, key: str) -> None:
    channel = replace(rig.channel, livemode=livemode, secrets={**rig.channel.secrets, "api_key": key})
    with pytest.raises(ChannelSettingsError):
        PROVIDER.connect(channel, rig.gateway)


async def test_no_secret_and_no_client_secret_stands_in_the_exchange_log(rig: Rig) -> None:
    customer = await rig.customer()
    await rig.gateway.begin_setup(SetupRequest(rig.key("setup"), customer, "https://shop.example/"))
    assert rig.exchanges
    for exchange in rig.exchanges:
        text = (
            f"{exchange.request_headers}{exchange.answer_headers}".encode()
            + exchange.request_body
            + exchange.answer_body
        )
        assert rig.channel.secrets["api_key"].encode() not in text
        assert b"_secret_" not in text
        assert exchange.correlation or exchange.method == "GET"
