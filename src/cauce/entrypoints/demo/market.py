"""The marketplace's story: buyers pay, the holder keeps the money, sellers get their parts when goods arrive.

Orders are generated from a fixed seed, so that every run tells the same story to the cent.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from cauce.entrypoints.demo.stage import Stage, side_by_side
from cauce.flows.marketplace import merchants, orders
from cauce.kernel.money import major_text
from cauce.ledger import reading
from cauce.ledger.rules import Book
from cauce.marketplace.merchants.rules import NewAccount, NewMerchant
from cauce.marketplace.orders.rules import NewLine, NewOrder

SELLERS = ("Ana Cerámica", "Bo Books", "陈记茶行", "Dulce Ñandú", "Elm Furniture")
COMMISSION = "0.12"
COMMISSION_PERCENT = "12 %"
CHUNK = 500
_SEED = 20260115
_MINUTES_MAX = 15
FIRST_DELIVERIES = timedelta(days=4)
_EVENING_HOURS = 9  # the carrier reports once a day
_NOT_OWNED = frozenset({"outside", "transit"})  # simulators' accounts of the world around, and of money on its way
_PARKED = "frozen"  # still an order's, not yet anybody's


@dataclass(frozen=True, slots=True)
class Market:
    """A channel with sellers and a rule, ready for orders. `seller_ids` in the order of `SELLERS`."""

    provider: str
    channel_id: str
    currency: str
    rule_id: str
    seller_ids: tuple[str, ...]
    refs: tuple[str, ...]
    statement_kinds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sold:
    """What the orders came to, in minor units of the market's currency. Late ones are not delivered with the first."""

    orders: int
    gross_minor: int
    last_delivery_at: datetime
    order_ids: tuple[str, ...]
    late_order_ids: tuple[str, ...]


async def open_market(stage: Stage, provider: str, currency: str, country: str) -> Market:
    """Connect the channel, bring the sellers on board, agree on the split and the payout days."""
    channel_id = await stage.channel(provider)
    await stage.control.set_clock(await stage.now())
    seller_ids = await merchants.create_merchants(
        stage.context, [NewMerchant(name, external_id=f"{provider}-{place}") for place, name in enumerate(SELLERS)]
    )
    refs = [await stage.control.merchant(provider, name=name, country=country, currency=currency) for name in SELLERS]
    await merchants.connect_merchants(
        stage.context,
        [
            NewAccount(seller_id, channel_id, ref=ref, agreement=f"agreement-{place}")
            for place, (seller_id, ref) in enumerate(zip(seller_ids, refs, strict=True))
        ],
    )
    rule_id, version = await merchants.draft_split_rule(
        stage.context,
        {
            "name": f"commission {provider}",
            "currency": currency,
            "base": "lines",
            "parts": [
                {"to": "fee", "kind": "percent", "value": COMMISSION},
                {"to": "party:seller", "kind": "remainder"},
            ],
        },
    )
    await merchants.activate_split_rule(stage.second_person, rule_id, version)
    await merchants.create_payout_schedule(
        stage.context, f"weekly {provider}", {"interval": "weekly", "weekdays": [0]}, is_default=True
    )
    runtime = stage.context.runtime
    channel, _ = await stage.context.gateway(channel_id)
    kinds = tuple(sorted(runtime.gateways.capabilities(channel).statement_kinds))
    return Market(provider, channel_id, currency, rule_id, tuple(seller_ids), tuple(refs), kinds)


async def sell(stage: Stage, market: Market, count: int) -> Sold:
    """Take orders, let their buyers pay, and deliver each some days later on the frozen clock."""
    begin = await stage.now()
    new = generated_orders(market, count, begin)
    order_ids: list[str] = []
    with stage.progress(f"orders at {market.provider}") as shown:
        for start in range(0, count, CHUNK):
            taken = await orders.take_orders(stage.context, new[start : start + CHUNK])
            assert all(one.refused is None for one in taken), [one.refused for one in taken if one.refused]
            order_ids += [one.order_id for one in taken if one.order_id]
            shown(len(order_ids), count)
    await stage.settle()
    await _until_asked(stage, market)
    await _buyers_pay(stage, market)
    await stage.settle()
    late = [
        one for one, order in zip(order_ids, new, strict=True) if (order.deliver_at or begin) > begin + FIRST_DELIVERIES
    ]
    gross = sum(order.total_minor for order in new)
    stage.tell(
        f"{count} buyers paid {major_text(gross, market.currency)} {market.currency.upper()} to {market.provider}."
    )
    return Sold(count, gross, max(order.deliver_at or begin for order in new), tuple(order_ids), tuple(late))


def generated_orders(market: Market, count: int, begin: datetime) -> list[NewOrder]:
    """`count` orders of one to three lines, delivered two to nine days after `begin`."""
    chance = random.Random(_SEED)  # noqa: S311 - a story, not a secret
    return [_order(market, number, begin, chance) for number in range(count)]


def _order(market: Market, number: int, begin: datetime, chance: random.Random) -> NewOrder:
    sellers = chance.sample(market.seller_ids, chance.choice((1, 1, 1, 2, 3)))
    lines = tuple(
        NewLine(seller, chance.randrange(990, 29_900), chance.choice((0, 490, 990, 1_371))) for seller in sellers
    )
    return NewOrder(
        external_id=f"{market.provider}-{number:05}",
        channel_id=market.channel_id,
        currency=market.currency,
        lines=lines,
        rule_id=market.rule_id,
        placed_at=begin,
        deliver_at=begin + timedelta(days=chance.randrange(2, 10), hours=_EVENING_HOURS),
    )


async def _until_asked(stage: Stage, market: Market) -> None:
    """A lost answer is found out within minutes; until then its buyer sees no page to pay on."""
    for _ in range(_MINUTES_MAX):
        if not await stage.collecting(market.channel_id, "created", "sent", "unknown"):
            return
        await stage.advance(await stage.now() + timedelta(minutes=1))


async def _buyers_pay(stage: Stage, market: Market) -> None:
    waiting = await stage.collecting(market.channel_id, "pending")
    with stage.progress(f"buyers at {market.provider}") as shown:
        await side_by_side(
            [partial(stage.control.payer, market.provider, "approve", key=key) for key in waiting], shown
        )


async def owned_by_sellers(stage: Stage, market: Market) -> dict[str, int]:
    """What our custody book says each seller owns at the holder, by name, in minor units."""
    async with stage.context.transaction() as tx:
        standings = await reading.standings(
            tx, rows_max=reading.ROWS_MAX, book=Book.CUSTODY, channel_id=market.channel_id, code_prefix="member:"
        )
    found = dict.fromkeys(SELLERS, 0)
    for one in standings:
        owner = one.account.code.split(":")[1]
        found[SELLERS[market.seller_ids.index(owner)]] += one.normal_minor
    return found


async def owned_at_provider(stage: Stage, market: Market) -> dict[str, int]:
    """What the provider's own books say each seller owns, by name, in minor units."""
    books = await stage.control.books(market.provider, postings=False)
    owners = dict(zip(market.refs, SELLERS, strict=True))
    found = dict.fromkeys(SELLERS, 0)
    for one in books["balances"]:
        parts = one["account"].split("/")
        if parts[0] in _NOT_OWNED or _PARKED in parts:
            continue
        for owner in (owners[part] for part in parts if part in owners):
            found[owner] += one["balance_minor"]
    return found
