"""Every money operation under every fault: it moves at most once and its true end is found under the same key."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from cauce.gateway.accounts import InstrumentRequest, PayoutRequest
from cauce.gateway.capabilities import Can
from cauce.gateway.collecting import FetchRequest, Operation
from cauce.gateway.outcome import Declined, Done, Outcome, Unknown
from cauce.gateway.splitting import FinishRequest, ReverseSplitRequest
from tests.providers.conformance.rig import Rig
from tests.providers.conformance.vendors import needs, who_can

FAULTS: dict[str, tuple[str, ...]] = {
    "the connection breaks before anything is done": ("drop_before",),
    "it hangs and nothing is done": ("hang",),
    "an error of the server, nothing done": ("error_before",),
    "too many requests": ("rate_limited",),
    "done, and the answer is lost": ("drop_after",),
    "done, and the answer is an error of the server": ("error_after",),
    "done, and the answer cannot be read": ("garbled",),
    "done, and the answer is signed wrongly": ("bad_signature",),
    "done, and the answer comes late": ("slow",),
    "never arrived, then done with the answer lost": ("drop_before", "drop_after"),
    "the answer is lost, then the answer to the question": ("drop_after", "garbled"),
    "error after error, done at the first": ("error_after", "error_before", "rate_limited"),
}
"""Twelve faults: what goes wrong with the calls that carry the operation's key, one after the other."""

SEEDS, SEEDS_SOAK = 3, 100
SEEDS_A_RIG = 5
"""A simulator that has seen thousands of calls answers slowly: each five seeds have one of their own."""

Send = Callable[[], Awaitable[Outcome[Any]]]


async def _charge(rig: Rig) -> tuple[str, Send, FetchRequest]:
    customer = await rig.customer()
    request = rig.charge(customer, await rig.saved_method(customer))
    return request.key, lambda: rig.gateway.charge_saved(request), FetchRequest(Operation.CHARGE, request.key)


async def _collect(rig: Rig) -> tuple[str, Send, FetchRequest]:
    own = await rig.merchant()
    request = rig.collect(own)
    ask = FetchRequest(Operation.COLLECT, request.key, merchant_ref=own)
    return request.key, lambda: rig.gateway.collect(request), ask


async def _refund(rig: Rig) -> tuple[str, Send, FetchRequest]:
    own = await rig.merchant()
    request, paid = await rig.paid(own)
    refund = rig.refund(request, paid, 4_000)
    ask = FetchRequest(Operation.REFUND, refund.key, parent_key=request.key, parent_ref=paid.ref, merchant_ref=own)
    return refund.key, lambda: rig.gateway.refund(refund), ask


async def _split(rig: Rig) -> tuple[str, Send, FetchRequest]:
    own = await rig.merchant()
    receiver = await rig.receiver_of(own)
    request, paid = await rig.paid(own)
    await rig.past_split_delay()
    split = rig.split(request, paid, receiver)
    ask = FetchRequest(Operation.SPLIT, split.key, parent_key=request.key, parent_ref=paid.ref, merchant_ref=own)
    return split.key, lambda: rig.gateway.split(split), ask


async def _reverse(rig: Rig) -> tuple[str, Send, FetchRequest]:
    own = await rig.merchant()
    receiver = await rig.receiver_of(own)
    request, paid = await rig.paid(own)
    await rig.past_split_delay()
    split = rig.split(request, paid, receiver)
    ask = FetchRequest(Operation.SPLIT, split.key, parent_key=request.key, parent_ref=paid.ref, merchant_ref=own)
    done = await rig.finished(await rig.gateway.split(split), ask)
    assert isinstance(done, Done)
    back = ReverseSplitRequest(
        key=rig.key("reverse"),
        split_key=split.key,
        split_ref=done.value.ref,
        part_ref=done.value.parts[0].ref,
        merchant_ref=own,
        receiver_ref=receiver,
        amount=rig.money(1_000),
        description="order cancelled",
    )
    ask = FetchRequest(Operation.REVERSE_SPLIT, back.key, parent_key=split.key, parent_ref=paid.ref, merchant_ref=own)
    return back.key, lambda: rig.gateway.reverse_split(back), ask


async def _finish(rig: Rig) -> tuple[str, Send, FetchRequest]:
    own = await rig.merchant()
    request, paid = await rig.paid(own)
    await rig.past_split_delay()
    finish = FinishRequest(rig.key("finish"), request.key, paid.ref, own, "delivered")
    ask = FetchRequest(
        Operation.FINISH_ORDER, finish.key, parent_key=request.key, parent_ref=paid.ref, merchant_ref=own
    )
    return finish.key, lambda: rig.gateway.finish_order(finish), ask


