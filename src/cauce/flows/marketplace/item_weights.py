"""What each part of a pooled collection is of certain lines of its order: by the order's rule, applied to their sellers' goods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from cauce.marketplace.merchants.service import read_facts
from cauce.marketplace.orders.itemized import lines_left
from cauce.marketplace.splits.planning import Goods, claims_of
from cauce.marketplace.splits.rules.schema import FEE, KEPT, SplitRule, conditions_of
from cauce.storage.database import Row, Tx


@dataclass(frozen=True, slots=True)
class Items:
    """The lines of orders by order and number, and what the rules' conditions ask about their merchants."""

    lines: Mapping[str, Mapping[int, Row]] = field(default_factory=dict)
    attributes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def weights(
        self, order: Row, rule: SplitRule, parts: Mapping[str, Sequence[Row]], of_sellers: Mapping[str, int]
    ) -> dict[str, list[Fraction]]:
        """By collection, the weight of each of its parts in what goes back of the sellers' goods (minor units by seller)."""
        mine = {key: rows for key, rows in parts.items() if rows and rows[0]["order_id"] == order["id"]}
        roles = {
            row["role"]: row["party"] for rows in mine.values() for row in rows if row["role"].startswith("party:")
        }
        parties = {role.removeprefix("party:"): party for role, party in roles.items() if role != "party:seller"}
        wanted: dict[tuple[str, bool], Fraction] = {}
        for seller, amount in of_sellers.items():
            lines = [line for line in self.lines[order["id"]].values() if line["seller_id"] == seller]
            goods = Goods(
                seller, tuple(one["price_minor"] for one in lines), sum(one["freight_minor"] for one in lines)
            )
            total = sum(goods.prices_minor) + goods.freight_minor
            for claim in claims_of(rule, goods, parties, self.attributes, 0):
                place = (claim.party, claim.is_rest)
                wanted[place] = wanted.get(place, Fraction(0)) + Fraction(amount * claim.amount_minor, total)
        return {key: [_weight(row, rows, wanted) for row in rows] for key, rows in mine.items()}


def _weight(row: Row, rows: Sequence[Row], wanted: Mapping[tuple[str, bool], Fraction]) -> Fraction:
    """A party with several parts of one kind gives of them by their size."""
    place = (row["party"], row["is_rest"] and row["party"] not in (FEE, KEPT))
    of_kind = sum(
        one["amount_minor"] for one in rows if (one["party"], one["is_rest"]) == (row["party"], row["is_rest"])
    )
    return wanted.get(place, Fraction(0)) * Fraction(row["amount_minor"], of_kind) if of_kind else Fraction(0)


async def read_items(
    tx: Tx, order_ids: Sequence[str], parts: Mapping[str, Sequence[Row]], rules: Mapping[tuple[str, int], SplitRule]
) -> Items:
    """What refunds of lines of these orders need to know; nothing where none is of lines."""
    if not order_ids:
        return Items()
    lines = await lines_left(tx, sorted(set(order_ids)))
    named = {row["party"] for rows in parts.values() for row in rows} - {FEE, KEPT}
    asks = any(conditions_of(rule.parts) for rule in rules.values())
    return Items(lines, await read_facts(tx, sorted(named)) if asks else {})
