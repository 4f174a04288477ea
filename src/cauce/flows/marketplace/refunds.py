"""Refunds: parts of split money come back first, then the payer is refunded; unsplit money goes straight back.

What a refund takes is out of reach from the moment it is sent (T10), and goes back if the channel refuses it. The
amounts of parties are cumulative over partial refunds, so refunding everything in any steps ends at exactly zero.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction

from cauce.flows.context import Context
from cauce.flows.marketplace.advances import advanced_of
from cauce.flows.marketplace.funding import promised_escrow
from cauce.flows.marketplace.item_weights import Items, read_items
from cauce.flows.marketplace.purses import Purse, read_purses
from cauce.flows.marketplace.refund_limits import require_refundable, require_returnable
from cauce.flows.marketplace.refund_shares import (
    Shares,
    divided_sources,
    due_undivided,
    left_of,
    of_chargeback,
    share_out,
    undivided_sources,
)
from cauce.flows.marketplace.refund_writing import AskRefund, Plan, Work, record, write
from cauce.flows.marketplace.reversals import Back, Carried, kept_of, plan_back, read_carried
from cauce.flows.marketplace.terms import Terms, terms_of
from cauce.kernel.errors import InvalidRequest
from cauce.kernel.ids import new_id
from cauce.marketplace.orders import store as order_store
from cauce.marketplace.orders.itemized import by_seller, of_lines, over_refunds
from cauce.marketplace.orders.refunding import (
    Collected,
    RefundExceedsPaid,
    RefundPartiesByRule,
    RefundWaits,
    Share,
    over_collections,
    share_refund,
)
from cauce.marketplace.orders.rules import UnknownOrder
from cauce.marketplace.orders.subsidised import standing
from cauce.marketplace.splits import store as split_store
from cauce.marketplace.splits.rules.refunds import overridden
from cauce.marketplace.splits.rules.schema import OnShortfall, RefundPolicy, SplitRule
from cauce.marketplace.splits.service import rules_used
from cauce.storage.database import Row, Tx

__all__ = ["AskRefund", "locked_orders", "refund_in", "refund_orders"]

_BY_PURSE = (OnShortfall.PLATFORM_ADVANCE, OnShortfall.NEGATIVE_BALANCE)


@dataclass(frozen=True, slots=True)
class _Facts:
    """What the orders of one call are refunded by. `promised`: of each collection's escrow, what waiting refunds will take."""

    terms: Mapping[str, Terms]
    rules: Mapping[tuple[str, int], SplitRule]
    parts: Mapping[str, list[Row]]
    carried: Carried
    promised: Mapping[str, int]
    purses: Mapping[tuple[str, str], Purse]
    items: Items
    made: Mapping[str, int]  # refunds of each collection that stand

    def purse(self, channel: Terms, row: Row, rule: SplitRule) -> Purse | None:
        """What parties have at the holder of a collection, where the rule says what becomes of one who lacks it."""
        if rule.refund.on_shortfall is OnShortfall.NEGATIVE_BALANCE:
            return self.purses[row["channel_id"], row["currency"]]
        advances = rule.refund.on_shortfall is OnShortfall.PLATFORM_ADVANCE and not channel.has_owner
        return replace(self.purses[row["channel_id"], row["currency"]], advances=True) if advances else None


async def refund_orders(context: Context, asked: Sequence[AskRefund]) -> dict[str, list[str]]:
    """Refund orders, all in one transaction; the refunds' ids by order. A repeated number changes nothing.

    `refund_exceeds_paid`, `refund_waits_for_split`, the channel's limits, and the policy's own refusals.
    """
    async with context.transaction() as tx:
        now = await context.now(tx)
        return await refund_in(context, tx, asked, {one.order_id: now for one in asked})


async def locked_orders(tx: Tx, order_ids: Sequence[str]) -> list[Row]:
    """Orders, locked in order of id; `UnknownOrder` for one that is not there."""
    orders = await order_store.lock_orders(tx, order_ids)
    missing = set(order_ids) - {order["id"] for order in orders}
    if missing:
        raise UnknownOrder(f"there is no order {sorted(missing)[0]}", param="order")
    return orders


