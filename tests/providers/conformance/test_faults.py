"""Every money operation under every fault: it moves at most once and its true end is found under the same key."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from cauce.gateway.capabilities import Can
from cauce.gateway.collecting import FetchRequest, Operation
from cauce.gateway.outcome import Declined, Outcome, Unknown
from tests.providers.conformance.rig import Rig
from tests.providers.conformance.vendors import needs

FAULTS = (
    "drop_before",
    "hang",
    "error_before",
    "rate_limited",
    "drop_after",
    "error_after",
    "garbled",
    "bad_signature",
)
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


async def _run(rig: Rig, prepare: Callable[[Rig], Awaitable[tuple[str, Send, FetchRequest]]], fault: str) -> None:
    _, send, ask = await prepare(rig)
    before = await rig.postings()
    clean = await rig.finished_or_waiting(await send(), ask)
    movements = await rig.postings() - before
    key, send, ask = await prepare(rig)
    before = await rig.postings()
    await rig.control.fault(rig.name, fault, contains=key, delay_ms=20, status=502)
    first = await send()
    assert isinstance(first, Unknown), f"{fault} leaves the outcome unknown, not {first}"
    assert first.reason and first.ask_after_seconds > 0

    outcome = await rig.finished_or_waiting(await rig.to_the_end(first, send, ask), ask)
    assert type(outcome) is type(clean), f"after {fault}: {outcome}"
    assert await rig.postings() - before == movements, f"after {fault} the money moved exactly as without it"


@needs(Can.CHARGES_SAVED, Can.SAVES_METHODS, Can.REMEMBERS_CUSTOMERS, Can.ANSWERS)
@pytest.mark.parametrize("fault", FAULTS)
async def test_a_charge_survives(rig: Rig, fault: str) -> None:
    await _run(rig, _charge, fault)


@needs(Can.COLLECTS, Can.ANSWERS)
@pytest.mark.parametrize("fault", FAULTS)
async def test_a_collection_survives(rig: Rig, fault: str) -> None:
    await _run(rig, _collect, fault)


@needs(Can.COLLECTS, Can.REFUNDS, Can.ANSWERS)
@pytest.mark.parametrize("fault", FAULTS)
async def test_a_refund_survives(rig: Rig, fault: str) -> None:
    await _run(rig, _refund, fault)


@needs(Can.COLLECTS, Can.SPLITS, Can.ANSWERS)
@pytest.mark.parametrize("fault", FAULTS)
async def test_a_split_survives(rig: Rig, fault: str) -> None:
    await _run(rig, _split, fault)


@needs(Can.ANSWERS)
async def test_a_question_that_fails_is_unknown_and_never_not_found(rig: Rig) -> None:
    operation = Operation.CHARGE if rig.can(Can.CHARGES_SAVED) else Operation.COLLECT
    await rig.control.fault(rig.name, "error_before", status=503)
    answer = await rig.gateway.fetch(FetchRequest(operation, rig.key("ask"), merchant_ref=await rig.merchant()))
    assert isinstance(answer, Unknown)
    answer = await rig.gateway.fetch(FetchRequest(operation, rig.key("ask")))
    assert isinstance(answer, Declined)
