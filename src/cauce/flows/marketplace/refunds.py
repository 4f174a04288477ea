"""Refunds: parts of split money come back first, then the payer is refunded; unsplit money goes straight back.

What a refund takes is out of reach from the moment it is sent (T10), and goes back if the channel refuses it. The
amounts of parties are cumulative over partial refunds, so refunding everything in any steps ends at exactly zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cauce.channels.service import NewInstruction, open_instructions
from cauce.flows.context import Context
from cauce.flows.marketplace.funding import of_escrow, submit_refunds
from cauce.flows.marketplace.reversals import Back, Carried, kept_of, plan_back, read_carried
from cauce.flows.marketplace.terms import Terms, terms_of
from cauce.kernel.ids import new_id
from cauce.ledger.recipes.custody import FEE, escrow, withdrawable
from cauce.ledger.rules import JournalRefused
from cauce.marketplace.orders import store as order_store
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
from cauce.marketplace.splits import store as split_store
from cauce.marketplace.splits.rules.refunds import RefundablePart, plan_refund
from cauce.marketplace.splits.rules.schema import Base, OnShortfall, RefundPolicy, SplitRule, is_refundable
from cauce.marketplace.splits.service import rules_used
from cauce.pricing.refunds import RefundExceedsParts
from cauce.storage.database import Row, Tx
from cauce.storage.outbox import NewEvent, emit


@dataclass(frozen=True, slots=True)
class AskRefund:
    """Refund `amount_minor` of an order (None: all that is left). `number` is the caller's own, the same for a repeat."""

    order_id: str
    number: str
    amount_minor: int | None = None
    reason: str = ""
    named: Mapping[str, int] | None = None  # by party, under the explicit policy


@dataclass(slots=True)
class _Work:
    refunds: list[tuple[Any, ...]] = field(default_factory=list)
    reversed: list[tuple[str, int, int]] = field(default_factory=list)
    parked: list[tuple[str, int, int]] = field(default_factory=list)
    reversals: list[tuple[Any, ...]] = field(default_factory=list)
    moves: list[tuple[Any, ...]] = field(default_factory=list)
    orders: dict[str, int] = field(default_factory=dict)
    instructions: list[NewInstruction] = field(default_factory=list)
    ready: list[tuple[dict[str, Any], Row]] = field(default_factory=list)
    may_wait: set[str] = field(default_factory=set)
    events: list[NewEvent] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Facts:
    """What the orders of one call are refunded by. `promised`: of each collection's escrow, what waiting refunds will take."""

    terms: Mapping[str, Terms]
    rules: Mapping[tuple[str, int], SplitRule]
    parts: Mapping[str, list[Row]]
    carried: Carried
    promised: Mapping[str, int]


