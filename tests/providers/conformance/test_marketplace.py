"""Collections, splits, reversals, refunds, payouts: the marketplace half of the contract."""

from __future__ import annotations

from cauce.gateway.accounts import InstrumentRequest, PayoutRequest
from cauce.gateway.capabilities import Can
from cauce.gateway.collecting import FetchRequest, Operation
from cauce.gateway.outcome import Declined, Done, Pending, Refusal
from cauce.gateway.splitting import FinishRequest, PartState, ReverseSplitRequest
from tests.providers.conformance.rig import Rig
from tests.providers.conformance.vendors import needs


@needs(Can.COLLECTS, Can.ANSWERS)
async def test_a_collection_waits_for_its_payer_and_is_then_done(rig: Rig) -> None:
    own = await rig.merchant()
    request = rig.collect(own)
    begun = await rig.gateway.collect(request)
    assert isinstance(begun, Pending) and begun.value.next_action is not None and begun.value.next_action.value
    ask = FetchRequest(Operation.COLLECT, request.key, merchant_ref=own)
    assert isinstance(await rig.gateway.fetch(ask), Pending)
    await rig.control.payer(rig.name, "approve", key=request.key)
    done = await rig.gateway.fetch(ask)
    assert isinstance(done, Done) and done.value.amount == request.amount and done.value.paid_at is not None


@needs(Can.COLLECTS, Can.ANSWERS)
async def test_an_unpaid_collection_is_cancelled_and_stays_so(rig: Rig) -> None:
    own = await rig.merchant()
    request = rig.collect(own)
    begun = await rig.gateway.collect(request)
    before = await rig.postings()
    cancelled = await rig.gateway.cancel_collection(request.key, own)
    assert isinstance(cancelled, Declined | Done) and await rig.postings() == before
    asked = await rig.gateway.fetch(FetchRequest(Operation.COLLECT, request.key, begun.value.ref, merchant_ref=own))
    assert isinstance(asked, Declined) and asked.refusal is not Refusal.NOT_FOUND


@needs(Can.COLLECTS, Can.ANSWERS)
async def test_one_key_is_one_collection(rig: Rig) -> None:
    own = await rig.merchant()
    request, paid = await rig.paid(own)
    before = await rig.postings()
    again = await rig.gateway.fetch(FetchRequest(Operation.COLLECT, request.key, paid.ref, merchant_ref=own))
    assert isinstance(again, Done) and again.value.ref == paid.ref
    assert await rig.postings() == before


@needs(Can.COLLECTS, Can.SPLITS, Can.ANSWERS)
async def test_a_part_goes_to_its_receiver_once_and_the_split_is_found_again(rig: Rig) -> None:
    own = await rig.merchant()
    receiver = await rig.receiver_of(own)
    request, paid = await rig.paid(own)
    await rig.past_split_delay()
    split = rig.split(request, paid, receiver)
    ask = FetchRequest(Operation.SPLIT, split.key, parent_key=request.key, parent_ref=paid.ref, merchant_ref=own)
    done = await rig.finished(await rig.gateway.split(split), ask)
    assert isinstance(done, Done)
    [part] = done.value.parts
    assert (part.key, part.receiver_ref, part.amount_minor) == ("part1", receiver, 1_000)
    assert part.state is PartState.APPLIED and part.ref
    before = await rig.postings()
    found = await rig.gateway.fetch(ask)
    assert isinstance(found, Done) and found.value.parts == done.value.parts
    assert isinstance(await rig.gateway.split(split), Done | Pending), "the same key again is the same split"
    assert await rig.postings() == before


@needs(Can.COLLECTS, Can.SPLITS, Can.ANSWERS)
async def test_more_than_was_collected_cannot_be_split(rig: Rig) -> None:
    own = await rig.merchant()
    receiver = await rig.receiver_of(own)
    request, paid = await rig.paid(own)
    await rig.past_split_delay()
    before = await rig.postings()
    over = await rig.gateway.split(rig.split(request, paid, receiver, 10_001))
    refused_part = isinstance(over, Done) and all(p.state is PartState.CLOSED for p in over.value.parts)
    assert isinstance(over, Declined) or refused_part
    assert await rig.postings() == before


