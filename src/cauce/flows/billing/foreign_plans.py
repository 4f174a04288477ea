"""Which plan here a subscription of another engine gets: the one that a map names, or one made after its price.

The map (YAML) names plans for prices there, `plan/price`, and the metadata field in which customers carry their id:

    prices: {price_1Nx: pro/seats, price_1Ny: pro/base}
    external_id: user_id
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from cauce.billing.catalog import service as catalog
from cauce.billing.catalog.rules import NewPlan, NewPrice
from cauce.flows.billing.take_over_files import BadMap
from cauce.flows.context import Context
from cauce.gateway.importing import ForeignPrice, ForeignSubscription
from cauce.kernel.errors import NotFound
from cauce.storage.database import Tx

_BAD = re.compile(r"[^A-Za-z0-9._:-]+")
_KEY_LENGTH = 100
_INTERVALS = ("day", "week", "month", "year")
_BASE = "base"


@dataclass(frozen=True, slots=True)
class ForeignMap:
    """Price there -> (plan, price) here; the metadata field with the customer's id ("": the provider's own id)."""

    prices: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    external_id: str = ""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The plan for a subscription: its key and the quantities; `price` when a plan is made after it."""

    plan: str
    quantities: dict[str, str]
    price: ForeignPrice | None = None


def map_from(plain: object) -> ForeignMap:
    """The map from its file's content; `BadMap` otherwise."""
    if plain is None:
        return ForeignMap()
    if not isinstance(plain, Mapping) or set(plain) - {"prices", "external_id"}:
        raise BadMap("a map has prices and external_id", param="map")
    prices = plain.get("prices", {})
    if not isinstance(prices, Mapping):
        raise BadMap("prices is a mapping of their price to plan/price", param="map")
    named = {}
    for ref, target in prices.items():
        plan, sign, price = str(target).partition("/")
        if not plan or (sign and not price):
            raise BadMap(f"{target!r} of {ref} is not plan/price", param="map")
        named[str(ref)] = (plan, price or _BASE)
    return ForeignMap(named, str(plain.get("external_id") or ""))


def choose(one: ForeignSubscription, given: ForeignMap) -> Chosen | str:
    """The plan for a subscription, or why there is none."""
    if not one.items:
        return "it has no lines"
    mapped = [given.prices.get(item.price.ref) for item in one.items]
    if all(target is None for target in mapped):
        return _after_price(one)
    missing = [item.price.ref for item, target in zip(one.items, mapped, strict=True) if target is None]
    if missing:
        return f"the map names no plan for {', '.join(missing)}"
    targets = [target for target in mapped if target is not None]
    if len({plan for plan, _ in targets}) > 1:
        return "its prices are of different plans in the map"
    if len(set(targets)) != len(targets):
        return "two of its prices are one price in the map"
    quantities = {price: str(item.quantity) for (_, price), item in zip(targets, one.items, strict=True)}
    return Chosen(targets[0][0], quantities)


def _after_price(one: ForeignSubscription) -> Chosen | str:
    if len(one.items) > 1:
        return "it has several prices: name a plan for each in the map"
    item = one.items[0]
    if item.price.peculiar:
        return f"{item.price.ref}: {item.price.peculiar}: make a plan for it here and name it in the map"
    if item.price.interval not in _INTERVALS or not item.price.unit_amount:
        return f"{item.price.ref} cannot be had here as it stands: name a plan for it in the map"
    return Chosen(key_of(item.price.key or item.price.ref), {_BASE: str(item.quantity)}, item.price)


def key_of(text: str) -> str:
    """A key of ours from a name there."""
    return _BAD.sub("-", text).strip("-")[:_KEY_LENGTH] or _BASE


async def make_plan(tx: Tx, context: Context, chosen: Chosen, product_names: Mapping[str, str]) -> None:
    """The plan that is made after a price, and its product, unless they exist; `BadMap` when that key is another plan's."""
    price = chosen.price
    if price is None:
        return
    content = {"taken_over_from": price.ref}
    try:
        known = await catalog.latest_plan(tx, chosen.plan)
    except NotFound:
        pass
    else:
        if known.content != content:
            raise BadMap(f"there is a plan {chosen.plan} already: name a plan for {price.ref} in the map", param="map")
        return
    now, actor = await context.now(tx), context.actor.name
    product_key, name = key_of(price.product_ref), product_names.get(price.product_ref, price.product_ref)[:200]
    row = await catalog.find_product(tx, product_key)
    product_id = row["id"] if row else await catalog.create_product(tx, product_key, name, now=now, actor=actor)
    new = NewPrice(
        _BASE,
        price.currency,
        {"type": "per_unit", "unit_amount": price.unit_amount},
        interval=price.interval,
        interval_count=price.interval_count,
        tax_inclusive=price.tax_inclusive,
        nickname=price.nickname or name,
    )
    plan = NewPlan(chosen.plan, product_id, (price.nickname or name)[:200], (new,), content=content)
    await catalog.create_plan(tx, plan, now=now, actor=actor)