async def refund_orders(context: Context, asked: Sequence[AskRefund]) -> dict[str, list[str]]:
    """Refund orders, all in one transaction; the refunds' ids by order. A repeated number changes nothing.

    `refund_exceeds_paid`, `refund_waits_for_split`, and the policy's own refusals.
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
    facts = _Facts(
        terms, rules, parts, await read_carried(tx, collections, parts), await promised_escrow(tx, list(orders))
    )
    known = {
        (row["collection_id"], row["external_id"]): row["id"]
        for row in await order_store.refunds_by_number(
            tx, [row["id"] for row in collections], [one.number for one in asked]
        )
    }
    work, found = _Work(), {}
    for one in asked:
        order = orders[one.order_id]
        if order["state"] == "releasing":
            raise RefundWaits(param="order")
        mine = [row for row in collections if row["order_id"] == one.order_id and row["paid_at"] is not None]
        ids = [known[(row["id"], one.number)] for row in mine if (row["id"], one.number) in known]
        if not ids:
            ids = _one(one, order, mine, facts, when[one.order_id], work)
        found[one.order_id] = ids
    await _write(context, tx, work)
    return found


async def promised_escrow(tx: Tx, order_ids: Sequence[str]) -> dict[str, int]:
    """What refunds that wait for other money will take of the escrow of collections; those without any are left out."""
    found: dict[str, int] = {}
    for row in await order_store.funding_refunds(tx, order_ids):
        found[row["collection_id"]] = found.get(row["collection_id"], 0) + of_escrow(row["taken"]["sources"])
    return found


def _one(one: AskRefund, order: Row, collections: Sequence[Row], facts: _Facts, at: datetime, work: _Work) -> list[str]:
    left = [row["amount_minor"] - row["refunded_minor"] for row in collections]
    wanted = sum(left) if one.amount_minor is None else one.amount_minor
    if wanted <= 0:
        raise RefundExceedsPaid("there is nothing left to refund", left_minor=sum(left))
    rule = facts.rules[(order["rule_id"], order["rule_version"])]
    if one.named and rule.refund.policy is not RefundPolicy.EXPLICIT:
        raise RefundPartiesByRule(param="parties")
    ids = []
    for row, amount in zip(collections, over_collections(wanted, left), strict=True):
        if amount:
            ids.append(new_id("rfd"))
            _of_collection(ids[-1], one, order, row, amount, rule, facts, at, work)
    return ids


def _of_collection(
    refund_id: str, one: AskRefund, order: Row, row: Row, amount: int, rule: SplitRule, facts: _Facts, at: datetime,
    work: _Work,
) -> None:  # fmt: skip
    channel, mine, carried = facts.terms[row["channel_id"]], facts.parts[row["id"]], facts.carried
    free = row["escrow_minor"] - facts.promised.get(row["id"], 0)
    collected = Collected(row["amount_minor"], row["fee_minor"], free, row["refunded_minor"], row["fee_returned_minor"])
    share = share_refund(collected, amount, returns_fee=channel.capabilities.refund_returns_fee)
    is_split = carried.is_divided(row)
    carried.require_decided(row)
    if is_split and channel.has_owner and kept_of(mine):
        raise RefundWaits("a part of the order is kept: split it first, then refund", param="order")
    whole = _undivided_sources(row, share, free)
    due = share.net_minor if is_split else _due_undivided(row, mine, amount, rule, of_escrow(whole))
    taken = _taken(rule, mine, due, one, is_split=is_split)
    back = Back()
    if is_split:
        back = plan_back(row, mine, taken, refund_id, channel, carried)
    work.reversed += [(row["id"], p["position"], t) for p, t in zip(mine, taken, strict=True) if t]
    work.parked += [(row["id"], position, -took) for position, took in back.parked.items()]
    work.reversals += back.rows
    work.instructions += back.instructions
    by_position = {p["position"]: t for p, t in zip(mine, taken, strict=True) if t}
    if is_split:
        undivided = set() if channel.has_owner else carried.undivided(row, mine)
        sources = _sources(row, share, by_position, [p for p in mine if p["position"] not in undivided], channel)
    else:
        sources = whole
    waits = rule.refund.on_shortfall is OnShortfall.WAIT_TOP_UP
    plan = _Plan(refund_id, one, amount, share, rule.refund.policy.value, sources, by_position, back, is_split, waits)
    _record(order, row, plan, at, work)


def _due_undivided(row: Row, parts: Sequence[Row], amount: int, rule: SplitRule, from_escrow: int) -> int:
    """What the parts return before anything was divided: the refund, or what it takes of escrow where they are net of the fee."""
    if rule.base is not Base.NET_OF_PROVIDER_FEE:
        return amount
    left = sum(part["amount_minor"] - part["reversed_minor"] for part in parts)
    is_whole = row["refunded_minor"] + amount == row["amount_minor"]
    return left if is_whole else min(from_escrow, left)


def _taken(rule: SplitRule, parts: Sequence[Row], amount: int, one: AskRefund, *, is_split: bool) -> tuple[int, ...]:
    """What each part returns. Before anything was divided a refund of all takes all, whatever the rule keeps later."""
    left = [part["amount_minor"] - part["reversed_minor"] for part in parts]
    if not is_split and amount == sum(left):
        return tuple(left)
    refundable = [
        RefundablePart(
            part["party"],
            part["amount_minor"],
            part["reversed_minor"],
            is_refundable(rule.parts, part["role"]),
            part["role"],
        )
        for part in parts
    ]
    taken = plan_refund(rule.refund, refundable, amount, named=one.named)
    if any(took > there for took, there in zip(taken, left, strict=True)):
        raise RefundExceedsParts("a party would return more than it got of this order", param="amount")
    return taken


@dataclass(frozen=True, slots=True)
class _Plan:
    """The refund of one collection, decided."""

    refund_id: str
    asked: AskRefund
    amount_minor: int
    share: Share
    policy: str
    sources: Mapping[str, int]
    parts: Mapping[int, int]
    back: Back
    is_split: bool
    waits: bool  # for money that is not there, rather than being refused


def _record(order: Row, row: Row, plan: _Plan, at: datetime, work: _Work) -> None:
    """What the refund writes; without reversals to wait for it is sent at once. The escrow is left when T10 is posted."""
    reversals = len(plan.back.rows)
    taken = {
        "sources": plan.sources,
        "parts": {str(position): amount for position, amount in plan.parts.items()},
        "parked": {str(position): amount for position, amount in plan.back.parked.items()},
        "divided": plan.is_split,
    }
    work.refunds.append(
        (
            plan.refund_id, order["id"], row["id"], plan.asked.number, plan.amount_minor, plan.asked.reason,
            plan.policy, "reversing_splits" if reversals else "submitted", plan.refund_id, taken, reversals,
            plan.share.fee_back_minor,
        )
    )  # fmt: skip
    work.orders[order["id"]] = work.orders.get(order["id"], 0) + plan.amount_minor
    work.moves.append((row["id"], 0, 0, plan.amount_minor, plan.share.fee_back_minor))
    data = {"order": order["id"], "amount": plan.amount_minor, "currency": row["currency"]}
    work.events.append(NewEvent("order_refund.requested", plan.refund_id, at, data))
    if not reversals:
        refund = {
            "id": plan.refund_id, "attempt_key": plan.refund_id, "order_id": order["id"], "taken": taken,
            "amount_minor": plan.amount_minor, "reason": plan.asked.reason,
        }  # fmt: skip
        work.ready.append((refund, row))
        if plan.waits:
            work.may_wait.add(plan.refund_id)


def _undivided_sources(row: Row, share: Share, free_minor: int) -> dict[str, int]:
    """The accounts that T10 takes from before anything was divided; `free_minor` of the escrow is promised to nobody."""
    from_escrow = min(share.net_minor + share.borne_minor, free_minor)
    borne = share.net_minor + share.borne_minor - from_escrow
    found = {escrow(row["order_id"]): from_escrow}
    return found | {FEE: borne} if borne else found


def _sources(row: Row, share: Share, taken: Mapping[int, int], parts: Sequence[Row], terms: Terms) -> dict[str, int]:
    """The accounts that T10 takes from, once every part that must come back is back."""
    order_escrow = escrow(row["order_id"])
    if terms.has_owner:
        return {withdrawable(row["owner_id"]): share.net_minor}
    platform = sum(taken.get(part["position"], 0) for part in parts if part["party"] == FEE)
    found = {order_escrow: share.net_minor - platform, FEE: platform + share.borne_minor}
    return {code: amount for code, amount in found.items() if amount}


async def _write(context: Context, tx: Tx, work: _Work) -> None:
    now = await context.now(tx)
    if work.refunds:
        await order_store.insert_refunds(tx, work.refunds, context.actor.name, now)
        await order_store.move_escrow(tx, work.moves)
        await order_store.orders_refunded(tx, work.orders)
    if work.parked:
        await split_store.add_parked(tx, work.parked)
    if work.reversed:
        await split_store.add_reversed(tx, work.reversed)
    if work.reversals:
        await split_store.insert_reversals(tx, work.reversals, now)
    await emit(tx, work.events, actor=context.actor.name)
    await open_instructions(tx, work.instructions, due_at=now)
    waiting = await submit_refunds(context, tx, work.ready, [], at=now)
    if waiting - work.may_wait:
        raise JournalRefused("a party lacks the balance for its part of the refund", reason="insufficient")