@needs(Can.COLLECTS, Can.SPLITS, Can.REVERSES_SPLITS, Can.ANSWERS)
async def test_a_part_is_taken_back_in_full_but_not_twice(rig: Rig) -> None:
    own = await rig.merchant()
    receiver = await rig.receiver_of(own)
    request, paid = await rig.paid(own)
    await rig.past_split_delay()
    split = rig.split(request, paid, receiver)
    ask = FetchRequest(Operation.SPLIT, split.key, parent_key=request.key, parent_ref=paid.ref, merchant_ref=own)
    done = await rig.finished(await rig.gateway.split(split), ask)
    assert isinstance(done, Done)

    def back(amount_minor: int) -> ReverseSplitRequest:
        return ReverseSplitRequest(
            key=rig.key("reverse"),
            split_key=split.key,
            split_ref=done.value.ref,
            part_ref=done.value.parts[0].ref,
            merchant_ref=own,
            receiver_ref=receiver,
            amount=rig.money(amount_minor),
            description="order cancelled",
        )

    first = back(1_000)
    ask_back = FetchRequest(
        Operation.REVERSE_SPLIT, first.key, parent_key=request.key, parent_ref=paid.ref, merchant_ref=own
    )
    returned = await rig.finished(await rig.gateway.reverse_split(first), ask_back)
    assert isinstance(returned, Done) and returned.value.amount == rig.money(1_000)
    assert isinstance(await rig.gateway.fetch(ask_back), Done)
    assert isinstance(await rig.gateway.reverse_split(back(1)), Declined)


@needs(Can.COLLECTS, Can.FINISHES_ORDERS, Can.ANSWERS)
async def test_finishing_gives_the_rest_to_the_orders_own_merchant(rig: Rig) -> None:
    own = await rig.merchant()
    request, paid = await rig.paid(own)
    await rig.past_split_delay()
    finish = FinishRequest(rig.key("finish"), request.key, paid.ref, own, "delivered")
    ask = FetchRequest(
        Operation.FINISH_ORDER, finish.key, parent_key=request.key, parent_ref=paid.ref, merchant_ref=own
    )
    done = await rig.finished(await rig.gateway.finish_order(finish), ask)
    assert isinstance(done, Done) and done.value.released.amount_minor > 0


@needs(Can.COLLECTS, Can.REFUNDS, Can.ANSWERS)
async def test_a_collection_is_refunded_in_parts_and_never_beyond_its_amount(rig: Rig) -> None:
    own = await rig.merchant()
    request, paid = await rig.paid(own)
    for amount_minor in (4_000, 6_000):
        refund = rig.refund(request, paid, amount_minor)
        ask = FetchRequest(Operation.REFUND, refund.key, parent_key=request.key, parent_ref=paid.ref, merchant_ref=own)
        done = await rig.finished(await rig.gateway.refund(refund), ask)
        assert isinstance(done, Done) and done.value.amount == rig.money(amount_minor)
        assert isinstance(await rig.gateway.fetch(ask), Done)
    assert isinstance(await rig.gateway.refund(rig.refund(request, paid, 1)), Declined)


@needs(Can.COLLECTS, Can.SPLITS, Can.PAYS_OUT, Can.BINDS_INSTRUMENTS, Can.REPORTS_BALANCES, Can.ANSWERS)
async def test_a_sellers_money_is_seen_on_his_balance_and_paid_to_his_bank(rig: Rig) -> None:
    own = await rig.merchant()
    receiver = await rig.receiver_of(own)
    request, paid = await rig.paid(own)
    split = rig.split(request, paid, receiver)
    ask = FetchRequest(Operation.SPLIT, split.key, parent_key=request.key, parent_ref=paid.ref, merchant_ref=own)
    assert isinstance(await rig.finished(await rig.gateway.split(split), ask), Done)
    await rig.advance(days=7)
    balances = {b.kind: b.balance.amount_minor for b in await rig.gateway.balances((receiver,))}
    assert balances.get("available") == 1_000
    bank = InstrumentRequest(rig.key("attach"), receiver, "Shop", rig.currency, "US", number="110000000-000123456789")
    attached = await rig.gateway.attach_instrument(bank)
    assert isinstance(attached, Done) and attached.value.last4 == "6789"
    payout = PayoutRequest(rig.key("payout"), receiver, attached.value.ref, rig.money(1_000), "weekly settlement")
    ask_payout = FetchRequest(Operation.PAYOUT, payout.key, merchant_ref=receiver)
    arrived = await rig.finished(await rig.gateway.payout(payout), ask_payout)
    assert isinstance(arrived, Done) and arrived.value.amount == rig.money(1_000)
    assert sum(b.balance.amount_minor for b in await rig.gateway.balances((receiver,))) == 0
    over = PayoutRequest(rig.key("payout"), receiver, attached.value.ref, rig.money(1), "too much")
    assert isinstance(await rig.gateway.payout(over), Declined)
