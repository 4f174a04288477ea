"""What a split rule would have made of past orders: who would have got more, who less, and which it would refuse.

Nothing is written. Orders are divided as they were paid (the same collections and named parties), before the
provider's fee is borne by anybody, so that only the rules differ; a rule that divides what the fee leaves gets it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from cauce.flows.context import Context
from cauce.kernel.errors import CauceError
from cauce.marketplace.merchants.service import read_facts
from cauce.marketplace.splits.planning import Goods, Pot, plan_order
from cauce.marketplace.splits.rules.schema import Base, SplitRule, conditions_of
from cauce.reports.simulation import past_orders
from cauce.storage.database import Row

ORDERS_MAX = 10_000
EXAMPLES_MAX = 20


@dataclass(frozen=True, slots=True)
class Changed:
    """One order that would have been divided otherwise: minor units by party, before and after."""

    order_id: str
    external_id: str
    before: dict[str, int]
    after: dict[str, int]


@dataclass(slots=True)
class Simulation:
    """Sums over all orders that the rule can divide; `refused` counts the others by the code of their refusal."""

    orders: int = 0
    changed: int = 0
    is_cut: bool = False  # there were more orders than a simulation reads
    refused: Counter[str] = field(default_factory=Counter)
    before: Counter[str] = field(default_factory=Counter)
    after: Counter[str] = field(default_factory=Counter)
    examples: list[Changed] = field(default_factory=list)


async def simulate_rule(
    context: Context,
    rule: SplitRule,
    first: datetime,
    until: datetime,
    *,
    channel_id: str = "",
    orders_max: int = ORDERS_MAX,
) -> Simulation:
    """Divide the orders placed in [first, until) in the rule's currency once more, by `rule`; at most `orders_max`."""
    assert 0 < orders_max <= ORDERS_MAX, "a simulation reads a bounded number of orders"
    async with context.transaction() as tx:
        rows = await past_orders(tx, rule.currency, first, until, channel_id=channel_id, rows_max=orders_max + 1)
        facts = await read_facts(tx, sorted(_merchants(rows))) if conditions_of(rule.parts) else {}
    found = Simulation(is_cut=len(rows) > orders_max)
    for row in rows[:orders_max]:
        _divide(rule, row, facts, found)
    return found


def _merchants(rows: Sequence[Row]) -> set[str]:
    """Everybody who sold something or had a part."""
    sellers = {seller for row in rows for seller, _, _ in row["lines"]}
    return sellers | {party for row in rows for _, party, _ in row["parts"]}


def _divide(rule: SplitRule, row: Row, facts: Mapping[str, Mapping[str, str]], found: Simulation) -> None:
    parties = {role.removeprefix("party:"): party for role, party, _ in row["parts"] if role.startswith("party:")}
    is_net = rule.base is Base.NET_OF_PROVIDER_FEE
    pots = [Pot(key, amount, owner, fee if is_net else 0) for key, amount, owner, fee in row["pots"]]
    found.orders += 1
    try:
        planned = plan_order(rule, goods_of(row["lines"]), parties, pots, None, facts)
    except CauceError as refusal:
        found.refused[refusal.code] += 1
        return
    before: Counter[str] = Counter()
    for _, party, amount in row["parts"]:
        before[party] += amount
    after: Counter[str] = Counter()
    for parts in planned.values():
        for part in parts:
            after[part.party] += part.amount_minor
    found.before += before
    found.after += after
    if before != after:
        found.changed += 1
        if len(found.examples) < EXAMPLES_MAX:
            found.examples.append(Changed(row["id"], row["external_id"], dict(before), dict(after)))


def goods_of(lines: Sequence[tuple[str, int, int]]) -> list[Goods]:
    """Lines (seller, price, freight) by seller, in the order in which the sellers first appear."""
    prices: dict[str, list[int]] = {}
    freight: Counter[str] = Counter()
    for seller, price_minor, freight_minor in lines:
        prices.setdefault(seller, []).append(price_minor)
        freight[seller] += freight_minor
    return [Goods(seller, tuple(each), freight[seller]) for seller, each in prices.items()]