async def refund_in(
    context: Context, tx: Tx, asked: Sequence[AskRefund], when: Mapping[str, datetime]
) -> dict[str, list[str]]:
    """The same in the caller's transaction, each order's refund dated by `when`."""
    orders = {order["id"]: order for order in await locked_orders(tx, sorted({one.order_id for one in asked}))}
    collections = await order_store.collections_of(tx, list(orders), lock=True)
    terms = await terms_of(context.runtime, context.org_id, {order["channel_id"] for order in orders.values()})
    rules = await rules_used(tx, [(order["rule_id"], order["rule_version"]) for order in orders.values()])
    parts = await split_store.allocations_of(tx, [row["id"] for row in collections])
    carried = await read_carried(tx, collections, parts)
    by_rule = any(rule.refund.on_shortfall in _BY_PURSE for rule in rules.values())
    by_purse = by_rule or any(one.chargeback is not None for one in asked)
    purses = await read_purses(tx, collections, parts) if by_purse else {}
    items = await read_items(tx, [one.order_id for one in asked if one.lines], parts, rules)
    before = await order_store.refunds_of(tx, list(orders))
    made = Counter(row["collection_id"] for row in before if row["state"] not in ("failed", "canceled"))
    facts = _Facts(terms, rules, parts, carried, await promised_escrow(tx, list(orders)), purses, items, made)
    known = {(row["collection_id"], row["external_id"]): row["id"] for row in before}
    work, found = Work(), {}
    for one in asked:
        order = orders[one.order_id]
        if order["state"] == "releasing":
            raise RefundWaits(param="order")
        mine = [row for row in collections if row["order_id"] == one.order_id and row["paid_at"] is not None]
        ids = [known[(row["id"], one.number)] for row in mine if (row["id"], one.number) in known]
        if not ids:
            take = _of_lines if one.lines else _one
            ids = take(one, order, mine, facts, when[one.order_id], work)
        found[one.order_id] = ids
    await write(context, tx, work)
    return found


def _one(one: AskRefund, order: Row, collections: Sequence[Row], facts: _Facts, at: datetime, work: Work) -> list[str]:
    if one.chargeback is not None:
        collections = [row for row in collections if row["id"] == one.chargeback.collection_id]
    left = [row["amount_minor"] - row["refunded_minor"] for row in collections]
    wanted = sum(left) if one.amount_minor is None else one.amount_minor
    if wanted <= 0:
        raise RefundExceedsPaid("there is nothing left to refund", left_minor=sum(left))
    rule = facts.rules[(order["rule_id"], order["rule_version"])]
    if one.chargeback is not None:
        rule = of_chargeback(rule)
    rule = overridden(rule, one.policy, one.order, is_named=bool(one.named))
    if one.named and rule.refund.policy is not RefundPolicy.EXPLICIT:
        raise RefundPartiesByRule(param="parties")
    ids = []
    for row, amount in zip(collections, over_collections(wanted, left), strict=True):
        if amount:
            ids.append(new_id("rfd"))
            _of_collection(ids[-1], one, order, row, amount, rule, facts, at, work)
    return ids


def _of_lines(
    one: AskRefund, order: Row, collections: Sequence[Row], facts: _Facts, at: datetime, work: Work
) -> list[str]:
    """A refund of certain lines: of the collections of their sellers, or, where money is pooled, of those sellers' parts."""
    if one.policy is not None:
        raise InvalidRequest("lines say themselves who returns what", param="policy")
    lines = facts.items.lines[order["id"]]
    amounts = of_lines(lines, one.lines or {})
    if one.amount_minor not in (None, sum(amounts.values())):
        raise InvalidRequest("the lines say how much goes back: leave the amount out", param="amount")
    rule = facts.rules[(order["rule_id"], order["rule_version"])]
    if not facts.terms[order["channel_id"]].has_owner:
        weights = facts.items.weights(order, rule, facts.parts, by_seller(lines, amounts))
        return _carry(one, order, collections, amounts, rule, facts, at, work, weights)
    ids = []
    for seller in by_seller(lines, amounts):
        mine = [row for row in collections if row["owner_id"] == seller]
        his = {number: amount for number, amount in amounts.items() if lines[number]["seller_id"] == seller}
        ids += _carry(one, order, mine, his, rule, facts, at, work, {})
    return ids


