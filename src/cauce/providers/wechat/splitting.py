"""Dividing frozen money, taking parts back, ending an order; and asking what became of each."""

from __future__ import annotations

from cauce.gateway.collecting import FetchRequest
from cauce.gateway.outcome import Access, Declined, Done, Outcome, Refusal, Unknown
from cauce.gateway.splitting import (
    Finished,
    FinishRequest,
    ReverseSplitRequest,
    SplitRequest,
    SplitResult,
    SplitReversal,
)
from cauce.providers.wechat import registering
from cauce.providers.wechat.desk import Desk
from cauce.providers.wechat.mapping import addresses, payments, splits
from cauce.providers.wechat.mapping.problems import refused
from cauce.providers.wechat.mapping.texts import checked_key, finish_number, yuan

_SPLIT_OF_RETURN = "return/"
"""Cache names of what a return belongs to: WeChat Pay cannot be asked about a return without it."""


async def split(desk: Desk, request: SplitRequest) -> Outcome[SplitResult]:
    """Give parts to receivers. WeChat Pay decides later, so the first answer is `Pending`.

    Receivers whom it does not know yet are registered first.
    """
    merchant = desk.merchant(request.merchant_ref)
    body = splits.split_body(desk.contract, request)
    unregistered = await registering.register_receivers(desk, request)
    if isinstance(
        unregistered, Unknown
    ):  # nothing was sent: the question that follows finds nothing, and it is sent then
        return unregistered
    reply = await desk.wire.tell("split", addresses.split(desk.contract), body, request.key)
    outcome = desk.told("split", reply, lambda answer: splits.split_of(answer, merchant))
    if isinstance(outcome, Declined) and outcome.refusal is Refusal.PARTY_MISMATCH:
        await registering.forget_receivers(desk, request)
        return unregistered or outcome
    return outcome


async def fetch_split(desk: Desk, request: FetchRequest) -> Outcome[SplitResult]:
    """What became of a split."""
    merchant = desk.merchant(request.merchant_ref)
    transaction = await desk.transaction(request)
    if not isinstance(transaction, str):
        return transaction
    target = addresses.split_query(desk.contract, checked_key(request.key), transaction, merchant)
    reply = await desk.wire.ask("split.fetch", target, request.key)
    return desk.told("split", reply, lambda answer: splits.split_of(answer, merchant))


async def finish_order(desk: Desk, request: FinishRequest) -> Outcome[Finished]:
    """Release what is left to the order's own merchant; where nothing is left, that is done already."""
    body = splits.finish_body(desk.contract, request)
    reply = await desk.wire.tell("finish_order", addresses.finish(desk.contract), body, request.key)
    outcome = desk.told("finish_order", reply, splits.finished_of)
    if isinstance(outcome, Declined) and outcome.refusal is Refusal.INSUFFICIENT_FUNDS:
        return await _nothing_left(desk, request, outcome)
    return outcome


async def _nothing_left(desk: Desk, request: FinishRequest, refusal: Declined) -> Outcome[Finished]:
    reply = await desk.wire.ask(
        "collect.amounts", addresses.amounts(desk.contract, request.collection_ref), request.key
    )
    if isinstance(reply, Unknown):
        return reply
    if reply.is_good and payments.unsplit_of(reply.body) == 0:
        return Done(Finished("", yuan(0)))
    return refusal if reply.is_good else refused("finish_order", reply.status, reply.body)


async def fetch_finished(desk: Desk, request: FetchRequest) -> Outcome[Finished]:
    """What became of the end of an order."""
    transaction = await desk.transaction(request)
    if not isinstance(transaction, str):
        return transaction
    number = finish_number(request.key)
    target = addresses.split_query(desk.contract, number, transaction, desk.merchant(request.merchant_ref))
    reply = await desk.wire.ask("finish_order.fetch", target, request.key)
    return desk.told("finish_order", reply, splits.finished_of)


async def reverse_split(desk: Desk, request: ReverseSplitRequest) -> Outcome[SplitReversal]:
    """Take money back from a receiver. Short of money there it is not refused: WeChat Pay keeps it open for five days (§7.3)."""
    body = splits.return_body(desk.contract, request)
    await desk.kit.cache.put(_SPLIT_OF_RETURN + request.key, request.split_key)
    reply = await desk.wire.tell("reverse_split", addresses.split_return(desk.contract), body, request.key)
    outcome = desk.told("reverse_split", reply, splits.return_of)
    if isinstance(reply, Unknown) or reply.is_good or not isinstance(outcome, Declined):
        return outcome
    if outcome.refusal is not Refusal.INSUFFICIENT_FUNDS:
        return outcome
    said = f"{outcome.code} {outcome.message}".strip()
    return Unknown(said, splits.RETURN_POLL_SECONDS, Access.FUNDS, code=outcome.code)


async def fetch_return(desk: Desk, request: FetchRequest) -> Outcome[SplitReversal]:
    """What became of a return. Its split is the one it was sent for, else the `parent_key` of the question."""
    split_key = await desk.kit.cache.get(_SPLIT_OF_RETURN + request.key) or request.parent_key
    merchant = desk.merchant(request.merchant_ref)
    target = addresses.split_return_query(desk.contract, checked_key(request.key), split_key, merchant)
    reply = await desk.wire.ask("reverse_split.fetch", target, request.key)
    return desk.told("reverse_split", reply, splits.return_of)
