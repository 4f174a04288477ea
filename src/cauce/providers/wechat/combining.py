"""One payment for several merchants' orders: start, ask, close. Each order then has its own number, fee and frozen money."""

from __future__ import annotations

from cauce.gateway.collecting import CancelCombinedRequest, Collection, CombinedCollection, CombinedRequest
from cauce.gateway.outcome import Declined, Done, Outcome, Pending, Unknown
from cauce.providers.wechat.collecting import invocation_of, with_frozen
from cauce.providers.wechat.desk import Desk
from cauce.providers.wechat.mapping import addresses, combined, payments
from cauce.providers.wechat.mapping.problems import ALREADY_PAID, refused


async def collect(desk: Desk, request: CombinedRequest) -> Outcome[CombinedCollection]:
    """Start it; the payer then acts on the next action."""
    product = payments.product_of(request.parts[0])
    body = combined.combined_body(desk.contract, request)
    reply = await desk.wire.tell("collect", addresses.combined(product=product), body, request.key)
    if isinstance(reply, Unknown):
        return reply
    if not reply.is_good:
        answer = refused("collect", reply.status, reply.body)
        if isinstance(answer, Declined) and answer.code == ALREADY_PAID:
            return await fetch(desk, request.key)
        return answer
    ticket = payments.prepay_of(reply.body)
    action = payments.action_of(reply.body, invocation_of(desk, ticket) if ticket else "")
    return Pending(CombinedCollection(next_action=action), payments.PAYER_SECONDS)


async def fetch(desk: Desk, key: str) -> Outcome[CombinedCollection]:
    """What became of it: of every order, with its fee and what is frozen of it once it is paid."""
    reply = await desk.wire.ask("collect.fetch", addresses.combined(key), key)
    if isinstance(reply, Unknown):
        return reply
    if not reply.is_good:
        return refused("collect", reply.status, reply.body)
    found: list[tuple[str, Outcome[Collection]]] = []
    for order in combined.orders_of(reply.body):
        outcome = payments.collection_of(order)
        if isinstance(outcome, Done):
            fee_is_known = not payments.is_refunded(order)
            outcome = await with_frozen(desk, key, outcome.value, fee_is_known=fee_is_known)
        found.append((combined.key_of(order), outcome))
    return combined.combined_of(found)


async def cancel(desk: Desk, request: CancelCombinedRequest) -> Outcome[CombinedCollection]:
    """Close an unpaid one; one that was paid meanwhile is a refusal that says so."""
    target = addresses.close_combined(request.collection_key)
    body = combined.close_body(desk.contract, request)
    reply = await desk.wire.tell("collect.cancel", target, body, request.collection_key)
    if isinstance(reply, Unknown):
        return reply
    if not reply.is_good:
        return refused("collect", reply.status, reply.body)
    asked = await desk.wire.ask("collect.fetch", addresses.combined(request.collection_key), request.collection_key)
    if isinstance(asked, Unknown):
        return asked
    orders = combined.orders_of(asked.body)
    if orders and all(payments.is_closed(order) for order in orders):
        return Done(CombinedCollection(tuple((combined.key_of(one), payments.seen(one)) for one in orders)))
    return await fetch(desk, request.collection_key)