def _carry(
    one: AskRefund, order: Row, collections: Sequence[Row], amounts: Mapping[int, int], rule: SplitRule, facts: _Facts,
    at: datetime, work: Work, weights: Mapping[str, Sequence[Fraction]],
) -> list[str]:  # fmt: skip
    left = [row["amount_minor"] - row["refunded_minor"] for row in collections]
    made = []
    for row, amount in zip(collections, over_collections(sum(amounts.values()), left), strict=True):
        if amount:
            made.append((new_id("rfd"), amount))
            _of_collection(made[-1][0], one, order, row, amount, rule, facts, at, work, weights.get(row["id"]))
    work.lines += [(refund, order["id"], line, minor) for refund, line, minor in over_refunds(amounts, made)]
    return [refund_id for refund_id, _ in made]


def _of_collection(
    refund_id: str, one: AskRefund, order: Row, row: Row, amount: int, rule: SplitRule, facts: _Facts, at: datetime,
    work: Work, weights: Sequence[Fraction] | None = None,
) -> None:  # fmt: skip
    channel, mine, carried = facts.terms[row["channel_id"]], facts.parts[row["id"]], facts.carried
    is_split = carried.is_divided(row)
    free = row["escrow_minor"] - facts.promised.get(row["id"], 0) - (0 if is_split else standing(row))
    collected = Collected(row["amount_minor"], row["fee_minor"], free, row["refunded_minor"], row["fee_returned_minor"])
    returns_fee = channel.capabilities.refund_returns_fee and one.chargeback is None
    share = share_refund(collected, amount, returns_fee=returns_fee)
    is_bound = one.chargeback is None and not one.is_tried
    if is_bound:
        require_refundable(row, facts.made.get(row["id"], 0), channel.capabilities, at)
    carried.require_decided(row)
    if is_split and channel.has_owner and kept_of(mine):
        raise RefundWaits("a part of the order is kept: split it first, then refund", param="order")
    shares = _shares(rule, row, mine, share, free, one.named, weights, is_split=is_split)
    advances = rule.refund.on_shortfall is OnShortfall.PLATFORM_ADVANCE
    purse = facts.purse(channel, row, rule) if is_split else None
    if channel.has_owner or not advances:
        shares = replace(shares, owed={}, borne_minor=shares.borne_minor + sum(shares.owed.values()))
    back = Back()
    if is_split:
        waits_for_parts = rule.refund.on_shortfall is OnShortfall.WAIT_TOP_UP
        back = plan_back(row, mine, shares.taken, refund_id, channel, carried, purse, waits=waits_for_parts)
        if is_bound:
            require_returnable(row, back.rows, carried, channel.capabilities, at)
        undivided = set() if channel.has_owner else carried.undivided(row, mine)
        sources = divided_sources(row, share, shares, mine, undivided, has_owner=channel.has_owner)
    else:
        sources = undivided_sources(row, share, shares.borne_minor)
    work.reversed += [(row["id"], p["position"], t) for p, t in zip(mine, shares.taken, strict=True) if t]
    work.parked += [(row["id"], position, -took) for position, took in back.parked.items()]
    work.recovered += [(row["id"], position, -repaid) for position, repaid in back.repaid.items()]
    work.reversals += back.rows
    work.instructions += back.instructions
    by_position = {p["position"]: t for p, t in zip(mine, shares.taken, strict=True) if t}
    advanced = advanced_of(mine, back.advanced, shares.owed)
    by = f"split rule {order['rule_id']}, version {order['rule_version']}" if advances else ""
    by = f"dispute {one.chargeback.ref}" if one.chargeback is not None else by
    waits = rule.refund.on_shortfall is OnShortfall.WAIT_TOP_UP or (advances and channel.has_owner)
    waits = waits or one.chargeback is not None
    plan = Plan(
        refund_id, one, amount, share, rule.refund.policy.value, sources, by_position, back, is_split, waits, advanced, by
    )  # fmt: skip
    record(order, row, plan, at, work)


def _shares(
    rule: SplitRule, row: Row, parts: Sequence[Row], share: Share, free: int, named: Mapping[str, int] | None,
    weights: Sequence[Fraction] | None, *, is_split: bool,
) -> Shares:  # fmt: skip
    """What the parts return and who bears the fee; `free` of the escrow is promised to nobody."""
    whole = share.net_minor + share.borne_minor
    if is_split:
        due = min(share.net_minor, left_of(parts))
        return share_out(rule, parts, due, whole - due, named, is_split=True, weights=weights)
    of_escrow = min(whole, free)
    due = due_undivided(row, parts, share.fee_back_minor + whole, rule, of_escrow)
    return share_out(rule, parts, due, whole - of_escrow, named, is_split=False, weights=weights)