async def _payout(rig: Rig) -> tuple[str, Send, FetchRequest]:
    own = await rig.merchant()
    receiver = await rig.receiver_of(own)
    request, paid = await rig.paid(own)
    split = rig.split(request, paid, receiver)
    ask = FetchRequest(Operation.SPLIT, split.key, parent_key=request.key, parent_ref=paid.ref, merchant_ref=own)
    assert isinstance(await rig.finished(await rig.gateway.split(split), ask), Done)
    await rig.advance(days=7)
    bank = InstrumentRequest(rig.key("attach"), receiver, "Shop", rig.currency, "US", number="110000000-000123456789")
    attached = await rig.gateway.attach_instrument(bank)
    payout = PayoutRequest(rig.key("payout"), receiver, attached.value.ref, rig.money(1_000), "weekly settlement")
    return (
        payout.key,
        lambda: rig.gateway.payout(payout),
        FetchRequest(Operation.PAYOUT, payout.key, merchant_ref=receiver),
    )


Prepare = Callable[[Rig], Awaitable[tuple[str, Send, FetchRequest]]]


async def _matrix(rig: Rig, prepare: Prepare, seeds: range) -> None:
    """Every fault under every seed: the outcome and the movements are those of a call that goes well."""
    _, send, ask = await prepare(rig)
    before = await rig.postings()
    clean = await rig.finished_or_waiting(await send(), ask)
    movements = await rig.postings() - before
    for seed in seeds:
        for name, kinds in FAULTS.items():
            await _survives(rig, prepare, f"{name} (seed {seed})", kinds, seed, (clean, movements))


async def _survives(
    rig: Rig, prepare: Prepare, name: str, kinds: tuple[str, ...], seed: int, right: tuple[Outcome[Any], int]
) -> None:
    key, send, ask = await prepare(rig)
    before = await rig.postings()
    chance = random.Random(f"{name}{seed}")
    for kind in kinds:
        status, delay_ms = chance.choice((500, 502, 503, 504)), chance.randrange(5, 40)
        await rig.control.fault(rig.name, kind, contains=key, delay_ms=delay_ms, status=status)
    first = await send()
    if kinds != ("slow",):
        assert isinstance(first, Unknown), f"{name} leaves the outcome unknown, not {first}"
        assert first.reason and first.ask_after_seconds > 0
    outcome = await rig.finished_or_waiting(await rig.to_the_end(first, send, ask), ask)
    await rig.control.clear_faults(rig.name)
    assert type(outcome) is type(right[0]), f"{name}: {outcome}"
    assert await rig.postings() - before == right[1], f"{name}: the money moved exactly as without it"


_SPLITS = (Can.ANSWERS, Can.COLLECTS, Can.SPLITS)
OPERATIONS: dict[str, tuple[Prepare, tuple[Can, ...]]] = {
    "charge": (_charge, (Can.ANSWERS, Can.CHARGES_SAVED, Can.SAVES_METHODS, Can.REMEMBERS_CUSTOMERS)),
    "collect": (_collect, (Can.ANSWERS, Can.COLLECTS)),
    "refund": (_refund, (Can.ANSWERS, Can.COLLECTS, Can.REFUNDS)),
    "split": (_split, _SPLITS),
    "reverse": (_reverse, (*_SPLITS, Can.REVERSES_SPLITS)),
    "finish": (_finish, (Can.ANSWERS, Can.COLLECTS, Can.FINISHES_ORDERS)),
    "payout": (_payout, (*_SPLITS, Can.PAYS_OUT, Can.BINDS_INSTRUMENTS, Can.REPORTS_BALANCES)),
}
each_operation = pytest.mark.parametrize(
    ("rig", "prepare"),
    [
        pytest.param(name, prepare, id=f"{name}-{operation}")
        for operation, (prepare, needed) in OPERATIONS.items()
        for name in who_can(*needed)
    ],
    indirect=["rig"],
)


@each_operation
async def test_an_operation_survives_every_fault(rig: Rig, prepare: Prepare) -> None:
    await _matrix(rig, prepare, range(SEEDS))


@pytest.mark.soak
@pytest.mark.parametrize("first", range(SEEDS, SEEDS + SEEDS_SOAK, SEEDS_A_RIG))
@each_operation
async def test_an_operation_survives_every_fault_many_times(rig: Rig, prepare: Prepare, first: int) -> None:
    await _matrix(rig, prepare, range(first, first + SEEDS_A_RIG))


@needs(Can.ANSWERS)
async def test_a_question_that_fails_is_unknown_and_never_not_found(rig: Rig) -> None:
    operation = Operation.CHARGE if rig.can(Can.CHARGES_SAVED) else Operation.COLLECT
    await rig.control.fault(rig.name, "error_before", status=503)
    answer = await rig.gateway.fetch(FetchRequest(operation, rig.key("ask"), merchant_ref=await rig.merchant()))
    assert isinstance(answer, Unknown)
    answer = await rig.gateway.fetch(FetchRequest(operation, rig.key("ask")))
    assert isinstance(answer, Declined)
