"""Taking a payer's money: start, ask, close."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from cauce.gateway.collecting import Collection, CollectRequest, NextAction
from cauce.gateway.outcome import Declined, Done, Outcome, Pending, Refusal, Unknown
from cauce.providers.wechat.desk import Desk
from cauce.providers.wechat.mapping import addresses, payments
from cauce.providers.wechat.mapping.problems import ALREADY_PAID, ASK_SECONDS, refused


async def collect(desk: Desk, request: CollectRequest) -> Outcome[Collection]:
    """Start a payment; the payer then acts on the next action."""
    product = payments.product_of(request)
    body = payments.order_body(desk.contract, request)
    reply = await desk.wire.tell("collect", addresses.prepay(desk.contract, product), body, request.key)
    if isinstance(reply, Unknown):
        return reply
    if not reply.is_good:
        answer = refused("collect", reply.status, reply.body)
        if isinstance(answer, Declined) and answer.code == ALREADY_PAID:
            return await fetch_collection(desk, request.key, request.merchant_ref)
        return answer
    ticket = payments.prepay_of(reply.body)
    action = payments.action_of(reply.body, invocation_of(desk, ticket) if ticket else "")
    return _waiting(request, action)


def _waiting(request: CollectRequest, action: NextAction | None) -> Outcome[Collection]:
    return Pending(Collection("", request.amount, next_action=action), payments.PAYER_SECONDS)


def invocation_of(desk: Desk, prepay_id: str) -> str:
    """What the payer's client is invoked with, signed, as JSON."""
    appid = desk.contract.sub_appid or desk.contract.appid
    timestamp, nonce = desk.wire.stamp()
    signature = desk.wire.sign(payments.invocation_lines(appid, timestamp, nonce, prepay_id))
    return msgspec.json.encode(payments.invocation(appid, timestamp, nonce, prepay_id, signature)).decode()


async def fetch_collection(desk: Desk, key: str, merchant_ref: str) -> Outcome[Collection]:
    """What became of a payment; once paid, with the fee and what is frozen for splitting."""
    target = addresses.order(desk.contract, key, desk.merchant(merchant_ref))
    reply = await desk.wire.ask("collect.fetch", target, key)
    outcome = desk.told("collect", reply, payments.collection_of)
    if not isinstance(outcome, Done):
        return outcome
    assert not isinstance(reply, Unknown)
    return await with_frozen(desk, key, outcome.value, fee_is_known=not payments.is_refunded(reply.body))


async def with_frozen(desk: Desk, key: str, value: Collection, *, fee_is_known: bool) -> Outcome[Collection]:
    """The fee is what is not frozen of the whole, as long as nothing was split or refunded."""
    target = addresses.amounts(desk.contract, value.ref)
    reply = await desk.wire.ask("collect.amounts", target, key)
    if isinstance(reply, Unknown):
        return Pending(value, ASK_SECONDS)
    if reply.is_good:
        unsplit_minor = payments.unsplit_of(reply.body)
        fee_minor = value.amount.amount_minor - unsplit_minor if fee_is_known else None
        return Done(replace(value, fee_minor=fee_minor, unsplit_minor=unsplit_minor))
    answer = refused("collect", reply.status, reply.body)
    is_not_split = isinstance(answer, Declined) and answer.refusal is Refusal.INVALID_REQUEST
    return Done(value) if is_not_split else Pending(value, ASK_SECONDS)


async def cancel(desk: Desk, key: str, merchant_ref: str) -> Outcome[Collection]:
    """Close an unpaid payment; one that was paid meanwhile is a refusal that says so."""
    target = addresses.close(desk.contract, key)
    body = payments.close_body(desk.contract, desk.merchant(merchant_ref))
    reply = await desk.wire.tell("collect.cancel", target, body, key)
    if isinstance(reply, Unknown):
        return reply
    if not reply.is_good:
        return refused("collect", reply.status, reply.body)
    asked = await desk.wire.ask("collect.fetch", addresses.order(desk.contract, key, desk.merchant(merchant_ref)), key)
    outcome = desk.told("collect", asked, payments.collection_of)
    if not isinstance(asked, Unknown) and payments.is_closed(asked.body):
        return Done(payments.seen(asked.body))
    return outcome
