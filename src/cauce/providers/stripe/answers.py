"""The truth about an earlier operation (`Answers`)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from cauce.gateway.collecting import FetchRequest, Operation
from cauce.gateway.errors import CapabilityMissing
from cauce.gateway.outcome import Outcome
from cauce.providers.stripe import charging, collecting, customers, merchants
from cauce.providers.stripe.wire import AskingFailed, Wire

Find = Callable[[Wire, FetchRequest], Awaitable[Outcome[Any]]]

_FINDERS: dict[Operation, Find] = {
    Operation.CHARGE: lambda wire, r: charging.find_charge(wire, r.key, r.ref),
    Operation.COLLECT: lambda wire, r: collecting.find_collection(wire, r.key, r.ref),
    Operation.REFUND: lambda wire, r: charging.find_refund(wire, r.key, r.ref, collection_ref=r.parent_ref),
    Operation.SETUP: lambda wire, r: customers.find_setup(wire, r.key, r.ref),
    Operation.ENSURE_CUSTOMER: lambda wire, r: customers.find(wire, r.key, r.ref),
    Operation.SPLIT: lambda wire, r: collecting.find_split(wire, r.key, r.parent_key),
    Operation.REVERSE_SPLIT: lambda wire, r: collecting.find_reversal(wire, r.key, group=r.parent_key),
    Operation.PAYOUT: lambda wire, r: merchants.find_payout(wire, r.key, r.merchant_ref, r.ref),
    Operation.FEE_SWEEP: lambda wire, r: merchants.find_sweep(wire, r.key, r.ref),
    Operation.OPEN_ACCOUNT: lambda wire, r: merchants.find_account(wire, r.key, r.ref),
    Operation.ATTACH_INSTRUMENT: lambda wire, r: merchants.find_instrument(wire, r.key, r.merchant_ref),
}


async def fetch(wire: Wire, request: FetchRequest) -> Outcome[Any]:
    """What Stripe says of the operation now."""
    finder = _FINDERS.get(request.operation)
    if finder is None:
        raise CapabilityMissing(f"Stripe does no {request.operation.value.replace('_', ' ')}", needs=request.operation)
    return await guarded(finder(wire, request))


async def guarded(asking: Awaitable[Outcome[Any]]) -> Outcome[Any]:
    """An outcome also when a question on the way to it failed."""
    try:
        return await asking
    except AskingFailed as failed:
        return failed.outcome
