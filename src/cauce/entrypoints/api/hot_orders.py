"""`POST /v1/orders` and `/v1/orders/bulk`: orders taken, planned and (where paid already) parked in escrow, up to 500 at once.

In a bulk request each order has its own answer, and one that is refused does not harm the others. Its identity is
your `external_id`: the same order again is the order that exists, another one under the same number is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Annotated

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cauce.entrypoints.api.hot import Asked, CurrencyCode, Described, Key, Text, Whole, caller_of, decoded
from cauce.entrypoints.api.merchants import resolve_merchants
from cauce.entrypoints.api.replay import answer_once
from cauce.entrypoints.api.resources import PLAIN_TEXT
from cauce.flows.context import Context
from cauce.flows.marketplace.orders import Taken, take_orders
from cauce.kernel.errors import CauceError, NotFound
from cauce.marketplace.orders.rules import GoodsKind, NewLine, NewOrder, NewPayment, OrderMalformed, Payer, ReleaseOn

ORDERS_MAX = 500
Instant = Annotated[datetime, msgspec.Meta(tz=True)]


class Line(Asked, frozen=True):
    """What one seller (id or external id) sells: the split divides `price`; `freight` is wholly the seller's.

    `subsidy`: what the platform adds for it once it is paid, where the channel can; it is the seller's too.
    """

    seller: Key
    price: Whole
    freight: Whole = 0
    goods_kind: GoodsKind = GoodsKind.PHYSICAL
    description: Text = ""
    subsidy: Whole = 0


class PaidBy(Asked, frozen=True):
    """What a channel may need to let the buyer pay: his `ref` there (openid, customer), where his browser comes back
    (the channel's own page is opened then), its address, and until when he may."""

    ref: Text = ""
    return_url: Annotated[str, msgspec.Meta(max_length=2_000, pattern=r"^(https?://[^\s\x00]+)?$")] = ""
    client_ip: Annotated[str, msgspec.Meta(max_length=45, pattern=PLAIN_TEXT)] = ""
    expires_at: Instant | None = None


class Payment(Asked, frozen=True):
    """One payment. With `ref`, the provider's number, it is recorded as paid at `paid_at`; else it is collected:
    what the buyer must do is the collection's `next_action` (`GET /v1/orders/{id}`).

    `from_balance_of`: the member whose own balance at the holder pays, where the channel can.
    """

    amount: Whole
    method: Text = ""
    ref: Text = ""
    paid_at: Instant | None = None
    fee: Whole = 0
    payer: PaidBy | None = None
    from_balance_of: Text = ""


class Order(Asked, frozen=True):
    """An order. Amounts are minor units of `currency`; `payments` left out: one over the total.

    `parties` names the other parties of the split rule by role, `release_on` what frees the money.
    """

    external_id: Key
    channel: Key
    currency: CurrencyCode
    lines: Annotated[list[Line], msgspec.Meta(min_length=1, max_length=500)]
    split_rule: Key
    placed_at: Instant
    payments: Annotated[list[Payment], msgspec.Meta(max_length=50)] = msgspec.field(default_factory=list)
    parties: dict[Key, Key] = msgspec.field(default_factory=dict)
    release_on: ReleaseOn = ReleaseOn.DELIVERY
    release_days: Annotated[int, msgspec.Meta(ge=0, le=3_650)] = 0
    deliver_at: Instant | None = None
    cancel_at: Instant | None = None
    metadata: dict[Key, Text] = msgspec.field(default_factory=dict)


class Orders(Asked, frozen=True):
    """Up to 500 orders."""

    orders: Annotated[list[Order], msgspec.Meta(min_length=1, max_length=ORDERS_MAX)]


class Refusal(msgspec.Struct, frozen=True):
    """Why an order was refused."""

    code: str
    detail: str
    param: str | None


class OrderResult(msgspec.Struct, frozen=True):
    """What became of one order: `created`, `known` (it exists already) or `refused`."""

    external_id: str
    id: str | None
    status: str
    error: Refusal | None = None
    object: str = "order_result"


class OrderResults(msgspec.Struct, frozen=True):
    """One result per order, in the order of the request."""

    data: list[OrderResult]
    object: str = "list"
    has_more: bool = False


_ONE, _MANY = msgspec.json.Decoder(Order), msgspec.json.Decoder(Orders)


async def create_order(request: Request) -> Response:
    """Take one order; what is wrong with it is the answer's problem."""
    caller = await caller_of(request, "marketplace:write")
    asked = decoded(_ONE, await request.body())

    async def work(context: Context) -> object:
        (one,) = await _take(context, [asked])
        if one.refused is not None:
            raise one.refused
        return _result(one)

    return await answer_once(request, caller.context, work, moves_money=True)


async def create_orders(request: Request) -> Response:
    """Take up to 500 orders, each with its own result; sent again, they are the orders that exist."""
    caller = await caller_of(request, "marketplace:write")
    asked = decoded(_MANY, await request.body()).orders

    async def work(context: Context) -> object:
        return OrderResults([_result(one) for one in await _take(context, asked)])

    return await answer_once(request, caller.context, work, status=200)


async def _take(context: Context, asked: Sequence[Order]) -> list[Taken]:
    plain = replace(context, once=None)  # what is only read has no effect to remember
    names = {line.seller for one in asked for line in one.lines} | {p for one in asked for p in one.parties.values()}
    names |= {each.from_balance_of for one in asked for each in one.payments if each.from_balance_of}
    async with plain.transaction() as tx:
        known = await resolve_merchants(tx, names)
    refused = await _unknown_channels(plain, {one.channel for one in asked})
    doubled = _doubled(asked)
    found: list[Taken | None] = [
        Taken(one.external_id, refused=doubled.get(place) or refused.get(one.channel))
        if place in doubled or one.channel in refused
        else None
        for place, one in enumerate(asked)
    ]
    good = [_order(one, known) for one, taken in zip(asked, found, strict=True) if taken is None]
    taken = iter(await take_orders(context, good) if good else [])
    return [one if one is not None else next(taken) for one in found]


async def _unknown_channels(context: Context, channels: Iterable[str]) -> dict[str, CauceError]:
    refused: dict[str, CauceError] = {}
    for channel in sorted(channels):
        try:
            await context.gateway(channel)
        except NotFound as exc:
            refused[channel] = exc
    return refused


def _doubled(asked: Sequence[Order]) -> dict[int, CauceError]:
    """Orders of one request that have the number of an earlier one, which must be the same order."""
    first: dict[str, Order] = {}
    return {
        place: OrderMalformed("the request has this number twice", param="external_id")
        for place, one in enumerate(asked)
        if first.setdefault(one.external_id, one) is not one
    }


def _order(one: Order, merchants: Mapping[str, str]) -> NewOrder:
    return NewOrder(
        external_id=one.external_id,
        channel_id=one.channel,
        currency=one.currency,
        lines=tuple(
            NewLine(merchants[line.seller], line.price, line.freight, line.goods_kind, line.description, line.subsidy)
            for line in one.lines
        ),
        rule_id=one.split_rule,
        placed_at=one.placed_at,
        payments=tuple(
            NewPayment(
                each.amount,
                each.method,
                each.ref,
                each.paid_at,
                each.fee,
                _payer(each.payer),
                merchants[each.from_balance_of] if each.from_balance_of else "",
            )
            for each in one.payments
        ),
        parties={role: merchants[name] for role, name in one.parties.items()},
        release_on=one.release_on,
        release_days=one.release_days,
        deliver_at=one.deliver_at,
        cancel_at=one.cancel_at,
        metadata=one.metadata,
    )


def _payer(said: PaidBy | None) -> Payer | None:
    if said is None:
        return None
    return Payer(said.ref, said.return_url, said.client_ip, said.expires_at)


def _result(one: Taken) -> OrderResult:
    if one.refused is not None:
        error = one.refused
        return OrderResult(one.external_id, None, "refused", Refusal(error.code, error.message, error.param))
    return OrderResult(one.external_id, one.order_id, "created" if one.is_new else "known")


described = [
    Described(
        Route("/v1/orders", create_order, methods=["POST"]), "Take an order", "orders", OrderResult, body=Order,
        status=201,
    ),
    Described(
        Route("/v1/orders/bulk", create_orders, methods=["POST"]), "Take up to 500 orders", "orders", OrderResults,
        body=Orders,
    ),
]  # fmt: skip
